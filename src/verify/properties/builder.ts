/**
 * Properties written in TypeScript instead of YAML, typed:
 *
 * ```ts
 * const file = propertyFile({ web: ['web-1', 'web-2'] }, [
 *   property('the web answers').from('app-1').to('group:web').all(tcp(443)).reply(),
 *   property('only the app').from('app-1').to('db-1').only(tcp(3306)).nobodyElse(),
 *   apart('tenants', ['project:blue', 'project:green']),
 *   invariant('no-forged-sources', { except: ['icmpv6'] }),
 *   keeps(['the web answers'], { hosts: 1 }),
 *   change('main').expect(added('app-1', 'db-1', tcp(3306))).otherwise('same'),
 * ]);
 * for (const found of checkProperties(network, file)) console.log(found.holds, found.subject);
 * ```
 */
import { ALL_WANTED, type Wanted } from '../proof/wanted.ts';
import {
  type ApartProperty,
  type ChangeProperty,
  type Claim,
  type ExpectedChange,
  type FailureProperty,
  type Invariant,
  type InvariantProperty,
  type Modality,
  type Property,
  type PropertyFile,
  type ReachProperty,
  type State,
} from './types.ts';

/** Nothing was read from a file. */
const NOWHERE_WRITTEN = { line: 0, column: 0 } as const;
const NONE_WANTED: Wanted = { icmp: false, tcp: null, udp: null, others: false };

/** One destination port, or a range with both ends included. */
export type Ports = number | readonly [from: number, to: number];

/** Every packet of every protocol. */
export const anyPacket: Wanted = ALL_WANTED;
/** Echo requests. */
export const icmp: Wanted = { ...NONE_WANTED, icmp: true };

/** TCP to some ports; without any to all. */
export function tcp(...ports: readonly Ports[]): Wanted {
  return { ...NONE_WANTED, tcp: rangesOf(ports) };
}

/** UDP to some ports; without any to all. */
export function udp(...ports: readonly Ports[]): Wanted {
  return { ...NONE_WANTED, udp: rangesOf(ports) };
}

function rangesOf(ports: readonly Ports[]): Wanted['tcp'] {
  const all = ports.length === 0 ? [[0, 65_535] as const] : ports;
  return all.map((one) => {
    const [low, high] = typeof one === 'number' ? [one, one] : one;
    if (
      !(Number.isInteger(low) && Number.isInteger(high) && 0 <= low && low <= high && high < 65_536)
    ) {
      throw new RangeError(`${low}-${high} is no range of ports`);
    }
    return { from: BigInt(low), to: BigInt(high) };
  });
}

/** All packets of several kinds. */
function together(kinds: readonly Wanted[]): Wanted {
  if (kinds.length === 0) return ALL_WANTED;
  const ranges = (of: 'tcp' | 'udp'): Wanted['tcp'] => {
    const found = kinds.flatMap((kind) => kind[of] ?? []);
    return found.length === 0 ? null : found;
  };
  return {
    icmp: kinds.some((kind) => kind.icmp),
    tcp: ranges('tcp'),
    udp: ranges('udp'),
    others: kinds.some((kind) => kind.others),
  };
}

/** Begins a property about packets between ends; ends are words as in YAML. */
export function property(name: string): PropertyFrom {
  return { from: (...from) => ({ to: (...to) => claims(name, from, to) }) };
}

export interface PropertyFrom {
  from(...ends: readonly string[]): PropertyTo;
}

export interface PropertyTo {
  to(...ends: readonly string[]): PropertyClaims;
}

/** What arrives: without any kind of packets every packet is meant. */
export interface PropertyClaims {
  all(...packets: readonly Wanted[]): BuiltReach;
  some(...packets: readonly Wanted[]): BuiltReach;
  none(...packets: readonly Wanted[]): BuiltReach;
  only(...packets: readonly Wanted[]): BuiltReach;
}

function claims(name: string, from: readonly string[], to: readonly string[]): PropertyClaims {
  const claimed =
    (claim: Claim) =>
    (...packets: readonly Wanted[]): BuiltReach =>
      new BuiltReach({
        kind: 'reach',
        name,
        ...NOWHERE_WRITTEN,
        from,
        to,
        claim,
        wanted: together(packets),
        version: 4,
        state: 'new',
        modality: null,
        via: [],
        avoid: [],
        nobodyElse: false,
      });
  return {
    all: claimed('all'),
    some: claimed('some'),
    none: claimed('none'),
    only: claimed('only'),
  };
}

/** A property that is complete, and may be made narrower; nothing is changed in place. */
export class BuiltReach {
  readonly property: ReachProperty;

  constructor(of: ReachProperty) {
    this.property = of;
  }

  /** Whatever is chosen on the way. */
  must(): BuiltReach {
    return this.modal('must');
  }

  /** For some choice. */
  may(): BuiltReach {
    return this.modal('may');
  }

  /** The answers come back, with every translation undone. */
  reply(): BuiltReach {
    return this.inState('reply');
  }

  /** Packets of connections that were answered. */
  established(): BuiltReach {
    return this.inState('established');
  }

  ipv6(): BuiltReach {
    return new BuiltReach({ ...this.property, version: 6 });
  }

  /** Every packet that arrives has passed these, in this order. */
  via(...places: readonly string[]): BuiltReach {
    return new BuiltReach({ ...this.property, via: places });
  }

  /** No packet that arrives has passed any of these. */
  avoid(...places: readonly string[]): BuiltReach {
    return new BuiltReach({ ...this.property, avoid: places });
  }

  /** No other server reaches them. */
  nobodyElse(): BuiltReach {
    return new BuiltReach({ ...this.property, nobodyElse: true });
  }

  private modal(modality: Modality): BuiltReach {
    return new BuiltReach({ ...this.property, modality });
  }

  private inState(state: State): BuiltReach {
    return new BuiltReach({ ...this.property, state });
  }
}

/** Isolation of groups of servers; null: of the servers of each project. */
export function apart(
  name: string,
  groups: readonly string[] | null,
  {
    except = [],
    ipv6 = false,
  }: { readonly except?: readonly Wanted[]; readonly ipv6?: boolean } = {},
): ApartProperty {
  const excepted = except.length === 0 ? null : together(except);
  const version = ipv6 ? 6 : 4;
  return { kind: 'apart', name, ...NOWHERE_WRITTEN, groups, except: excepted, version };
}

export interface InvariantOptions {
  readonly name?: string;
  readonly among?: readonly string[];
  readonly except?: readonly string[];
  /** Bytes, for `mtu`. */
  readonly atLeast?: number;
  readonly ipv6?: boolean;
}

export function invariant(of: Invariant, options: InvariantOptions = {}): InvariantProperty {
  return {
    kind: 'invariant',
    name: options.name ?? of,
    ...NOWHERE_WRITTEN,
    invariant: of,
    among: options.among ?? null,
    except: options.except ?? [],
    atLeast: options.atLeast ?? null,
    version: options.ipv6 === true ? 6 : 4,
  };
}

/** Properties, by their names, that hold while so many things are broken at once. */
export function keeps(
  names: readonly string[],
  under: { readonly hosts?: number; readonly links?: number; readonly routers?: number },
): FailureProperty {
  const { hosts = 0, links = 0, routers = 0 } = under;
  const name = `${names.join(', ')} under failures`;
  return { kind: 'failures', name, ...NOWHERE_WRITTEN, keeps: names, hosts, links, routers };
}

/** What a change is expected to do to packets between some ends. */
export interface Expectation extends ExpectedChange {
  readonly what: 'added' | 'removed' | 'changed';
}

type Ends = string | readonly string[];

/** Packets that arrive now and did not before; without any kind every packet. */
export function added(from: Ends, to: Ends, ...packets: readonly Wanted[]): Expectation {
  return expectation('added', from, to, packets);
}

/** Packets that arrived before and do no more. */
export function removed(from: Ends, to: Ends, ...packets: readonly Wanted[]): Expectation {
  return expectation('removed', from, to, packets);
}

/** Packets as reachable as before of which something else becomes. */
export function changed(from: Ends, to: Ends, ...packets: readonly Wanted[]): Expectation {
  return expectation('changed', from, to, packets);
}

function expectation(
  what: Expectation['what'],
  from: Ends,
  to: Ends,
  packets: readonly Wanted[],
): Expectation {
  return { what, from: [from].flat(), to: [to].flat(), wanted: together(packets), version: null };
}

/** What a change since another network does: without further words, nothing. */
export function change(before: string): BuiltChange {
  return new BuiltChange({
    kind: 'change',
    name: `change since ${before}`,
    ...NOWHERE_WRITTEN,
    before,
    added: [],
    removed: [],
    changed: [],
    otherwise: 'same',
    among: null,
    frames: false,
  });
}

/** `change('main').expect(added('app', 'db', tcp(3306))).otherwise('same')`. */
export class BuiltChange {
  readonly property: ChangeProperty;

  constructor(of: ChangeProperty) {
    this.property = of;
  }

  /** What has to happen; more calls add to it. */
  expect(...expected: readonly Expectation[]): BuiltChange {
    const of = (what: Expectation['what']): readonly ExpectedChange[] => [
      ...this.property[what],
      ...expected.filter((one) => one.what === what),
    ];
    const lists = { added: of('added'), removed: of('removed'), changed: of('changed') };
    return new BuiltChange({ ...this.property, ...lists });
  }

  /** `same`: nothing but what is expected. `any`: further changes are no violation. */
  otherwise(otherwise: ChangeProperty['otherwise']): BuiltChange {
    return new BuiltChange({ ...this.property, otherwise });
  }

  /** Every frame that servers can send is compared as well. */
  frames(): BuiltChange {
    return new BuiltChange({ ...this.property, frames: true });
  }

  /** Only between these ends. */
  among(...ends: readonly string[]): BuiltChange {
    return new BuiltChange({ ...this.property, among: ends });
  }

  named(name: string): BuiltChange {
    return new BuiltChange({ ...this.property, name });
  }
}

/** Properties with the groups that they name. */
export function propertyFile(
  groups: Readonly<Record<string, readonly string[]>>,
  properties: readonly (Property | BuiltReach | BuiltChange)[],
): PropertyFile {
  return {
    groups: new Map(Object.entries(groups)),
    properties: properties.map((one) => ('property' in one ? one.property : one)),
    coverage: null,
    changes: null,
  };
}
