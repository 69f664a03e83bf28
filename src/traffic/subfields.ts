/**
 * Sub-fields: the runs of bits at which a table's rules really look. Words, not fields, are cut,
 * because fields overlay each other (xreg0 over reg0 and reg1, vlan_vid over vlan_tci).
 * A prefix mask needs no cut, it is an interval; a mask with holes is a few intervals;
 * only where that would be many, the word is cut at the mask's boundaries.
 */
import { type Field } from '../packet/fields.ts';
import { freeBits } from './intervals.ts';

export interface Subfield {
  /** Index of the word in a packet's array. */
  readonly word: number;
  /** Its lowest bit in that word. */
  readonly shift: number;
  /** Width in bits, 1 to 32. */
  readonly width: number;
  /** All ones over the width: the greatest value. */
  readonly top: number;
}

/** A mask with more clear bits above its lowest set bit than this cuts its word. */
const MAX_FREE_BITS = 6;

/** The masks with which the rules of one table look at each word. */
export interface MaskUse {
  readonly masks: Set<number>;
  /** Bit i set: cut between bits i and i - 1 (ends of fields that ranges look at). */
  edges: number;
}

/** Cuts one word. Bits that no mask covers belong to no sub-field. Most significant first. */
export function cutWord(word: number, use: MaskUse): readonly Subfield[] {
  let used = 0;
  for (const mask of use.masks) used |= mask;
  if (used === 0) return [];
  const end = 32 - Math.clz32(used);
  const start = 31 - Math.clz32(used & -used);
  const cuts = new Set<number>([start, end]);
  for (let bit = start; bit < end; bit++) if ((use.edges >>> bit) & 1) cuts.add(bit);
  for (;;) {
    const pieces = piecesBetween(word, cuts, used);
    const before = cuts.size;
    for (const piece of pieces) {
      for (const mask of use.masks) cutAtHoles(piece, mask, cuts);
    }
    if (cuts.size === before) return pieces;
  }
}

function piecesBetween(word: number, cuts: ReadonlySet<number>, used: number): Subfield[] {
  const sorted = [...cuts].sort((a, b) => b - a);
  const pieces: Subfield[] = [];
  for (let i = 0; i + 1 < sorted.length; i++) {
    const shift = sorted[i + 1]!;
    const width = sorted[i]! - shift;
    const top = width === 32 ? 0xffff_ffff : 2 ** width - 1;
    if (((used >>> shift) & top) !== 0) pieces.push({ word, shift, width, top });
  }
  return pieces;
}

/** Above every run of set bits a cut, so that in each part the mask is a prefix. */
function cutAtHoles(piece: Subfield, mask: number, cuts: Set<number>): void {
  const portion = ((mask >>> piece.shift) & piece.top) >>> 0;
  if (portion === 0 || freeBits(portion, piece.top) <= MAX_FREE_BITS) return;
  for (let bit = 1; bit < piece.width; bit++) {
    const runEnds = ((portion >>> (bit - 1)) & 1) === 1 && ((portion >>> bit) & 1) === 0;
    if (runEnds) cuts.add(piece.shift + bit);
  }
}

/** Notes that a range looks at a whole field: its ends must be ends of sub-fields. */
export function useWholeField(of: Field, useOf: (word: number) => MaskUse): void {
  const count = Math.ceil(of.width / 32);
  for (let i = 0; i < count; i++) {
    const width = i === 0 && of.width % 32 !== 0 ? of.width % 32 : 32;
    const use = useOf(of.word + i);
    const ones = width === 32 ? 0xffff_ffff : 2 ** width - 1;
    use.masks.add((ones << of.shift) >>> 0);
    use.edges |= 1 << of.shift;
    if (of.shift + width < 32) use.edges |= 1 << (of.shift + width);
  }
}
