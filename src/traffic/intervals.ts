/**
 * Sets of numbers of up to 32 bits, as sorted disjoint intervals: what a rule allows one
 * sub-field to be. Before: masks and ranges of matches. After: the edges of the diagram.
 */

/** Pairs (low, high), both ends included, sorted, disjoint: [lo0, hi0, lo1, hi1, …]. */
export type Intervals = Uint32Array;

/** Whether a number lies in one of the intervals. */
export function contains(set: Intervals, value: number): boolean {
  let from = 0;
  let upTo = set.length >>> 1;
  while (from < upTo) {
    const middle = (from + upTo) >>> 1;
    if (set[2 * middle + 1]! < value) from = middle + 1;
    else upTo = middle;
  }
  return 2 * from < set.length && set[2 * from]! <= value;
}

/** What lies in both. */
export function intersect(a: Intervals, b: Intervals): Intervals {
  const out: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const low = Math.max(a[i]!, b[j]!);
    const high = Math.min(a[i + 1]!, b[j + 1]!);
    if (low <= high) out.push(low, high);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return Uint32Array.from(out);
}

/** What lies in at least one of them; neighbours melt together. */
export function union(sets: readonly Intervals[]): Intervals {
  const [only] = sets;
  if (only !== undefined && sets.length === 1) return only;
  const pairs: [number, number][] = [];
  for (const set of sets) {
    for (let i = 0; i < set.length; i += 2) pairs.push([set[i]!, set[i + 1]!]);
  }
  return inOrder(pairs);
}

/** Pairs (low, high) in any order, which may overlap, as intervals; neighbours melt together. */
export function melted(flat: readonly number[]): Intervals {
  const pairs: [number, number][] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!]);
  return inOrder(pairs);
}

function inOrder(pairs: [number, number][]): Intervals {
  pairs.sort((a, b) => a[0] - b[0]);
  const out: number[] = [];
  for (const [low, high] of pairs) {
    const last = out.length - 1;
    if (last > 0 && low <= out[last]! + 1) out[last] = Math.max(out[last]!, high);
    else out.push(low, high);
  }
  return Uint32Array.from(out);
}

/** Everything from 0 to `top` that does not lie in the set. */
export function complement(set: Intervals, top: number): Intervals {
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i < set.length; i += 2) {
    if (set[i]! > next) out.push(next, set[i]! - 1);
    next = set[i + 1]! + 1;
  }
  if (next <= top) out.push(next, top);
  return Uint32Array.from(out);
}

/**
 * The numbers up to `top` (all ones) with (x & mask) == value. A mask whose clear bits lie
 * below its set bits gives one interval; every clear bit above a set one doubles their number.
 */
export function masked(value: number, mask: number, top: number): Intervals {
  const lowest = (mask & -mask) >>> 0;
  const below = mask === 0 ? top : lowest - 1;
  const free = (~mask & top & ~below) >>> 0;
  const out: number[] = [];
  // Counting through the subsets of `free` in rising order: (s - free) & free.
  for (let bits = 0; ; ) {
    const low = (value | bits) >>> 0;
    out.push(low, (low | below) >>> 0);
    bits = ((bits - free) & free) >>> 0;
    if (bits === 0) break;
  }
  return Uint32Array.from(out);
}

/** How many clear bits of a mask stand above its lowest set bit: log2 of its intervals. */
export function freeBits(mask: number, top: number): number {
  const below = (mask & -mask) - 1;
  let free = (~mask & top & ~below) >>> 0;
  let count = 0;
  for (; free !== 0; count++) free = (free & (free - 1)) >>> 0;
  return count;
}
