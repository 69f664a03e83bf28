/**
 * Sequence numbers of a connection whose payload was rewritten to another length
 * (net/netfilter/nf_conntrack_seqadj.c). Pairs are original direction, reply direction.
 */
import { field } from '../../packet/fields.ts';
import { type Traffic } from '../../traffic/traffic.ts';

/** What one direction's numbers are moved by. */
export interface SequenceShift {
  /** The segment whose payload changed last. */
  readonly from: number;
  readonly before: number;
  readonly after: number;
}

export type Shifts = readonly [SequenceShift, SequenceShift];

const NONE: SequenceShift = { from: 0, before: 0, after: 0 };
export const NO_SHIFTS: Shifts = [NONE, NONE];

const isAfter = (a: number, b: number): boolean => ((b - a) | 0) < 0;

/** nf_ct_seq_offset(). */
export function shiftAt({ from, before, after }: SequenceShift, seq: number): number {
  return isAfter(seq, from) ? after : before;
}

/** nf_ct_seqadj_set(): the segment `seq` of a direction has grown by `growth` bytes. */
export function grown(shifts: Shifts, reply: boolean, seq: number, growth: number): Shifts {
  const old = shifts[reply ? 1 : 0];
  const isNew = old.before === old.after || isAfter(seq, old.from);
  const now = isNew ? { from: seq, before: old.after, after: old.after + growth } : old;
  return reply ? [shifts[0], now] : [now, shifts[1]];
}

const SEQ = field('tcp_seq');
const ACK = field('tcp_ack');

/** nf_ct_seq_adjust(): numbers as the receiver expects them. */
export function shiftSegment<P>(traffic: Traffic<P>, shifts: Shifts, reply: boolean, p: P): P {
  const segment = traffic.segment(p);
  if (segment === null) return p;
  const own = shifts[reply ? 1 : 0];
  const other = shifts[reply ? 0 : 1];
  const moved = traffic.add(p, SEQ, shiftAt(own, segment.seq));
  if (segment.ack === 0) return moved;
  return traffic.add(moved, ACK, -shiftAt(other, segment.ack - other.before));
}
