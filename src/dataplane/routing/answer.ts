/**
 * What a host answers by itself: echo replies, SYN-ACKs, resets (net/ipv4/icmp.c icmp_echo(),
 * tcp_ipv4.c tcp_v4_send_reset(), tcp_minisocks.c). The answers are packets of the host: they
 * get their own route and pass OUTPUT.
 */
import { TCP_FLAGS } from '../../packet/fields.ts';
import { put16 } from '../../packet/wire/bytes.ts';
import { sealed } from '../conntrack/transport-bytes.ts';
import { OWNER } from '../iptables/tests/owner.ts';
import { ADDRESSES, B, ETHERTYPE, F, IS, PROTOCOL, put } from './headers.ts';
import { byPathMtu } from './path-mtu.ts';
import { mtuOf } from './questions.ts';
import { decide } from './route.ts';
import { type Work } from './stack.ts';
import { type AnswerStep } from './steps.ts';
import { type Socket } from './types.ts';

const TTL = put(F.ttl, 64);
const NO_MARK = put(F.mark, 0);
const BY_KERNEL = put(F.owner, OWNER.kernel);
const NO_FRAGMENT_RULE = put(F.dontFragment, 0);

export function noteAnswer<P>(work: Work<P>, what: AnswerStep['what'], p: P): P {
  const namespace = work.stack.config.of.name;
  return work.run.traffic.note(p, (): AnswerStep => ({ kind: 'answer', namespace, what }));
}

/** Exchanges the addresses of `p`; everything else of it goes back as it came. */
function turnAround<P>(work: Work<P>, version: 4 | 6, p: P): P {
  const { traffic } = work.run;
  const { source, destination } = ADDRESSES[version];
  const back = traffic.copy(traffic.fork(p), source, p, destination);
  return traffic.copy(back, destination, p, source);
}

/** Type 0 to a type 8, with the same identifier, sequence number and data (RFC 792). */
export function answerEcho<P>(work: Work<P>, version: 4 | 6, p: P): void {
  const { traffic } = work.run;
  let made = turnAround(work, version, p);
  made = traffic.set(made, put(F.icmpType, version === 4 ? 0 : 129));
  for (const write of [TTL, NO_MARK, NO_FRAGMENT_RULE, BY_KERNEL]) made = traffic.set(made, write);
  work.now({
    kind: 'emit',
    version,
    device: null,
    handle: null,
    icmp: true,
    p: noteAnswer(work, 'echo-reply', made),
  });
}

/** Type 14 to a type 13 (RFC 792 "Timestamp"). */
export function answerTimestamp<P>(work: Work<P>, p: P): void {
  const { traffic } = work.run;
  let made = turnAround(work, 4, p);
  made = traffic.set(made, put(F.icmpType, 14));
  for (const write of [TTL, NO_MARK, NO_FRAGMENT_RULE, BY_KERNEL]) made = traffic.set(made, write);
  const content = traffic.content(made);
  if (content !== null) made = traffic.withContent(made, withThreeTimes(content.bytes));
  const noted = noteAnswer(work, 'timestamp-reply', made);
  work.now({ kind: 'emit', version: 4, device: null, handle: null, icmp: true, p: noted });
}

/** Header and three times, of which the first is the request's; nothing else comes back. */
function withThreeTimes(request: Uint8Array): Uint8Array {
  const header = ((request[0] ?? 0) & 15) * 4;
  const bytes = new Uint8Array(20 + 20);
  bytes.set(request.subarray(0, 20));
  bytes[0] = 0x45;
  bytes.set(request.subarray(header, header + 12), 20);
  return sealed(bytes, 4);
}

/** A segment of the host in answer to `p`: addresses and ports exchanged, nothing else. */
export function segmentBack<P>(work: Work<P>, version: 4 | 6, p: P): P {
  const { traffic } = work.run;
  const { source, destination } = ADDRESSES[version];
  let made = traffic.blank(p);
  made = traffic.set(made, put(F.ethType, version === 4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6));
  made = traffic.set(made, put(F.protocol, PROTOCOL.tcp));
  made = traffic.set(traffic.set(made, TTL), BY_KERNEL);
  if (version === 4) made = traffic.set(made, put(F.dontFragment, 1));
  made = traffic.copy(made, source, p, destination);
  made = traffic.copy(made, destination, p, source);
  made = traffic.copy(made, B.sourcePort, p, B.destinationPort);
  made = traffic.copy(made, B.destinationPort, p, B.sourcePort);
  return traffic.set(made, put(F.ipLength, version === 4 ? 40 : 60));
}

const ANY_SEQUENCE = [0n, 0xffff_ffffn] as const;

/** Answers a SYN to a listener (RFC 9293 §3.5) with any initial sequence number; returns it. */
export function synAck<P>(work: Work<P>, version: 4 | 6, socket: Socket | null, p: P): P {
  const { traffic } = work.run;
  // Who completes packets writes all options (Applications.complete).
  const complete = work.stack.applications?.complete !== undefined;
  const back = segmentBack(work, version, p);
  let made = complete ? back : offerSize(work, version, back);
  const owner = socket?.uid === undefined ? OWNER.unknown : OWNER.process;
  made = traffic.set(traffic.set(made, put(F.owner, owner)), put(F.uid, socket?.uid ?? 0));
  made = traffic.set(made, put(F.tcpFlags, TCP_FLAGS.syn | TCP_FLAGS.ack));
  made = traffic.copy(made, B.tcpAcknowledgement, p, B.tcpSequence);
  made = traffic.add(made, F.tcpAcknowledgement, 1);
  made = traffic.choose(made, B.tcpSequence, ...ANY_SEQUENCE);
  made = noteAnswer(work, 'syn-ack', traffic.set(made, put(F.tcpWindow, 65535)));
  const kept = traffic.fork(made);
  work.now({ kind: 'emit', version, device: null, handle: null, p: made });
  return kept;
}

const MSS_OPTION_BYTES = 4;
const IP_AND_TCP_BYTES = { 4: 40, 6: 60 } as const;

/** tcp_synack_options(): the largest segment that fits into the way back. */
function offerSize<P>(work: Work<P>, version: 4 | 6, p: P): P {
  const { traffic } = work.run;
  const content = traffic.content(p);
  if (content === null) {
    // Which size is offered is written in bytes that sets do not have; that it is, counts.
    const longer = traffic.add(p, F.ipLength, MSS_OPTION_BYTES);
    return traffic.add(longer, F.frameLength, MSS_OPTION_BYTES);
  }
  const [found] = decide(work.run, work.stack.config.fib[version], traffic.fork(p));
  const mtu = found === undefined ? null : mtuOf(work.stack.config, found.decision);
  const header = IP_AND_TCP_BYTES[version];
  const [narrow = { mtu: null }] = byPathMtu(work, version, mtu ?? 1500, traffic.fork(p));
  const bytes = new Uint8Array(header + MSS_OPTION_BYTES);
  bytes.set(content.bytes.subarray(0, header));
  bytes.set([2, MSS_OPTION_BYTES], header);
  put16(bytes, header + 2, (narrow.mtu ?? 1500) - header);
  bytes[header - 20 + 12] = 6 << 4;
  return traffic.withContent(p, sealed(bytes, version));
}

/**
 * Refuses a segment (RFC 9293 §3.10.7.1): with ACK the reset continues its numbers, without it
 * acknowledges all it holds.
 */
export function reset<P>(work: Work<P>, version: 4 | 6, p: P): void {
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, IS.ack);
  if (hit !== null) {
    let made = traffic.copy(segmentBack(work, version, hit), B.tos, hit, B.tos);
    made = traffic.copy(made, B.tcpSequence, hit, B.tcpAcknowledgement);
    made = traffic.set(made, put(F.tcpFlags, TCP_FLAGS.rst));
    work.now({
      kind: 'emit',
      version,
      device: null,
      handle: null,
      p: noteAnswer(work, 'reset', made),
    });
  }
  if (miss === null) return;
  for (const [covered, part] of coverage(work, miss)) {
    let made = traffic.copy(segmentBack(work, version, part), B.tos, part, B.tos);
    made = traffic.copy(made, B.tcpAcknowledgement, part, B.tcpSequence);
    made = traffic.add(made, F.tcpAcknowledgement, covered);
    made = traffic.set(made, put(F.tcpFlags, TCP_FLAGS.rst | TCP_FLAGS.ack));
    work.now({
      kind: 'emit',
      version,
      device: null,
      handle: null,
      p: noteAnswer(work, 'reset', made),
    });
  }
}

/** How many sequence numbers a segment covers: its data, and one each for SYN and FIN. */
function coverage<P>(work: Work<P>, p: P): readonly (readonly [number, P])[] {
  const { traffic } = work.run;
  const data = traffic.segment(p)?.length ?? 0;
  const parts: (readonly [number, P])[] = [];
  const bySyn = traffic.split(p, IS.synBit);
  for (const [syn, part] of [
    [1, bySyn.hit],
    [0, bySyn.miss],
  ] as const) {
    if (part === null) continue;
    const byFin = traffic.split(part, IS.fin);
    if (byFin.hit !== null) parts.push([data + syn + 1, byFin.hit]);
    if (byFin.miss !== null) parts.push([data + syn, byFin.miss]);
  }
  return parts;
}
