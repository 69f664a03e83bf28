/**
 * What connection tracking sees of a packet: its protocol class and the fields that make its
 * tuple. It stands at the start of every lookup; `tracker.ts` follows.
 */
import { allBits, type Field, type FieldBits, field } from '../../packet/fields.ts';
import { linearTable } from '../../traffic/linear.ts';
import { ANY, and, type Match, or, range, test } from '../../traffic/match.ts';
import { type Rule, type Table } from '../../traffic/table.ts';
import { type FieldPairs, type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { type Personality } from './types.ts';

export type Kind = 'tcp' | 'udp' | 'sctp' | 'icmp' | 'gre' | 'other';

/** What a tracker does with packets of a class. */
export type Treatment =
  /** Has a tuple and is looked up. */
  | 'track'
  /** An ICMP error: the packet it quotes is looked up. */
  | 'error'
  /** Neighbour discovery and multicast listener messages, which the kernel leaves untracked. */
  | 'discovery'
  /** Has no tuple: later fragments, ICMP types without a counterpart, no IP at all. */
  | 'none';

export interface PacketClass {
  readonly version: 4 | 6;
  readonly kind: Kind;
  readonly treatment: Treatment;
  /** ICMP only: the type of this packet and of what answers it. */
  readonly icmpType: number;
  readonly replyType: number;
  /** Whether the first packet of a connection may be of this class. */
  readonly opens: boolean;
}

export const F = {
  ethType: field('eth_type'),
  proto: field('ip_proto'),
  frag: field('ip_frag'),
  ipSrc: field('ip_src'),
  ipDst: field('ip_dst'),
  ipv6Src: field('ipv6_src'),
  ipv6Dst: field('ipv6_dst'),
  tpSrc: field('tp_src'),
  tpDst: field('tp_dst'),
  icmpType: field('icmp_type'),
  icmpId: field('icmp_id'),
  ctState: field('ct_state'),
  ctZone: field('ct_zone'),
  ctMark: field('ct_mark'),
  ctLabel: field('ct_label'),
  ctStatus: field('ct_status'),
  ctProto: field('ct_nw_proto'),
  ctSrc: field('ct_nw_src'),
  ctDst: field('ct_nw_dst'),
  ct6Src: field('ct_ipv6_src'),
  ct6Dst: field('ct_ipv6_dst'),
  ctTpSrc: field('ct_tp_src'),
  ctTpDst: field('ct_tp_dst'),
} as const;

export const PROTO = { icmp: 1, tcp: 6, udp: 17, gre: 47, icmp6: 58, sctp: 132 } as const;

/** ICMP types that ask and those that answer (nf_conntrack_proto_icmp.c `invmap`). */
const ASKS_4 = [
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
] as const;
/** ICMPv6: echo and node information (nf_conntrack_proto_icmpv6.c `invmap`). */
const ASKS_6 = [
  [128, 129],
  [139, 140],
] as const;
const ERRORS_4 = [3, 4, 5, 11, 12] as const;
/** MLD, router and neighbour discovery; redirect (137) is not among them. */
const DISCOVERY = [130, 131, 132, 133, 134, 135, 136, 143] as const;

/** The type that answers an ICMP type; undefined when it has none. */
export function counterpart(version: 4 | 6, type: number): number | undefined {
  for (const [ask, answer] of version === 4 ? ASKS_4 : ASKS_6) {
    if (type === ask) return answer;
    if (type === answer) return ask;
  }
  return undefined;
}

function kindClass(version: 4 | 6, kind: Kind): PacketClass {
  return { version, kind, treatment: 'track', icmpType: 0, replyType: 0, opens: true };
}

function bare(version: 4 | 6, treatment: Treatment): PacketClass {
  return { ...kindClass(version, 'icmp'), treatment, opens: false };
}

function icmpClass(version: 4 | 6, type: number, answer: number, opens: boolean): PacketClass {
  return { ...kindClass(version, 'icmp'), icmpType: type, replyType: answer, opens };
}

const NO_TUPLE = bare(4, 'none');

function classRules(personality: Personality): Rule<PacketClass>[] {
  const rules: Rule<PacketClass>[] = [];
  const add = (match: Match, entry: PacketClass): void => {
    rules.push({ match, rank: rules.length, decisive: true, entry });
  };
  const ip = { 4: test(F.ethType, 0x0800n), 6: test(F.ethType, 0x86ddn) } as const;
  const proto = (version: 4 | 6, number: number): Match =>
    and(ip[version], test(F.proto, BigInt(number)));
  const type = (version: 4 | 6, number: number): Match =>
    and(proto(version, version === 4 ? PROTO.icmp : PROTO.icmp6), test(F.icmpType, BigInt(number)));
  add(test(F.frag, 2n, 2n), NO_TUPLE);
  for (const version of [4, 6] as const) {
    add(proto(version, PROTO.tcp), kindClass(version, 'tcp'));
    add(proto(version, PROTO.udp), kindClass(version, 'udp'));
    for (const [ask, answer] of version === 4 ? ASKS_4 : ASKS_6) {
      add(type(version, ask), icmpClass(version, ask, answer, true));
      add(type(version, answer), icmpClass(version, answer, ask, false));
    }
  }
  add(or(...ERRORS_4.map((number) => type(4, number))), bare(4, 'error'));
  add(and(proto(6, PROTO.icmp6), range(F.icmpType, 1n, 127n)), bare(6, 'error'));
  add(or(...DISCOVERY.map((number) => type(6, number))), bare(6, 'discovery'));
  add(or(proto(4, PROTO.icmp), proto(6, PROTO.icmp6)), NO_TUPLE);
  for (const version of [4, 6] as const) {
    // Open vSwitch 3.1 tracks SCTP in the userspace datapath by its addresses alone.
    if (personality === 'kernel') add(proto(version, PROTO.sctp), kindClass(version, 'sctp'));
    add(proto(version, PROTO.gre), kindClass(version, 'gre'));
    add(ip[version], kindClass(version, 'other'));
  }
  add(ANY, NO_TUPLE);
  return rules;
}

const CLASSES: Readonly<Record<Personality, Table<PacketClass>>> = {
  kernel: linearTable(classRules('kernel')),
  userspace: linearTable(classRules('userspace')),
};

export interface Classified<P> {
  readonly cls: PacketClass;
  readonly p: P;
}

/** Tells the protocol classes of traffic apart: disjoint parts that together are `p`. */
export function classify<P>(
  traffic: Traffic<P>,
  p: P,
  personality: Personality,
): readonly Classified<P>[] {
  return traffic.lookup(p, CLASSES[personality]).map(({ entries, p: part }) => ({
    cls: entries[0]?.entry ?? NO_TUPLE,
    p: part,
  }));
}

/** The address fields of an IP version. */
export function addressFields(version: 4 | 6): { readonly src: Field; readonly dst: Field } {
  return version === 4 ? { src: F.ipSrc, dst: F.ipDst } : { src: F.ipv6Src, dst: F.ipv6Dst };
}

/** All bits of the addresses of an IP version. */
export function allAddressBits(version: 4 | 6): {
  readonly src: FieldBits;
  readonly dst: FieldBits;
} {
  const { src, dst } = addressFields(version);
  return { src: allBits(src), dst: allBits(dst) };
}

/** Whether the class has ports that belong to its tuple. */
export function hasPorts(kind: Kind): boolean {
  return kind === 'tcp' || kind === 'udp' || kind === 'sctp';
}

type Pairs = { readonly forward: FieldPairs; readonly reverse: FieldPairs };

function pairsOf(version: 4 | 6, kind: Kind): Pairs {
  const { src, dst } = addressFields(version);
  const pair = (a: Field, b: Field) => [allBits(a), allBits(b)] as const;
  const forward = [pair(src, src), pair(dst, dst)];
  const reverse = [pair(src, dst), pair(dst, src)];
  if (hasPorts(kind)) {
    forward.push(pair(F.tpSrc, F.tpSrc), pair(F.tpDst, F.tpDst));
    reverse.push(pair(F.tpSrc, F.tpDst), pair(F.tpDst, F.tpSrc));
  } else if (kind === 'icmp') {
    for (const same of [F.icmpId, F.tpDst]) {
      forward.push(pair(same, same));
      reverse.push(pair(same, same));
    }
  } else {
    forward.push(pair(F.proto, F.proto));
    reverse.push(pair(F.proto, F.proto));
  }
  return { forward, reverse };
}

const KINDS: readonly Kind[] = ['tcp', 'udp', 'sctp', 'icmp', 'gre', 'other'];
const PAIRS = new Map<string, Pairs>(
  KINDS.flatMap((kind) => ([4, 6] as const).map((v) => [`${v}${kind}`, pairsOf(v, kind)] as const)),
);

/** Which fields of a packet must equal which of a remembered one, forwards and as its answer. */
export function tuplePairs(cls: PacketClass): Pairs {
  const found = PAIRS.get(`${cls.version}${cls.kind}`);
  if (found === undefined) throw new Error('assumption broken: every class has its field pairs');
  return found;
}

/** The packet that would answer `p` (nf_ct_invert_tuple()); consumes `p`. */
export function invert<P>(traffic: Traffic<P>, p: P, cls: PacketClass): P {
  const { src, dst } = addressFields(cls.version);
  let answer = traffic.fork(p);
  answer = traffic.copy(answer, allBits(src), p, allBits(dst));
  answer = traffic.copy(answer, allBits(dst), p, allBits(src));
  if (hasPorts(cls.kind)) {
    answer = traffic.copy(answer, allBits(F.tpSrc), p, allBits(F.tpDst));
    answer = traffic.copy(answer, allBits(F.tpDst), p, allBits(F.tpSrc));
  } else if (cls.kind === 'icmp') {
    answer = traffic.set(answer, assignment(F.icmpType, BigInt(cls.replyType)));
  }
  return answer;
}

/** The class of the packet that answers one of `cls`. */
export function answerClass(cls: PacketClass): PacketClass {
  if (cls.kind !== 'icmp') return cls;
  return { ...cls, icmpType: cls.replyType, replyType: cls.icmpType, opens: !cls.opens };
}
