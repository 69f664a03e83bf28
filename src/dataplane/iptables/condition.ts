/**
 * What a rule's conditions mean: a `Match` on fields, and beside it tests that ask something else
 * (tests/types.ts). Semantics: net/netfilter/xt_*.c, net/ipv4/netfilter/ip_tables.c.
 */
import { type Field, TCP_FLAGS } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { ANY, and, type Match, NONE, not, or, range, test } from '../../traffic/match.ts';
import { addressTypeMatch } from './address-type.ts';
import { bit, F, IS_LATER_FRAGMENT, NOT_LATER_FRAGMENT } from './fields.ts';
import { setMatch } from './ipset/match.ts';
import { given, masked, networkMatch, within } from './option-match.ts';
import { interfacesNamed, type Surroundings } from './surroundings.ts';
import { contentTests } from './tests/content.ts';
import { portsInFragment, readsNatively } from './tests/fragment-ports.ts';
import { ownerTest } from './tests/owner.ts';
import { type KnowledgeTest, type MemoryTest, type RuleTest } from './tests/types.ts';
import { type InterfaceName, type Interval } from './text/codec.ts';
import { type KnownMatch } from './text/match-rows.ts';
import { printRule } from './text/rule.ts';
import { connectionTests, trackingMatch } from './tracking-match.ts';
import { type Rule, type RuleMatch } from './types.ts';

export interface Condition {
  readonly match: Match;
  /** Asked in order, after the match. */
  readonly tests: readonly RuleTest[];
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
  const tests: RuleTest[] = [];
  for (const match of rule.matches) {
    const fields = fieldsOf(match, context);
    // A test that remembers is asked only where everything in front of it holds; what follows
    // it comes later. Opaque parts are told where the rule is looked up.
    if (tests.some(remembers) && fields.kind !== 'any' && fields.kind !== 'opaque') {
      tests.push({ kind: 'fields', guard: guard(fields) });
    } else parts.push(fields);
    if (match.kind !== 'verbatim') tests.push(...testsOf(match, version));
    if (readsFragments(match, context)) tests.push(portsInFragment(match.options));
  }
  return { match: and(...parts), tests };
}

type Remembering = MemoryTest['kind'];
const REMEMBERING: readonly string[] = [
  'limit',
  'recent',
  'statistic',
  'quota',
  'hashlimit',
  'connlimit',
] satisfies readonly Remembering[];

function isRemembering(match: RuleMatch): match is MemoryTest {
  return REMEMBERING.includes(match.kind);
}

/** Also what writes: `connlabel --set` labels, `cluster` takes frames for its own. */
function remembers({ kind }: RuleTest): boolean {
  return REMEMBERING.includes(kind) || kind === 'connlabel' || kind === 'cluster';
}

/** What a match says about fields. */
function fieldsOf(match: RuleMatch, context: Context): Match {
  if (match.kind === 'verbatim') return opaque(context.rule, `-m ${match.name}`);
  if (isRemembering(match)) return ANY;
  if (isKnowledge(match)) {
    return isUnderstood(match) ? ANY : opaque(context.rule, `-m ${match.kind}`);
  }
  const understood = match.kind === 'owner' ? ownerTest(match) : contentTests(match);
  if (understood === null) return opaque(context.rule, `-m ${match.kind}`);
  return extensionMatch(match, context);
}

const KNOWLEDGE: readonly string[] = [
  'time',
  'connbytes',
  'connlabel',
  'cluster',
  'eui64',
] satisfies readonly KnowledgeTest['kind'][];

function isKnowledge(match: RuleMatch): match is KnowledgeTest {
  return KNOWLEDGE.includes(match.kind);
}

/**
 * Simplification: labels of connections are known by their numbers only; which name has which
 * number is written in connlabel.conf, which is no part of a dump.
 */
function isUnderstood(match: KnowledgeTest): boolean {
  if (match.kind === 'connlabel') return /^\d+$/.test(match.options.label?.value ?? '');
  if (match.kind === 'cluster') return (match.options.totalNodes?.value ?? 0) > 0;
  return true;
}

/** What a match asks beside fields. */
function testsOf(match: KnownMatch, version: 4 | 6): readonly RuleTest[] {
  if (isRemembering(match) || isKnowledge(match) || match.kind === 'rpfilter') return [match];
  if (match.kind === 'owner') return [ownerTest(match)].filter((test) => test !== null);
  return [...connectionTests(match, version), ...(contentTests(match) ?? [])];
}

function opaque(rule: Rule, what: string): Match {
  const text = `${what} of the rule${printRule(rule)}`;
  return { kind: 'opaque', text, origin: rule.origin };
}

/** An interface that does not exist is the one of no packet. */
export function interfaceMatch(of: Field, name: InterfaceName, around: Surroundings): Match {
  if (name.wildcard && name.name === '') return ANY;
  return or(...interfacesNamed(around, name).map((index) => test(of, BigInt(index))));
}

/** net/netfilter/xt_devgroup.c devgroup_mt(). */
function groupMatch({ options }: Of<'devgroup'>, context: Context): Match {
  const inGroup = (of: Field, { value, mask }: { value: number; mask: number }): Match =>
    or(
      ...context.surroundings.interfaces.map(({ index, group }) => {
        const here = test(of, BigInt(index));
        if (group === undefined) return and(here, opaque(context.rule, '-m devgroup'));
        return ((group ^ value) & mask) === 0 ? here : NONE;
      }),
    );
  return and(
    given(options.source, (asked) => inGroup(F.iif, asked)),
    given(options.destination, (asked) => inGroup(F.oif, asked)),
  );
}

const within2 = (of: Field, list: readonly Interval[]): Match =>
  or(...list.map((each) => within(of, each)));

/** The meaning of one `-m`. */
function extensionMatch(match: Exclude<KnownMatch, MemoryTest>, context: Context): Match {
  switch (match.kind) {
    case 'comment':
    case 'nfacct':
    // These ask the connection, the bytes or the routes (testsOf()).
    case 'helper':
    case 'tcpmss':
    case 'u32':
    case 'string':
    case 'bpf':
    case 'esp':
    case 'ah':
    case 'ipcomp':
    case 'frag':
    case 'hbh':
    case 'dst':
    case 'rt':
    case 'ipv6header':
    case 'mh':
    case 'rpfilter':
    case 'owner':
    case 'srh':
    case 'time':
    case 'connbytes':
    case 'connlabel':
    case 'cluster':
    case 'eui64':
      return ANY;
    case 'devgroup':
      return groupMatch(match, context);
    case 'tcp':
    case 'udp':
      return readsFragments(match, context)
        ? or(IS_LATER_FRAGMENT.match, portMatch(match))
        : portMatch(match);
    case 'udplite':
    case 'sctp':
    case 'dccp':
    case 'multiport':
      return portMatch(match);
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
      return trackingMatch(match, context.version, (what) => opaque(context.rule, what));
    case 'mark':
      return given(match.options.mark, (value) => masked(F.mark, value));
    case 'physdev':
      return physdevMatch(match, context.surroundings);
    case 'set':
      return setReferenceMatch(match, context);
    case 'addrtype':
      return addressTypeMatch(match, context.version, context.surroundings, (what) =>
        opaque(context.rule, what),
      );
    case 'mac':
    case 'length':
    case 'ttl':
    case 'hl':
    case 'dscp':
    case 'tos':
    case 'ecn':
    case 'pkttype':
    case 'iprange':
      return headerMatch(match, context);
    // Simplification: what no dump shows is not judged: open sockets of programs (`socket`),
    // routing realms (`realm`), control groups (`cgroup`), processors (`cpu`), fingerprints
    // (`osf`), IPVS (`ipvs`), measured rates (`rateest`), IPsec (`policy`).
    default:
      return opaque(context.rule, `-m ${match.kind}`);
  }
}

/** Whether nf_tables reads this match, and reads it from later fragments too. */
function readsFragments(match: RuleMatch, context: Context): match is Of<'tcp' | 'udp'> {
  // Simplification: a later fragment of IPv6 is of protocol 44, as switches see it; ip6tables knows
  // what it carries, so that rules without tracking may match it by `-p`.
  const { version, surroundings } = context;
  return version === 4 && surroundings.portsOfFragments === true && readsNatively(match);
}

type Of<K extends KnownMatch['kind']> = Extract<KnownMatch, { kind: K }>;

// Simplification: a fragment at offset 8, inside of the TCP header, is asked like any later one;
// xt_tcpudp.c tcp_mt() drops it at once where it comes to a rule with `-m tcp` by itself.
function portMatch(match: Of<'tcp' | 'udp' | 'udplite' | 'sctp' | 'dccp' | 'multiport'>): Match {
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
  }
  return and(...parts);
}

/** net/netfilter/xt_physdev.c physdev_mt(). Without a bridge all numbers are zero. */
function physdevMatch({ options }: Of<'physdev'>, around: Surroundings): Match {
  return and(
    given(options.isIn, () => not(test(F.physin, 0n))),
    given(options.in, (name) => interfaceMatch(F.physin, name, around)),
    given(options.isOut, () => not(test(F.physout, 0n))),
    portToLeaveBy(options.out, around),
    // Only a bridged packet in FORWARD or POSTROUTING has a port to leave by.
    given(options.isBridged, () => not(test(F.physout, 0n))),
  );
}

/** Without a port to leave by `--physdev-out` is false even turned, but for what no bridge saw. */
function portToLeaveBy(option: Of<'physdev'>['options']['out'], around: Surroundings): Match {
  if (option === undefined) return ANY;
  const named = interfaceMatch(F.physout, option.value, around);
  if (!option.not) return named;
  const none = test(F.physout, 0n);
  return or(and(none, test(F.physin, 0n)), and(not(none), not(named)));
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

const PACKET_TYPES = { unicast: 0n, broadcast: 1n, multicast: 2n } as const;

type HeaderKind = 'mac' | 'length' | 'ttl' | 'hl' | 'dscp' | 'tos' | 'ecn' | 'pkttype' | 'iprange';

function headerMatch(match: Of<HeaderKind>, { version, surroundings }: Context): Match {
  switch (match.kind) {
    case 'mac':
      // mac_mt(): without a MAC address nothing matches, a turned condition included.
      return and(
        or(
          ...surroundings.interfaces
            .filter((one) => one.ethernet)
            .map(({ index }) => test(F.iif, BigInt(index))),
        ),
        given(match.options.source, (value) => test(F.ethSource, value)),
      );
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
