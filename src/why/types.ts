/**
 * Why a packet does not get there, as data: what stops it first, what would stop it behind that,
 * which changes were tried in a copy of the network, and what else each of them changes.
 */
import { type Blocker, type Trace, type Verdict } from '../trace/types.ts';

/** Something that somebody can change, in words that a person acts on. */
export interface Change {
  /**
   * `api`: Neutron's objects; `agent`: an agent programs its host anew; `host`: a setting of a
   * host; `plan`: the least of a host that makes it as its agent would; `guest`: inside of a guest;
   * `fabric`: a switch or router between the hosts.
   */
  readonly kind: 'api' | 'agent' | 'host' | 'plan' | 'guest' | 'fabric';
  /** What it does, without names that could be read as commands. */
  readonly summary: string;
  /** Commands that do it; empty where no command of ours or OpenStack's does. */
  readonly commands: readonly string[];
}

/** A change that was made in a copy of the network, and what became of the packet there. */
export interface TriedFix {
  readonly change: Change;
  /** The verdict with this change, and with those chosen for the blockers in front of it. */
  readonly verdict: Verdict;
  /** What stops the packet then; null where nothing does. */
  readonly next: Blocker['code'] | null;
  /** Who is master then, where routers elect one and the change was simulated; else null. */
  readonly settles: string | null;
  readonly effects: Effects | null;
}

/** What a change does to other traffic. */
export interface Effects {
  /** Ordered pairs of ends whose packets were proved before and after. */
  readonly pairs: number;
  /** Pairs that were left out because there are too many. */
  readonly leftOut: number;
  readonly gained: readonly EffectOnPair[];
  readonly lost: readonly EffectOnPair[];
  /** Pairs of which nobody can say. */
  readonly unknown: readonly { readonly pair: Pair; readonly why: string }[];
}

export interface Pair {
  readonly from: string;
  readonly to: string;
}

/** Packets of one pair that arrive in one of two networks only. */
export interface EffectOnPair extends Pair {
  /** Kinds of packets, as `hopwise prove` writes them. */
  readonly packets: string;
}

/** One thing that stops the packet, with what was tried against it. */
export interface WhyBlocker {
  readonly blocker: Blocker;
  /** Changes after which this blocker stops the packet no more, the best first. */
  readonly fixes: readonly TriedFix[];
  /** How many changes were tried. */
  readonly tried: number;
  /** Why none is offered; null where one is. */
  readonly noFix: string | null;
}

/** The answer to "why". */
export interface Why {
  readonly trace: Trace;
  /** In the order in which the packet meets them, the first of the trace's own first. */
  readonly blockers: readonly WhyBlocker[];
  /** The fewest of the first fixes that together let the packet pass; empty where none do. */
  readonly together: readonly Change[];
  /** The verdict when all first fixes are made; null where nothing was tried. */
  readonly afterAll: Verdict | null;
  /** Why the list of blockers may not be whole; null where it is. */
  readonly openEnd: string | null;
  /** What becomes of the same packet when it is small; null where its size is not what stops it. */
  readonly small: Verdict | null;
}
