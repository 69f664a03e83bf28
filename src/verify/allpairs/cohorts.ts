/**
 * The cohorts of all servers, and layer 2 as all stations share it that send alike.
 * Before: `outlets.ts`. After: `all-pairs.ts`.
 */
import { EVERYWHERE } from '../../traffic/sets/regions.ts';
import { type Cohort } from './cohort.ts';
import { type Fabric } from './fabric.ts';
import { entry } from './floods.ts';
import { type Mac, NotCarried } from './frame.ts';
import { type Layer2, type Reached } from './layer2.ts';
import { type Member } from './members.ts';
import { type Outlet, type Outlets } from './outlets.ts';
import { type Station } from './places.ts';
import { type Routers } from './router.ts';
import { sendingText } from './routes.ts';
import { type Server } from './servers.ts';
import { type Cell } from './upkeep.ts';

export interface Cohorts {
  readonly cohorts: readonly Cohort[];
  /** Servers that share nothing with others. */
  readonly alone: readonly Server[];
}

export function cohortsOf(servers: readonly Server[], outlets: Outlets, routers: Routers): Cohorts {
  const known = new Map<string, Joined[]>();
  const alone: Server[] = [];
  for (const server of servers) {
    const joined = joinedBy(server, outlets, routers);
    if (joined === null) alone.push(server);
    else entry(known, joined.key, (): Joined[] => []).push(joined);
  }
  return { cohorts: [...known.values()].map(cohortOf), alone };
}

/** The cohort that a server belongs to. */
export interface Joined {
  /** Equal for all of a cohort. */
  readonly key: string;
  readonly outlet: Outlet;
  readonly member: Member;
}

/** Which cohort a server joins; null: none. */
export function joinedBy(server: Server, outlets: Outlets, routers: Routers): Joined | null {
  const { station, address } = server;
  const sending = outlets.sending(station, address, address);
  const text = sendingText(station.state, address);
  if (sending === null || text === null || filters(routers, station)) return null;
  const { outlet, gates } = sending;
  const { name, mtu } = station.device;
  const key = `${outlet.id} ${name} ${mtu} ${text}`;
  return { key, outlet, member: { server, gates } };
}

/** The cohort of those who have joined it; at least one. */
export function cohortOf(joined: readonly Joined[]): Cohort {
  const members = joined.map(({ member }) => member);
  members.sort((a, b) => a.server.address - b.server.address);
  return { outlet: joined[0]!.outlet, members, hearing: new Map(), plans: [] };
}

/** Whether a server's own rules look at what it sends; also where nobody can tell. */
function filters(routers: Routers, station: Station): boolean {
  try {
    return routers.filters(station);
  } catch (error) {
    if (error instanceof NotCarried) return true;
    throw error;
  }
}

/** Layer 2 for stations of any source, with what those share that send alike. */
export function sharedLayer2(
  { regions, upkeep }: Fabric,
  outlets: Outlets,
  single: Layer2,
): Layer2 {
  const reached = new Map<number, Map<Mac, Cell<readonly Reached[]>>>();
  const addressOf = ({ addresses }: Station): number => addresses[0] ?? 0;

  const together = (from: Station, to: Mac): readonly Reached[] | null => {
    const sending = outlets.sending(from, addressOf(from), null);
    if (sending === null) return null;
    const found = new Map<Station, Reached>();
    for (const { station, pieces, into, zones } of sending.outlet.reach(to)) {
      const mine = regions.and(sending.gates.through(pieces), into);
      const known = found.get(station);
      found.set(station, {
        station,
        out: EVERYWHERE,
        into: known === undefined ? mine : regions.or(known.into, mine),
        zones: known === undefined ? zones : [...new Set([...known.zones, ...zones])],
      });
    }
    return [...found.values()];
  };

  return {
    isHeard: single.isHeard,
    reach(from, to, source) {
      if (source !== null) return single.reach(from, to, source);
      const mine = entry(reached, from.id, () => new Map<Mac, Cell<readonly Reached[]>>());
      return upkeep.get(mine, to, () => {
        const found = orNull(() => together(from, to));
        return found ?? single.reach(from, to, null);
      });
    },
    resolve(from, sender, target) {
      const sending = outlets.sending(from, sender, null);
      if (sending === null) return single.resolve(from, sender, target);
      const answers = orNull(() => sending.outlet.answers(target));
      if (answers === null) return single.resolve(from, sender, target);
      return outlets.found(from, target, answers);
    },
  };
}

function orNull<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotCarried) return null;
    throw error;
  }
}
