/** All kinds of properties, one row each. A new kind is one more row. */
import { type Property } from '../types.ts';
import { APART } from './apart.ts';
import { CHANGE } from './change.ts';
import { FAILURES } from './failures.ts';
import { INVARIANT } from './invariant.ts';
import { REACH } from './reach.ts';
import { type KindRow } from './row.ts';

type Rows = { readonly [K in Property['kind']]: KindRow<Extract<Property, { kind: K }>> };

const KINDS: Rows = {
  reach: REACH,
  apart: APART,
  invariant: INVARIANT,
  failures: FAILURES,
  change: CHANGE,
};

/** The rows without their own types, for who goes through all of them. */
export const KIND_ROWS: readonly Omit<KindRow<Property>, 'check'>[] = Object.values(KINDS);

/** The row that checks a property of a kind. */
export function rowOf(kind: Property['kind']): KindRow<Property> {
  // A row takes properties of its own kind only, which is the one it was looked up by.
  return KINDS[kind] as unknown as KindRow<Property>;
}
