/**
 * A plan that was proved. Only `prove` of this room makes one, for exactly one plan; what runs
 * plans takes nothing else.
 */
import { type Plan } from '../types.ts';

declare const PROVED: unique symbol;

/** What was proved before, and under which conditions. */
export type Verified<T> = T & { readonly [PROVED]: true };

const proved = new WeakSet<Plan>();

/** For the room's own proofs; a plan that somebody copied is not proved. */
export function asVerified(plan: Plan): Verified<Plan> {
  proved.add(plan);
  return plan as Verified<Plan>;
}

/** Whether a plan really was proved, for callers without types. */
export function isVerified(plan: Plan): plan is Verified<Plan> {
  return proved.has(plan);
}
