/**
 * A match says which traffic is meant. Every dataplane element describes its conditions
 * with these, and only `Traffic` implementations evaluate them.
 */
import { type Field } from '../packet/fields.ts';
import { type Origin } from '../text/problem.ts';

export type Match =
  | { readonly kind: 'any' }
  | { readonly kind: 'none' }
  /** (field & mask) == value; value has no bit outside mask. */
  | { readonly kind: 'test'; readonly field: Field; readonly value: bigint; readonly mask: bigint }
  /** The field lies in one of the ranges (both ends included; sorted, disjoint). */
  | { readonly kind: 'within'; readonly field: Field; readonly ranges: readonly Range[] }
  | { readonly kind: 'and'; readonly of: readonly Match[] }
  | { readonly kind: 'or'; readonly of: readonly Match[] }
  | { readonly kind: 'not'; readonly of: Match }
  /** Read as text, not understood as meaning: nobody may guess whether it matches. */
  | { readonly kind: 'opaque'; readonly text: string; readonly origin: Origin };

export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export const ANY: Match = { kind: 'any' };
export const NONE: Match = { kind: 'none' };

/** All ones over the width of a field. */
export function fullMask(field: Field): bigint {
  return (1n << BigInt(field.width)) - 1n;
}

/** (field & mask) == (value & mask); without a mask the whole field is compared. */
export function test(field: Field, value: bigint, mask: bigint = fullMask(field)): Match {
  return mask === 0n ? ANY : { kind: 'test', field, value: value & mask, mask };
}

/** from <= field <= to. */
export function range(field: Field, from: bigint, to: bigint): Match {
  return { kind: 'within', field, ranges: [{ from, to }] };
}

/** Ranges as `within` promises them: sorted, none touching another's inside. */
export function sortedRanges(ranges: readonly Range[]): readonly Range[] {
  const inOrder = ranges.every((range, i) => i === 0 || ranges[i - 1]!.to < range.from);
  if (inOrder) return ranges;
  const out: Range[] = [];
  for (const range of [...ranges].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = out.at(-1);
    if (last === undefined || last.to < range.from) out.push(range);
    else if (range.to > last.to) out[out.length - 1] = { from: last.from, to: range.to };
  }
  return out;
}

/** All of them; no match at all is ANY. */
export function and(...of: readonly Match[]): Match {
  const kept = of.filter((match) => match.kind !== 'any');
  if (kept.some((match) => match.kind === 'none')) return NONE;
  const [only] = kept;
  if (only === undefined) return ANY;
  return kept.length === 1 ? only : { kind: 'and', of: kept };
}

/** At least one of them; no match at all is NONE. */
export function or(...of: readonly Match[]): Match {
  const kept = of.filter((match) => match.kind !== 'none');
  if (kept.some((match) => match.kind === 'any')) return ANY;
  const [only] = kept;
  if (only === undefined) return NONE;
  return kept.length === 1 ? only : { kind: 'or', of: kept };
}

export function not(of: Match): Match {
  if (of.kind === 'any') return NONE;
  if (of.kind === 'none') return ANY;
  return of.kind === 'not' ? of.of : { kind: 'not', of };
}
