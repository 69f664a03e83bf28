/**
 * The interfaces of a namespace, prepared for the packet path: who receives a frame, what an
 * interface writes into frames it sends, and which neighbours were known at the start.
 */

import { compileTable } from '../../traffic/compiled.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { ANY, NONE, or, test } from '../../traffic/match.ts';
import { type Rule, type Table } from '../../traffic/table.ts';
import { type Assignment } from '../../traffic/words.ts';
import { type CrossingPlace } from '../crossing.ts';
import { destinationOf, F, inPrefix, is, put } from './headers.ts';
import { type DeviceSettings, deviceSettings } from './settings.ts';
import { type Interface, type InterfaceAddress, type Namespace, type Neighbour } from './types.ts';

export interface Device {
  readonly of: Interface;
  readonly settings: DeviceSettings;
  readonly place: CrossingPlace;
  /** IFF_UP and carrier. */
  readonly up: boolean;
  /** False for loopback and point-to-point tunnels (IFF_NOARP). */
  readonly resolves: boolean;
  readonly isOwnMac: Guard;
  readonly setSource: Assignment;
  readonly setArpSource: Assignment;
  readonly setInput: Assignment;
  readonly setOutput: Assignment;
  /** The target of an ARP request is an address of this very interface. */
  readonly ownsArpTarget: Guard;
  /** The target of a neighbour solicitation is an address of this very interface. */
  readonly ownsNdTarget: Guard;
  readonly ownsDestination6: Guard;
  /** VLAN sub-interfaces by VLAN id, and macvlan devices on top. */
  readonly vlans: ReadonlyMap<number, string>;
  readonly macvlans: readonly string[];
  /** Neighbours of the snapshot, by address and as tables over the destination. */
  readonly neighbours: ReadonlyMap<string, KnownNeighbour>;
  readonly neighboursByDestination: { readonly 4: NeighbourTable; readonly 6: NeighbourTable };
  /** Source address for packets that go directly to a destination (inet_select_addr()). */
  readonly sources: { readonly 4: Table<Assignment>; readonly 6: Table<Assignment> };
  /** The same address as the sender of an ARP request. */
  readonly arpSources: Table<Assignment>;
}

export type NeighbourTable = Table<KnownNeighbour>;

export interface KnownNeighbour {
  readonly of: Neighbour;
  readonly setDestination: Assignment;
}

/** The key of `Device.neighbours`. */
export function addressKey(version: 4 | 6, value: bigint): string {
  return `${version} ${value}`;
}

const WITHOUT_NEIGHBOURS = new Set(['ipip', 'sit', 'gre', 'ip6tnl', 'vti', 'wireguard']);

/** Frames of the interface have MAC addresses. */
export function hasEthernet({ loopback, kind, details }: Interface): boolean {
  return !loopback && !WITHOUT_NEIGHBOURS.has(kind) && details['type'] !== 'tun';
}

/** Prepares every interface of a namespace. */
export function compileDevices(namespace: Namespace): ReadonlyMap<string, Device> {
  return new Map(namespace.interfaces.map((one) => [one.name, compileDevice(namespace, one)]));
}

function compileDevice(namespace: Namespace, of: Interface): Device {
  return new LazyDevice(namespace, of);
}

/** What a packet does not ask for is not prepared: most interfaces of a host see none. */
class LazyDevice implements Device {
  readonly of: Interface;
  readonly place: CrossingPlace;
  readonly up: boolean;
  readonly resolves: boolean;
  private readonly namespace: Namespace;
  private readonly made: {
    -readonly [K in Prepared]?: Device[K];
  } = {};

  constructor(namespace: Namespace, of: Interface) {
    this.namespace = namespace;
    this.of = of;
    this.place = {
      host: namespace.host,
      namespace: namespace.name,
      bridge: null,
      interface: of.name,
    };
    this.up = of.up && (of.running || of.loopback);
    this.resolves = hasEthernet(of);
  }

  get settings(): DeviceSettings {
    this.made.settings ??= deviceSettings(this.namespace, this.of.name);
    return this.made.settings;
  }

  get isOwnMac(): Guard {
    this.made.isOwnMac ??= is(F.ethDestination, this.of.mac);
    return this.made.isOwnMac;
  }

  get setSource(): Assignment {
    this.made.setSource ??= put(F.ethSource, this.of.mac);
    return this.made.setSource;
  }

  get setArpSource(): Assignment {
    this.made.setArpSource ??= put(F.arpSourceMac, this.of.mac);
    return this.made.setArpSource;
  }

  get setInput(): Assignment {
    this.made.setInput ??= put(F.inputDevice, this.of.index);
    return this.made.setInput;
  }

  get setOutput(): Assignment {
    this.made.setOutput ??= put(F.outputDevice, this.of.index);
    return this.made.setOutput;
  }

  get ownsArpTarget(): Guard {
    this.made.ownsArpTarget ??= this.owns(4, F.arpTargetAddress);
    return this.made.ownsArpTarget;
  }

  get ownsNdTarget(): Guard {
    this.made.ownsNdTarget ??= this.owns(6, F.ndTarget);
    return this.made.ownsNdTarget;
  }

  get ownsDestination6(): Guard {
    this.made.ownsDestination6 ??= this.owns(6, F.ipv6Destination);
    return this.made.ownsDestination6;
  }

  get vlans(): Device['vlans'] {
    this.made.vlans ??= vlanChildren(this.namespace, this.of);
    return this.made.vlans;
  }

  get macvlans(): readonly string[] {
    const { namespace, of } = this;
    this.made.macvlans ??= namespace.interfaces
      .filter((other) => other.kind === 'macvlan' && isLower(namespace, other, of))
      .map((other) => other.name);
    return this.made.macvlans;
  }

  get neighbours(): Device['neighbours'] {
    this.made.neighbours ??= knownNeighbours(this.namespace, this.of.name);
    return this.made.neighbours;
  }

  get neighboursByDestination(): Device['neighboursByDestination'] {
    this.made.neighboursByDestination ??= {
      4: neighbourTable(this.neighbours, 4),
      6: neighbourTable(this.neighbours, 6),
    };
    return this.made.neighboursByDestination;
  }

  get sources(): Device['sources'] {
    this.made.sources ??= {
      4: sourceTable(this.namespace, this.of, 4, F.ipSource),
      6: sourceTable(this.namespace, this.of, 6, F.ipv6Source),
    };
    return this.made.sources;
  }

  get arpSources(): Device['arpSources'] {
    this.made.arpSources ??= sourceTable(this.namespace, this.of, 4, F.arpSourceAddress);
    return this.made.arpSources;
  }

  private owns(version: 4 | 6, asked: typeof F.arpTargetAddress): Guard {
    const tests = this.of.addresses.map(({ address }) =>
      address.version === version ? test(asked, address.value) : NONE,
    );
    return guard(tests.length === 0 ? NONE : or(...tests));
  }
}

type Prepared = Exclude<keyof Device, 'of' | 'place' | 'up' | 'resolves'>;

/** Whether `lower` carries the VLAN or macvlan device `upper` in the same namespace. */
function isLower(namespace: Namespace, upper: Interface, lower: Interface): boolean {
  return (
    upper.linkNamespace === null &&
    upper.linkIndex === lower.index &&
    namespace.interfaces.includes(lower)
  );
}

function vlanChildren(namespace: Namespace, of: Interface): ReadonlyMap<number, string> {
  const children = new Map<number, string>();
  for (const other of namespace.interfaces) {
    const id = other.details['id'];
    if (other.kind === 'vlan' && typeof id === 'number' && isLower(namespace, other, of)) {
      children.set(id, other.name);
    }
  }
  return children;
}

function knownNeighbours(namespace: Namespace, device: string): Map<string, KnownNeighbour> {
  const known = new Map<string, KnownNeighbour>();
  for (const one of namespace.neighbours) {
    // A failed or incomplete entry holds no MAC: the address has to be resolved again.
    if (one.device !== device || one.mac === null) continue;
    if (one.state === 'failed' || one.state === 'incomplete') continue;
    const setDestination = put(F.ethDestination, one.mac);
    known.set(addressKey(one.address.version, one.address.value), { of: one, setDestination });
  }
  return known;
}

function neighbourTable(
  known: ReadonlyMap<string, KnownNeighbour>,
  version: 4 | 6,
): NeighbourTable {
  const rules: Rule<KnownNeighbour>[] = [];
  for (const entry of known.values()) {
    if (entry.of.address.version !== version) continue;
    const match = test(destinationOf(version), entry.of.address.value);
    rules.push({ match, rank: rules.length, decisive: true, entry });
  }
  return compileTable(rules, { seldom: true });
}

/** The addresses an interface may send from: its own, else any of the namespace. */
function sourceCandidates(
  namespace: Namespace,
  of: Interface,
  version: 4 | 6,
): readonly InterfaceAddress[] {
  const usable = (one: Interface): readonly InterfaceAddress[] =>
    one.addresses.filter(
      ({ address, secondary, scope }) =>
        address.version === version && !secondary && (scope !== 'host' || one === of),
    );
  const own = usable(of);
  if (own.length > 0) {
    // RFC 6724 §5 rule 2: a global destination is spoken to from a global address.
    const scoped = (a: InterfaceAddress): number => (a.scope === 'link' ? 1 : 0);
    return version === 4 ? own : [...own].sort((a, b) => scoped(a) - scoped(b));
  }
  return namespace.interfaces.filter((one) => !one.loopback).flatMap(usable);
}

/** The primary address of the subnet that holds the destination, else the first one. */
function sourceTable(
  namespace: Namespace,
  of: Interface,
  version: 4 | 6,
  to: typeof F.ipSource,
): Table<Assignment> {
  const candidates = sourceCandidates(namespace, of, version);
  const rules: Rule<Assignment>[] = [];
  for (const { address, length } of candidates) {
    const match = inPrefix(destinationOf(version), address.value, length);
    rules.push({ match, rank: rules.length, decisive: true, entry: put(to, address.value) });
  }
  const [first] = candidates;
  if (first !== undefined) {
    const entry = put(to, first.address.value);
    rules.push({ match: ANY, rank: rules.length, decisive: true, entry });
  }
  return compileTable(rules, { seldom: true });
}

/** The source address towards a gateway (inet_select_addr() with `dst` = the gateway). */
export function sourceTowards(
  namespace: Namespace,
  of: Interface,
  version: 4 | 6,
  gateway: bigint,
): bigint | null {
  const candidates = sourceCandidates(namespace, of, version);
  const width = version === 4 ? 32 : 128;
  const near = candidates.find(({ address, length }) => {
    const host = BigInt(width - length);
    return address.value >> host === gateway >> host;
  });
  return (near ?? candidates[0])?.address.value ?? null;
}
