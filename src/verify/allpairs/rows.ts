/**
 * What servers send, told pair by pair or passage by passage: a cohort at once, and a server that
 * shares nothing, or of which its cohort says nothing, by itself.
 * Before: `all-pairs.ts`. After: `sweep.ts`.
 */
import { NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type AllPairs, type Run } from './all-pairs.ts';
import { type Book, placeIn } from './book.ts';
import { type Cohort, type Found, type Passed, type Told } from './cohort.ts';
import { cutBy, type Delivery, type Passage } from './connections.ts';
import { ADDRESS } from './coordinates.ts';
import { entry } from './floods.ts';
import { eachRun, type Member, teamsOf } from './members.ts';
import { type Station } from './places.ts';
import { type Server, type Target } from './servers.ts';

/** Where what is found out about pairs goes. */
export interface Sink {
  /** @param where over protocol, destination port, source port; never nothing */
  reach(from: Server, to: Target, where: Region): void;
  /** The same of a run of members, but of the server that is meant. */
  reachAll(members: readonly Member[], from: number, end: number, to: Target, where: Region): void;
  open(from: Server, to: Target, why: string): void;
  /** A run of addresses to which nothing but this passage leads. */
  passage(from: Server, passage: Passage): void;
}

/** All that one server sends, by itself. */
export function tellServer(all: AllPairs, book: Book, from: Server, sink: Sink): void {
  const { addresses } = book;
  for (let i = 0; i < addresses.length; ) {
    if (addresses[i] === from.address) {
      // Its own address; another server that has it as well is never reached by it.
      i++;
      continue;
    }
    const run = all.run(from, addresses[i]!);
    const upTo = run.high === addresses[i] ? i + 1 : placeIn(book, run.high + 1);
    const { found, passages, open } = run;
    if (found.length === 0 && passages.length === 1) sink.passage(from, passages[0]!);
    else if (open !== null || found.length > 0 || passages.length > 0) {
      for (let k = i; k < upTo; k++) tellRun(all, book, from, run, k, sink);
    }
    i = upTo;
  }
}

/** A run of a server at one address of the book, its passages followed. */
export function tellRun(
  all: AllPairs,
  book: Book,
  from: Server,
  run: Run,
  at: number,
  sink: Sink,
): void {
  const { regions } = all.coordinates;
  if (book.addresses[at] === from.address) return;
  const targets = book.targets[at]!;
  const found = run.open ?? followed(regions, run, book.addresses[at]!);
  if (typeof found !== 'string') reached(regions, from, targets, found, sink);
  else for (const to of targets.values()) if (to.server !== from) sink.open(from, to, found);
}

/** A run's deliveries at one address, its passages followed; a sentence where it is open. */
function followed(regions: Regions, run: Run, address: number): readonly Delivery[] | string {
  if (run.passages.length === 0) return run.found;
  const all = [...run.found];
  for (const passage of run.passages) {
    const { found } = passage.exit.arrivals(address, passage.source);
    if (typeof found === 'string') return found;
    all.push(...cutBy(regions, found, passage.where));
  }
  return all;
}

function reached(
  regions: Regions,
  from: Server,
  targets: ReadonlyMap<Station, Target>,
  found: readonly Delivery[],
  sink: Sink,
): void {
  const out = new Map<Target, Region>();
  for (const { at, where } of found) {
    const to = targets.get(at);
    if (to === undefined || to.server === from || where === NOWHERE) continue;
    out.set(to, regions.or(out.get(to) ?? NOWHERE, where));
  }
  for (const [to, where] of out) sink.reach(from, to, where);
}

/** All that the servers of a cohort send, run by run of addresses. */
export function tellCohort(all: AllPairs, book: Book, cohort: Cohort, sink: Sink): void {
  const { length } = book.addresses;
  for (let i = 0; i < length; ) i = tellCohortAt(all, book, cohort, i, length, sink);
}

/**
 * The same for a run of addresses that begins at one place of the book.
 * @param limit the place before which it ends in any case
 * @returns the place behind it
 */
export function tellCohortAt(
  all: AllPairs,
  book: Book,
  cohort: Cohort,
  at: number,
  limit: number,
  sink: Sink,
): number {
  const { addresses } = book;
  const whole = all.together(cohort, addresses[at]!);
  const beyond = addresses[limit] ?? LAST + 1;
  const told = whole.high < beyond ? whole : { ...whole, high: beyond - 1 };
  const upTo = told.high === addresses[at] ? at + 1 : placeIn(book, told.high + 1);
  const single = new Set(told.open);
  if (told.passed.length > 0) {
    for (const member of mixed(told)) single.add(member);
    tellPassages(all.coordinates.regions, told, single, sink);
  }
  if (told.found.length > 0) tellFound(all.coordinates.regions, book, told, at, single, sink);
  for (const { server } of single) tellAlone(all, book, server, at, upTo, sink);
  return upTo;
}

const LAST = 0xffff_ffff;

/** What the walk of one server alone says of some addresses of the book. */
function tellAlone(
  all: AllPairs,
  book: Book,
  from: Server,
  first: number,
  upTo: number,
  sink: Sink,
): void {
  for (let i = first; i < upTo; i++) {
    const address = book.addresses[i]!;
    if (address !== from.address) tellRun(all, book, from, all.run(from, address), i, sink);
  }
}

/** Members whose packets of a run go on by more than one passage, or arrive somewhere, too. */
function mixed({ found, passed }: Told): ReadonlySet<Member> {
  const out = new Set<Member>();
  const ways = new Map<Member, Passed | null>();
  for (const { members } of found) for (const member of members) ways.set(member, null);
  for (const one of passed) {
    for (const member of one.members) {
      const other = ways.get(member);
      if (other === undefined) ways.set(member, one);
      else if (other?.exit !== one.exit || other.source !== one.source) out.add(member);
    }
  }
  return out;
}

/** Deliveries at one address: what a sender lets out and the receiver takes. */
function tellFound(
  regions: Regions,
  book: Book,
  told: Told,
  at: number,
  single: ReadonlySet<Member>,
  sink: Sink,
): void {
  const address = book.addresses[at]!;
  const targets = book.targets[at]!;
  const several = new Map<Target, Map<Server, Region>>();
  for (const one of told.found) {
    const { pieces, where, members } = one;
    const to = targets.get(one.at);
    if (to === undefined) continue;
    const more = told.found.some((other) => other !== one && other.at === one.at);
    if (!more && single.size === 0) {
      tellTeams(regions, address, one, to, sink);
      continue;
    }
    const rows = entry(several, to, () => new Map<Server, Region>());
    for (const member of members) {
      const { server, gates } = member;
      if (server === to.server || server.address === address || single.has(member)) continue;
      const out = regions.restricted(gates.through(pieces), ADDRESS, address);
      const here = regions.and(out, regions.restricted(where, ADDRESS, server.address));
      if (here !== NOWHERE) rows.set(server, regions.or(rows.get(server) ?? NOWHERE, here));
    }
  }
  for (const [to, rows] of several) for (const [from, where] of rows) sink.reach(from, to, where);
}

/** What arrives by one way: one answer for a run of those who let the same out. */
function tellTeams(
  regions: Regions,
  address: number,
  { pieces, where, members }: Found,
  to: Target,
  sink: Sink,
): void {
  for (const team of teamsOf(members)) {
    const out = regions.restricted(team.gates.through(pieces), ADDRESS, address);
    if (out === NOWHERE) continue;
    eachRun(regions, team, where, (taken, from, end) => {
      const here = regions.and(out, taken);
      if (here !== NOWHERE) sink.reachAll(team.members, from, end, to, here);
    });
  }
}

/** Passages of a run, cut where a sender's own flows or its own address tell addresses apart. */
function tellPassages(
  regions: Regions,
  { low, high, passed }: Told,
  single: ReadonlySet<Member>,
  sink: Sink,
): void {
  const ways = new Map<Member, Passed[]>();
  for (const one of passed) {
    for (const member of one.members) {
      if (!single.has(member)) entry(ways, member, (): Passed[] => []).push(one);
    }
  }
  for (const [{ server, gates }, mine] of ways) {
    const { exit, source } = mine[0]!;
    const own = server.address;
    const tell = (from: number, upTo: number): void => {
      if (from > upTo) return;
      let here: Region = NOWHERE;
      for (const { pieces, where } of mine) {
        const out = regions.restricted(gates.through(pieces), ADDRESS, from);
        here = regions.or(here, regions.and(out, regions.restricted(where, ADDRESS, own)));
      }
      if (here !== NOWHERE)
        sink.passage(server, { low: from, high: upTo, exit, source, where: here });
    };
    let runs: readonly AddressRun[] = [[low, high]];
    for (const { pieces } of mine) {
      runs = runs.flatMap(([from, upTo]) => runsIn(regions, gates.through(pieces), from, upTo));
    }
    for (const [from, upTo] of runs) {
      if (own < from || own > upTo) tell(from, upTo);
      else {
        tell(from, own - 1);
        tell(own + 1, upTo);
      }
    }
  }
}

type AddressRun = readonly [number, number];

/** The runs of far addresses between two for which a region is the same. */
function runsIn(
  regions: Regions,
  region: Region,
  low: number,
  high: number,
): readonly AddressRun[] {
  const whole: readonly AddressRun[] = [[low, high]];
  if (region <= 1) return whole;
  const { variable, ends } = regions.edges(region);
  if (variable !== ADDRESS) return whole;
  const runs: AddressRun[] = [];
  let from = low;
  for (const end of ends) {
    if (end < from) continue;
    runs.push([from, Math.min(end, high)]);
    from = end + 1;
    if (from > high) break;
  }
  return runs;
}
