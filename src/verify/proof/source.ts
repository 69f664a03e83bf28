/** The packets that a program may send to an address: which protocols, ports and types. */
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { allBits, field, TCP_FLAGS } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { type Match, or, test } from '../../traffic/match.ts';
import { blankSet, everyPacket, type PacketSet } from '../../traffic/sets/packet-set.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { type Assignment, assignment } from '../../traffic/words.ts';
import { type Wanted } from './wanted.ts';

/** Bytes behind the IP header: what a packet that opens something usually has. */
const PAYLOAD = { icmp: 64, tcp: 20, udp: 24, others: 20 } as const;
type Kind = keyof typeof PAYLOAD;

/** What every packet of a kind has in common, beside its protocol. */
const F = {
  ethType: field('eth_type'),
  protocol: field('ip_proto'),
  ttl: field('nw_ttl'),
  df: field('ip_df'),
  source: field('tp_src'),
  destination: field('tp_dst'),
  flags: field('tcp_flags'),
  icmpId: field('icmp_id'),
  icmpSeq: field('icmp_seq'),
  length: field('ip_len'),
  frame: field('frame_len'),
} as const;

/** Fields whose value is open, by kind. */
const OPEN: Readonly<Record<Kind, readonly (keyof typeof F)[]>> = {
  icmp: [],
  tcp: ['source', 'destination'],
  udp: ['source', 'destination'],
  others: ['protocol'],
};

/** The fields of an input that a question leaves open: the coordinates of its answer. */
export const COORDINATES = [F.protocol, F.destination, F.source] as const;

/** The sets to send to an address, each of one kind; all of one space. */
export function setsTo(
  to: IpAddress,
  wanted: Wanted,
  space: Space = openSpace(),
  source: IpAddress | null = null,
  length: number | null = null,
): readonly { readonly version: 4 | 6; readonly kind: Kind; readonly p: PacketSet }[] {
  const every = everyPacket(space);
  const sets = [];
  for (const kind of ['icmp', 'tcp', 'udp', 'others'] as const) {
    const match = condition(kind, to.version, wanted);
    if (match === null) continue;
    const { hit } = packetSets.split(every, guard(match));
    if (hit === null) continue;
    const open = OPEN[kind].map((name) => F[name]);
    let p = blankSet(hit);
    for (const of of open) p = packetSets.copy(p, allBits(of), hit, allBits(of));
    p = written(packetSets, p, kind, to);
    if (length !== null) p = unfragmented(p, to.version, length);
    if (source !== null) p = packetSets.set(p, sourceOf(source));
    sets.push({ version: to.version, kind, p });
  }
  return sets;
}

/** Packets of a length in bytes, IP header included, that must not be fragmented. */
function unfragmented(p: PacketSet, version: 4 | 6, length: number): PacketSet {
  let sized = packetSets.set(p, assignment(F.length, BigInt(length)));
  sized = packetSets.set(sized, assignment(F.frame, BigInt(14 + length)));
  return version === 6 ? sized : packetSets.set(sized, assignment(F.df, 1n));
}

function sourceOf({ version, value }: IpAddress): Assignment {
  return assignment(field(version === 6 ? 'ipv6_src' : 'ip_src'), value);
}

/** The fields that a packet of a kind has whatever the input is. */
export function written<P>(traffic: Traffic<P>, blank: P, kind: Kind, to: IpAddress): P {
  const six = to.version === 6;
  const icmp = six ? 58 : 1;
  const length = (six ? 40 : 20) + PAYLOAD[kind];
  const constants: readonly (readonly [keyof typeof F, number])[] = [
    ['ethType', six ? 0x86dd : 0x0800],
    ['ttl', 64],
    ['length', length],
    ['frame', 14 + length],
    ...(kind === 'others'
      ? []
      : [['protocol', kind === 'icmp' ? icmp : kind === 'tcp' ? 6 : 17] as const]),
    ...(kind === 'tcp' ? [['flags', TCP_FLAGS.syn] as const, ['df', six ? 0 : 1] as const] : []),
    ...(kind === 'icmp'
      ? [['source', six ? 128 : 8] as const, ['icmpId', 1] as const, ['icmpSeq', 1] as const]
      : []),
  ];
  let p = traffic.set(blank, assignment(field(six ? 'ipv6_dst' : 'ip_dst'), to.value));
  for (const [name, value] of constants) p = traffic.set(p, assignment(F[name], BigInt(value)));
  return p;
}

/** Which inputs are packets of a kind; null when none is wanted. */
function condition(kind: Kind, version: 4 | 6, wanted: Wanted): Match | null {
  const icmp = version === 6 ? 58n : 1n;
  const is = (value: bigint): Match => test(F.protocol, value);
  // The input's other coordinates say nothing: they are zero, so that inputs are packets.
  const none = (...fields: (typeof COORDINATES)[number][]): readonly Match[] =>
    fields.map((of) => test(of, 0n));
  switch (kind) {
    case 'icmp':
      return wanted.icmp ? all(is(icmp), ...none(F.destination, F.source)) : null;
    case 'tcp':
    case 'udp': {
      const ranges = wanted[kind];
      if (ranges === null) return null;
      return all(is(kind === 'tcp' ? 6n : 17n), { kind: 'within', field: F.destination, ranges });
    }
    case 'others': {
      if (!wanted.others) return null;
      const known = or(is(1n), is(58n), is(6n), is(17n));
      return all({ kind: 'not', of: known }, ...none(F.destination, F.source));
    }
  }
}

function all(...of: readonly Match[]): Match {
  return { kind: 'and', of };
}
