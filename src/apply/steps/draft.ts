/** A step before it has its place in a plan. */
import { type Action, type PhaseName } from '../types.ts';
import { type Pair } from './pairs.ts';

export interface Draft {
  readonly phase: PhaseName;
  readonly title: string;
  readonly pairs: readonly Pair[];
  readonly forward: readonly Action[];
  readonly inverse: readonly Action[];
  readonly partial: string | null;
}
