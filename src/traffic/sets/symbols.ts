/**
 * What the words of a set of packets hold: bits that are constant, and bits that are those of an
 * input variable, perhaps with a constant added. A store writes constants, a copy moves pieces,
 * so the relation between what came in and what a field shows now is never lost.
 */
import { type Field } from '../../packet/fields.ts';

/** A run of bits that is constant. */
export interface Fixed {
  readonly from: number;
  readonly width: number;
  readonly variable: null;
  readonly value: number;
}

/** A run of bits that shows `width` bits of a variable from bit `low` on, after adding `add`. */
export interface Shown {
  readonly from: number;
  readonly width: number;
  readonly variable: number;
  readonly low: number;
  readonly add: number;
}

/** A run of bits of one word. */
export type Piece = Fixed | Shown;

/** The pieces of one word or of a run of bits, lowest first, without gaps. */
export type Word = readonly Piece[];

export function ones(width: number): number {
  return width === 32 ? 0xffff_ffff : ((1 << width) - 1) >>> 0;
}

export function constant(from: number, width: number, value: number): Piece {
  return { from, width, variable: null, value: (value & ones(width)) >>> 0 };
}

/** A word without any bit set. */
export const ZERO: Word = [constant(0, 32, 0)];

/** The bits from `start` to below `end`, counted from `start`; null when a sum would be cut. */
export function clip(word: Word, start: number, end: number): Word | null {
  const [only] = word;
  if (
    word.length === 1 &&
    only !== undefined &&
    only.from === start &&
    only.width === end - start
  ) {
    return start === 0 ? word : [{ ...only, from: 0 }];
  }
  const out: Piece[] = [];
  for (const piece of word) {
    const low = Math.max(start, piece.from);
    const high = Math.min(end, piece.from + piece.width);
    if (low >= high) continue;
    const from = low - start;
    const width = high - low;
    if (piece.variable === null) {
      out.push(constant(from, width, piece.value >>> (low - piece.from)));
      continue;
    }
    if (piece.add !== 0 && width !== piece.width) return null;
    out.push({ ...piece, from, width, low: piece.low + (low - piece.from) });
  }
  return out;
}

/** The word with other bits from `start` on; `run` counts from 0. Null as for `clip`. */
export function replaced(word: Word, start: number, run: Word): Word | null {
  const width = widthOf(run);
  const below = clip(word, 0, start);
  const above = clip(word, start + width, 32);
  if (below === null || above === null) return null;
  const moved = run.map((piece) => ({ ...piece, from: piece.from + start }));
  const rest = above.map((piece) => ({ ...piece, from: piece.from + start + width }));
  return joined([...below, ...moved, ...rest]);
}

export function widthOf(run: Word): number {
  const last = run[run.length - 1];
  return last === undefined ? 0 : last.from + last.width;
}

/** Neighbours that belong together as one piece: equal words look equal. */
function joined(pieces: readonly Piece[]): Word {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const before = out[out.length - 1];
    const one = before === undefined ? null : together(before, piece);
    if (one === null) out.push(piece);
    else out[out.length - 1] = one;
  }
  return out;
}

function together(a: Piece, b: Piece): Piece | null {
  const width = a.width + b.width;
  if (a.variable === null && b.variable === null) {
    return constant(a.from, width, (a.value | (b.value << a.width)) >>> 0);
  }
  if (a.variable === null || b.variable === null) return null;
  if (a.variable !== b.variable || a.add !== 0 || b.add !== 0) return null;
  return a.low + a.width === b.low ? { ...a, width } : null;
}

/** The constant that a run shows; null when some bit depends on the input. */
export function constantOf(run: Word): number | null {
  let value = 0;
  for (const piece of run) {
    if (piece.variable !== null) return null;
    value |= piece.value << piece.from;
  }
  return value >>> 0;
}

export function sameWord(a: Word, b: Word): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (!samePiece(a[i]!, b[i]!)) return false;
  }
  return true;
}

export function samePiece(a: Piece, b: Piece): boolean {
  if (a.from !== b.from || a.width !== b.width) return false;
  if (a.variable === null || b.variable === null) {
    return a.variable === null && b.variable === null && a.value === b.value;
  }
  return a.variable === b.variable && a.low === b.low && a.add === b.add;
}

/** The parts of a run of a field's bits that lie in one word each, lowest first. */
export function* chunks(
  of: Field,
  start: number,
  width: number,
): Generator<{
  readonly word: number;
  readonly low: number;
  readonly width: number;
  readonly at: number;
}> {
  const last = of.word + ((of.width + 31) >>> 5) - 1;
  for (let done = 0; done < width; ) {
    const bit = of.shift + start + done;
    const low = bit & 31;
    const part = Math.min(width - done, 32 - low);
    yield { word: last - (bit >>> 5), low, width: part, at: done };
    done += part;
  }
}
