/**
 * One connection on its way from a server's stack over links and routers, to where it is delivered:
 * which part of its packets arrives. What NAT made of it goes on as an exit that many senders share.
 * Before: `layer2.ts`, `router.ts`. After: `all-pairs.ts`, `cohort-walk.ts`.
 */
import { NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type Coordinates } from './coordinates.ts';
import { type Extent, everyAddress, narrowTo, seenFrom, within } from './extent.ts';
import { entry } from './floods.ts';
import { NotCarried } from './frame.ts';
import { type Layer2 } from './layer2.ts';
import { type Station } from './places.ts';
import { beforeNat, type Forwarded, type Routers } from './router.ts';
import { localDevice, routeCuts, routeTo, settingsOf } from './routes.ts';
import { type Cell, emptyCell, type Upkeep } from './upkeep.ts';

/** A server that some packets to an address arrive at. */
export interface Delivery {
  readonly at: Station;
  readonly where: Region;
}

/** Connections to a run of addresses that a router sends on by one way, as many senders' do. */
export interface Passage {
  /** The run of addresses, both ends included. */
  readonly low: number;
  readonly high: number;
  readonly exit: Exit;
  /** The address that they have as source from the router on. */
  readonly source: number;
  /** What of the sender's packets gets as far. */
  readonly where: Region;
}

/** What becomes of connections that a router sends on with another source, for all who do. */
export interface Exit {
  readonly id: number;
  /**
   * Where packets to an address arrive, and for which other sources the same holds; a sentence
   * where that is not carried. `where` is to be cut with that of the passage.
   */
  arrivals(destination: number, source: number): Arrivals;
}

export interface Arrivals extends Readonly<Extent> {
  readonly found: readonly Delivery[] | string;
}

export const MAX_ROUTERS = 4;
export const LEAST_MTU = 200;
export const NOWHERE_AT_ALL: readonly Delivery[] = [];

/** What connections are followed with. */
export interface Engine {
  readonly coordinates: Coordinates;
  readonly upkeep: Upkeep;
  readonly layer2: Layer2;
  readonly routers: Routers;
  readonly isServer: ReadonlySet<Station>;
  /** What becomes of connections whose addresses were translated: shared by all their senders. */
  readonly exits: Map<string, { readonly by: Station[]; readonly exit: Exit }>;
  /** For which other sources and destinations the connection would go the same way. */
  readonly sources: Extent;
  readonly destinations: Extent;
  /** By whom an exit is shared: equal texts for those that send alike. */
  readonly sharedBy: (by: Station) => string;
  /** Where passages are gathered; null: they are followed to their ends. */
  passages: Omit<Passage, 'low' | 'high'>[] | null;
}

/** A connection somewhere on its way. */
export interface Way {
  readonly source: number;
  readonly destination: number;
  readonly where: Region;
  readonly zones: readonly string[];
  readonly anyPort: boolean;
  readonly routers: number;
}

export const NO_ZONES: readonly string[] = [];

/** Sends from a server's own stack. */
export function sent(engine: Engine, from: Station, way: Way): readonly Delivery[] {
  const { state, device } = from;
  within(routeCuts(state), way.destination, engine.destinations);
  const route = routeTo(state, way.destination);
  if (localDevice(state, way.destination) !== null) throw new NotCarried('its own address');
  if (route === null) return NOWHERE_AT_ALL;
  if (route.device !== device.name) throw new NotCarried('a server with several interfaces');
  if (route.source !== null && route.source !== way.source) throw new NotCarried('another source');
  if (engine.routers.filters(from)) throw new NotCarried('a server with rules of its own');
  return onLink(engine, from, way, route.gateway ?? way.destination, way.source);
}

/** Sends to a next hop by one device. */
function onLink(
  engine: Engine,
  from: Station,
  way: Way,
  hop: number,
  sender: number,
): readonly Delivery[] {
  const { regions } = engine.coordinates;
  if (from.device.mtu < LEAST_MTU) throw new NotCarried('a small MTU');
  const { sources, destinations } = engine;
  if (hop === way.destination) narrowTo(destinations, hop, hop);
  const mac = engine.layer2.resolve(from, sender, hop);
  if (mac === null) return NOWHERE_AT_ALL;
  const guest = way.routers === 0 ? way.source : null;
  const found: Delivery[] = [];
  for (const { station, out, into, zones } of engine.layer2.reach(from, mac, guest)) {
    const near = seenFrom(regions, out, way.destination, destinations);
    const far = seenFrom(regions, into, way.source, sources);
    const passed = regions.and(near, far);
    const where = regions.and(way.where, way.anyPort ? beforeNat(regions, passed) : passed);
    if (where === NOWHERE) continue;
    if (way.zones.length > 0 && zones.some((zone) => way.zones.includes(zone))) {
      throw new NotCarried('a zone asked again');
    }
    found.push(...received(engine, station, { ...way, where, zones: [...way.zones, ...zones] }));
  }
  return found;
}

function received(engine: Engine, at: Station, way: Way): readonly Delivery[] {
  const { source, destination, where } = way;
  within(routeCuts(at.state), destination, engine.destinations);
  const local = localDevice(at.state, destination) !== null;
  const routes = settingsOf(at.state, at.device.name).forwarding;
  if (local && !(routes && engine.routers.filters(at))) {
    // Whoever is no server keeps what is for it.
    if (!engine.isServer.has(at)) return NOWHERE_AT_ALL;
    within(routeCuts(at.state), source, engine.sources);
    accepts(engine, at, source);
    return [{ at, where }];
  }
  if (way.routers === MAX_ROUTERS) throw new NotCarried('many routers');
  const found: Delivery[] = [];
  engine.routers.alike(
    at,
    { address: source, extent: engine.sources },
    { address: destination, extent: engine.destinations },
  );
  for (const one of engine.routers.forward(at, source, destination, where)) {
    const same = one.source === source && one.destination === destination;
    const next: Way = {
      source: one.source,
      destination: one.destination,
      where: one.where,
      zones: same ? way.zones : NO_ZONES,
      anyPort: way.anyPort || one.anyPort,
      routers: way.routers + 1,
    };
    found.push(...(same ? sentOn(engine, one, next) : translated(engine, one, next, way)));
  }
  return found;
}

function sentOn(engine: Engine, { by, hop }: Forwarded, way: Way): readonly Delivery[] {
  return onLink(engine, by, way, hop, senderOn(by, hop));
}

/** What NAT has made is a connection of its own: many senders share it. */
function translated(engine: Engine, one: Forwarded, way: Way, before: Way): readonly Delivery[] {
  const exit = exitOf(engine, one, way);
  const { source, destination, where } = way;
  if (engine.passages !== null && destination === before.destination) {
    engine.passages.push({ exit, source, where });
    return NOWHERE_AT_ALL;
  }
  const { low, high, found } = exit.arrivals(destination, source);
  if (source === before.source) narrowTo(engine.sources, low, high);
  if (typeof found === 'string') throw new NotCarried(found);
  return cutBy(engine.coordinates.regions, found, where);
}

/** The deliveries of what is in a region. */
export function cutBy(
  regions: Regions,
  found: readonly Delivery[],
  where: Region,
): readonly Delivery[] {
  return found.flatMap(({ at, where: all }) => {
    const here = regions.and(where, all);
    return here === NOWHERE ? [] : [{ at, where: here }];
  });
}

/** The exit of what NAT has made. */
export function exitOf(engine: Engine, one: Forwarded, way: Way): Exit {
  // Where the hop is a gateway it is the same for every destination.
  const hop = one.hop === way.destination ? '' : one.hop;
  const shared = engine.sharedBy(one.by);
  const key = `${shared} ${hop} ${way.anyPort} ${way.routers}`;
  let known = engine.exits.get(key);
  if (known === undefined) {
    const by: Station[] = [];
    known = { by, exit: openExit(engine, one, way, { id: engine.exits.size, by, shared }) };
    engine.exits.set(key, known);
  }
  if (!known.by.includes(one.by)) known.by.push(one.by);
  return known.exit;
}

/** Stations that share an exit; their number grows. */
interface Sharers {
  readonly id: number;
  readonly by: readonly Station[];
  /** What is equal for all of them. */
  readonly shared: string;
}

function openExit(engine: Engine, one: Forwarded, way: Way, { id, by, shared }: Sharers): Exit {
  const { upkeep, coordinates } = engine;
  const direct = one.hop === way.destination;
  const known = new Map<number, Cell<Arrivals>[]>();
  /** By next hop: how many of those who share the exit take the same address for it. */
  const agreed = new Map<number, Cell<{ count: number; holds: boolean }>>();
  /** Where flows change, some may no longer send like the others. */
  const sharers = (): readonly Station[] =>
    upkeep.on ? by.filter((each) => engine.sharedBy(each) === shared) : by;
  const agree = (hop: number): boolean => {
    const cell = entry(agreed, hop, () => emptyCell<{ count: number; holds: boolean }>());
    // Who joins changes nothing for those who have asked before.
    if (!cell.stale && cell.value.count < by.length) cell.stale = true;
    return upkeep.use(cell, () => {
      const [first, ...others] = sharers();
      const same = (each: Station): boolean =>
        taken(engine, each, hop) === taken(engine, first!, hop);
      return { count: by.length, holds: others.every(same) };
    }).holds;
  };
  return {
    id,
    arrivals(destination, source) {
      const hop = direct ? destination : one.hop;
      if (by.length > 1 && !agree(hop)) return UNSHARED;
      const all = known.get(destination) ?? [];
      const mine = all.some(({ stale }) => stale) ? all.filter(({ stale }) => !stale) : all;
      known.set(destination, mine);
      for (const cell of mine) {
        const { low, high } = cell.value;
        if (low <= source && source <= high) return upkeep.use(cell, () => cell.value);
      }
      const cell = emptyCell<Arrivals>();
      mine.push(cell);
      return upkeep.use(cell, () => {
        const sources = everyAddress();
        const apart: Engine = { ...engine, sources, destinations: everyAddress(), passages: null };
        const next: Way = { ...way, source, destination, where: coordinates.openings };
        const from = { ...one, by: sharers()[0] ?? one.by, hop };
        return { found: toldOf(() => sentOn(apart, from, next)), ...sources };
      });
    },
  };
}

/** Those who share an exit do not all find the same: each pair is followed by itself. */
const UNSHARED: Arrivals = { low: 0, high: 0xffff_ffff, found: 'each by itself' };

/** The address that a station takes for a next hop, or why that is not known. */
function taken({ layer2 }: Engine, by: Station, hop: number): number | string | null {
  try {
    return layer2.resolve(by, senderOn(by, hop), hop);
  } catch (error) {
    if (error instanceof NotCarried) return error.message;
    throw error;
  }
}

function toldOf(follow: () => readonly Delivery[]): readonly Delivery[] | string {
  try {
    return follow();
  } catch (error) {
    if (error instanceof NotCarried) return error.message;
    throw error;
  }
}

/** A server takes what its own stack lets in. */
export function accepts({ routers }: Engine, at: Station, source: number): void {
  const { state, device } = at;
  if (routers.filters(at)) throw new NotCarried('a server with rules of its own');
  const { reversePathFilter } = settingsOf(state, device.name);
  const back = routeTo(state, source);
  if (localDevice(state, source) !== null) throw new NotCarried('an own address as source');
  if (back === null && reversePathFilter === 0) return;
  if (back?.device !== device.name && reversePathFilter !== 0) {
    throw new NotCarried('a source of another device');
  }
}

/** The address by which a device asks for a next hop (net/ipv4/arp.c arp_solicit()). */
export function senderOn({ device }: Station, hop: number): number {
  for (const { address, length, secondary } of device.addresses) {
    if (address.version !== 4 || secondary) continue;
    const size = 2 ** (32 - length);
    if (Math.floor(Number(address.value) / size) === Math.floor(hop / size)) {
      return Number(address.value);
    }
  }
  throw new NotCarried('a next hop outside of the network');
}
