/**
 * Servers that send alike, their packets on the way, and what becomes of them.
 * Before: `outlets.ts`, `members.ts`. After: `cohort-walk.ts`.
 */
import { type Region } from '../../traffic/sets/regions.ts';
import { type Engine, type Exit } from './connections.ts';
import { type Extent } from './extent.ts';
import { type Member } from './members.ts';
import { type Outlet } from './outlets.ts';
import { type Station } from './places.ts';
import { type Cell } from './upkeep.ts';

/** Servers that send alike: the same routes, the same outlet. */
export interface Cohort {
  readonly outlet: Outlet;
  /** In the order of their addresses. */
  readonly members: readonly Member[];
  /** By way of an answer: whether all of them hear it or none does; null: each by itself. */
  readonly hearing: Map<number, Cell<boolean | null>>;
  /** How far packets to runs of addresses go together. */
  plans: Cell<Plan>[];
}

/** Packets that stand before a link that their destination is on. */
export interface Leg {
  /** The router that sends them; null: they are still with their senders. */
  readonly by: Station | null;
  readonly way: Way;
}

/** What becomes of packets to a run of addresses, as far as no link is asked for the address. */
export interface Plan extends Told {
  readonly legs: readonly Leg[];
}

/** Packets of some members that arrive somewhere. */
export interface Found {
  readonly at: Station;
  /** The gates that lead there, a bit for each piece of the outlet. */
  readonly pieces: number;
  /** Over the sender's address and the ports. */
  readonly where: Region;
  readonly members: readonly Member[];
}

/** Packets of some members that a router sends on with another source. */
export interface Passed extends Omit<Found, 'at'> {
  readonly exit: Exit;
  readonly source: number;
}

/** What becomes of packets to a run of addresses. */
export interface Told extends Readonly<Extent> {
  readonly found: readonly Found[];
  readonly passed: readonly Passed[];
  /** Members of which nothing is said here. */
  readonly open: ReadonlySet<Member>;
}

export interface Walk {
  readonly engine: Engine;
  readonly destinations: Extent;
  readonly found: Found[];
  readonly passed: Passed[];
  readonly open: Set<Member>;
  /** Where those are left that stand before the link of their destination; null: they go on. */
  readonly legs: Leg[] | null;
}

/** Connections of some members on their way. */
export interface Way {
  readonly members: readonly Member[];
  readonly pieces: number;
  /** Over the sender's own address and the ports. */
  readonly where: Region;
  /** The source that they have now; null: each its own. */
  readonly seenAs: number | null;
  readonly destination: number;
  readonly zones: readonly string[];
  readonly anyPort: boolean;
  readonly routers: number;
}
