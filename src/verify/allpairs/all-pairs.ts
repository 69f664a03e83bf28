/**
 * Which new connections arrive, for every pair of a server and an address of a server: derived
 * from the very flows and rules of the hosts. What the engine does not carry exactly is left open,
 * and `prove` says it for one pair. Before: `layer2.ts`, `router.ts`.
 */

import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint } from '../../dataplane/network.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { ADDRESS, type Coordinates } from './coordinates.ts';
import { openFabric } from './fabric.ts';
import { NotCarried } from './frame.ts';
import { type Layer2, openLayer2 } from './layer2.ts';
import { openPlaces, type Places, type Station } from './places.ts';
import { beforeNat, type Forwarded, openRouters, type Routers } from './router.ts';
import { localDevice, routeTo, settingsOf } from './routes.ts';
import { openUnderlay } from './underlay.ts';

/** A server's port. */
export interface Server {
  readonly endpoint: Endpoint;
  readonly station: Station;
  /** The first IPv4 address of its interface. */
  readonly address: number;
}

/** An address that packets may be sent to, and the server that has it. */
export interface Target {
  readonly server: Server;
  readonly address: number;
  readonly floating: boolean;
}

/** What is known of one pair. */
export type Cell =
  /** Over protocol, destination port, source port. */
  | { readonly kind: 'known'; readonly arrives: Region }
  | { readonly kind: 'open'; readonly why: string };

/** A server that some packets to an address arrive at. */
export interface Delivery {
  readonly at: Station;
  readonly where: Region;
}

export interface AllPairs {
  readonly coordinates: Coordinates;
  readonly servers: readonly Server[];
  readonly targets: readonly Target[];
  /** Servers the engine cannot start from, with the reason. */
  readonly left: readonly { readonly endpoint: Endpoint; readonly why: string }[];
  /** Where packets of a server to an address arrive; a sentence where that is not carried. */
  deliveries(from: Server, address: number): readonly Delivery[] | string;
  cell(from: Server, to: Target): Cell;
}

const MAX_ROUTERS = 4;
const LEAST_MTU = 200;
const NOWHERE_AT_ALL: readonly Delivery[] = [];

export function openAllPairs(compiled: CompiledNetwork, coordinates: Coordinates): AllPairs {
  const { regions, openings } = coordinates;
  const places = openPlaces(compiled);
  const fabric = openFabric(places, regions, openUnderlay);
  const layer2 = openLayer2(fabric);
  const routers = openRouters(places, regions);
  const { servers, left } = serversOf(compiled, places);
  const targets = targetsOf(compiled, servers);
  const isServer = new Set(servers.map(({ station }) => station));
  const engine: Engine = { coordinates, layer2, routers, isServer, onward: new Map() };
  const deliveries: AllPairs['deliveries'] = (from, destination) => {
    try {
      const way: Way = {
        source: from.address,
        destination,
        where: openings,
        zones: NO_ZONES,
        anyPort: false,
        routers: 0,
      };
      return sent(engine, from.station, way);
    } catch (error) {
      if (error instanceof NotCarried) return error.message;
      throw error;
    }
  };
  return {
    coordinates,
    servers,
    targets,
    left,
    deliveries,
    cell(from, to) {
      const found = deliveries(from, to.address);
      if (typeof found === 'string') return { kind: 'open', why: found };
      const { station } = to.server;
      let arrives: Region = NOWHERE;
      for (const { at, where } of found) if (at === station) arrives = regions.or(arrives, where);
      return { kind: 'known', arrives };
    },
  };
}

interface Engine {
  readonly coordinates: Coordinates;
  readonly layer2: Layer2;
  readonly routers: Routers;
  readonly isServer: ReadonlySet<Station>;
  /** What becomes of connections whose addresses were translated: shared by all their senders. */
  readonly onward: Map<string, Map<number, readonly Delivery[] | NotCarried>>;
}

/** A connection somewhere on its way. */
interface Way {
  readonly source: number;
  readonly destination: number;
  readonly where: Region;
  readonly zones: readonly string[];
  readonly anyPort: boolean;
  readonly routers: number;
}

const NO_ZONES: readonly string[] = [];

/** Sends from a server's own stack. */
function sent(engine: Engine, from: Station, way: Way): readonly Delivery[] {
  const { state, device } = from;
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
  const mac = engine.layer2.resolve(from, sender, hop);
  if (mac === null) return NOWHERE_AT_ALL;
  const guest = way.routers === 0 ? way.source : null;
  const found: Delivery[] = [];
  for (const { station, out, into, zones } of engine.layer2.reach(from, mac, guest)) {
    const near = regions.restricted(out, ADDRESS, way.destination);
    const far = regions.restricted(into, ADDRESS, way.source);
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
  const local = localDevice(at.state, destination) !== null;
  const routes = settingsOf(at.state, at.device.name).forwarding;
  if (local && !(routes && engine.routers.filters(at))) {
    // Whoever is no server keeps what is for it.
    if (!engine.isServer.has(at)) return NOWHERE_AT_ALL;
    accepts(engine, at, way);
    return [{ at, where }];
  }
  if (way.routers === MAX_ROUTERS) throw new NotCarried('many routers');
  const found: Delivery[] = [];
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
    found.push(...(same ? sentOn(engine, one, next) : translated(engine, one, next)));
  }
  return found;
}

function sentOn(engine: Engine, { by, hop }: Forwarded, way: Way): readonly Delivery[] {
  return onLink(engine, by, way, hop, senderOn(by, hop));
}

/** What NAT has made is a connection of its own: many senders share it. */
function translated(engine: Engine, one: Forwarded, way: Way): readonly Delivery[] {
  const { regions, openings } = engine.coordinates;
  const { source, destination, anyPort, routers } = way;
  const sender = `${one.by.id} ${source} ${anyPort} ${routers}`;
  let mine = engine.onward.get(sender);
  if (mine === undefined) {
    mine = new Map();
    engine.onward.set(sender, mine);
  }
  // Where the hop is a gateway it is the same for every destination.
  const key = one.hop === destination ? destination : -1 - destination;
  let found = mine.get(key);
  if (found === undefined) {
    try {
      found = sentOn(engine, one, { ...way, where: openings });
    } catch (error) {
      if (!(error instanceof NotCarried)) throw error;
      found = error;
    }
    mine.set(key, found);
  }
  if (found instanceof NotCarried) throw found;
  return found.flatMap(({ at, where }) => {
    const here = regions.and(way.where, where);
    return here === NOWHERE ? [] : [{ at, where: here }];
  });
}

/** A server takes what its own stack lets in. */
function accepts({ routers }: Engine, at: Station, way: Way): void {
  const { state, device } = at;
  if (routers.filters(at)) throw new NotCarried('a server with rules of its own');
  const { reversePathFilter } = settingsOf(state, device.name);
  const back = routeTo(state, way.source);
  if (localDevice(state, way.source) !== null) throw new NotCarried('an own address as source');
  if (back === null && reversePathFilter === 0) return;
  if (back?.device !== device.name && reversePathFilter !== 0) {
    throw new NotCarried('a source of another device');
  }
}

/** The address by which a device asks for a next hop (net/ipv4/arp.c arp_solicit()). */
function senderOn({ device }: Station, hop: number): number {
  for (const { address, length, secondary } of device.addresses) {
    if (address.version !== 4 || secondary) continue;
    const size = 2 ** (32 - length);
    if (Math.floor(Number(address.value) / size) === Math.floor(hop / size)) {
      return Number(address.value);
    }
  }
  throw new NotCarried('a next hop outside of the network');
}

function serversOf(
  { network }: CompiledNetwork,
  places: Places,
): { readonly servers: readonly Server[]; readonly left: AllPairs['left'] } {
  const servers: Server[] = [];
  const left: { endpoint: Endpoint; why: string }[] = [];
  for (const endpoint of network.endpoints) {
    if (endpoint.role !== 'vm') continue;
    const { host, tap } = endpoint;
    const namespace =
      endpoint.namespace ??
      (tap === null ? '' : guestName(seatBehind(network.neutron, host, tap).tap));
    const stations = places.stationsOf(host, namespace);
    const station = stations.find(({ mac }) => mac === Number(endpoint.mac));
    const address = station?.addresses[0];
    if (station === undefined || stations.length !== 1) {
      left.push({ endpoint, why: 'it is not directly at one port of a bridge' });
    } else if (address === undefined) left.push({ endpoint, why: 'it has no IPv4 address' });
    else servers.push({ endpoint, station, address });
  }
  return { servers, left };
}

function targetsOf({ network }: CompiledNetwork, servers: readonly Server[]): readonly Target[] {
  const byPort = new Map<string, Server>();
  for (const server of servers) {
    if (server.endpoint.port !== null) byPort.set(server.endpoint.port.id, server);
  }
  const targets: Target[] = servers.map((server) => {
    return { server, address: server.address, floating: false };
  });
  for (const { portId, address: floating } of network.neutron.floatingIps) {
    const server = portId === null ? undefined : byPort.get(portId);
    if (server === undefined || floating.version !== 4) continue;
    targets.push({ server, address: Number(floating.value), floating: true });
  }
  return targets;
}
