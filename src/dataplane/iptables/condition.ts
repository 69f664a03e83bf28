/**
 * What a rule's conditions mean: a `Match` on fields, and beside it the tests that remember or
 * throw dice (memory.ts). Semantics: net/netfilter/xt_*.c, net/ipv4/netfilter/ip_tables.c.
 */
import { CT_STATE, type Field, TCP_FLAGS } from '../../packet/fields.ts';
import { ANY, and, type Match, NONE, not, or, range, test } from '../../traffic/match.ts';
import { bit, F, HAS_CONNECTION, NOT_LATER_FRAGMENT } from './fields.ts';
import { setMatch } from './ipset/match.ts';
import { interfacesNamed, type Surroundings } from './surroundings.ts';
import { ALL_ONES, type Network, prefixMask } from './text/address.ts';
import { type InterfaceName, type Interval } from './text/codec.ts';
import { type KnownMatch } from './text/match-rows.ts';
import { type Given } from './text/options.ts';
import { printRule } from './text/rule.ts';
import { type Rule, type RuleMatch } from './types.ts';

/** A test that a match on fields cannot express. */
export type MemoryTest =
  | Extract<KnownMatch, { kind: 'limit' | 'recent' | 'statistic' }>
  | ConnectionTest;

/** A question about the connection itself (connection-test.ts). */
export type ConnectionTest =
  /** Its first packet after translation meets this: the reply direction turned around. */
  | { readonly kind: 'translated'; readonly match: Match }
  /** It was expected by a connection with this helper. */
  | { readonly kind: 'helper'; readonly name: string; readonly not: boolean };

export interface Condition {
  readonly match: Match;
  /** Asked in order, after the match. */
  readonly memory: readonly MemoryTest[];
}

interface Context {
  readonly version: 4 | 6;
  readonly surroundings: Surroundings;
  readonly rule: Rule;
}

/** Compiles the conditions of a rule. */
export function conditionOf(rule: Rule, version: 4 | 6, surroundings: Surroundings): Condition {
  const context: Context = { version, surroundings, rule };
  const parts: Match[] = [
    given(rule.source, (value) => networkMatch(F.source[version], value)),
    given(rule.destination, (value) => networkMatch(F.destination[version], value)),
    given(rule.inInterface, (value) => interfaceMatch(F.iif, value, surroundings)),
    given(rule.outInterface, (value) => interfaceMatch(F.oif, value, surroundings)),
    given(rule.protocol, (value) => test(F.protocol, BigInt(value.number))),
    given(rule.fragment, () => bit(F.fragment, 2)),
  ];
  const memory: MemoryTest[] = [];
  for (const match of rule.matches) {
    if (match.kind === 'verbatim') parts.push(opaque(rule, `-m ${match.name}`));
    else if (match.kind === 'limit' || match.kind === 'recent' || match.kind === 'statistic') {
      memory.push(match);
    } else parts.push(extensionMatch(match, context));
    memory.push(...connectionTests(match, version));
  }
  return { match: and(...parts), memory };
}

/** The reply comes from where the translated packet went: its source is our destination. */
function connectionTests(match: RuleMatch, version: 4 | 6): readonly ConnectionTest[] {
  if (match.kind === 'helper') {
    const { helper } = match.options;
    return [{ kind: 'helper', name: helper?.value ?? '', not: helper?.not === true }];
  }
  if (match.kind !== 'conntrack') return [];
  const o = match.options;
  const translated = and(
    given(o.replySource, (value) => networkMatch(F.destination[version], value)),
    given(o.replyDestination, (value) => networkMatch(F.source[version], value)),
    given(o.replySourcePort, (value) => within(F.destinationPort, value)),
    given(o.replyDestinationPort, (value) => within(F.sourcePort, value)),
  );
  return translated.kind === 'any' ? [] : [{ kind: 'translated', match: translated }];
}

function opaque(rule: Rule, what: string): Match {
  const text = `${what} of the rule${printRule(rule)}`;
  return { kind: 'opaque', text, origin: rule.origin };
}

/** A condition that was given, turned around if `!` stands before it. */
function given<T>(option: Given<T> | null | undefined, meaning: (value: T) => Match): Match {
  if (option === null || option === undefined) return ANY;
  return option.not ? not(meaning(option.value)) : meaning(option.value);
}

function networkMatch(of: Field, { value, mask }: Network): Match {
  return test(of, value, mask);
}

/** An interface that does not exist is the one of no packet. */
export function interfaceMatch(of: Field, name: InterfaceName, around: Surroundings): Match {
  if (name.wildcard && name.name === '') return ANY;
  return or(...interfacesNamed(around, name).map((index) => test(of, BigInt(index))));
}

function within(of: Field, { from, to }: Interval): Match {
  return from === to ? test(of, BigInt(from)) : range(of, BigInt(from), BigInt(to));
}

const within2 = (of: Field, list: readonly Interval[]): Match =>
  or(...list.map((each) => within(of, each)));

/** (field & mask) == value: a value with bits outside of the mask is never met. */
function masked(of: Field, { value, mask }: { value: number; mask: number }): Match {
  if ((value & ~mask) !== 0) return NONE;
  return test(of, BigInt(value >>> 0), BigInt(mask >>> 0));
}

/** The meaning of one `-m`. */
function extensionMatch(
  match: Exclude<KnownMatch, { kind: 'limit' | 'recent' | 'statistic' }>,
  context: Context,
): Match {
  switch (match.kind) {
    case 'comment':
    case 'nfacct':
    // The helper is a question about the connection (connectionTests()).
    case 'helper':
      return ANY;
    case 'tcp':
    case 'udp':
    case 'udplite':
    case 'sctp':
    case 'dccp':
    case 'multiport':
      return portMatch(match, context.rule);
    case 'icmp':
    case 'icmp6':
      return and(
        NOT_LATER_FRAGMENT,
        given(match.options.type, ({ type, code }) =>
          type === 255 && context.version === 4
            ? ANY
            : and(test(F.icmpType, BigInt(type)), within(F.icmpCode, code)),
        ),
      );
    case 'conntrack':
    case 'state':
    case 'connmark':
      return trackingMatch(match, context);
    case 'mark':
      return given(match.options.mark, (value) => masked(F.mark, value));
    case 'physdev':
      return physdevMatch(match, context.surroundings);
    case 'set':
      return setReferenceMatch(match, context);
    case 'addrtype':
      return addressTypeMatch(match, context);
    case 'mac':
    case 'length':
    case 'ttl':
    case 'hl':
    case 'dscp':
    case 'tos':
    case 'ecn':
    case 'pkttype':
    case 'iprange':
      return headerMatch(match, context.version);
    default:
      return opaque(context.rule, `-m ${match.kind}`);
  }
}

type Of<K extends KnownMatch['kind']> = Extract<KnownMatch, { kind: K }>;

function portMatch(
  match: Of<'tcp' | 'udp' | 'udplite' | 'sctp' | 'dccp' | 'multiport'>,
  rule: Rule,
): Match {
  if (match.kind === 'multiport') {
    const { sports, dports, ports } = match.options;
    return and(
      NOT_LATER_FRAGMENT,
      given(sports, (list) => within2(F.sourcePort, list)),
      given(dports, (list) => within2(F.destinationPort, list)),
      given(ports, (list) => or(within2(F.sourcePort, list), within2(F.destinationPort, list))),
    );
  }
  const parts = [
    NOT_LATER_FRAGMENT,
    given(match.options.sport, (value) => within(F.sourcePort, value)),
    given(match.options.dport, (value) => within(F.destinationPort, value)),
  ];
  if (match.kind === 'tcp') {
    parts.push(
      given(match.options.tcpFlags, ({ set, mask }) => masked(F.tcpFlags, { value: set, mask })),
    );
    if (match.options.tcpOption !== undefined) parts.push(opaque(rule, '--tcp-option'));
  }
  if (match.kind === 'sctp' && match.options.chunks !== undefined) {
    parts.push(opaque(rule, '--chunk-types'));
  }
  if (match.kind === 'dccp' && (match.options.types ?? match.options.dccpOption) !== undefined) {
    parts.push(opaque(rule, '-m dccp'));
  }
  return and(...parts);
}

const STATE_MATCHES: Readonly<Record<string, Match>> = {
  NEW: bit(F.ctState, CT_STATE.new),
  ESTABLISHED: bit(F.ctState, CT_STATE.est),
  RELATED: bit(F.ctState, CT_STATE.rel),
  INVALID: bit(F.ctState, CT_STATE.inv),
  // Simplification: in the raw table, before tracking, the kernel takes a packet that is not
  // marked NOTRACK for INVALID; here it is UNTRACKED. Nobody asks the state there.
  UNTRACKED: not(bit(F.ctState, CT_STATE.trk)),
  SNAT: bit(F.ctState, CT_STATE.snat),
  DNAT: bit(F.ctState, CT_STATE.dnat),
};
/** enum ip_conntrack_status, include/uapi/linux/netfilter/nf_conntrack_common.h. */
const STATUS_BITS: Readonly<Record<string, number>> = {
  EXPECTED: 1,
  SEEN_REPLY: 2,
  ASSURED: 4,
  CONFIRMED: 8,
};

function stateMatch(names: readonly string[]): Match {
  return or(...names.map((name) => STATE_MATCHES[name] ?? NONE));
}

/** net/netfilter/xt_conntrack.c conntrack_mt(): without a connection only the state counts. */
function trackingMatch(match: Of<'conntrack' | 'state' | 'connmark'>, context: Context): Match {
  if (match.kind === 'state') return given(match.options.state, stateMatch);
  if (match.kind === 'connmark') {
    return and(
      HAS_CONNECTION,
      given(match.options.mark, (value) => masked(F.ctMark, value)),
    );
  }
  const { version, rule } = context;
  const o = match.options;
  const rest: Match[] = [
    given(o.protocol, (value) => test(F.ctProto, BigInt(value))),
    given(o.originalSource, (value) => networkMatch(F.ctSource[version], value)),
    given(o.originalDestination, (value) => networkMatch(F.ctDestination[version], value)),
    given(o.originalSourcePort, (value) => within(F.ctSourcePort, value)),
    given(o.originalDestinationPort, (value) => within(F.ctDestinationPort, value)),
    given(o.status, (names) =>
      or(
        ...names.map((name) =>
          name === 'NONE' ? test(F.ctStatus, 0n) : bit(F.ctStatus, STATUS_BITS[name] ?? 0),
        ),
      ),
    ),
    given(o.direction, (way) => {
      const reply = bit(F.ctState, CT_STATE.rpl);
      return way === 'REPLY' ? reply : not(reply);
    }),
  ];
  // Simplification: `--ctexpire` asks for the seconds that are left, which a dump shows only
  // roughly; it is not judged.
  if (o.expire !== undefined) rest.push(opaque(rule, '--ctexpire'));
  const asked = and(...rest);
  const state = given(o.state, stateMatch);
  return asked.kind === 'any' ? state : and(state, HAS_CONNECTION, asked);
}

/** net/netfilter/xt_physdev.c physdev_mt(). Without a bridge all numbers are zero. */
function physdevMatch({ options }: Of<'physdev'>, around: Surroundings): Match {
  return and(
    given(options.isIn, () => not(test(F.physin, 0n))),
    given(options.in, (name) => interfaceMatch(F.physin, name, around)),
    given(options.isOut, () => not(test(F.physout, 0n))),
    given(options.out, (name) => interfaceMatch(F.physout, name, around)),
    // Only a bridged packet in FORWARD or POSTROUTING has a port to leave by.
    given(options.isBridged, () => not(test(F.physout, 0n))),
  );
}

function setReferenceMatch({ options }: Of<'set'>, context: Context): Match {
  const { surroundings, version, rule } = context;
  const counts = options.packetsEq ?? options.packetsLt ?? options.packetsGt;
  const bytes = options.bytesEq ?? options.bytesLt ?? options.bytesGt;
  const reference = given(options.set, ({ set, directions }) => {
    const known = surroundings.sets.get(set);
    if (known === undefined) return opaque(rule, `the missing set ${set}`);
    const noMatch = options.returnNoMatch !== undefined;
    return setMatch(known, directions, version, surroundings, noMatch);
  });
  return and(reference, (counts ?? bytes) === undefined ? ANY : opaque(rule, '-m set counters'));
}

/**
 * net/netfilter/xt_addrtype.c: for IPv4 only table `local` is asked, so an address without a
 * route is UNICAST (net/ipv4/fib_frontend.c __inet_dev_addr_type()).
 */
function addressTypeMatch({ options }: Of<'addrtype'>, context: Context): Match {
  const { version } = context;
  const limit =
    options.limitIn !== undefined ? F.iif : options.limitOut !== undefined ? F.oif : null;
  const types =
    (of: Field) =>
    (names: readonly string[]): Match =>
      or(...names.map((name) => addressType(name, of, limit, context)));
  return and(
    given(options.source, types(F.source[version])),
    given(options.destination, types(F.destination[version])),
  );
}

function addressType(name: string, of: Field, limit: Field | null, context: Context): Match {
  const { version, surroundings, rule } = context;
  const local = ownAddresses(of, limit, context);
  const multicast =
    version === 4 ? test(of, 0xe000_0000n, 0xf000_0000n) : test(of, 0xffn << 120n, 0xffn << 120n);
  const broadcast = version === 4 ? broadcasts(of, surroundings) : NONE;
  switch (name) {
    case 'LOCAL':
      return local;
    case 'MULTICAST':
      return multicast;
    case 'BROADCAST':
      return broadcast;
    case 'UNICAST':
      return not(or(local, multicast, broadcast));
    case 'UNSPEC':
      return test(of, 0n);
    case 'ANYCAST':
    case 'NAT':
    case 'XRESOLVE':
      return NONE;
    default:
      return opaque(rule, `the address type ${name}`);
  }
}

function ownAddresses(of: Field, limit: Field | null, { version, surroundings }: Context): Match {
  const loopback = version === 4 ? test(of, 0x7f00_0000n, 0xff00_0000n) : test(of, 1n);
  const parts = surroundings.interfaces.map((each) => {
    const own = each.addresses.filter((address) => address.version === version);
    const addresses = or(
      ...own.map(({ value }) => test(of, value)),
      each.loopback ? loopback : NONE,
    );
    return limit === null ? addresses : and(addresses, test(limit, BigInt(each.index)));
  });
  return or(...parts);
}

function broadcasts(of: Field, { interfaces }: Surroundings): Match {
  const found = interfaces.flatMap(({ addresses, loopback }) =>
    loopback
      ? []
      : addresses
          .filter(({ version, length }) => version === 4 && length < 31)
          .map(({ value, length }) => test(of, value | (ALL_ONES[4] ^ prefixMask(length, 4)))),
  );
  return or(test(of, ALL_ONES[4]), test(of, 0n), ...found);
}

const PACKET_TYPES = { unicast: 0n, broadcast: 1n, multicast: 2n } as const;

type HeaderKind = 'mac' | 'length' | 'ttl' | 'hl' | 'dscp' | 'tos' | 'ecn' | 'pkttype' | 'iprange';

function headerMatch(match: Of<HeaderKind>, version: 4 | 6): Match {
  switch (match.kind) {
    case 'mac':
      return given(match.options.source, (value) => test(F.ethSource, value));
    case 'length':
      return given(match.options.length, (value) => within(F.length, value));
    case 'ttl':
    case 'hl': {
      const { eq, lt, gt } = match.options;
      return and(
        given(eq, (value) => test(F.ttl, BigInt(value))),
        given(lt, (value) => (value === 0 ? NONE : range(F.ttl, 0n, BigInt(value - 1)))),
        given(gt, (value) => (value === 255 ? NONE : range(F.ttl, BigInt(value + 1), 255n))),
      );
    }
    case 'dscp':
      return given(match.options.dscp, (value) => test(F.dscp, BigInt(value)));
    case 'tos':
      return given(match.options.tos, (value) => masked(F.tos, value));
    case 'ecn':
      return and(
        given(match.options.cwr, () => bit(F.tcpFlags, TCP_FLAGS.cwr)),
        given(match.options.ece, () => bit(F.tcpFlags, TCP_FLAGS.ece)),
        given(match.options.ect, (value) => test(F.ecn, BigInt(value))),
      );
    case 'pkttype':
      return given(match.options.type, (value) => test(F.packetType, PACKET_TYPES[value]));
    case 'iprange':
      return and(
        given(match.options.source, ({ from, to }) => range(F.source[version], from, to)),
        given(match.options.destination, ({ from, to }) => range(F.destination[version], from, to)),
      );
  }
}
