/** Properties of a network: what a file of them holds, and what checking one gives. */
import { type Reason } from '../../reasons/codes.ts';
import { type Proof, type Witness } from '../proof/prove.ts';
import { type Wanted } from '../proof/wanted.ts';
import { type ChangeKind } from './changes.ts';

/**
 * `all`: every packet asked about arrives. `some`: at least one does. `none`: no packet does.
 * `only`: packets asked about arrive, and of all others none.
 */
export type Claim = 'all' | 'some' | 'none' | 'only';
export const CLAIMS: readonly Claim[] = ['all', 'some', 'none', 'only'];

/**
 * Which packets of a connection are meant: the first one, those after its answer, or the answer
 * that comes back to who asked, with every translation undone.
 */
export type State = 'new' | 'established' | 'reply';
export const STATES: readonly State[] = ['new', 'established', 'reply'];

/**
 * Where something chooses (a hash among next hops, a port of NAT): what happens whatever it
 * chooses, or what happens for some choice.
 */
export type Modality = 'must' | 'may';
export const MODALITIES: readonly Modality[] = ['must', 'may'];

/** What every property has. */
interface Base {
  readonly name: string;
  /** Place in the file, from 1; 0 for one that was built and not read. */
  readonly line: number;
  readonly column: number;
}

/** Which packets from some ends get to others. */
export interface ReachProperty extends Base {
  readonly kind: 'reach';
  /** Ends and selectors, see `ends.ts`. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly claim: Claim;
  readonly wanted: Wanted;
  readonly version: 4 | 6;
  readonly state: State;
  /** Null: whatever makes the claim stronger. */
  readonly modality: Modality | null;
  /** Places that every packet that arrives has passed, in this order. */
  readonly via: readonly string[];
  /** Places that none has passed. */
  readonly avoid: readonly string[];
  /** Of all other servers no packet arrives at `to`. */
  readonly nobodyElse: boolean;
}

/** No packet gets from any of some groups to any other of them. */
export interface ApartProperty extends Base {
  readonly kind: 'apart';
  /** Selectors, each one group; null: the servers of each project. */
  readonly groups: readonly string[] | null;
  /** Packets that may pass between them. */
  readonly except: Wanted | null;
  readonly version: 4 | 6;
}

export const INVARIANTS = [
  'no-loops',
  'no-black-holes',
  'no-forged-sources',
  'no-overlaps',
  'no-shadowed-rules',
  'no-stale-connections',
  'nat-consistent',
  'ecmp-consistent',
  'mtu',
] as const;
export type Invariant = (typeof INVARIANTS)[number];

/** What should hold of every network, for all packets between some ends or for all rules. */
export interface InvariantProperty extends Base {
  readonly kind: 'invariant';
  readonly invariant: Invariant;
  /** Ends between which it is proved, or hosts whose rules are read; null for all. */
  readonly among: readonly string[] | null;
  /** Reason codes, places or texts that are no violation. */
  readonly except: readonly string[];
  /** Bytes of an IP packet that must fit, for `mtu`; null: what the sender's interface allows. */
  readonly atLeast: number | null;
  readonly version: 4 | 6;
}

/** Other properties hold while so many things are broken at once. */
export interface FailureProperty extends Base {
  readonly kind: 'failures';
  /** Names of properties of the file. */
  readonly keeps: readonly string[];
  readonly hosts: number;
  readonly links: number;
  readonly routers: number;
}

/** Packets between some ends, as a change may add or remove them. */
export interface ExpectedChange {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly wanted: Wanted;
  /** Null: over any version, and needed over IPv4 where both ends have it. */
  readonly version: 4 | 6 | null;
}

export const OTHERWISE = ['same', 'any'] as const;

/** What a change does to reachability: what is expected and, without more, nothing else. */
export interface ChangeProperty extends Base {
  readonly kind: 'change';
  /** The network before it: a snapshot, `api:` one, or a cloud.yaml. */
  readonly before: string;
  readonly added: readonly ExpectedChange[];
  readonly removed: readonly ExpectedChange[];
  /** Packets as reachable as before of which something else becomes. */
  readonly changed: readonly ExpectedChange[];
  /** `any`: further changes are no violation. */
  readonly otherwise: (typeof OTHERWISE)[number];
  readonly among: readonly string[] | null;
  /** Every frame that servers can send is compared as well. */
  readonly frames: boolean;
}

export type Property =
  | ReachProperty
  | ApartProperty
  | InvariantProperty
  | FailureProperty
  | ChangeProperty;

/** A file of properties. */
export interface PropertyFile {
  /** Names for lists of ends. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly properties: readonly Property[];
  /** Least share of the rules' matches that the properties have to exercise; null without one. */
  readonly coverage: CoverageGate | null;
  /** Kinds of changes after which the properties still have to hold (`--property`); null: all. */
  readonly changes: readonly ChangeKind[] | null;
}

export interface CoverageGate {
  readonly line: number;
  readonly column: number;
  /** 0 to 100. */
  readonly atLeast_percent: number;
}

export type Holds = 'holds' | 'fails' | 'unsure';

/** What was found of one pair of ends, one rule or one place. */
export interface Checked {
  readonly property: Property;
  /** What it is about: `a → b`, `br-int table 72 at compute1`. */
  readonly subject: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly holds: Holds;
  /** Why it does not hold, or why nobody can say. */
  readonly because: readonly string[];
  /** What kind of finding it is, where the catalogue has it. */
  readonly code: Reason | null;
  /** The rule or setting it is about. */
  readonly origin: { readonly file: string; readonly line: number } | null;
  /** A packet that shows it; null where none does. */
  readonly witness: Witness | null;
  readonly proof: Proof | null;
  /** What blocks packets and what was found to help, sentence by sentence, where somebody asked. */
  readonly advice?: readonly string[];
}
