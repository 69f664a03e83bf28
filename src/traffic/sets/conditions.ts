/**
 * Which inputs of a set meet a match: every test on a field becomes a condition on the input
 * variables that the field shows. Three-valued as `Guard`: what is opaque may hold or not.
 */
import { type Field } from '../../packet/fields.ts';
import { freeBits, type Intervals, intersect, masked, melted } from '../intervals.ts';
import { type Match, type Range, sortedRanges } from '../match.ts';
import { wordBits } from '../words.ts';
import { EVERYWHERE, NOWHERE, type Region } from './regions.ts';
import { type Space } from './space.ts';
import { chunks, clip, ones, type Piece, type Word } from './symbols.ts';

/** Where a match surely holds, and where it may hold (a superset of that). */
export interface Truths {
  readonly yes: Region;
  readonly maybe: Region;
  /** Some bits could not be told apart: `yes` is too small or `maybe` too large. */
  readonly inexact: boolean;
}

/** More intervals than this for one piece: the bits are told apart no further. */
const MAX_FREE_BITS = 8;

/** Read as text and not as meaning: neither surely nor surely not. */
const UNKNOWN: Truths = { yes: NOWHERE, maybe: EVERYWHERE, inexact: false };
const ALWAYS: Truths = { yes: EVERYWHERE, maybe: EVERYWHERE, inexact: false };
const NEVER: Truths = { yes: NOWHERE, maybe: NOWHERE, inexact: false };

const exactly = (region: Region): Truths => ({ yes: region, maybe: region, inexact: false });
const atMost = (region: Region): Truths => ({ yes: NOWHERE, maybe: region, inexact: true });

/** Evaluates a match on the words of a set. */
export function truthsOf(space: Space, words: readonly Word[], match: Match): Truths {
  const { regions } = space;
  switch (match.kind) {
    case 'any':
      return ALWAYS;
    case 'none':
      return NEVER;
    case 'opaque':
      return UNKNOWN;
    case 'test':
      return testOf(space, words, match.field, match.value, match.mask);
    case 'within':
      return withinOf(space, words, match.field, match.ranges);
    case 'not': {
      const { yes, maybe, inexact } = truthsOf(space, words, match.of);
      const never = regions.minus(EVERYWHERE, maybe);
      return { yes: never, maybe: regions.minus(EVERYWHERE, yes), inexact };
    }
    case 'and': {
      let [yes, maybe, inexact]: [Region, Region, boolean] = [EVERYWHERE, EVERYWHERE, false];
      for (const part of match.of) {
        if (maybe === NOWHERE) break;
        const here = truthsOf(space, words, part);
        yes = regions.and(yes, here.yes);
        maybe = regions.and(maybe, here.maybe);
        inexact ||= here.inexact;
      }
      return { yes, maybe, inexact };
    }
    case 'or': {
      let [yes, maybe, inexact]: [Region, Region, boolean] = [NOWHERE, NOWHERE, false];
      for (const part of match.of) {
        if (yes === EVERYWHERE) break;
        const here = truthsOf(space, words, part);
        yes = regions.or(yes, here.yes);
        maybe = regions.or(maybe, here.maybe);
        inexact ||= here.inexact;
      }
      return { yes, maybe, inexact };
    }
  }
}

function testOf(
  space: Space,
  words: readonly Word[],
  of: Field,
  value: bigint,
  mask: bigint,
): Truths {
  let region: Region = EVERYWHERE;
  let certain = true;
  for (const bits of wordBits(of, value, mask)) {
    for (const piece of words[bits.word]!) {
      const wanted = ((bits.mask >>> piece.from) & ones(piece.width)) >>> 0;
      if (wanted === 0) continue;
      const here = pieceEquals(space, piece, (bits.value >>> piece.from) & wanted, wanted);
      if (here === null) certain = false;
      else region = space.regions.and(region, here);
      if (region === NOWHERE) return NEVER;
    }
  }
  return certain ? exactly(region) : atMost(region);
}

/** Where (piece & mask) == value; null when that is too many intervals. */
function pieceEquals(space: Space, piece: Piece, value: number, mask: number): Region | null {
  if (piece.variable === null) {
    return (piece.value & mask) >>> 0 === value >>> 0 ? EVERYWHERE : NOWHERE;
  }
  const top = space.regions.tops[piece.variable]!;
  const wanted = ((mask << piece.low) & top) >>> 0;
  if (freeBits(wanted, top) > MAX_FREE_BITS) return null;
  const values = masked(((value << piece.low) & top) >>> 0, wanted, top);
  return space.regions.of(piece.variable, before(values, piece.add, top));
}

/** The values that lie in the intervals once `add` was added to them, modulo the width. */
function before(values: Intervals, add: number, top: number): Intervals {
  if (add === 0) return values;
  const size = top + 1;
  const pairs: number[] = [];
  const turned = (value: number): number => (((value - add) % size) + size) % size;
  for (let i = 0; i < values.length; i += 2) {
    const [low, high] = [turned(values[i]!), turned(values[i + 1]!)];
    if (low <= high) pairs.push(low, high);
    else pairs.push(0, high, low, top);
  }
  return melted(pairs);
}

/** Where a run of up to 32 bits of one word lies in one of the intervals; null as above. */
export function runWithin(space: Space, run: Word, values: Intervals): Region | null {
  const [only] = run;
  if (only === undefined) return EVERYWHERE;
  if (run.length === 1) return pieceWithin(space, only, values);
  let region: Region = NOWHERE;
  for (let i = 0; i < values.length; i += 2) {
    const here = piecesWithin(space, run, run.length - 1, values[i]!, values[i + 1]!);
    if (here === null) return null;
    region = space.regions.or(region, here);
  }
  return region;
}

/** Where pieces 0 to `last`, read as one number, lie between `low` and `high`. */
function piecesWithin(
  space: Space,
  run: Word,
  last: number,
  low: number,
  high: number,
): Region | null {
  if (low > high) return NOWHERE;
  if (last < 0) return EVERYWHERE;
  const piece = run[last]!;
  const { regions } = space;
  const rest = ones(piece.from === 0 ? 32 : piece.from);
  const lowest = piece.from === 0 ? low : low >>> piece.from;
  const highest = piece.from === 0 ? high : high >>> piece.from;
  if (piece.from === 0) return pieceWithin(space, piece, Uint32Array.of(lowest, highest));
  const below = (bottom: number, top: number): Region | null =>
    piecesWithin(space, run, last - 1, (bottom & rest) >>> 0, (top & rest) >>> 0);
  const at = (value: number, bottom: number, top: number): Region | null => {
    const here = pieceWithin(space, piece, Uint32Array.of(value, value));
    if (here === null || here === NOWHERE) return here;
    const under = below(bottom, top);
    return under === null ? null : regions.and(here, under);
  };
  if (lowest === highest) return at(lowest, low, high);
  const parts: (Region | null)[] = [at(lowest, low, rest), at(highest, 0, high)];
  if (highest - lowest > 1) {
    parts.push(pieceWithin(space, piece, Uint32Array.of(lowest + 1, highest - 1)));
  }
  let region: Region = NOWHERE;
  for (const part of parts) {
    if (part === null) return null;
    region = regions.or(region, part);
  }
  return region;
}

function pieceWithin(space: Space, piece: Piece, values: Intervals): Region | null {
  const bound = intersect(values, Uint32Array.of(0, ones(piece.width)));
  if (bound.length === 0) return NOWHERE;
  if (piece.variable === null) {
    const inside = intersect(bound, Uint32Array.of(piece.value, piece.value));
    return inside.length > 0 ? EVERYWHERE : NOWHERE;
  }
  const top = space.regions.tops[piece.variable]!;
  const whole = piece.low === 0 && ones(piece.width) === top;
  if (whole) return space.regions.of(piece.variable, before(bound, piece.add, top));
  const upper = 32 - Math.clz32(top) - piece.low - piece.width;
  if (upper > MAX_FREE_BITS) return null;
  const out: number[] = [];
  for (let head = 0; head < 2 ** upper; head++) {
    const base = head * 2 ** (piece.low + piece.width);
    for (let i = 0; i < bound.length; i += 2) {
      out.push(base + bound[i]! * 2 ** piece.low, base + (bound[i + 1]! + 1) * 2 ** piece.low - 1);
    }
  }
  return space.regions.of(piece.variable, melted(out));
}

function withinOf(
  space: Space,
  words: readonly Word[],
  of: Field,
  ranges: readonly Range[],
): Truths {
  const runs = runsOf(words, of);
  if (runs === null) return atMost(EVERYWHERE);
  const [only] = runs;
  if (runs.length === 1 && only !== undefined) {
    const values: number[] = [];
    for (const { from, to } of sortedRanges(ranges)) values.push(Number(from), Number(to));
    const region = runWithin(space, only.run, melted(values));
    return region === null ? atMost(EVERYWHERE) : exactly(region);
  }
  let region: Region = NOWHERE;
  for (const { from, to } of ranges) {
    const here = between(space, runs, runs.length - 1, from, to);
    if (here === null) return atMost(EVERYWHERE);
    region = space.regions.or(region, here);
  }
  return exactly(region);
}

/** The words of a field, lowest first, each with its place in the value. */
function runsOf(
  words: readonly Word[],
  of: Field,
): readonly { readonly run: Word; readonly at: number; readonly width: number }[] | null {
  const runs = [];
  for (const { word, low, width, at } of chunks(of, 0, of.width)) {
    const run = clip(words[word]!, low, low + width);
    if (run === null) return null;
    runs.push({ run, at, width });
  }
  return runs;
}

type Runs = NonNullable<ReturnType<typeof runsOf>>;

/** Where words 0 to `last`, read as one number, lie between two bounds. */
function between(space: Space, runs: Runs, last: number, from: bigint, to: bigint): Region | null {
  if (from > to) return NOWHERE;
  const word = runs[last];
  if (word === undefined) return EVERYWHERE;
  const { regions } = space;
  const size = 1n << BigInt(word.at);
  const [low, high] = [Number(from / size), Number(to / size)];
  const at = (value: number, bottom: bigint, top: bigint): Region | null => {
    const here = runWithin(space, word.run, Uint32Array.of(value, value));
    if (here === null || here === NOWHERE) return here;
    const under = between(space, runs, last - 1, bottom, top);
    return under === null ? null : regions.and(here, under);
  };
  if (low === high) return at(low, from % size, to % size);
  const parts = [at(low, from % size, size - 1n), at(high, 0n, to % size)];
  if (high - low > 1) parts.push(runWithin(space, word.run, Uint32Array.of(low + 1, high - 1)));
  let region: Region = NOWHERE;
  for (const part of parts) {
    if (part === null) return null;
    region = regions.or(region, part);
  }
  return region;
}
