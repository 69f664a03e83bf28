/**
 * All pairs, kept while flows come and go: only what was made with a lookup that a changed flow
 * could match is made anew, and the pairs that fare otherwise are told. What is kept is at any
 * time what `sweep` says of the changed network. Before: `crowds.ts`, `flow-changes.ts`.
 */
import { type Network } from '../../dataplane/network.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { withOutside } from '../../trace/outside.ts';
import { type AllPairs, openAllPairs } from './all-pairs.ts';
import { type Book, bookOf } from './book.ts';
import { type Cohort } from './cohort.ts';
import { cohortOf, type Joined } from './cohorts.ts';
import { type Passage } from './connections.ts';
import { type Coordinates, openCoordinates } from './coordinates.ts';
import {
  type Crowd,
  countShares,
  crowdKey,
  enter,
  isByRuns,
  leaveCrowd,
  openCrowd,
  type Post,
  type Shares,
  sameShares,
  sayOf,
  sharesOf,
} from './crowds.ts';
import { entry } from './floods.ts';
import { changeFlows, type FlowChange } from './flow-changes.ts';
import {
  countPage,
  differing,
  eachPair,
  type Page,
  type PairChange,
  pageOf,
  type Saying,
  sayingOf,
} from './pages.ts';
import { tellCohortAt, tellServer } from './rows.ts';
import { type Server } from './servers.ts';
import { type Tally } from './sweep.ts';
import { type Cell, emptyCell, Upkeep } from './upkeep.ts';

/** What a change of flows has changed. */
export interface Reverified {
  readonly pairs: readonly PairChange[];
  /** How many results were made anew. */
  readonly made: number;
}

export interface KeptPairs {
  readonly all: AllPairs;
  /** How many pairs get something through, and of how many nothing is said. */
  tally(): Tally;
  /** All that is said of pairs; those that are missing get nothing, and that is proved. */
  saying(): Saying;
  /**
   * Takes flows away and adds others. null: the change is of a kind that needs all tables anew
   * (a bridge without flows, flows that are not carried at all); nothing may be asked any more.
   */
  change(...changes: readonly FlowChange[]): Reverified | null;
}

/** A page and where it stands. */
interface Place {
  readonly of: Account;
  readonly at: number;
  /** The place of the book before which it ends in any case. */
  limit: number;
  readonly cell: Cell<Page>;
}

/** The pages of a cohort, or of a server that shares nothing. */
interface Account {
  readonly cohort: Cohort | null;
  readonly alone: Server | null;
  readonly places: Set<Place>;
}

/** The cohort that a server has joined. */
interface Standing {
  readonly server: Server;
  readonly cell: Cell<Joined | null>;
  /** As the accounts have it. */
  joined: Joined | null;
}

/** One source of a server's packets, in a crowd. */
interface Entered {
  readonly crowd: Crowd;
  readonly source: number;
}

/** What is said before and after a change. */
interface Change {
  readonly before: Saying;
  /** null: nobody compares. */
  readonly after: Saying | null;
  /** Servers with other passages than before. */
  readonly moved: Set<Server>;
  /** What is said of passages after it. */
  readonly passed: Saying;
  /** What posts said before. */
  readonly posts: Map<Post, Shares>;
}

function openChange(after: Saying | null): Change {
  return { before: new Map(), after, moved: new Set(), passed: new Map(), posts: new Map() };
}

/** Works out all pairs and keeps them. */
export function keepPairs(
  network: Network,
  coordinates: Coordinates = openCoordinates(),
): KeptPairs {
  const upkeep = new Upkeep(true);
  const all = openAllPairs(compileNetwork(withOutside(network), {}), coordinates, upkeep);
  const book: Book = bookOf(all);
  const { length } = book.addresses;

  const places = new Map<Cell<unknown>, Place>();
  const posts = new Map<Cell<unknown>, Post>();
  const standings = new Map<Cell<unknown>, Standing>();
  const accounts = new Map<string, Account>();
  const crowds = new Map<string, Crowd>();
  const passagesOf = new Map<Server, Map<Place, readonly Passage[]>>();
  const entered = new Map<Server, readonly Entered[]>();

  const keyOf = ({ server, joined }: Standing): string =>
    joined === null ? `alone ${server.station.id}` : joined.key;

  const make = (place: Place): Page => {
    const { cohort, alone } = place.of;
    return upkeep.use(place.cell, () =>
      pageOf((sink) => {
        if (cohort !== null) {
          return tellCohortAt(all, book, cohort, place.at, place.limit, sink);
        }
        tellServer(all, book, alone!, sink);
        return length;
      }),
    );
  };

  /** Fills a stretch of an account with pages. */
  const fill = (of: Account, from: number, limit: number, change: Change): void => {
    for (let at = from; at < limit; ) {
      const place: Place = { of, at, limit, cell: emptyCell(true) };
      of.places.add(place);
      places.set(place.cell, place);
      at = told(place, change);
    }
  };

  /** Makes a page and tells what it says; returns the place behind it. */
  const told = (place: Place, change: Change): number => {
    const page = make(place);
    place.limit = page.upTo;
    const { after } = change;
    if (after !== null) eachPair(page, (from, to, said) => sayingOf(after, from).set(to, said));
    for (const [from, passages] of page.passages) {
      entry(passagesOf, from, () => new Map<Place, readonly Passage[]>()).set(place, passages);
      change.moved.add(from);
    }
    return page.upTo;
  };

  /** Forgets what a page has said. */
  const untold = (place: Place, change: Change): void => {
    const page = place.cell.value;
    eachPair(page, (from, to, said) => sayingOf(change.before, from).set(to, said));
    for (const from of page.passages.keys()) {
      passagesOf.get(from)?.delete(place);
      change.moved.add(from);
    }
  };

  const drop = (key: string, change: Change): void => {
    for (const place of accounts.get(key)?.places ?? []) {
      untold(place, change);
      places.delete(place.cell);
    }
    accounts.delete(key);
  };

  const open = (key: string, standing: readonly Standing[], change: Change): void => {
    const joined = standing.flatMap((one) => (one.joined === null ? [] : [one.joined]));
    const cohort = joined.length > 0 ? cohortOf(joined) : null;
    const alone = cohort === null ? standing[0]!.server : null;
    const account: Account = { cohort, alone, places: new Set() };
    accounts.set(key, account);
    fill(account, 0, length, change);
  };

  const posted = (post: Post): Shares => {
    posts.set(post.cell, post);
    return sharesOf(all, book, post);
  };

  /** A server's passages are others: it leaves a crowd. */
  const leave = (from: Server, { crowd, source }: Entered, change: Change): void => {
    for (const post of crowd.posts) {
      const shares = change.posts.get(post) ?? post.cell.value;
      sayOf(shares, { source, from }, (to, said) => sayingOf(change.before, from).set(to, said));
      const passed = change.passed.get(from);
      for (const to of book.targets[post.at]!.values()) passed?.delete(to);
    }
    leaveCrowd(crowd, { source, from });
    if (crowd.sources.length > 0) return;
    crowds.delete(crowd.key);
    for (const { cell } of crowd.posts) posts.delete(cell);
  };

  /** Leaves crowds, enters others; returns those that it has entered. */
  const move = (from: Server, change: Change): readonly Entered[] => {
    const wanted = bySource([...(passagesOf.get(from)?.values() ?? [])].flat());
    const had = entered.get(from) ?? [];
    const kept = had.filter(({ crowd, source }) => wanted.get(source)?.key === crowd.key);
    for (const one of had) if (!kept.includes(one)) leave(from, one, change);
    const fresh: Entered[] = [];
    for (const [source, { key, passages }] of wanted) {
      if (kept.some((one) => one.source === source)) continue;
      const crowd = entry(crowds, key, () => openCrowd(book, key, passages));
      enter(crowd, { source, from });
      fresh.push({ crowd, source });
    }
    entered.set(from, [...kept, ...fresh]);
    return fresh;
  };

  /** What is said of a server in crowds. */
  const sayEntered = (from: Server, crowdsOf: readonly Entered[], saying: Saying): void => {
    for (const { crowd, source } of crowdsOf) {
      for (const post of crowd.posts) {
        sayOf(post.cell.value, { source, from }, (to, said) => {
          sayingOf(saying, from).set(to, said);
        });
      }
    }
  };

  /** Servers with other passages change places; posts of theirs are told. */
  const moveAll = (change: Change): void => {
    if (change.moved.size === 0) return;
    const moved = [...change.moved].map((from) => ({ from, fresh: move(from, change) }));
    for (const { from, fresh } of moved) {
      for (const { crowd, source } of fresh) {
        for (const post of crowd.posts) {
          const { cell } = post;
          if (!cell.stale && !isByRuns(cell.value, source)) cell.stale = true;
          posted(post);
        }
      }
      if (change.after !== null) sayEntered(from, fresh, change.passed);
    }
    for (const post of posts.values()) if (post.cell.stale) posted(post);
  };

  const start = openChange(null);
  for (const server of all.servers) {
    const cell = emptyCell<Joined | null>(true);
    standings.set(cell, { server, cell, joined: upkeep.use(cell, () => all.joined(server)) });
  }
  const groups = new Map<string, Standing[]>();
  for (const one of standings.values()) entry(groups, keyOf(one), (): Standing[] => []).push(one);
  for (const [key, standing] of groups) open(key, standing, start);
  moveAll(start);

  /** Servers that go otherwise form other cohorts. */
  const regroup = (stale: readonly Standing[], change: Change): void => {
    const dirty = new Set<string>();
    for (const one of stale) {
      const before = keyOf(one);
      const gates = one.joined?.member.gates.text;
      const joined = upkeep.use(one.cell, () => all.joined(one.server));
      if (joined?.key === one.joined?.key && joined?.member.gates.text === gates) continue;
      groups.set(
        before,
        groups.get(before)!.filter((other) => other !== one),
      );
      one.joined = joined;
      entry(groups, keyOf(one), (): Standing[] => []).push(one);
      dirty.add(before).add(keyOf(one));
    }
    for (const key of dirty) drop(key, change);
    for (const key of dirty) {
      const standing = groups.get(key)!;
      if (standing.length > 0) open(key, standing, change);
      else groups.delete(key);
    }
  };

  return {
    all,
    tally() {
      let [some, left] = [0, 0];
      for (const counted of [
        ...[...places.values()].map(({ cell }) => countPage(cell.value)),
        ...[...posts.values()].map(({ crowd, cell }) => countShares(crowd, cell.value)),
      ]) {
        some += counted.some;
        left += counted.open;
      }
      return { some, open: left };
    },
    saying() {
      const saying: Saying = new Map();
      for (const { cell } of places.values()) {
        eachPair(cell.value, (from, to, said) => sayingOf(saying, from).set(to, said));
      }
      for (const [from, mine] of entered) sayEntered(from, mine, saying);
      return saying;
    },
    change(...changes) {
      const cells: Cell<unknown>[] = [];
      for (const one of changes) {
        const bridge = all.bridge(one.host, one.bridge);
        const stale = bridge === undefined ? null : changeFlows(bridge, one);
        if (stale === null) return null;
        for (const cell of stale) cells.push(cell);
      }
      const { made } = upkeep;
      const stale = upkeep.spoil(cells);
      const after: Saying = new Map();
      const change = openChange(after);
      regroup(
        stale.flatMap((cell) => standings.get(cell) ?? []),
        change,
      );
      for (const cell of stale) {
        const place = places.get(cell);
        if (place === undefined || !cell.stale) continue;
        untold(place, change);
        const { limit } = place;
        fill(place.of, told(place, change), limit, change);
      }
      for (const cell of stale) {
        const post = posts.get(cell);
        if (post === undefined) continue;
        const before = post.cell.value;
        const now = posted(post);
        if (sameShares(before, now)) continue;
        change.posts.set(post, before);
        for (const one of post.crowd.sources) {
          sayOf(before, one, (to, said) => sayingOf(change.before, one.from).set(to, said));
          sayOf(now, one, (to, said) => sayingOf(change.passed, one.from).set(to, said));
        }
      }
      moveAll(change);
      for (const [from, mine] of change.passed) {
        for (const [to, said] of mine) sayingOf(after, from).set(to, said);
      }
      return { pairs: differing(change.before, after), made: upkeep.made - made };
    },
  };
}

/** Passages by their source, with the text of the crowd that they belong to. */
function bySource(
  passages: readonly Passage[],
): ReadonlyMap<number, { readonly key: string; readonly passages: readonly Passage[] }> {
  const lists = new Map<number, Passage[]>();
  for (const one of passages) entry(lists, one.source, (): Passage[] => []).push(one);
  return new Map(
    [...lists].map(([source, mine]) => {
      mine.sort((a, b) => a.low - b.low);
      return [source, { key: crowdKey(mine), passages: mine }];
    }),
  );
}
