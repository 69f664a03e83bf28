/**
 * What REJECT tells the sender: an ICMP error, which the stack builds, or a TCP reset
 * (net/ipv4/netfilter/nf_reject_ipv4.c, net/ipv6/netfilter/nf_reject_ipv6.c).
 */
import { allBits, type Field, TCP_FLAGS } from '../../packet/fields.ts';
import { internetChecksum } from '../../packet/wire/checksum.ts';
import { guard } from '../../traffic/guard.ts';
import { and, not, or, test } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { transportOf } from '../conntrack/transport-bytes.ts';
import { bit, F, NOT_LATER_FRAGMENT } from './fields.ts';
import { OWNER } from './tests/owner.ts';

/** ICMP type and code by the word of `--reject-with`; codes of RFC 792, RFC 1812, RFC 4443. */
const ERRORS: Readonly<Record<string, readonly [type: number, code: number]>> = {
  'icmp-net-unreachable': [3, 0],
  'icmp-host-unreachable': [3, 1],
  'icmp-proto-unreachable': [3, 2],
  'icmp-port-unreachable': [3, 3],
  'icmp-net-prohibited': [3, 9],
  'icmp-host-prohibited': [3, 10],
  'icmp-admin-prohibited': [3, 13],
  'icmp6-no-route': [1, 0],
  'icmp6-adm-prohibited': [1, 1],
  'icmp6-addr-unreachable': [1, 3],
  'icmp6-port-unreachable': [1, 4],
  'icmp6-policy-fail': [1, 5],
  'icmp6-reject-route': [1, 6],
};

const VERIFIED = guard(or(...[1, 6, 17, 58].map((protocol) => test(F.protocol, BigInt(protocol)))));
const BAD = guard(test(F.badChecksum, 1n));
const NOT_SUMMED = guard(
  or(
    test(F.fragment, 1n, 1n),
    // GRE (its checksum is optional), ESP, AH, SCTP, UDP-Lite, DCCP.
    ...[47, 50, 51, 132, 136, 33].map((protocol) => test(F.protocol, BigInt(protocol))),
  ),
);

/**
 * The part of refused traffic about which an ICMP error may be sent (nf_reject_verify_csum()):
 * what came damaged is passed over in silence. Protocols that the kernel does not know have to
 * sum up like ICMP.
 */
export function soundPart<P>(traffic: Traffic<P>, version: 4 | 6, p: P): P | null {
  const known = traffic.split(p, VERIFIED);
  const good = known.hit === null ? null : traffic.split(known.hit, BAD).miss;
  const other = known.miss === null ? null : sound(traffic, version, known.miss);
  return traffic.join([good, other].filter((part) => part !== null))[0] ?? null;
}

function sound<P>(traffic: Traffic<P>, version: 4 | 6, p: P): P | null {
  if (traffic.split(traffic.fork(p), NOT_SUMMED).hit !== null) return p;
  const content = traffic.content(p);
  const place = content === null ? null : transportOf(content.bytes, version);
  // Where the bytes are not known they are taken for sound.
  if (content === null || place === null || content.known < place.end) return p;
  // The IP header is summed up as well, and is 0 by itself.
  return internetChecksum(content.bytes, 0, place.end) === 0 ? p : null;
}

/** The ICMP error of `--reject-with`; null for a reset or an unknown word. */
export function rejectError(word: string): { readonly type: number; readonly code: number } | null {
  const found = ERRORS[word];
  return found === undefined ? null : { type: found[0], code: found[1] };
}

const ANSWERABLE = guard(
  and(
    test(F.protocol, 6n),
    NOT_LATER_FRAGMENT,
    not(bit(F.tcpFlags, TCP_FLAGS.rst)),
    not(test(F.badChecksum, 1n)),
  ),
);
const HAS_ACK = guard(bit(F.tcpFlags, TCP_FLAGS.ack));
const HAS_SYN = guard(bit(F.tcpFlags, TCP_FLAGS.syn));
const HAS_FIN = guard(bit(F.tcpFlags, TCP_FLAGS.fin));
const RST = assignment(F.tcpFlags, BigInt(TCP_FLAGS.rst));
const RST_ACK = assignment(F.tcpFlags, BigInt(TCP_FLAGS.rst | TCP_FLAGS.ack));

/**
 * The resets that answer TCP segments; nothing for a reset or a later fragment. The segment is
 * not consumed. Numbers as in nf_reject_ip_tcphdr_put().
 */
export function resetsFor<P>(traffic: Traffic<P>, version: 4 | 6, segment: P): readonly P[] {
  const { hit } = traffic.split(traffic.fork(segment), ANSWERABLE);
  if (hit === null) return [];
  const out: P[] = [];
  const { hit: acked, miss } = traffic.split(hit, HAS_ACK);
  if (acked !== null) {
    const made = headers(traffic, version, acked);
    const numbered = traffic.copy(
      made,
      allBits(F.tcpSequence),
      acked,
      allBits(F.tcpAcknowledgement),
    );
    out.push(traffic.set(numbered, RST));
  }
  for (const [part, covered] of miss === null ? [] : coverage(traffic, miss)) {
    const made = headers(traffic, version, part);
    const numbered = traffic.copy(
      made,
      allBits(F.tcpAcknowledgement),
      part,
      allBits(F.tcpSequence),
    );
    out.push(traffic.set(traffic.add(numbered, F.tcpAcknowledgement, covered), RST_ACK));
  }
  return out;
}

/** How many sequence numbers a segment covers: its data, one for SYN, one for FIN. */
function coverage<P>(traffic: Traffic<P>, segment: P): readonly (readonly [P, number])[] {
  const data = traffic.segment(segment)?.length ?? 0;
  const out: [P, number][] = [];
  const syn = traffic.split(segment, HAS_SYN);
  for (const [part, one] of [
    [syn.hit, 1],
    [syn.miss, 0],
  ] as const) {
    if (part === null) continue;
    const fin = traffic.split(part, HAS_FIN);
    if (fin.hit !== null) out.push([fin.hit, data + one + 1]);
    if (fin.miss !== null) out.push([fin.miss, data + one]);
  }
  return out;
}

const ETHER_TYPE = { 4: 0x0800n, 6: 0x86ddn } as const;
/** Bytes of an IP header and a TCP header without options. */
const LENGTH = { 4: 40n, 6: 60n } as const;

function headers<P>(traffic: Traffic<P>, version: 4 | 6, segment: P): P {
  const back = (to: Field, from: Field): void => {
    made = traffic.copy(made, allBits(to), segment, allBits(from));
  };
  let made = traffic.blank(segment);
  back(F.source[version], F.destination[version]);
  back(F.destination[version], F.source[version]);
  back(F.sourcePort, F.destinationPort);
  back(F.destinationPort, F.sourcePort);
  // Where the segment came over a bridge the reset goes back as a frame (nf_send_reset()).
  back(F.physin, F.physin);
  back(F.ethSource, F.ethDestination);
  back(F.ethDestination, F.ethSource);
  const constants: readonly (readonly [Field, bigint])[] = [
    [F.ethType, ETHER_TYPE[version]],
    [F.protocol, 6n],
    [F.ttl, 64n],
    [F.owner, BigInt(OWNER.none)],
    [F.length, LENGTH[version]],
    ...(version === 4 ? [[F.df, 1n] as const] : []),
  ];
  for (const [to, value] of constants) made = traffic.set(made, assignment(to, value));
  return made;
}
