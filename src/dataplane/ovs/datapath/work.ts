/** What one reception has to do yet and has come to, while layer 2 executes. */
import { type Outcome } from '../../outcome.ts';
import { type Frozen } from '../pipeline/part.ts';
import { type Entry } from '../pipeline/translate.ts';
import { type Datapath } from './types.ts';

/** One packet that waits for a pass through the pipeline. */
export type Waiting<P> =
  | { readonly kind: 'enter'; readonly entry: Entry<P>; readonly depth: number }
  | { readonly kind: 'resume'; readonly frozen: Frozen<P>; readonly p: P; readonly depth: number };

export interface Work<P> {
  readonly dp: Datapath<P>;
  readonly outcomes: Outcome<P>[];
  /**
   * Sends a packet through the pipeline once more: at once (dp_netdev_recirculate()), or behind
   * everything that already waits (net/openvswitch/actions.c process_deferred_actions()).
   */
  again(waiting: Waiting<P>): void;
}
