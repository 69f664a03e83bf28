/** Regions of all pairs as regions of the space in which one pair is proved. */
import { allBits, field } from '../../packet/fields.ts';
import { runWithin } from '../../traffic/sets/conditions.ts';
import { everyPacket, readRun } from '../../traffic/sets/packet-set.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type Space } from '../../traffic/sets/space.ts';
import { FROM_PORT, PROTOCOL, TO_PORT } from './coordinates.ts';

const FIELDS = new Map([
  [PROTOCOL, field('ip_proto')],
  [TO_PORT, field('tp_dst')],
  [FROM_PORT, field('tp_src')],
]);
const ICMP = 1;

/**
 * The inputs of a space that a region of `Coordinates` means. An echo request has no ports there,
 * its type stands in the source port's word here.
 */
export function inProofSpace(space: Space, from: Regions, region: Region): Region {
  const { regions } = space;
  const every = everyPacket(space);
  const known = new Map<string, Region>();
  const within = (variable: number, low: number, high: number): Region => {
    const [run] = readRun(every, allBits(FIELDS.get(variable)!)) ?? [];
    return runWithin(space, run!.run, Uint32Array.of(low, high)) ?? EVERYWHERE;
  };
  const made = (at: Region, echo: boolean): Region => {
    if (at <= EVERYWHERE) return at;
    const key = `${at} ${echo}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { variable, ends, behind } = from.edges(at);
    let all: Region = NOWHERE;
    let low = 0;
    for (let i = 0; i < ends.length; low = ends[i++]! + 1) {
      const next = behind[i]!;
      if (next === NOWHERE) continue;
      if (variable === PROTOCOL && low <= ICMP && ends[i]! >= ICMP) {
        const other = [
          [low, ICMP - 1],
          [ICMP + 1, ends[i]!],
        ].filter(([a, b]) => a! <= b!);
        all = regions.or(all, regions.and(within(variable, ICMP, ICMP), made(next, true)));
        for (const [a, b] of other) {
          all = regions.or(all, regions.and(within(variable, a!, b!), made(next, false)));
        }
        continue;
      }
      // The type of an echo request is no port of an input.
      const mine =
        echo && variable === FROM_PORT ? within(variable, 0, 0) : within(variable, low, ends[i]!);
      all = regions.or(all, regions.and(mine, made(next, echo)));
    }
    known.set(key, all);
    return all;
  };
  return made(region, false);
}
