/**
 * What a walk leaves open: at each place one of several ends. A first walk takes the first end
 * everywhere and tells what else was possible; further walks take the others.
 */

/** One place where something was chosen. */
export interface ChoicePoint {
  readonly key: string;
  readonly ends: readonly string[];
  readonly chosen: number;
}

export interface Choices {
  /** The index of the end that this walk takes; 0 when there is none. */
  pick(key: string, ends: readonly string[]): number;
  /** Where more than one end was possible, in the order of the walk. */
  readonly points: readonly ChoicePoint[];
}

/** Choices of one walk: as told, else the first. */
export function choicesOf(told: ReadonlyMap<string, number> = new Map()): Choices {
  const points: ChoicePoint[] = [];
  return {
    points,
    pick(key, ends) {
      const known = points.find((point) => point.key === key);
      if (known !== undefined) return known.chosen;
      const chosen = Math.min(told.get(key) ?? 0, Math.max(0, ends.length - 1));
      if (ends.length > 1) points.push({ key, ends, chosen });
      return chosen;
    },
  };
}

/** Walks tried for one question. */
export const MOST_WALKS = 16;

/** Every way to choose differently at the points of a first walk, itself left out. */
export function otherChoices(
  points: readonly ChoicePoint[],
): readonly ReadonlyMap<string, number>[] {
  let ways: ReadonlyMap<string, number>[] = [new Map()];
  for (const { key, ends } of points) {
    ways = ways
      .flatMap((way) => ends.map((_, index) => new Map([...way, [key, index]])))
      .slice(0, MOST_WALKS);
  }
  return ways.filter((way) => [...way.values()].some((index) => index !== 0));
}
