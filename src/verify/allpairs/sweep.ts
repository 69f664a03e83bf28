/**
 * All pairs at once. Every server has runs of addresses: most end at once, those on its own
 * networks are followed one by one, and what a router sends on with its own address is a passage
 * that many servers share. Where passages lead is a matter of the exit, the address and the run
 * of sources, so that a thousand servers before a thousand floating addresses are no million walks.
 */
import { NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type AllPairs, cutBy, type Delivery, type Passage, type Run } from './all-pairs.ts';
import { type Station } from './places.ts';
import { type Server, type Target } from './servers.ts';

/** What arrives of one server. Targets that are not named get nothing, and that is proved. */
export interface Row {
  readonly from: Server;
  readonly some: readonly Reach[];
  /** Pairs of which nothing is said here. */
  readonly open: readonly { readonly to: Target; readonly why: string }[];
}

export interface Reach {
  readonly to: Target;
  /** Over protocol, destination port, source port; never nothing. */
  readonly where: Region;
}

/** The addresses that packets are sent to, in order, with the servers that have them. */
export interface Book {
  readonly addresses: readonly number[];
  readonly targets: readonly ReadonlyMap<Station, Target>[];
}

export function bookOf(all: AllPairs): Book {
  const byAddress = new Map<number, Map<Station, Target>>();
  for (const target of all.targets) {
    const known = byAddress.get(target.address) ?? new Map<Station, Target>();
    known.set(target.server.station, target);
    byAddress.set(target.address, known);
  }
  const addresses = [...byAddress.keys()].sort((a, b) => a - b);
  return { addresses, targets: addresses.map((address) => byAddress.get(address)!) };
}

/** Where in the book the first address stands that is not below. */
export function placeIn({ addresses }: Book, address: number): number {
  let from = 0;
  let upTo = addresses.length;
  while (from < upTo) {
    const middle = (from + upTo) >>> 1;
    if (addresses[middle]! < address) from = middle + 1;
    else upTo = middle;
  }
  return from;
}

/** The runs of a server over all addresses of the book. */
export function* runsOf(all: AllPairs, book: Book, from: Server): Generator<Run> {
  const { addresses } = book;
  for (let i = 0; i < addresses.length; ) {
    if (addresses[i] === from.address) {
      // Its own address; another server that has it as well is never reached by it.
      i++;
      continue;
    }
    const run = all.run(from, addresses[i]!);
    yield run;
    i = run.high === addresses[i] ? i + 1 : placeIn(book, run.high + 1);
  }
}

/** Rows of all servers, one after the other, every pair by itself. */
export function* sweep(all: AllPairs): Generator<Row> {
  const book = bookOf(all);
  for (const from of all.servers) {
    const some: Reach[] = [];
    const open: { to: Target; why: string }[] = [];
    for (const run of runsOf(all, book, from)) told(all, book, from, run, some, open);
    yield { from, some, open };
  }
}

function told(
  all: AllPairs,
  book: Book,
  from: Server,
  run: Run,
  some: Reach[],
  open: { to: Target; why: string }[],
): void {
  const { regions } = all.coordinates;
  const { addresses, targets } = book;
  for (let i = placeIn(book, run.low); i < addresses.length && addresses[i]! <= run.high; i++) {
    if (addresses[i] === from.address) continue;
    const found = run.open ?? followed(regions, run, addresses[i]!);
    if (typeof found !== 'string') some.push(...reaches(regions, from, targets[i]!, found));
    else
      for (const to of targets[i]!.values()) if (to.server !== from) open.push({ to, why: found });
  }
}

/** A run's deliveries at one address, its passages followed; a sentence where it is open. */
function followed(regions: Regions, run: Run, address: number): readonly Delivery[] | string {
  const all = [...run.found];
  for (const passage of run.passages) {
    const { found } = passage.exit.arrivals(address, passage.source);
    if (typeof found === 'string') return found;
    all.push(...cutBy(regions, found, passage.where));
  }
  return all;
}

function reaches(
  regions: Regions,
  from: Server,
  targets: ReadonlyMap<Station, Target>,
  found: readonly Delivery[],
): readonly Reach[] {
  if (found.length === 0) return [];
  const out: { to: Target; where: Region }[] = [];
  for (const { at, where } of found) {
    const to = targets.get(at);
    if (to === undefined || to.server === from || where === NOWHERE) continue;
    const known = out.find((one) => one.to === to);
    if (known === undefined) out.push({ to, where });
    else known.where = regions.or(known.where, where);
  }
  return out;
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
  const { regions } = all.coordinates;
  const book = bookOf(all);
  const crowds = new Map<string, Crowd>();
  let [some, open] = [0, 0];
  for (const from of all.servers) {
    const reached: Reach[] = [];
    const left: { to: Target; why: string }[] = [];
    const passages: Passage[] = [];
    for (const run of runsOf(all, book, from)) {
      const alone = run.passages.length === 1 && run.found.length === 0;
      if (alone) passages.push(run.passages[0]!);
      else if (run.open !== null || run.found.length > 0 || run.passages.length > 0) {
        told(all, book, from, run, reached, left);
      }
    }
    some += reached.length;
    open += left.length;
    // Mostly all of a server's passages have one source.
    for (const [source, mine] of bySource(passages)) join(crowds, mine, source, from);
  }
  for (const crowd of crowds.values()) {
    crowd.sources.sort((a, b) => a.source - b.source);
    const counted = throughPassages(regions, book, crowd);
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

function throughPassages(regions: Regions, book: Book, { passages, sources }: Crowd): Tally {
  const { addresses, targets } = book;
  let [some, open] = [0, 0];
  for (const { low, high, exit, where } of passages) {
    for (let i = placeIn(book, low); i < addresses.length && addresses[i]! <= high; i++) {
      for (let k = 0; k < sources.length; ) {
        const arrivals = exit.arrivals(addresses[i]!, sources[k]!.source);
        let end = k + 1;
        while (end < sources.length && sources[end]!.source <= arrivals.high) end++;
        const { found } = arrivals;
        const told = targets[i]!;
        if (typeof found === 'string') {
          for (const to of told.values()) open += others(sources, k, end, to);
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

/** How many of a run of senders are not the target's own server. */
function others(sources: Crowd['sources'], from: number, end: number, { server }: Target): number {
  let count = end - from;
  for (let s = from; s < end; s++) if (sources[s]!.from === server) count--;
  return count;
}
