/**
 * What applying works with: a host's configuration as items that each are one thing (a flow, a
 * port, a chain, an address), the differences between two such configurations, and a plan of
 * steps that turns one into the other. Before: two networks; after: scripts and expected items.
 */
import { type NeutronRef } from '../trace/objects.ts';

/** The cookie of all flows that are ours: the one the compiled agents write. */
export const COOKIE = 0x686f70n;
/** `external_ids` of our rows in the switch's database. */
export const OWNER_KEY = 'hopwise-owner';
export const OWNER = 'hopwise';
/** Chains with this prefix are ours in namespaces that are not. */
export const CHAIN_PREFIX = 'neutron-';
/** The same for ebtables, whose chains the agents name `neutronMAC-tap…`. */
export const FRAME_PREFIX = 'neutron';

/** What an item of each kind needs to be made again. */
export interface ItemData {
  readonly bridge: { readonly failMode: string; readonly datapath: string };
  readonly port: PortData;
  /** A whole flow as `ovs-ofctl add-flow` takes it, and its match alone. */
  readonly flow: { readonly line: string; readonly match: string };
  readonly group: { readonly line: string; readonly id: number };
  readonly meter: { readonly line: string; readonly id: number };
  readonly namespace: Readonly<Record<never, never>>;
  readonly device: DeviceData;
  /** A device in a Linux bridge. */
  readonly member: { readonly device: string; readonly master: string };
  readonly address: { readonly device: string; readonly address: string; readonly version: 4 | 6 };
  readonly route: { readonly words: string; readonly version: 4 | 6 };
  readonly rule: { readonly words: string; readonly version: 4 | 6 };
  readonly neighbour: { readonly words: string; readonly device: string };
  readonly fdb: { readonly words: string; readonly device: string };
  readonly sysctl: { readonly name: string; readonly value: string };
  readonly set: {
    readonly name: string;
    readonly create: string;
    readonly entries: readonly string[];
  };
  readonly chain: ChainData;
  readonly frames: FramesData;
  /** A file that a daemon in a namespace reads. */
  readonly file: { readonly path: string; readonly text: string; readonly namespace: string };
  readonly daemon: { readonly program: string; readonly words: readonly string[] };
}

export interface PortData {
  readonly bridge: string;
  readonly name: string;
  readonly type: string;
  readonly ofport: number;
  readonly tag: number | null;
  readonly trunks: readonly number[];
  readonly options: Readonly<Record<string, string>>;
  readonly otherConfig: Readonly<Record<string, string>>;
  readonly externalIds: Readonly<Record<string, string>>;
}

export interface DeviceData {
  readonly name: string;
  /** `internal` is a port of the switch that moves into the namespace. */
  readonly kind: 'internal' | 'veth' | 'bridge' | 'vxlan' | 'vlan';
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** The other end of a veth: `NAMESPACE/DEVICE`. */
  readonly peer: {
    readonly namespace: string;
    readonly device: string;
    readonly mac: string;
  } | null;
  readonly lower: string | null;
  readonly details: Readonly<Record<string, string>>;
}

export interface ChainData {
  readonly version: 4 | 6;
  readonly table: string;
  readonly chain: string;
  /** null for a user chain. */
  readonly policy: string | null;
  /** Without `-A CHAIN`. Of a base chain in a namespace of others: only jumps to our chains. */
  readonly rules: readonly string[];
  /** Whether the whole chain is ours, and not only our jumps in it. */
  readonly whole: boolean;
}

/** A chain of ebtables. */
export interface FramesData {
  readonly table: string;
  readonly chain: string;
  /** `DROP`; null for the kernel's own chains. */
  readonly policy: string | null;
  /** Whether it is a chain that somebody made, and not one of the kernel's. */
  readonly user: boolean;
  /** Without `-A CHAIN`. Of the kernel's chains only the jumps to ours. */
  readonly rules: readonly string[];
}

export type ItemKind = keyof ItemData;

/** One thing on a host. */
export type Item = {
  readonly [K in ItemKind]: {
    readonly kind: K;
    /** The bridge or namespace. */
    readonly place: string;
    /** What it is among its kind and place. */
    readonly key: string;
    /** Its canonical meaning: equal texts are equal configuration. */
    readonly text: string;
    readonly data: ItemData[K];
  };
}[ItemKind];

export type ItemOf<K extends ItemKind> = Extract<Item, { readonly kind: K }>;

/** A host's items by their ids. */
export interface HostState {
  readonly host: string;
  readonly items: ReadonlyMap<string, Item>;
  /** Ids of items that are ours to change and to remove. */
  readonly owned: ReadonlySet<string>;
}

export function idOf({ kind, place, key }: Pick<Item, 'kind' | 'place' | 'key'>): string {
  return `${kind} ${place} ${key}`;
}

/** The region that an item belongs to: what is compared and fingerprinted as a whole. */
export function regionOf({ kind, place }: Pick<Item, 'kind' | 'place'>): string {
  if (kind === 'flow' || kind === 'group' || kind === 'meter') return `flows ${place}`;
  if (kind === 'bridge' || kind === 'port') return 'switch';
  if (kind === 'file' || kind === 'daemon') return 'daemons';
  return `namespace ${place === '' ? 'host' : place}`;
}

/** The region of an item by its id (`idOf()`). */
export function regionOfId(id: string): string {
  const [kind = '', place = ''] = id.split(' ', 2);
  return regionOf({ kind: kind as Item['kind'], place });
}

/** One difference: what is there, and what shall be. */
export interface Change {
  readonly host: string;
  readonly id: string;
  readonly old: Item | null;
  readonly new: Item | null;
  /** The Neutron object it is there for. */
  readonly about: NeutronRef | null;
}

/** Something of others that stands where ours would have to. */
export interface Conflict {
  readonly host: string;
  readonly id: string;
  readonly why: string;
}

/** Phases in their order: what is needed comes before what needs it, and goes after it. */
export const PHASES = [
  'prepare',
  'accept',
  'send',
  'flush',
  'connect',
  'forget',
  'disconnect',
  'drop',
  'clean',
] as const;
export type PhaseName = (typeof PHASES)[number];

/** One command of a step; every kind is one primitive of the host. */
export type Action =
  /** One `ovs-vsctl` transaction: each command's words. */
  | { readonly kind: 'ovsdb'; readonly commands: readonly (readonly string[])[] }
  /** One bundle of OpenFlow 1.4 flow changes: `add …`, `delete_strict …`. */
  | { readonly kind: 'flows'; readonly bridge: string; readonly lines: readonly string[] }
  /** The same with groups: `group add …`, `flow add …`. */
  | { readonly kind: 'bundle'; readonly bridge: string; readonly lines: readonly string[] }
  /** Meters, one after the other: no bundle takes them. `add-meter`, `mod-meter`, `del-meter`. */
  | {
      readonly kind: 'meters';
      readonly bridge: string;
      readonly commands: readonly (readonly [verb: string, meter: string])[];
    }
  /** Flows that were learned from traffic. */
  | { readonly kind: 'forget'; readonly bridge: string; readonly matches: readonly string[] }
  /** MAC addresses that bridges of the switch have learned. */
  | { readonly kind: 'stations'; readonly bridges: readonly string[] }
  /** The same of Linux bridges. */
  | { readonly kind: 'macs'; readonly namespace: string; readonly bridges: readonly string[] }
  /** Neighbours of a namespace, each as its address and device. */
  | {
      readonly kind: 'neighbours';
      readonly namespace: string;
      readonly of: readonly (readonly [address: string, device: string])[];
    }
  /** Tracked connections: each line selects some, as `conntrack -D` takes it. */
  | { readonly kind: 'connections'; readonly namespace: string; readonly lines: readonly string[] }
  | {
      readonly kind: 'restore';
      readonly namespace: string;
      readonly version: 4 | 6;
      readonly text: string;
    }
  | { readonly kind: 'ipset'; readonly namespace: string; readonly text: string }
  | {
      readonly kind: 'frames';
      readonly namespace: string;
      readonly text: string;
    }
  /** `ip -batch`: stops at the first line that fails. */
  | {
      readonly kind: 'ip';
      readonly namespace: string;
      readonly lines: readonly string[];
      readonly force: boolean;
    }
  | {
      readonly kind: 'bridge';
      readonly namespace: string;
      readonly lines: readonly string[];
      readonly force: boolean;
    }
  | { readonly kind: 'netns'; readonly name: string; readonly make: boolean }
  /** Moves a device from the host's own namespace to another, or back. */
  | { readonly kind: 'move'; readonly device: string; readonly from: string; readonly to: string }
  | {
      readonly kind: 'sysctl';
      readonly namespace: string;
      readonly values: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'file'; readonly path: string; readonly text: string | null }
  /** What stood there before the transaction, or nothing. */
  | { readonly kind: 'put-back'; readonly path: string }
  /** Daemons put themselves into the background; the words are also how they are found. */
  | { readonly kind: 'start'; readonly namespace: string; readonly words: readonly string[] }
  | { readonly kind: 'restart'; readonly namespace: string; readonly words: readonly string[] }
  | { readonly kind: 'stop'; readonly words: readonly string[] }
  /** SIGHUP, at least some seconds after the last one; who does not survive it is started anew. */
  | {
      readonly kind: 'reload';
      readonly namespace: string;
      readonly name: string;
      readonly words: readonly string[];
      readonly apart_s: number;
    }
  /** Lines of the list of what is ours on the host. */
  | { readonly kind: 'own'; readonly add: readonly string[]; readonly remove: readonly string[] };

/** A region before and after a step, as fingerprints of its items. */
export interface RegionPrint {
  readonly region: string;
  readonly before: string;
  readonly after: string;
}

export interface Step {
  /** `compute1 3`: the host and the place in its order. */
  readonly id: string;
  readonly host: string;
  readonly phase: PhaseName;
  /**
   * Steps of one wave run on all their hosts at one time; the next wave begins when they are done
   * everywhere. A wave has one phase, and a phase may have several waves.
   */
  readonly wave: number;
  readonly title: string;
  readonly forward: readonly Action[];
  readonly inverse: readonly Action[];
  /** Ids of items with the text that they have afterwards; null when they are gone. */
  readonly changes: readonly (readonly [id: string, text: string | null])[];
  readonly regions: readonly RegionPrint[];
  /** Why it is not atomic; null when an observer sees all of it or nothing. */
  readonly partial: string | null;
}

/** The first comes before the second. */
export type Constraint = readonly [first: string, then: string];

/** What a step is called in every plan for the same change, whatever its place. */
export function stepKey({ host, phase, title }: Pick<Step, 'host' | 'phase' | 'title'>): string {
  return `${host}: ${phase}: ${title}`;
}

/** Waves of a plan in their order. */
export function wavesOf({ steps }: Pick<Plan, 'steps'>): readonly (readonly Step[])[] {
  const waves: Step[][] = [];
  for (const step of steps) {
    waves[step.wave] ??= [];
    waves[step.wave]!.push(step);
  }
  return waves.filter((wave) => wave.length > 0);
}

export interface Plan {
  readonly version: 1;
  /** Fingerprint of everything below: two plans with one id do the same. */
  readonly id: string;
  readonly desired: string;
  readonly order: 'direct' | 'staged';
  /** What a search has found: one step comes before the other, by `stepKey`. */
  readonly constraints: readonly Constraint[];
  readonly hosts: readonly {
    readonly name: string;
    /** Fingerprint of all owned regions when it was read, also of absent ones. */
    readonly state: string;
  }[];
  readonly changes: readonly Change[];
  readonly steps: readonly Step[];
}
