/**
 * Connections that listeners of the host took: a SYN that comes again is answered again while the
 * connection is half open, and challenged once it is open (net/ipv4/tcp_minisocks.c
 * tcp_check_req(), tcp_input.c tcp_send_challenge_ack(); RFC 5961 §4).
 */
import { TCP_FLAGS } from '../../packet/fields.ts';
import { noteAnswer, segmentBack } from './answer.ts';
import { ADDRESSES, B, F, IS, put } from './headers.ts';
import { type Work } from './stack.ts';

/** One connection of a listener. */
export interface Served<P> {
  readonly version: 4 | 6;
  readonly syn: P;
  readonly synAck: P;
  /** The client acknowledged. */
  open: boolean;
  /** When something out of step was answered last. */
  answered_us: number | null;
}

/** Answers to what is out of step keep that distance (net.ipv4.tcp_invalid_ratelimit). */
const BETWEEN_ANSWERS_US = 500_000;
const MOST_CONNECTIONS = 1024;

/** Remembers the SYN-ACK to a SYN. Takes both over. */
export function serve<P>(work: Work<P>, version: 4 | 6, syn: P, synAck: P): void {
  const { served } = work.stack;
  served.unshift({ version, syn, synAck, open: false, answered_us: null });
  served.length = Math.min(served.length, MOST_CONNECTIONS);
}

/** Deals with SYNs of connections that are known; gives back everything else. */
export function repeatedSyn<P>(work: Work<P>, version: 4 | 6, p: P): P | null {
  const { traffic } = work.run;
  const { source, destination } = ADDRESSES[version];
  const tuple = [source, destination, B.sourcePort, B.destinationPort, B.protocol];
  const pairs = tuple.map((bits) => [bits, bits] as const);
  const parts: P[] = [];
  let rest: P | null = p;
  for (const one of work.stack.served) {
    if (rest === null) break;
    if (one.version !== version) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.same(rest, one.syn, pairs);
    rest = miss;
    if (hit === null) continue;
    const again = traffic.split(hit, IS.syn);
    if (again.hit !== null) answerAgain(work, one, again.hit);
    if (again.miss !== null) parts.push(advanced(work, one, again.miss));
  }
  if (rest !== null) parts.push(rest);
  return traffic.join(parts)[0] ?? null;
}

/** An acknowledgement opens the connection. */
function advanced<P>({ run }: Work<P>, one: Served<P>, p: P): P {
  const { hit, miss } = run.traffic.split(p, IS.rst);
  const acknowledged = miss === null ? null : run.traffic.split(miss, IS.ack);
  if (acknowledged !== null && acknowledged.hit !== null) one.open = true;
  const parts = [hit, acknowledged?.hit ?? null, acknowledged?.miss ?? null];
  return run.traffic.join(parts.filter((part) => part !== null))[0] ?? p;
}

function answerAgain<P>(work: Work<P>, one: Served<P>, p: P): void {
  const { traffic, now_us } = work.run;
  const { version } = one;
  work.out.push({ kind: 'delivered', to: 'connection', p: traffic.fork(p) });
  const recent = one.answered_us !== null && now_us - one.answered_us < BETWEEN_ANSWERS_US;
  if (recent) return;
  one.answered_us = now_us;
  if (!one.open) {
    work.now({ kind: 'emit', version, device: null, handle: null, p: traffic.fork(one.synAck) });
    return;
  }
  let made = segmentBack(work, version, p);
  made = traffic.copy(made, B.tcpSequence, one.synAck, B.tcpSequence);
  made = traffic.copy(made, B.tcpAcknowledgement, one.synAck, B.tcpAcknowledgement);
  made = traffic.add(made, F.tcpSequence, 1);
  made = traffic.set(made, put(F.tcpFlags, TCP_FLAGS.ack));
  made = noteAnswer(work, 'challenge', made);
  work.now({ kind: 'emit', version, device: null, handle: null, p: made });
}
