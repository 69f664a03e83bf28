/**
 * What is said of pairs, kept in pages: of a cohort and a run of addresses, or of one server. What
 * of it is a passage stands with its server. Before: `rows.ts`. After: `crowds.ts`, `kept-pairs.ts`.
 */
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type Passage } from './connections.ts';
import { type Member } from './members.ts';
import { type Sink } from './rows.ts';
import { type Server, type Target } from './servers.ts';

/** What is known of a pair: packets that arrive, or why nothing is said. */
export type Said = Region | string;

/** Pairs of which something is said; of all others that nothing arrives. */
export type Saying = Map<Server, Map<Target, Said>>;

export function sayingOf(saying: Saying, from: Server): Map<Target, Said> {
  let mine = saying.get(from);
  if (mine === undefined) {
    mine = new Map();
    saying.set(from, mine);
  }
  return mine;
}

/** A pair of which other things are said than before. */
export interface PairChange {
  readonly from: Server;
  readonly to: Target;
  readonly before: Said;
  readonly after: Said;
}

export function differing(before: Saying, after: Saying): readonly PairChange[] {
  const out: PairChange[] = [];
  const none = new Map<Target, Said>();
  for (const from of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(from) ?? none, after.get(from) ?? none];
    for (const to of new Set([...old.keys(), ...now.keys()])) {
      const [was, is] = [old.get(to) ?? NOWHERE, now.get(to) ?? NOWHERE];
      if (was !== is) out.push({ from, to, before: was, after: is });
    }
  }
  return out;
}

/** Pairs of a run of members, and single pairs. */
export interface Page {
  readonly runs: readonly {
    readonly members: readonly Member[];
    readonly from: number;
    readonly end: number;
    readonly to: Target;
    readonly where: Region;
  }[];
  readonly pairs: readonly { readonly from: Server; readonly to: Target; readonly said: Said }[];
  readonly passages: ReadonlyMap<Server, readonly Passage[]>;
  /** The place of the book behind it. */
  readonly upTo: number;
}

/** Makes a page of what is told. */
export function pageOf(tell: (sink: Sink) => number): Page {
  const runs: Page['runs'][number][] = [];
  const pairs: Page['pairs'][number][] = [];
  const passages = new Map<Server, Passage[]>();
  const upTo = tell({
    reach: (from, to, said) => pairs.push({ from, to, said }),
    reachAll: (members, from, end, to, where) => runs.push({ members, from, end, to, where }),
    open: (from, to, said) => pairs.push({ from, to, said }),
    passage(from, passage) {
      const mine = passages.get(from);
      if (mine === undefined) passages.set(from, [passage]);
      else mine.push(passage);
    },
  });
  return { runs, pairs, passages, upTo };
}

/** How many pairs of a page get something through, and of how many nothing is said. */
export function countPage({ runs, pairs }: Page): { some: number; open: number } {
  let [some, open] = [0, 0];
  for (const { members, from, end, to } of runs) {
    some += end - from;
    for (let i = from; i < end; i++) if (members[i]!.server === to.server) some--;
  }
  for (const { said } of pairs) {
    if (typeof said === 'string') open++;
    else some++;
  }
  return { some, open };
}

/** Tells every pair of a page, but those of its passages. */
export function eachPair(
  { runs, pairs }: Page,
  tell: (from: Server, to: Target, said: Said) => void,
): void {
  for (const { members, from, end, to, where } of runs) {
    for (let i = from; i < end; i++) {
      const { server } = members[i]!;
      if (server !== to.server) tell(server, to, where);
    }
  }
  for (const { from, to, said } of pairs) tell(from, to, said);
}
