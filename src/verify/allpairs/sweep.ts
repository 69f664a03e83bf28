/**
 * All pairs at once: for every server what arrives where. Senders whose packets a router makes
 * alike share rows, so that floating addresses do not cost a cell for each pair.
 */
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type AllPairs, type Delivery, type Server, type Target } from './all-pairs.ts';
import { type Station } from './places.ts';

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

/** Rows of all servers, one after the other. */
export function* sweep(all: AllPairs): Generator<Row> {
  const byAddress = new Map<number, Map<Station, Target>>();
  for (const target of all.targets) {
    let known = byAddress.get(target.address);
    if (known === undefined) {
      known = new Map();
      byAddress.set(target.address, known);
    }
    known.set(target.server.station, target);
  }
  const { regions } = all.coordinates;
  for (const from of all.servers) {
    const some: Reach[] = [];
    const open: { to: Target; why: string }[] = [];
    for (const [address, targets] of byAddress) {
      if (address === from.address) {
        // Its own address; another server that has it as well is never reached by it.
        continue;
      }
      const found = all.deliveries(from, address);
      if (typeof found === 'string') {
        for (const to of targets.values()) if (to.server !== from) open.push({ to, why: found });
      } else some.push(...reaches(regions, from, targets, found));
    }
    yield { from, some, open };
  }
}

function reaches(
  regions: AllPairs['coordinates']['regions'],
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
