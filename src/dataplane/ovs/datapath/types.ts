/**
 * What layer 2 of the switch works with: the prepared switch, what it remembers, and a connection
 * tracker. The tracker is somebody else's; only this much of it is needed here.
 */
import { type Drop, type Run } from '../../outcome.ts';
import { type TrackRequest } from '../pipeline/part.ts';
import { type PreparedSwitch } from '../pipeline/prepared.ts';
import { type SwitchState } from '../pipeline/state.ts';

/** What became of a packet that was handed to connection tracking. */
export type Tracked<P> =
  | {
      readonly kind: 'tracked';
      readonly p: P;
      /** Put together from fragments, or one of those again: its bytes are not what went in. */
      readonly remade: boolean;
    }
  /** A fragment that waits for the others; nothing further is done with it. */
  | { readonly kind: 'kept'; readonly p: P }
  /** Fragments that contradict each other. */
  | { readonly kind: 'refused'; readonly p: P; readonly why: string }
  /** There is no room for its connection. */
  | { readonly kind: 'crowded'; readonly p: P; readonly drop: Drop };

/** Connection tracking as the `ct` datapath action uses it (odp-execute.c, lib/conntrack.c). */
export interface Tracker<P> {
  /**
   * Tracks a packet and returns it with ct_state, ct_zone, ct_mark, ct_label and the original
   * tuple set and its addresses translated.
   * @param p the packet as the datapath has it; consumed.
   * @param wanted holds in ct_mark and ct_label what ct(exec()) wants written, under the masks of
   *   the request; only read.
   * @param pass of the packet through the pipeline; fragments of different passes stay apart.
   */
  track(run: Run<P>, p: P, wanted: P, request: TrackRequest, pass: string): readonly Tracked<P>[];
}

export interface Datapath<P> {
  readonly run: Run<P>;
  readonly sw: PreparedSwitch;
  readonly state: SwitchState<P>;
  readonly tracker: Tracker<P>;
}
