/**
 * One thing that a host lacks, has beside what it shall have, or has otherwise; with the lines that
 * mend just this, in the host's own numbers, and the same as edits of a copy of the network.
 */
import { type Host, type Network } from '../../dataplane/network.ts';
import { type Difference } from '../../verify/configuration/types.ts';
import { type Edit } from '../edits.ts';

export interface Mend {
  readonly host: string;
  /** The bridge or namespace. */
  readonly device: string;
  /** `table 4`, `iptables nat POSTROUTING`, `routes`. */
  readonly part: string;
  /** What of it changes, as the comparison tells it, to rank it against a blocker. */
  readonly text: string;
  /** Commands as they are typed on the host itself. */
  readonly lines: readonly string[];
  readonly edits: readonly Edit[];
}

/** A host as it is, and as its agents would make it with its own numbers. */
export interface Sides {
  readonly real: { readonly network: Network; readonly host: Host };
  readonly made: { readonly network: Network; readonly host: Host };
}

/** Makes mends of the differences of one kind; others are left to others. */
export type Mender = (sides: Sides, differences: readonly Difference[]) => readonly Mend[];
