/** Inputs at the edges of what a diagram tells apart: at both ends of an interval, and just there. */
import { type Region, type Regions } from '../../../src/traffic/sets/regions.ts';
import { type Space } from '../../../src/traffic/sets/space.ts';
import { type Draw } from '../../traffic/random-rules.ts';

/** Values by variable. */
type Values = ReadonlyMap<number, number>;

/** How often one more way through a diagram is tried for each input that is wanted. */
const TRIES = 3;

/**
 * One way down a diagram that ends inside: at every node one edge, and of its values the lowest
 * or the greatest.
 */
function oneWay(regions: Regions, region: Region, draw: Draw): Values {
  const values = new Map<number, number>();
  for (let at = region; at > 1; ) {
    const { variable, ends, behind } = regions.edges(at);
    const open = [...ends.keys()].filter((i) => behind[i] !== 0);
    const edge = open[draw(open.length)]!;
    const low = edge === 0 ? 0 : ends[edge - 1]! + 1;
    values.set(variable, draw(2) === 0 ? low : ends[edge]!);
    at = behind[edge]!;
  }
  return values;
}

/**
 * Different inputs of a region, at most so many. What the region leaves open is as in `typical`,
 * or any value in the words that are `asked` about.
 */
export function edgeInputs(
  { regions, places }: Space,
  where: Region,
  typical: Uint32Array,
  asked: readonly number[],
  most: number,
  draw: Draw,
): readonly Uint32Array[] {
  const region = regions.shadow(where, places.length);
  const found = new Map<string, Uint32Array>();
  for (let tried = 0; tried < TRIES * most && found.size < most; tried++) {
    const words = typical.slice();
    const way = oneWay(regions, region, draw);
    for (const [variable, { word, shift }] of places.entries()) {
      const top = regions.tops[variable]!;
      const open = asked.includes(word) ? [0, top, draw(top + 1)][draw(3)] : undefined;
      const value = way.get(variable) ?? open;
      if (value === undefined) continue;
      const mask = (top << shift) >>> 0;
      words[word] = ((words[word]! & ~mask) | (value << shift)) >>> 0;
    }
    found.set(words.join(), words);
  }
  return [...found.values()];
}
