/**
 * All pairs at once. Servers that send alike are followed together, and what a router sends on with
 * its own address is a passage that many servers share. Where passages lead is a matter of the exit,
 * the address and the run of sources, so that a thousand servers before a thousand floating
 * addresses are no million walks.
 */
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type AllPairs, type Run } from './all-pairs.ts';
import { type Book, bookOf, placeIn } from './book.ts';
import { type Passage } from './connections.ts';
import { entry } from './floods.ts';
import { type Member } from './members.ts';
import { type Sink, tellCohort, tellRun, tellServer } from './rows.ts';
import { type Server, type Target } from './servers.ts';

/** What arrives of one server. Targets that are not named get nothing, and that is proved. */
export interface Row {
  readonly from: Server;
  readonly some: readonly Reach[];
  /** Pairs of which nothing is said here. */
  readonly open: readonly Unsaid[];
}

interface Unsaid {
  readonly to: Target;
  readonly why: string;
}

export interface Reach {
  readonly to: Target;
  /** Over protocol, destination port, source port; never nothing. */
  readonly where: Region;
}

/** Rows of all servers, those of one cohort one after the other. */
export function* sweep(all: AllPairs): Generator<Row> {
  const book = bookOf(all);
  const { cohorts, alone } = all.cohorts();
  for (const from of alone) {
    yield* rowsOf(all, book, [from], (sink) => tellServer(all, book, from, sink));
  }
  for (const cohort of cohorts) {
    const servers = cohort.members.map(({ server }) => server);
    yield* rowsOf(all, book, servers, (sink) => tellCohort(all, book, cohort, sink));
  }
}

/** The row of one server, by itself. */
export function rowOf(all: AllPairs, book: Book, from: Server): Row {
  const [row] = rowsOf(all, book, [from], (sink) => tellServer(all, book, from, sink));
  return row ?? { from, some: [], open: [] };
}

function rowsOf(
  all: AllPairs,
  book: Book,
  servers: readonly Server[],
  tell: (sink: Sink) => void,
): Iterable<Row> {
  const rows = new Map(
    servers.map((from): [Server, { from: Server; some: Reach[]; open: Unsaid[] }] => {
      return [from, { from, some: [], open: [] }];
    }),
  );
  const sink: Sink = {
    reach: (from, to, where) => rows.get(from)!.some.push({ to, where }),
    reachAll(members, from, end, to, where) {
      for (let i = from; i < end; i++) {
        const { server } = members[i]!;
        if (server !== to.server) rows.get(server)!.some.push({ to, where });
      }
    },
    open: (from, to, why) => rows.get(from)!.open.push({ to, why }),
    passage(from, passage) {
      const run: Run = { ...passage, found: [], passages: [passage], open: null };
      const { addresses } = book;
      for (let i = placeIn(book, run.low); i < addresses.length && addresses[i]! <= run.high; i++) {
        if (isShared(passage, addresses[i]!)) tellRun(all, book, from, run, i, sink);
        else tellRun(all, book, from, all.run(from, addresses[i]!), i, sink);
      }
    },
  };
  tell(sink);
  return rows.values();
}

/** Whether an exit says of an address what becomes of it, for all who share the exit. */
function isShared({ exit, source }: Passage, address: number): boolean {
  return typeof exit.arrivals(address, source).found !== 'string';
}

/** How many pairs get some packet through, and of how many nothing is said. */
export interface Tally {
  readonly some: number;
  readonly open: number;
}

/** Servers whose passages are the same but for the source. */
interface Crowd {
  readonly passages: readonly Passage[];
  readonly sources: { readonly source: number; readonly from: Server }[];
}

/**
 * Works out every pair and counts. Servers behind one router that may send the same go through
 * its passages together: for each address and each run of sources there is one answer.
 */
export function tally(all: AllPairs): Tally {
  const book = bookOf(all);
  const crowds = new Map<string, Crowd>();
  let [some, open] = [0, 0];
  const passages = new Map<Server, Passage[]>();
  const sink: Sink = {
    reach: () => some++,
    reachAll: (members, from, end, to) => {
      some += othersOf(members, from, end, to);
    },
    open: () => open++,
    passage: (from, passage) => entry(passages, from, (): Passage[] => []).push(passage),
  };
  const joinAll = (): void => {
    // Mostly all of a server's passages have one source.
    for (const [from, mine] of passages) {
      for (const [source, each] of bySource(mine)) join(crowds, each, source, from);
    }
    passages.clear();
  };
  const { cohorts, alone } = all.cohorts();
  for (const from of alone) tellServer(all, book, from, sink);
  for (const cohort of cohorts) {
    tellCohort(all, book, cohort, sink);
    joinAll();
  }
  joinAll();
  for (const crowd of crowds.values()) {
    crowd.sources.sort((a, b) => a.source - b.source);
    const counted = throughPassages(all, book, crowd);
    some += counted.some;
    open += counted.open;
  }
  return { some, open };
}

function bySource(passages: readonly Passage[]): ReadonlyMap<number, Passage[]> {
  const out = new Map<number, Passage[]>();
  for (const one of passages) {
    const mine = out.get(one.source);
    if (mine === undefined) out.set(one.source, [one]);
    else mine.push(one);
  }
  return out;
}

function join(
  crowds: Map<string, Crowd>,
  passages: readonly Passage[],
  source: number,
  from: Server,
): void {
  let key = '';
  for (const { low, high, exit, where } of passages) key += `${low} ${high} ${exit.id} ${where},`;
  const crowd = crowds.get(key);
  if (crowd === undefined) crowds.set(key, { passages, sources: [{ source, from }] });
  else crowd.sources.push({ source, from });
}

function throughPassages(all: AllPairs, book: Book, { passages, sources }: Crowd): Tally {
  const { regions } = all.coordinates;
  const { addresses, targets } = book;
  let [some, open] = [0, 0];
  // What one server sends by itself is told of it alone.
  const sink: Sink = {
    reach: () => some++,
    reachAll: () => undefined,
    open: () => open++,
    passage: () => undefined,
  };
  for (const { low, high, exit, where } of passages) {
    for (let i = placeIn(book, low); i < addresses.length && addresses[i]! <= high; i++) {
      for (let k = 0; k < sources.length; ) {
        const arrivals = exit.arrivals(addresses[i]!, sources[k]!.source);
        let end = k + 1;
        while (end < sources.length && sources[end]!.source <= arrivals.high) end++;
        const { found } = arrivals;
        const told = targets[i]!;
        if (typeof found === 'string') {
          // Each by itself.
          for (let s = k; s < end; s++) {
            const { from } = sources[s]!;
            tellRun(all, book, from, all.run(from, addresses[i]!), i, sink);
          }
        } else {
          const reached = new Set<Target>();
          for (const { at, where: all } of found) {
            const to = told.get(at);
            if (to !== undefined && regions.and(all, where) !== NOWHERE) reached.add(to);
          }
          for (const to of reached) some += others(sources, k, end, to);
        }
        k = end;
      }
    }
  }
  return { some, open };
}

/** How many of a run of members are not the target's own server. */
function othersOf(
  members: readonly Member[],
  from: number,
  end: number,
  { server }: Target,
): number {
  let count = end - from;
  const { address } = server;
  if (address < members[from]!.server.address || address > members[end - 1]!.server.address) {
    return count;
  }
  for (let i = from; i < end; i++) if (members[i]!.server === server) count--;
  return count;
}

/** How many of a run of senders are not the target's own server. */
function others(sources: Crowd['sources'], from: number, end: number, { server }: Target): number {
  let count = end - from;
  for (let s = from; s < end; s++) if (sources[s]!.from === server) count--;
  return count;
}
