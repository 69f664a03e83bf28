/** Properties of a network: what a file of them holds, and what checking one gives. */
import { type Proof, type Witness } from '../proof/prove.ts';
import { type Wanted } from '../proof/wanted.ts';

/**
 * `all`: every packet asked about arrives. `some`: at least one does. `none`: no packet does.
 * `only`: packets asked about arrive, and of all others none.
 */
export type Claim = 'all' | 'some' | 'none' | 'only';
export const CLAIMS: readonly Claim[] = ['all', 'some', 'none', 'only'];

export interface Property {
  readonly name: string;
  /** Place in the file, from 1. */
  readonly line: number;
  readonly column: number;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly claim: Claim;
  readonly wanted: Wanted;
  readonly version: 4 | 6;
  /** Packets count when their answer comes back as well. */
  readonly answered: boolean;
}

export type Holds = 'holds' | 'fails' | 'unsure';

/** One pair of ends of one property. */
export interface Checked {
  readonly property: Property;
  readonly from: string;
  readonly to: string;
  readonly holds: Holds;
  /** Why it does not hold, or why nobody can say. */
  readonly because: readonly string[];
  /** A packet that shows it; null where none does. */
  readonly witness: Witness | null;
  readonly proof: Proof | null;
}
