/** Random tables whose every rule has a meaning, and what a lookup of all packets says of them. */
import { compileTable } from '../../../src/traffic/compiled.ts';
import { type Match } from '../../../src/traffic/match.ts';
import { everyPacket } from '../../../src/traffic/sets/packet-set.ts';
import { NOWHERE, type Region, TooManyRegions } from '../../../src/traffic/sets/regions.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { openSpace, type Space } from '../../../src/traffic/sets/space.ts';
import { type Rule } from '../../../src/traffic/table.ts';
import { type Draw, randomRules } from '../random-rules.ts';

function meant(match: Match): boolean {
  switch (match.kind) {
    case 'opaque':
      return false;
    case 'not':
      return meant(match.of);
    case 'and':
    case 'or':
      return match.of.every(meant);
    default:
      return true;
  }
}

export function meantRules(draw: Draw, count: number): readonly Rule<string>[] {
  return randomRules(draw, count).filter(({ match }) => meant(match));
}

/** Where a lookup of every packet takes each rule; null where sets say that they cannot say. */
export function takenBySets(
  rules: readonly Rule<string>[],
  space: Space = openSpace(),
): ReadonlyMap<string, Region> | null {
  const found = new Map<string, Region>(rules.map(({ entry }) => [entry, NOWHERE]));
  try {
    for (const { entries, p } of packetSets.lookup(everyPacket(space), compileTable(rules))) {
      if (p.doubts.length > 0) return null;
      for (const { entry } of entries) {
        found.set(entry, space.regions.or(found.get(entry) ?? NOWHERE, p.where));
      }
    }
  } catch (error) {
    if (error instanceof TooManyRegions) return null;
    throw error;
  }
  return found;
}
