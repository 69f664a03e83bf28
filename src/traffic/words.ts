/** Field values as 32-bit words: made from `bigint`s once, used on the hot path without. */
import { type Field, type FieldBits } from '../packet/fields.ts';

const WORD = 0xffff_ffffn;

/** One masked word of a packet's array: the field bits are `mask`, their wanted content `value`. */
export interface WordBits {
  readonly word: number;
  readonly value: number;
  readonly mask: number;
}

/** The words that hold `value` under `mask` in `field`; words whose mask is zero are left out. */
export function wordBits(field: Field, value: bigint, mask: bigint): readonly WordBits[] {
  const words: WordBits[] = [];
  const count = Math.ceil(field.width / 32);
  const shift = BigInt(field.shift);
  for (let i = 0; i < count; i++) {
    const down = BigInt(32 * (count - 1 - i));
    const wordMask = Number(((mask << shift) >> down) & WORD);
    if (wordMask === 0) continue;
    const wordValue = Number(((value << shift) >> down) & WORD);
    words.push({ word: field.word + i, value: (wordValue & wordMask) >>> 0, mask: wordMask });
  }
  return words;
}

/** A value to write into some bits of a field, prepared for the hot path. */
export interface Assignment {
  readonly field: Field;
  readonly value: bigint;
  readonly mask: bigint;
  readonly words: readonly WordBits[];
}

/** Writes `value` into the bits of `mask`; without a mask into the whole field. */
export function assignment(field: Field, value: bigint, mask?: bigint): Assignment {
  const bits = mask ?? (1n << BigInt(field.width)) - 1n;
  return { field, value: value & bits, mask: bits, words: wordBits(field, value, bits) };
}

/** Several writes that are done together, prepared for the hot path. */
export interface Assignments {
  readonly each: readonly Assignment[];
  /** What all of them come to, word by word. */
  readonly words: readonly WordBits[];
}

/** Writes one after the other as one; of two that write the same bits the later one counts. */
export function together(each: readonly Assignment[]): Assignments {
  const merged = new Map<number, WordBits>();
  for (const { word, value, mask } of each.flatMap(({ words }) => words)) {
    const before = merged.get(word);
    const kept = before === undefined ? 0 : before.value & ~mask;
    const bits = (before?.mask ?? 0) | mask;
    merged.set(word, { word, value: (kept | value) >>> 0, mask: bits >>> 0 });
  }
  return { each, words: [...merged.values()] };
}

/** Whole fields that are copied together from one packet to another. */
export interface WholeFields {
  readonly each: readonly FieldBits[];
  /** The bits of all of them, word by word; `value` is zero. */
  readonly words: readonly WordBits[];
}

/** Fields by what they are, to be copied together. */
export function wholeFields(fields: readonly Field[]): WholeFields {
  const each = fields.map((of) => ({ field: of, start: 0, width: of.width }));
  return { each, words: together(fields.map((of) => assignment(of, 0n))).words };
}

const ofNumbers = new Map<Field, Map<number, Assignment>>();
/** A field keeps the writes of so many numbers. */
const MOST_NUMBERS = 65_536;

/** The write of a number into a whole field, prepared once per value: for what elements compute. */
export function numberAssignment(of: Field, value: number): Assignment {
  let known = ofNumbers.get(of);
  if (known === undefined) {
    known = new Map();
    ofNumbers.set(of, known);
  }
  let found = known.get(value);
  if (found === undefined) {
    found = assignment(of, BigInt(value));
    if (known.size < MOST_NUMBERS) known.set(value, found);
  }
  return found;
}

/** Writes `value` into a run of bits: `load:5->NXM_NX_REG0[0..7]`. */
export function bitsAssignment(to: FieldBits, value: bigint): Assignment {
  const mask = ((1n << BigInt(to.width)) - 1n) << BigInt(to.start);
  return assignment(to.field, value << BigInt(to.start), mask);
}

/** The value of a run of bits, as a `bigint` (edges only: printing, JSON, tests). */
export function readBits(words: Uint32Array, bits: FieldBits): bigint {
  const count = Math.ceil(bits.field.width / 32);
  let value = 0n;
  for (let i = 0; i < count; i++) value = (value << 32n) | BigInt(words[bits.field.word + i] ?? 0);
  value >>= BigInt(bits.field.shift + bits.start);
  return value & ((1n << BigInt(bits.width)) - 1n);
}

/** The value of a whole field, as a `bigint` (edges only). */
export function readField(words: Uint32Array, of: Field): bigint {
  return readBits(words, { field: of, start: 0, width: of.width });
}

/** Up to 32 bits that start at bit `start` of a field, without `bigint`. */
export function readNumber(words: Uint32Array, of: Field, start: number, width: number): number {
  const bit = of.shift + start;
  const last = of.word + ((of.width + 31) >>> 5) - 1;
  const index = last - (bit >>> 5);
  const low = bit & 31;
  let value = (words[index] ?? 0) >>> low;
  if (low !== 0 && low + width > 32) value |= (words[index - 1] ?? 0) << (32 - low);
  return width === 32 ? value >>> 0 : (value & ((1 << width) - 1)) >>> 0;
}

/** Writes up to 32 bits that start at bit `start` of a field, without `bigint`. */
export function writeNumber(
  words: Uint32Array,
  of: Field,
  start: number,
  width: number,
  value: number,
): void {
  const bit = of.shift + start;
  const last = of.word + ((of.width + 31) >>> 5) - 1;
  const index = last - (bit >>> 5);
  const low = bit & 31;
  const mask = width === 32 ? 0xffff_ffff : ((1 << width) - 1) >>> 0;
  words[index] = ((words[index] ?? 0) & ~(mask << low)) | ((value & mask) << low);
  if (low !== 0 && low + width > 32) {
    const spill = 32 - low;
    words[index - 1] = ((words[index - 1] ?? 0) & ~(mask >>> spill)) | ((value & mask) >>> spill);
  }
}
