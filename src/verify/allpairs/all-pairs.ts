/**
 * Which new connections arrive, for every pair of a server and an address of a server: derived
 * from the very flows and rules of the hosts. What the engine does not carry exactly is left open,
 * and `prove` says it for one pair. Before: `layer2.ts`, `router.ts`.
 */

import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type Cohort, type Told } from './cohort.ts';
import { walkTogether } from './cohort-walk.ts';
import { type Cohorts, cohortsOf, type Joined, joinedBy, sharedLayer2 } from './cohorts.ts';
import {
  type Delivery,
  type Engine,
  LEAST_MTU,
  NO_ZONES,
  NOWHERE_AT_ALL,
  type Passage,
  sent,
  type Way,
} from './connections.ts';
import { type Coordinates } from './coordinates.ts';
import { everyAddress, widen } from './extent.ts';
import { openFabric } from './fabric.ts';
import { NotCarried } from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { openLayer2 } from './layer2.ts';
import { openOutlets } from './outlets.ts';
import { openPlaces } from './places.ts';
import { openRouters } from './router.ts';
import { type Left, type Server, serversOf, type Target, targetsOf } from './servers.ts';
import { openUnderlay } from './underlay.ts';
import { Upkeep } from './upkeep.ts';

/** What is known of one pair. */
export type Cell =
  /** Over protocol, destination port, source port. */
  | { readonly kind: 'known'; readonly arrives: Region }
  | { readonly kind: 'open'; readonly why: string };

/** All that is said of packets of one server to a run of addresses. */
export interface Run {
  readonly low: number;
  readonly high: number;
  /** Deliveries of packets to `low`; a run with some has only this address. */
  readonly found: readonly Delivery[];
  readonly passages: readonly Passage[];
  /** Why nothing is said; null where everything is. */
  readonly open: string | null;
}

export interface AllPairs {
  readonly coordinates: Coordinates;
  readonly servers: readonly Server[];
  readonly targets: readonly Target[];
  /** Servers the engine cannot start from, with the reason. */
  readonly left: readonly Left[];
  /** What is said of packets to an address, and to those behind it that are treated alike. */
  run(from: Server, address: number): Run;
  /** Where packets of a server to an address arrive; a sentence where that is not carried. */
  deliveries(from: Server, address: number): readonly Delivery[] | string;
  cell(from: Server, to: Target): Cell;
  /** Servers that send alike, and those that share nothing. */
  cohorts(): Cohorts;
  /** What is said of packets of a cohort to an address, and to those behind it. */
  together(cohort: Cohort, address: number): Told;
  /** Which cohort a server joins; null: none. */
  joined(server: Server): Joined | null;
  readonly upkeep: Upkeep;
  bridge(host: string, name: string): IndexedBridge | undefined;
}

/** @param upkeep keeps account of what is made of what, where flows are going to change */
export function openAllPairs(
  compiled: CompiledNetwork,
  coordinates: Coordinates,
  upkeep: Upkeep = new Upkeep(false),
): AllPairs {
  const { regions, openings } = coordinates;
  const places = openPlaces(compiled, upkeep);
  const fabric = openFabric(places, regions, upkeep, openUnderlay);
  const layer2 = openLayer2(fabric);
  const routers = openRouters(places, regions);
  const { servers, left } = serversOf(compiled, places);
  const targets = targetsOf(compiled, servers);
  const isServer = new Set(servers.map(({ station }) => station));
  const engine: Engine = {
    coordinates,
    upkeep,
    layer2,
    routers,
    isServer,
    exits: new Map(),
    sources: everyAddress(),
    destinations: everyAddress(),
    sharedBy: ({ id }) => String(id),
    passages: null,
  };
  const outlets = openOutlets(fabric, layer2.isHeard);
  const shared: Engine = {
    ...engine,
    layer2: sharedLayer2(fabric, outlets, layer2),
    exits: new Map(),
    sources: everyAddress(),
    destinations: everyAddress(),
    sharedBy: (by) => {
      const sending = outlets.sending(by, by.addresses[0] ?? 0, null);
      if (sending === null || by.device.mtu < LEAST_MTU) return String(by.id);
      return `${sending.outlet.id}: ${sending.gates.text}`;
    },
  };
  let cohorts: Cohorts | null = null;
  const follow = (from: Server, destination: number): readonly Delivery[] | string => {
    widen(engine.sources);
    widen(engine.destinations);
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
  const deliveries: AllPairs['deliveries'] = (from, destination) => {
    engine.passages = null;
    return follow(from, destination);
  };
  return {
    coordinates,
    servers,
    targets,
    left,
    run(from, address) {
      engine.passages = [];
      const told = follow(from, address);
      const found = typeof told === 'string' ? NOWHERE_AT_ALL : told;
      const high = found.length > 0 ? address : engine.destinations.high;
      const passed = typeof told === 'string' ? [] : engine.passages;
      return {
        low: address,
        high,
        found,
        passages: passed.map((one) => ({ ...one, low: address, high })),
        open: typeof told === 'string' ? told : null,
      };
    },
    deliveries,
    cell(from, to) {
      const found = deliveries(from, to.address);
      if (typeof found === 'string') return { kind: 'open', why: found };
      const { station } = to.server;
      let arrives: Region = NOWHERE;
      for (const { at, where } of found) if (at === station) arrives = regions.or(arrives, where);
      return { kind: 'known', arrives };
    },
    cohorts() {
      cohorts ??= cohortsOf(servers, outlets, routers);
      return cohorts;
    },
    upkeep,
    bridge: (host, name) => places.bridge(host, name),
    joined: (server) => joinedBy(server, outlets, routers),
    together: (cohort, address) => walkTogether(shared, outlets, cohort, address),
  };
}
