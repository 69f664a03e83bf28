/**
 * What a walk leaves open: at each place one of several ends. A first walk takes the first end
 * everywhere and tells what else was possible; further walks take the others.
 */

import { type Claim } from '../claims.ts';

/** One place where something was chosen. */
export interface ChoicePoint {
  readonly key: string;
  readonly ends: readonly string[];
  readonly chosen: number;
  /** Set where the ends are stations that answered for one address. */
  readonly claim?: Claim;
}

export interface Choices {
  /** The index of the end that this walk takes; 0 when there is none. */
  pick(key: string, ends: readonly string[]): number;
  /**
   * Whether this walk takes an end of a place whose ends come to light one after another.
   *
   * @param claim all ends that are known by now; null as long as there is but one
   */
  believes(key: string, end: number, claim: Claim | null): boolean;
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
    believes(key, end, claim) {
      const chosen = told.get(key) ?? 0;
      if (claim !== null) {
        const ends = claim.answerers.map(({ label }) => label);
        const known = points.findIndex((one) => one.key === key);
        points.splice(known < 0 ? points.length : known, 1, { key, ends, chosen, claim });
      }
      return end === chosen;
    },
  };
}

/** Walks tried for one question. */
const MOST_WALKS = 16;

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
