/**
 * The whole catalogue of reasons: the sentences that traces use, and the advice that only
 * `hopwise explain` and docs/reasons need.
 */
import { type Advice } from './advice.ts';
import { CERTAINTY } from './advice-certainty.ts';
import { FILTERING } from './advice-filtering.ts';
import { ROUTING } from './advice-routing.ts';
import { SWITCHING } from './advice-switching.ts';
import { REASONS, type Reason, type ReasonRow } from './codes.ts';

/** Every code has its advice: the compiler says which one lacks it. */
const ADVICE: Readonly<Record<Reason, Advice>> = {
  ...SWITCHING,
  ...FILTERING,
  ...ROUTING,
  ...CERTAINTY,
};

export interface Explanation extends ReasonRow, Advice {
  readonly code: Reason;
}

/** Whether a word is a reason code. */
export function isReason(word: string): word is Reason {
  return Object.hasOwn(REASONS, word);
}

export function explain(code: Reason): Explanation {
  return { code, ...REASONS[code], ...ADVICE[code] };
}

/** The families of codes, in the order of the documentation. */
export const FAMILIES = [
  { title: 'Switches, bridges and tunnels', codes: codesOf(SWITCHING) },
  { title: 'Filters and connection tracking', codes: codesOf(FILTERING) },
  { title: 'Routing, translation, gateways, sizes', codes: codesOf(ROUTING) },
  { title: 'Certainty', codes: codesOf(CERTAINTY) },
] as const;

function codesOf(family: Readonly<Record<string, Advice>>): readonly Reason[] {
  return Object.keys(family).filter(isReason);
}
