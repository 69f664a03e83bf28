/**
 * A plan that was proved. Only `prove` of this room makes one, for exactly one plan; what runs
 * plans takes nothing else.
 */
import { type Plan } from '../types.ts';

declare const PROVED: unique symbol;

/** What was proved before, and under which conditions. */
export type Verified<T> = T & { readonly [PROVED]: true };

/** For the room's own proofs; what was read from a file or put together by hand is not proved. */
export function asVerified(plan: Plan): Verified<Plan> {
  return plan as Verified<Plan>;
}
