/** How many values of some variables a region has, whatever the other variables are. */
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type Space } from '../../traffic/sets/space.ts';

/** The count as a floating-point number: it is only compared with others of the same variables. */
export function countedOver(space: Space, region: Region, variables: readonly number[]): number {
  const own = [...variables].sort((a, b) => a - b);
  return counted(space, projected(space, region, new Set(own)), own);
}

/** The region with every other variable forgotten: some value of them is in it. */
function projected({ regions }: Space, region: Region, own: ReadonlySet<number>): Region {
  const known = new Map<Region, Region>();
  const of = (at: Region): Region => {
    if (at <= EVERYWHERE) return at;
    const found = known.get(at);
    if (found !== undefined) return found;
    const { variable, ends, behind } = regions.edges(at);
    let made: Region = NOWHERE;
    for (let i = 0; i < ends.length; i++) {
      const rest = of(behind[i]!);
      if (rest === NOWHERE) continue;
      const from = i === 0 ? 0 : ends[i - 1]! + 1;
      const here = own.has(variable)
        ? regions.and(regions.of(variable, Uint32Array.of(from, ends[i]!)), rest)
        : rest;
      made = regions.or(made, here);
    }
    known.set(at, made);
    return made;
  };
  return of(region);
}

/** Values of the variables, which are in rising order, in a region that asks no others. */
function counted({ regions }: Space, region: Region, own: readonly number[]): number {
  const sizes = own.map((variable) => regions.tops[variable]! + 1);
  const known = new Map<string, number>();
  const of = (at: Region, index: number): number => {
    if (at === NOWHERE) return 0;
    if (index === own.length) return 1;
    const key = `${at} ${index}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const variable = at === EVERYWHERE ? -1 : regions.edges(at).variable;
    let sum = 0;
    if (variable !== own[index]) sum = sizes[index]! * of(at, index + 1);
    else {
      const { ends, behind } = regions.edges(at);
      for (let i = 0; i < ends.length; i++) {
        const width = ends[i]! - (i === 0 ? -1 : ends[i - 1]!);
        sum += width * of(behind[i]!, index + 1);
      }
    }
    known.set(key, sum);
    return sum;
  };
  return of(region, 0);
}
