/**
 * The operations on sets of packets, overheard: what was chosen, and which rules were asked by
 * which packets. What the elements do is not changed.
 */
import { runWithin } from '../../traffic/sets/conditions.ts';
import { type PacketSet, readRun } from '../../traffic/sets/packet-set.ts';
import { EVERYWHERE, type Region } from '../../traffic/sets/regions.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { type Table } from '../../traffic/table.ts';
import { type Found, type Traffic } from '../../traffic/traffic.ts';

/** Told of every lookup of a set in a table. */
export type Overheard = (
  table: Table<unknown>,
  found: readonly Found<unknown, PacketSet>[],
) => void;

export interface Recorder {
  readonly traffic: Traffic<PacketSet>;
  /** Inputs with choices that can be made: ports out of a range are never chosen. */
  readonly possible: () => Region;
}

/** Operations for one question. */
export function recorder(overheard: Overheard | null = null): Recorder {
  let possible: Region = EVERYWHERE;
  const traffic: Traffic<PacketSet> = {
    ...packetSets,
    choose(p, to, from, upTo, hash) {
      const chosen = packetSets.choose(p, to, from, upTo, hash);
      const [only] = readRun(chosen, to) ?? [];
      if (to.width > 32 || only === undefined) return chosen;
      const values = Uint32Array.of(Number(from), Number(upTo));
      const inside = runWithin(chosen.space, only.run, values);
      if (inside !== null) possible = chosen.space.regions.and(possible, inside);
      return chosen;
    },
    lookup(p, table) {
      const found = packetSets.lookup(p, table);
      overheard?.(table, found);
      return found;
    },
  };
  return { traffic, possible: () => possible };
}
