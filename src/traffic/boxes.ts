/**
 * Matches in disjunctive form: a box allows every sub-field a set of values, a match is a union
 * of boxes. Only matches that are more than a list of tests come here (`or`, `not`, ranges).
 * Kleene's logic is distributive, so an opaque part is simply a box that is not certain.
 */
import { type Field } from '../packet/fields.ts';
import { complement, type Intervals, intersect, masked, union } from './intervals.ts';
import { fullMask, type Match, type Range, sortedRanges } from './match.ts';
import { type Subfield } from './subfields.ts';
import { wordBits } from './words.ts';

export interface Box {
  /** Allowed values by index of the sub-field; absent means any value. */
  readonly sets: ReadonlyMap<number, Intervals>;
  /** False when an opaque part is in the conjunction. */
  readonly certain: boolean;
}

/** Where the sub-fields of a word are found: indices, most significant first. */
export interface Cut {
  readonly subfields: readonly Subfield[];
  readonly ofWord: readonly (readonly number[] | undefined)[];
}

const WHOLE: Box = { sets: new Map(), certain: true };
const UNKNOWN: Box = { sets: new Map(), certain: false };

/** The boxes of a match (or of its negation); null when they would be more than `budget`. */
export function boxesOf(
  match: Match,
  cut: Cut,
  budget: number,
  negated = false,
): readonly Box[] | null {
  switch (match.kind) {
    case 'any':
      return negated ? [] : [WHOLE];
    case 'none':
      return negated ? [WHOLE] : [];
    case 'opaque':
      return [UNKNOWN];
    case 'not':
      return boxesOf(match.of, cut, budget, !negated);
    case 'test':
      return testBoxes(match.field, match.value, match.mask, cut, negated);
    case 'within':
      return rangesBoxes(match.field, match.ranges, negated, cut, budget);
    case 'and':
    case 'or':
      return (match.kind === 'and') === negated
        ? either(match.of, cut, budget, negated)
        : both(match.of, cut, budget, negated);
  }
}

function either(
  of: readonly Match[],
  cut: Cut,
  budget: number,
  negated: boolean,
): readonly Box[] | null {
  const all: Box[] = [];
  // Every alternative may melt into one box afterwards, so the parts get a wider budget.
  for (const part of of) {
    const boxes = boxesOf(part, cut, budget, negated);
    if (boxes === null || all.length + boxes.length > 16 * budget) return null;
    for (const box of boxes) all.push(box);
  }
  const melted = melt(all);
  return melted.length > budget ? null : melted;
}

function both(
  of: readonly Match[],
  cut: Cut,
  budget: number,
  negated: boolean,
): readonly Box[] | null {
  let all: readonly Box[] = [WHOLE];
  for (const part of of) {
    const boxes = boxesOf(part, cut, budget, negated);
    if (boxes === null || all.length * boxes.length > budget) return null;
    const next: Box[] = [];
    for (const a of all) {
      for (const b of boxes) {
        const box = meet(a, b);
        if (box !== null) next.push(box);
      }
    }
    all = next;
  }
  return all;
}

function meet(a: Box, b: Box): Box | null {
  const sets = new Map(a.sets);
  for (const [index, set] of b.sets) {
    const there = sets.get(index);
    const joint = there === undefined ? set : intersect(there, set);
    if (joint.length === 0) return null;
    sets.set(index, joint);
  }
  return { sets, certain: a.certain && b.certain };
}

/** Boxes that constrain the same single sub-field are one box: an ipset stays one product. */
function melt(boxes: readonly Box[]): readonly Box[] {
  if (boxes.length < 2) return boxes;
  const single = new Map<string, { index: number; certain: boolean; sets: Intervals[] }>();
  const out: Box[] = [];
  for (const box of boxes) {
    const [entry] = box.sets;
    if (entry === undefined || box.sets.size !== 1) {
      out.push(box);
      continue;
    }
    const [index, set] = entry;
    const key = `${index}${box.certain}`;
    const group = single.get(key);
    if (group === undefined) single.set(key, { index, certain: box.certain, sets: [set] });
    else group.sets.push(set);
  }
  for (const { index, certain, sets } of single.values()) {
    out.push({ sets: new Map([[index, union(sets)]]), certain });
  }
  return out;
}

function testBoxes(
  of: Field,
  value: bigint,
  mask: bigint,
  cut: Cut,
  negated: boolean,
): readonly Box[] {
  const sets = new Map<number, Intervals>();
  for (const bits of wordBits(of, value, mask)) {
    for (const index of cut.ofWord[bits.word] ?? []) {
      const { shift, top } = cut.subfields[index]!;
      const portion = ((bits.mask >>> shift) & top) >>> 0;
      if (portion === 0) continue;
      sets.set(index, masked(((bits.value >>> shift) & top) >>> 0, portion, top));
    }
  }
  if (!negated) return [{ sets, certain: true }];
  return [...sets].map(([index, set]) => ({
    sets: new Map([[index, complement(set, cut.subfields[index]!.top)]]),
    certain: true,
  }));
}

function outside(ranges: readonly Range[], top: bigint): readonly Range[] {
  const out: Range[] = [];
  let next = 0n;
  for (const { from, to } of ranges) {
    if (from > next) out.push({ from: next, to: from - 1n });
    next = to + 1n;
  }
  if (next <= top) out.push({ from: next, to: top });
  return out;
}

/** Sets made of ranges: rules that share an address set share its numbers as well. */
const setsOf = new WeakMap<readonly Range[], Map<number, Intervals>>();

/** Ranges of up to 32 bits, or what lies outside of them up to `top`. */
function rangeSet(ranges: readonly Range[], negated: boolean, top: number): Intervals {
  let known = setsOf.get(ranges);
  if (known === undefined) {
    known = new Map();
    setsOf.set(ranges, known);
  }
  const key = negated ? top : -1;
  let set = known.get(key);
  if (set === undefined) {
    const flat = sortedRanges(ranges).flatMap(({ from, to }) => [Number(from), Number(to)]);
    set = negated ? complement(Uint32Array.from(flat), top) : Uint32Array.from(flat);
    known.set(key, set);
  }
  return set;
}

function rangesBoxes(
  of: Field,
  given: readonly Range[],
  negated: boolean,
  cut: Cut,
  budget: number,
): readonly Box[] | null {
  const indices: number[] = [];
  const words = Math.ceil(of.width / 32);
  for (let i = 0; i < words; i++) {
    const width = i === 0 && of.width % 32 !== 0 ? of.width % 32 : 32;
    for (const index of cut.ofWord[of.word + i] ?? []) {
      const { shift } = cut.subfields[index]!;
      if (shift >= of.shift && shift < of.shift + width) indices.push(index);
    }
  }
  const [only] = indices;
  if (only !== undefined && indices.length === 1) {
    const set = rangeSet(given, negated, cut.subfields[only]!.top);
    return set.length === 0 ? [] : [{ sets: new Map([[only, set]]), certain: true }];
  }
  const sorted = sortedRanges(given);
  const ranges = negated ? outside(sorted, fullMask(of)) : sorted;
  if (ranges.length > 16 * budget) return null;
  const all = ranges.flatMap(({ from, to }) => lexicographic(indices, 0, from, to, cut));
  const melted = melt(all);
  return melted.length > budget ? null : melted;
}

/** from <= (concatenated sub-fields) <= to as boxes: first ends equal, or strictly between. */
function lexicographic(
  indices: readonly number[],
  at: number,
  from: bigint,
  to: bigint,
  cut: Cut,
): readonly Box[] {
  let below = 0n;
  for (const index of indices.slice(at)) below += BigInt(cut.subfields[index]!.width);
  if (from === 0n && to === (1n << below) - 1n) return [WHOLE];
  const index = indices[at]!;
  below -= BigInt(cut.subfields[index]!.width);
  const rest = (1n << below) - 1n;
  let first = from >> below;
  let last = to >> below;
  const exactly = (value: bigint, low: bigint, high: bigint) =>
    lexicographic(indices, at + 1, low, high, cut).map((box) => ({
      sets: new Map(box.sets).set(index, Uint32Array.of(Number(value), Number(value))),
      certain: true,
    }));
  if (below > 0n && first === last) return exactly(first, from & rest, to & rest);
  const out: Box[] = [];
  if ((from & rest) !== 0n) {
    out.push(...exactly(first, from & rest, rest));
    first += 1n;
  }
  if ((to & rest) !== rest) {
    out.push(...exactly(last, 0n, to & rest));
    last -= 1n;
  }
  if (first <= last) {
    const set = Uint32Array.of(Number(first), Number(last));
    out.push({ sets: new Map([[index, set]]), certain: true });
  }
  return out;
}
