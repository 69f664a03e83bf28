/**
 * A table: rules in rank order, looked up for one packet or for a set of packets.
 * The contract is first match; how it is found (diagram or linear scan) is not visible.
 */
import { type Match } from './match.ts';

export interface Rule<E> {
  readonly match: Match;
  /** Smaller ranks are asked first (an OpenFlow table uses 65535 - priority). */
  readonly rank: number;
  /** A decisive rule ends the search; others (conjunction clauses) are collected on the way. */
  readonly decisive: boolean;
  readonly entry: E;
}

/** A rule that matches, or may match: then `certain` is false, an opaque part is in doubt. */
export interface Candidate<E> {
  readonly entry: E;
  readonly rank: number;
  readonly decisive: boolean;
  readonly certain: boolean;
}

export interface Table<E> {
  readonly rules: readonly Rule<E>[];
  /**
   * The rules that match one packet's words: in rank order up to the first rank that holds a
   * decisive and certain one, that rank completely (so that ties of equal rank show).
   * The returned array is shared and must not be changed.
   */
  find(words: Uint32Array): readonly Candidate<E>[];
}
