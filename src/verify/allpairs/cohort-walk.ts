/**
 * Connections of a cohort, servers that send alike, to one address: they go together, and part
 * where something treats their addresses differently. What each of them may send at all, and what
 * receivers take from which address, is left as regions until somebody asks for a pair.
 * Before: `outlets.ts`, `router.ts`. After: `cohorts.ts`.
 */
import { NOWHERE } from '../../traffic/sets/regions.ts';
import { attempt } from './attempt.ts';
import { type Cohort, type Leg, type Plan, type Told, type Walk, type Way } from './cohort.ts';
import {
  type Arrivals,
  accepts,
  type Engine,
  type Exit,
  exitOf,
  LEAST_MTU,
  MAX_ROUTERS,
  NO_ZONES,
  senderOn,
} from './connections.ts';
import { type Extent, everyAddress, narrowTo, seenFrom, within } from './extent.ts';
import { entry } from './floods.ts';
import { type Mac, NotCarried } from './frame.ts';
import { type Member } from './members.ts';
import { type Answer, type Outlets } from './outlets.ts';
import { type Station } from './places.ts';
import { beforeNat, type Forwarded, SAME, type Treatment } from './router.ts';
import { localDevice, routeCuts, routeTo, settingsOf } from './routes.ts';
import { type Server } from './servers.ts';
import { emptyCell } from './upkeep.ts';

/** What becomes of packets of a cohort to an address, and to those behind it that go alike. */
export function walkTogether(
  engine: Engine,
  outlets: Outlets,
  cohort: Cohort,
  destination: number,
): Told {
  const plan = planFor(engine, outlets, cohort, destination);
  const { legs, high } = plan;
  if (legs.length === 0) return { ...plan, low: destination, high };
  const found = [...plan.found];
  const passed = [...plan.passed];
  const walk: Walk = {
    engine,
    destinations: everyAddress(),
    found,
    passed,
    open: new Set(plan.open),
    legs: null,
  };
  for (const { by, way } of legs) {
    const { members } = way;
    guarded(walk, members, () => {
      if (by === null) onOwnLink(walk, outlets, cohort, { ...way, destination }, destination);
      else onLink(walk, by, { ...way, destination }, destination);
    });
  }
  return { low: destination, high: destination, found, passed, open: walk.open };
}

/** The plan for an address, which is mostly that for many others as well. */
function planFor(engine: Engine, outlets: Outlets, cohort: Cohort, destination: number): Plan {
  const { upkeep } = engine;
  const { members } = cohort;
  // Whoever has the address sends nothing to it.
  if (members.some(({ server }) => server.address === destination)) {
    const others = members.filter(({ server }) => server.address !== destination);
    const plan = planOf(engine, outlets, cohort, others, destination);
    return { ...plan, low: destination, high: destination };
  }
  for (let i = cohort.plans.length - 1; i >= 0; i--) {
    const cell = cohort.plans[i]!;
    if (cell.stale || destination < cell.value.low || destination > cell.value.high) continue;
    return upkeep.use(cell, () => cell.value);
  }
  const cell = emptyCell<Plan>();
  const plan = upkeep.use(cell, () => planOf(engine, outlets, cohort, members, destination));
  if (plan.low < plan.high) {
    if (upkeep.on) cohort.plans = cohort.plans.filter(({ stale }) => !stale);
    cohort.plans.push(cell);
  }
  return plan;
}

function planOf(
  engine: Engine,
  outlets: Outlets,
  cohort: Cohort,
  senders: readonly Member[],
  destination: number,
): Plan {
  const destinations = everyAddress();
  const legs: Leg[] = [];
  const walk: Walk = { engine, destinations, found: [], passed: [], open: new Set(), legs };
  guarded(walk, senders, () => {
    const [first] = senders;
    if (first === undefined) return;
    const hop = firstHop(walk, first.server, destination);
    if (hop === null) return;
    const { openings } = engine.coordinates;
    const way: Way = { ...AT_HOME, members: senders, where: openings, destination };
    if (hop === SAME) legs.push({ by: null, way });
    else onOwnLink(walk, outlets, cohort, way, hop);
  });
  const { found, passed, open } = walk;
  const { low, high } =
    found.length > 0 || open.size > 0 ? { low: destination, high: destination } : destinations;
  return { low, high, found, passed, open, legs };
}

/** How packets are at first. */
const AT_HOME = { pieces: 0, seenAs: null, zones: NO_ZONES, anyPort: false, routers: 0 } as const;

/** The next hop of the members' own stacks, SAME where it is the destination; null: no route. */
function firstHop(walk: Walk, { station, address }: Server, destination: number): number | null {
  const { state, device } = station;
  within(routeCuts(state), destination, walk.destinations);
  if (destination !== address && localDevice(state, destination) !== null) {
    throw new NotCarried('its own address');
  }
  const route = routeTo(state, destination);
  if (route === null) return null;
  if (route.device !== device.name) throw new NotCarried('a server with several interfaces');
  if (route.source !== null && route.source !== address) throw new NotCarried('another source');
  if (device.mtu < LEAST_MTU) throw new NotCarried('a small MTU');
  if (route.gateway === destination) narrowTo(walk.destinations, destination, destination);
  return route.gateway ?? SAME;
}

/** From the senders' own ports to those who take what is for a next hop. */
function onOwnLink(walk: Walk, outlets: Outlets, cohort: Cohort, way: Way, hop: number): void {
  const { engine } = walk;
  const { outlet } = cohort;
  const takers = takersOf(walk, outlets, cohort, way.members, hop, outlet.answers(hop));
  for (const [mac, members] of takers) {
    for (const { station, pieces, into, zones } of mac === null ? [] : outlet.reach(mac)) {
      const where = engine.coordinates.regions.and(way.where, into);
      if (where !== NOWHERE) received(walk, station, { ...way, pieces, where, zones, members });
    }
  }
}

/** Where something is not carried, nothing is said of these members. */
function guarded(walk: Walk, members: readonly Member[], follow: () => void): void {
  try {
    follow();
  } catch (error) {
    if (!(error instanceof NotCarried)) throw error;
    for (const one of members) walk.open.add(one);
  }
}

/** Members by the MAC address that each takes for a next hop; null: nobody answers it. */
function takersOf(
  walk: Walk,
  outlets: Outlets,
  cohort: Cohort,
  senders: readonly Member[],
  hop: number,
  answers: readonly Answer[],
): ReadonlyMap<Mac | null, readonly Member[]> {
  const heard: Answer[] = [];
  let [first] = answers;
  for (const answer of answers) {
    const hear = allHear(walk, outlets, cohort, hop, answer);
    if (hear === null || answer.from.mac !== first?.from.mac) {
      return parted(walk, senders, ({ server }) => outlets.found(server.station, hop, answers));
    }
    if (hear) heard.push(answer);
  }
  [first] = heard;
  return new Map([[first?.from.mac ?? null, senders]]);
}

/** Whether all of a cohort hear an answer, or none does; null: each by itself. */
function allHear(
  { engine: { upkeep } }: Walk,
  outlets: Outlets,
  { members, hearing }: Cohort,
  hop: number,
  answer: Answer,
): boolean | null {
  return upkeep.get(hearing, answer.way, () => {
    const each = members.map(({ server }) =>
      attempt(() => outlets.isHeard(server.station, answer, hop)),
    );
    const [first] = each;
    return typeof first === 'boolean' && each.every((one) => one === first) ? first : null;
  });
}

/** Members by what is found for each; those for whom it is not carried are left open. */
function parted<T>(
  walk: Walk,
  members: readonly Member[],
  find: (member: Member) => T,
): ReadonlyMap<T, readonly Member[]> {
  const groups = new Map<T, Member[]>();
  for (const member of members) {
    guarded(walk, [member], () => entry(groups, find(member), (): Member[] => []).push(member));
  }
  return groups;
}

/**
 * Members by what is found for the source that their packets have.
 * @param find narrows the extent to the sources for which the same is found
 */
function bySource<T>(
  walk: Walk,
  { members, seenAs }: Way,
  find: (source: number, alike: Extent) => T,
): ReadonlyMap<T, readonly Member[]> {
  const groups = new Map<T, readonly Member[]>();
  let all = true;
  if (seenAs !== null) {
    guarded(walk, members, () => groups.set(find(seenAs, everyAddress()), members));
    return groups;
  }
  for (let i = 0; i < members.length; ) {
    const source = members[i]!.server.address;
    const alike = everyAddress();
    let run: readonly Member[] = [];
    const end = (): number => {
      let k = i + 1;
      while (k < members.length && members[k]!.server.address <= alike.high) k++;
      return k;
    };
    try {
      const found = find(source, alike);
      run = i === 0 && end() === members.length ? members : members.slice(i, end());
      const known = groups.get(found);
      groups.set(found, known === undefined ? run : [...known, ...run]);
    } catch (error) {
      if (!(error instanceof NotCarried)) throw error;
      run = members.slice(i, i + 1);
      for (const one of run) walk.open.add(one);
      all = false;
    }
    i += run.length;
  }
  // One list for all, so that what is known of it need not be worked out again.
  if (all && groups.size === 1) for (const found of groups.keys()) groups.set(found, members);
  return groups;
}

function received(walk: Walk, at: Station, way: Way): void {
  const { engine, destinations } = walk;
  const { destination, pieces, where } = way;
  guarded(walk, way.members, () => {
    within(routeCuts(at.state), destination, destinations);
    const local = localDevice(at.state, destination) !== null;
    const routes = settingsOf(at.state, at.device.name).forwarding;
    if (local && !(routes && engine.routers.filters(at))) {
      // Whoever is no server keeps what is for it.
      if (!engine.isServer.has(at)) return;
      const taken = bySource(walk, way, (source, alike) => {
        within(routeCuts(at.state), source, alike);
        return accepts(engine, at, source);
      });
      for (const members of taken.values()) walk.found.push({ at, pieces, where, members });
      return;
    }
    if (way.routers === MAX_ROUTERS) throw new NotCarried('many routers');
    const to = { address: destination, extent: destinations };
    engine.routers.alike(at, null, to);
    const treated = bySource(walk, way, (source, alike) => {
      engine.routers.alike(at, { address: source, extent: alike }, to);
      return engine.routers.treat(at, source, destination);
    });
    for (const [treatment, members] of treated) sentOn(walk, { ...way, members }, treatment);
  });
}

/** What a router makes of it. */
function sentOn(walk: Walk, way: Way, { parts, refused }: Treatment): void {
  const { regions } = walk.engine.coordinates;
  guarded(walk, way.members, () => {
    if (refused !== null) throw refused;
    for (const one of parts) {
      const where = regions.and(way.where, one.where);
      if (where === NOWHERE) continue;
      const same = one.source === SAME && one.destination === SAME;
      const next: Way = {
        ...way,
        where,
        seenAs: one.source === SAME ? way.seenAs : one.source,
        destination: one.destination === SAME ? way.destination : one.destination,
        zones: same ? way.zones : NO_ZONES,
        anyPort: way.anyPort || one.anyPort,
        routers: way.routers + 1,
      };
      const hop = one.hop === SAME ? way.destination : one.hop;
      if (same && one.hop === SAME && walk.legs !== null) {
        walk.legs.push({ by: one.by, way: next });
      } else if (same) onLink(walk, one.by, next, hop);
      else translated(walk, { ...one, hop }, next, one.destination !== SAME);
    }
  });
}

function onLink(walk: Walk, by: Station, way: Way, hop: number): void {
  const { layer2, coordinates } = walk.engine;
  const { regions } = coordinates;
  if (by.device.mtu < LEAST_MTU) throw new NotCarried('a small MTU');
  if (hop === way.destination) narrowTo(walk.destinations, hop, hop);
  const mac = layer2.resolve(by, senderOn(by, hop), hop);
  if (mac === null) return;
  for (const { station, into, zones } of layer2.reach(by, mac, null)) {
    const { seenAs } = way;
    const passed = seenAs === null ? into : seenFrom(regions, into, seenAs, everyAddress());
    const where = regions.and(way.where, way.anyPort ? beforeNat(regions, passed) : passed);
    if (where === NOWHERE) continue;
    if (way.zones.length > 0 && zones.some((zone) => way.zones.includes(zone))) {
      throw new NotCarried('a zone asked again');
    }
    received(walk, station, { ...way, where, zones: [...way.zones, ...zones] });
  }
}

/** What NAT has made goes on as an exit. */
function translated(walk: Walk, one: Forwarded, way: Way, elsewhere: boolean): void {
  const { engine } = walk;
  const { regions, openings } = engine.coordinates;
  const { destination, pieces, where, anyPort, routers } = way;
  const exitFor = (source: number): Exit => {
    const next = { source, destination, where: openings, zones: NO_ZONES, anyPort, routers };
    return exitOf(engine, { ...one, source, destination }, next);
  };
  if (!elsewhere && way.seenAs !== null) {
    const { seenAs: source, members } = way;
    walk.passed.push({ exit: exitFor(source), source, pieces, where, members });
    return;
  }
  const ends = bySource(walk, way, (source, alike): Arrivals => {
    const arrivals = exitFor(source).arrivals(destination, source);
    narrowTo(alike, arrivals.low, arrivals.high);
    if (typeof arrivals.found === 'string') throw new NotCarried(arrivals.found);
    return arrivals;
  });
  for (const [{ found }, members] of ends) {
    for (const { at, where: all } of typeof found === 'string' ? [] : found) {
      const here = regions.and(where, all);
      if (here !== NOWHERE) walk.found.push({ at, pieces, where: here, members });
    }
  }
}
