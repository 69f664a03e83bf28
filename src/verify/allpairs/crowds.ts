/**
 * Servers whose passages are the same but for the source, kept: what becomes of packets to an
 * address is one result for the crowd, by runs of sources. Before: `pages.ts`. After: `kept-pairs.ts`.
 */
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type AllPairs } from './all-pairs.ts';
import { type Book, placeIn } from './book.ts';
import { type Passage } from './connections.ts';
import { pageOf, type Said } from './pages.ts';
import { tellRun } from './rows.ts';
import { type Server, type Target } from './servers.ts';
import { type Cell, emptyCell } from './upkeep.ts';

/** What becomes of packets of a run of sources. */
interface Share {
  readonly low: number;
  readonly high: number;
  /** null: each server by itself. */
  readonly reached: readonly (readonly [Target, Region])[] | null;
}

/** What becomes of a crowd's packets to one address. */
export interface Shares {
  readonly shares: readonly Share[];
  /** Pairs of servers that go by themselves. */
  readonly pairs: readonly { readonly from: Server; readonly to: Target; readonly said: Said }[];
}

interface Source {
  readonly source: number;
  readonly from: Server;
}

/** One address that a crowd sends to. */
export interface Post {
  readonly crowd: Crowd;
  readonly at: number;
  readonly passage: Passage;
  readonly cell: Cell<Shares>;
}

export interface Crowd {
  readonly key: string;
  /** In their order. */
  readonly sources: Source[];
  readonly posts: readonly Post[];
}

/** Passages of one source as a text that is equal for those of a crowd. */
export function crowdKey(passages: readonly Passage[]): string {
  let key = '';
  for (const { low, high, exit, where } of passages) key += `${low} ${high} ${exit.id} ${where},`;
  return key;
}

export function openCrowd(book: Book, key: string, passages: readonly Passage[]): Crowd {
  const posts: Post[] = [];
  const crowd: Crowd = { key, sources: [], posts };
  const { addresses } = book;
  for (const passage of passages) {
    for (let at = placeIn(book, passage.low); at < addresses.length; at++) {
      if (addresses[at]! > passage.high) break;
      posts.push({ crowd, at, passage, cell: emptyCell(true) });
    }
  }
  return crowd;
}

/** Puts a server among the sources of a crowd. */
export function enter({ sources }: Crowd, one: Source): void {
  sources.splice(placeOf(sources, one.source), 0, one);
}

export function leaveCrowd({ sources, posts }: Crowd, { source, from }: Source): void {
  for (const { cell } of posts) {
    // What it gets by itself is not to be counted any more.
    if (!cell.stale && cell.value.pairs.some((pair) => pair.from === from)) cell.stale = true;
  }
  let at = placeOf(sources, source);
  while (sources[at]!.from !== from) at++;
  sources.splice(at, 1);
}

function placeOf(sources: readonly Source[], source: number): number {
  let from = 0;
  let upTo = sources.length;
  while (from < upTo) {
    const middle = (from + upTo) >>> 1;
    if (sources[middle]!.source < source) from = middle + 1;
    else upTo = middle;
  }
  return from;
}

/** Works out what becomes of a crowd's packets to an address. */
export function sharesOf(all: AllPairs, book: Book, { crowd, at, passage, cell }: Post): Shares {
  return all.upkeep.use(cell, () => {
    const { exit, where } = passage;
    const { sources } = crowd;
    const shares: Share[] = [];
    const pairs: Shares['pairs'][number][] = [];
    for (let k = 0; k < sources.length; ) {
      const { low, high, found } = exit.arrivals(book.addresses[at]!, sources[k]!.source);
      let end = k + 1;
      while (end < sources.length && sources[end]!.source <= high) end++;
      if (typeof found === 'string') {
        shares.push({ low, high, reached: null });
        for (let s = k; s < end; s++) {
          const { from } = sources[s]!;
          const alone = pageOf((sink) => {
            tellRun(all, book, from, all.run(from, book.addresses[at]!), at, sink);
            return at + 1;
          });
          for (const pair of alone.pairs) pairs.push(pair);
        }
      } else {
        const reached = new Map<Target, Region>();
        for (const { at: station, where: taken } of found) {
          const to = book.targets[at]!.get(station);
          const here = all.coordinates.regions.and(taken, where);
          if (to === undefined || here === NOWHERE) continue;
          reached.set(to, all.coordinates.regions.or(reached.get(to) ?? NOWHERE, here));
        }
        shares.push({ low, high, reached: [...reached] });
      }
      k = end;
    }
    return { shares, pairs };
  });
}

/** Whether the sources of a crowd are all told by runs, so that one more needs no new look. */
export function isByRuns({ shares }: Shares, source: number): boolean {
  return shares.some(
    ({ low, high, reached }) => low <= source && source <= high && reached !== null,
  );
}

/** Tells what is said of one of a crowd's servers. */
export function sayOf(
  { shares, pairs }: Shares,
  { source, from }: Source,
  tell: (to: Target, said: Said) => void,
): void {
  for (const { low, high, reached } of shares) {
    if (source < low || source > high || reached === null) continue;
    for (const [to, where] of reached) if (to.server !== from) tell(to, where);
    return;
  }
  for (const pair of pairs) if (pair.from === from) tell(pair.to, pair.said);
}

/** How many pairs get something through, and of how many nothing is said. */
export function countShares(
  { sources }: Crowd,
  { shares, pairs }: Shares,
): { some: number; open: number } {
  let [some, open] = [0, 0];
  for (const { low, high, reached } of shares) {
    if (reached === null) continue;
    const begin = placeOf(sources, low);
    const end = placeOf(sources, high + 1);
    for (const [to] of reached) {
      some += end - begin;
      for (let s = begin; s < end; s++) if (sources[s]!.from === to.server) some--;
    }
  }
  for (const { said } of pairs) {
    if (typeof said === 'string') open++;
    else some++;
  }
  return { some, open };
}

/** Whether both say the same of whoever they say something. */
export function sameShares(a: Shares, b: Shares): boolean {
  if (a.pairs.length + b.pairs.length > 0 || a.shares.length !== b.shares.length) return false;
  return a.shares.every((one, i) => {
    const other = b.shares[i]!;
    const same = one.low === other.low && one.high === other.high;
    if (!same || one.reached?.length !== other.reached?.length) return false;
    return one.reached!.every(([to, where], k) => {
      const [to2, where2] = other.reached![k]!;
      return to === to2 && where === where2;
    });
  });
}
