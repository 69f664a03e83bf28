/**
 * What becomes of traffic that an element received. Elements return outcomes; the walk carries
 * what was sent over links to the next element.
 */
import { type Reason } from '../reasons/codes.ts';
import { type Origin } from '../text/problem.ts';
import { type Traffic } from '../traffic/traffic.ts';

/** A fate with its evidence. */
export interface Drop {
  readonly reason: Reason;
  /** Device-local place, e.g. `br-int table 82`, `filter FORWARD`. */
  readonly where: string;
  /** What decided, in the element's own words (flow text, rule text); escaped only when printed. */
  readonly evidence: string;
  readonly origin: Origin | null;
}

export type Outcome<P> =
  /** Leaves the element through one of its ports (an interface name). */
  | { readonly kind: 'sent'; readonly port: string; readonly p: P }
  /** Accepted by the element itself: a socket, a listener, the host's own stack. */
  | { readonly kind: 'delivered'; readonly to: string; readonly p: P }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly p: P };

/** What an element may use while it works: the operations, the time and a place for assumptions. */
export interface Run<P> {
  readonly traffic: Traffic<P>;
  /** Virtual time in microseconds since the snapshot was taken. */
  now_us: number;
  /** The moment of `now_us` 0, as seconds since 1970-01-01 UTC; absent where nobody says it. */
  readonly epoch_s?: number;
  /** Traffic is sets of packets: parts of it go different ways, so no state is overwritten. */
  readonly sets?: boolean;
  /** How many interfaces frames have crossed until now. */
  crossings?: number;
  /**
   * Of the ports to which a switch floods a frame, those at which something may come of it, in
   * the same order. Who knows that of many receivers spares their work; without it every copy is
   * made.
   */
  heeding?<T extends { readonly name: string }>(ports: readonly T[], p: P): readonly T[];
  /**
   * Which of several ends a hash with a seed that nobody knows gives: a walk of one packet takes
   * one, and the others are walked as well. Without it `choose` says what may be.
   */
  pick?(key: string, ends: readonly string[]): number;
  /** Notes that something was taken for granted (reason code `ASSUME_*`) or not understood. */
  assume(reason: Reason, detail: string): void;
}
