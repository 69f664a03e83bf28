/**
 * What can be done to traffic, be it one packet or every packet.
 *
 * Every dataplane element is written once, generic over the opaque type `P`, and may touch
 * traffic only through this interface. So an element cannot peek, and the walk of one packet
 * and the proof over all packets cannot drift apart.
 *
 * Ownership: an operation that returns traffic consumes the `P` it was given; the caller goes
 * on with the result. Who wants to keep the old state as well calls `fork` first. (One packet
 * changes in place; packet sets share structure and do not care.)
 *
 * Invariant: `null` stands for "no traffic": no operation is ever called with it.
 */
import { type Field, type FieldBits } from '../packet/fields.ts';
import { type Guard } from './guard.ts';
import { type Candidate, type Table } from './table.ts';
import { type Assignment, type Assignments, type WholeFields } from './words.ts';

/** The traffic that meets a condition, and the rest. For one packet exactly one is not null. */
export interface Split<P> {
  readonly hit: P | null;
  readonly miss: P | null;
}

/** One part of the traffic that a table tells apart, with the entries that match it. */
export interface Found<E, P> {
  /** Matching entries in rank order, up to the first decisive one and those of its rank. */
  readonly entries: readonly Candidate<E>[];
  readonly p: P;
}

/** The part of the traffic in which some bits have one value. */
export interface Case<P> {
  readonly value: number;
  readonly p: P;
}

/** Which bits of one traffic must equal which bits of another. */
export type FieldPairs = readonly (readonly [FieldBits, FieldBits])[];

/** Headers that can be pushed on and popped from the front of a frame. */
export type HeaderKind = 'vlan' | 'mpls' | 'nsh' | 'ethernet';

/** The numbers of a TCP segment, for window tracking (RFC 9293 §3.4). */
export interface TcpSegment {
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  /** Payload bytes. */
  readonly length: number;
  /** Window scale option of a SYN; undefined when the option is absent. */
  readonly windowScale: number | undefined;
  readonly sackPermitted: boolean;
  /** There are options at all, be it padding. */
  readonly hasOptions: boolean;
}

/** One IP packet from its IP header on, for rules and trackers that look where no field shows. */
export interface Content {
  readonly bytes: Uint8Array;
  /** So many of them are known; behind them a packet that was built from fields has zeros. */
  readonly known: number;
}

export interface Traffic<P> {
  /** The meaning of a branch. A guard with an opaque part: see `Guard.certain`. */
  split(p: P, guard: Guard): Split<P>;
  /** Looks traffic up in a compiled table: disjoint parts that together are `p`. */
  lookup<E>(p: P, table: Table<E>): readonly Found<E, P>[];
  /** Traffic whose bits equal those of traffic seen earlier (replies, learned addresses). */
  same(p: P, seen: P, pairs: FieldPairs): Split<P>;
  /**
   * Tells the values of a run of up to 32 bits apart: one part per value, together `p`. Null when
   * there are more than `limit` values; then `p` is unchanged. Ports, VLANs and zones are
   * numbers that decide where a packet goes, not only whether a rule matches.
   */
  cases(p: P, bits: FieldBits, limit: number): readonly Case<P>[] | null;
  /** Writes a constant. */
  set(p: P, write: Assignment): P;
  /** Copies bits from `source` (which may be `p` itself, or traffic remembered earlier). Equal widths. */
  copy(p: P, to: FieldBits, source: P, from: FieldBits): P;
  /** `set` with each of them, in one go. */
  setAll(p: P, writes: Assignments): P;
  /** `copy` of each field from where it stands in `source`, in one go. */
  copyAll(p: P, source: P, fields: WholeFields): P;
  /** Adds a constant to a field of up to 32 bits, modulo its width: TTL, lengths. */
  add(p: P, field: Field, delta: number): P;
  /**
   * Any one value of the range: NAT port, ECMP bucket. One run picks the first, sets keep all.
   * What is a hash is the same wherever the same is hashed.
   */
  choose(p: P, to: FieldBits, from: bigint, upTo: bigint, hash?: Hash<P>): P;
  /** Pushes a header in front; its fields start as the standard says for that header. */
  push(p: P, header: HeaderKind, etherType: number): P;
  /** Pops the foremost header of that kind; `etherType` is what MPLS uncovers (pop_mpls:ETH). */
  pop(p: P, header: HeaderKind, etherType?: number): P;
  /** A new frame, all header fields zero, that carries `p`; marks and registers are zero as well. */
  encapsulate(p: P): P;
  /** What a frame carries, or null when it carries none. The outer frame stays valid for `copy`. */
  decapsulate(p: P): P | null;
  /**
   * A new frame that is made because of `p`, all fields zero and nothing behind the headers: an
   * ARP request, an ICMP error, a TCP reset. `p` stays valid for `copy`; the diary goes on.
   */
  blank(p: P): P;
  /** The packet quoted in an ICMP error, or null when there is none. */
  quoted(p: P): P | null;
  /** Replaces the packet quoted in an ICMP error (un-NAT of the inner header). */
  quote(p: P, original: P): P;
  /** The numbers of a TCP segment; null when `p` is not one concrete segment (then any number). */
  segment(p: P): TcpSegment | null;
  /**
   * The bytes of an IP packet; null when `p` is not one concrete packet, or not IP: then nobody
   * may say whether a rule on bytes matches. Does not consume `p`.
   */
  content(p: P): Content | null;
  /**
   * `p` with other bytes from its IP header on: fragments, a rewritten payload. Link header and
   * metadata stay. Only for traffic whose `content` is not null.
   */
  withContent(p: P, bytes: Uint8Array, pieces?: readonly number[], cuts?: readonly number[]): P;
  /**
   * Lengths without IP header of the fragments that `withContent` put the packet together from,
   * in order; empty for one that came whole. Does not consume `p`.
   */
  pieces(p: P): readonly number[];
  /**
   * Lengths by which the packet is cut where it must be: the same as `pieces`, unless somebody has
   * forgotten how long they were and still has them one by one.
   */
  cuts(p: P): readonly number[];
  /** An independent copy. */
  fork(p: P): P;
  /** Only that part of `p` whose input is also the input of `survivor`. One packet: `p` itself. */
  within(p: P, survivor: P): P | null;
  /** Merges parts that are at the same place. One packet: the parts as they are. */
  join(parts: readonly P[]): readonly P[];
  /** Writes into the traffic's diary; a function runs only when somebody reads it. */
  note(p: P, step: Step | (() => Step)): P;
}

/** What a choice is a function of. */
export interface Hash<P> {
  /** Who hashes: each has a secret of its own, so the same packet hashes differently elsewhere. */
  readonly whose: object;
  readonly of: P;
  readonly fields: readonly Field[];
}

/** One line of the diary: what an element did and why, as data; `trace` renders it. */
export interface Step {
  /** Which kind of event, e.g. `flow`, `rule`, `route`; the renderer's dispatch. */
  readonly kind: string;
}
