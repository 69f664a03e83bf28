/**
 * The first look at a table's rules: every plain rule (a list of tests, as flows have them)
 * as masked words in flat arrays, and which masks occur in which word.
 * Before: rules with `bigint` values. After: `products.ts` cuts the words into sub-fields.
 */
import { type Field, PACKET_WORDS } from '../packet/fields.ts';
import { type Match } from './match.ts';
import { type MaskUse, useWholeField } from './subfields.ts';
import { type Rule } from './table.ts';
import { wordBits } from './words.ts';

/** What became of a rule's match. */
export const PLAIN = 0;
/** A plain rule with an opaque part. */
export const UNCERTAIN = 1;
/** Tests that contradict each other. */
export const NEVER = 2;
/** Needs `boxesOf`: or, not, ranges. */
export const COMPLEX = 3;

export interface Flat<E> {
  /** In rank order; rules of equal rank in the order given. */
  readonly rules: readonly Rule<E>[];
  /** Their ranks. */
  readonly ranks: Float64Array;
  /** PLAIN, UNCERTAIN, NEVER or COMPLEX by rule. */
  readonly shape: Uint8Array;
  /** Rule i owns the masked words start[i] up to start[i + 1]. */
  readonly start: Uint32Array;
  word: Uint16Array;
  mask: Uint32Array;
  value: Uint32Array;
  length: number;
  /** By word. */
  readonly uses: (MaskUse | undefined)[];
  /** By word: where it was added last. */
  readonly last: Int32Array;
}

/** How one field is tested under one mask: prepared at the first rule that does so. */
interface Shape {
  readonly mask: bigint;
  readonly words: readonly number[];
  readonly masks: readonly number[];
  /** For wider fields: how far each word's bits stand from the low end of the value. */
  readonly downs: readonly bigint[];
  /** For fields of one word: the shift of the value; -1 for wider ones. */
  readonly shift: number;
}

/** Flattens all rules of a table. */
export function flatten<E>(given: readonly Rule<E>[]): Flat<E> {
  const { rules, ranks } = inRankOrder(given);
  const room = 4 * rules.length + 64;
  const flat: Flat<E> = {
    rules,
    ranks,
    shape: new Uint8Array(rules.length),
    start: new Uint32Array(rules.length + 1),
    word: new Uint16Array(room),
    mask: new Uint32Array(room),
    value: new Uint32Array(room),
    length: 0,
    uses: [],
    last: new Int32Array(PACKET_WORDS).fill(-1),
  };
  const shapes = new Map<Field, Shape[]>();
  for (let i = 0; i < rules.length; i++) {
    flat.start[i] = flat.length;
    const { match } = rules[i]!;
    let shape = PLAIN;
    if (match.kind === 'and') {
      for (let j = 0; j < match.of.length && shape < COMPLEX; j++) {
        shape = Math.max(shape, addPlain(flat, match.of[j]!, shapes, flat.start[i]!));
      }
    } else {
      shape = addPlain(flat, match, shapes, flat.start[i]!);
    }
    flat.shape[i] = shape;
    if (shape >= NEVER) flat.length = flat.start[i]!;
    if (shape === COMPLEX) noteMasks(flat, match, shapes);
  }
  flat.start[rules.length] = flat.length;
  return flat;
}

/** Adds one conjunct; answers what it makes of its rule. */
function addPlain<E>(
  flat: Flat<E>,
  match: Match,
  shapes: Map<Field, Shape[]>,
  start: number,
): number {
  if (match.kind === 'any') return PLAIN;
  if (match.kind === 'none') return NEVER;
  if (match.kind === 'opaque') return UNCERTAIN;
  if (match.kind !== 'test') return COMPLEX;
  const { words, masks, downs, shift } = shapeOf(flat, match.field, match.mask, shapes);
  if (shift >= 0) {
    return addWord(flat, start, words[0]!, masks[0]!, (Number(match.value) << shift) >>> 0);
  }
  let verdict = PLAIN;
  for (let i = 0; i < words.length; i++) {
    const value = Number(BigInt.asUintN(32, match.value >> downs[i]!));
    verdict = Math.max(verdict, addWord(flat, start, words[i]!, masks[i]!, value));
  }
  return verdict;
}

function addWord<E>(
  flat: Flat<E>,
  start: number,
  word: number,
  mask: number,
  value: number,
): number {
  const before = flat.last[word]!;
  if (before >= start && before < flat.length && flat.word[before] === word) {
    const common = flat.mask[before]! & mask;
    if (((flat.value[before]! ^ value) & common) !== 0) return NEVER;
    flat.mask[before] = flat.mask[before]! | mask;
    flat.value[before] = flat.value[before]! | value;
    return PLAIN;
  }
  const at = flat.length++;
  if (at === flat.word.length) grow(flat);
  flat.last[word] = at;
  flat.word[at] = word;
  flat.mask[at] = mask;
  flat.value[at] = value;
  return PLAIN;
}

function grow<E>(flat: Flat<E>): void {
  const size = 2 * flat.word.length;
  const { word, mask, value } = flat;
  flat.word = new Uint16Array(size);
  flat.word.set(word);
  flat.mask = new Uint32Array(size);
  flat.mask.set(mask);
  flat.value = new Uint32Array(size);
  flat.value.set(value);
}

function useOf(uses: (MaskUse | undefined)[], word: number): MaskUse {
  let use = uses[word];
  if (use === undefined) {
    use = { masks: new Set(), edges: 0 };
    uses[word] = use;
  }
  return use;
}

function shapeOf<E>(flat: Flat<E>, of: Field, mask: bigint, shapes: Map<Field, Shape[]>): Shape {
  let known = shapes.get(of);
  if (known === undefined) {
    known = [];
    shapes.set(of, known);
  }
  for (let i = 0; i < known.length; i++) if (known[i]!.mask === mask) return known[i]!;
  const bits = wordBits(of, mask, mask);
  const last = of.word + Math.ceil(of.width / 32) - 1;
  const shape: Shape = {
    mask,
    words: bits.map(({ word }) => word),
    masks: bits.map((each) => each.mask),
    downs: bits.map(({ word }) => BigInt(32 * (last - word) - of.shift)),
    shift: of.width <= 32 && bits.length === 1 ? of.shift : -1,
  };
  for (const { word, mask: bitsOfWord } of bits) useOf(flat.uses, word).masks.add(bitsOfWord);
  known.push(shape);
  return shape;
}

function noteMasks<E>(flat: Flat<E>, match: Match, shapes: Map<Field, Shape[]>): void {
  switch (match.kind) {
    case 'test':
      shapeOf(flat, match.field, match.mask, shapes);
      return;
    case 'within':
      useWholeField(match.field, (word) => useOf(flat.uses, word));
      return;
    case 'not':
      noteMasks(flat, match.of, shapes);
      return;
    case 'and':
    case 'or':
      for (const part of match.of) noteMasks(flat, part, shapes);
      return;
    default:
  }
}

/** Stable order by rank, by counting: a table has many rules and few ranks. */
function inRankOrder<E>(given: readonly Rule<E>[]): {
  readonly rules: readonly Rule<E>[];
  readonly ranks: Float64Array;
} {
  const ranks = new Float64Array(given.length);
  let sorted = true;
  for (let i = 0; i < given.length; i++) {
    ranks[i] = given[i]!.rank;
    if (i > 0 && ranks[i]! < ranks[i - 1]!) sorted = false;
  }
  if (sorted) return { rules: given, ranks };
  const counts = new Map<number, number>();
  for (let i = 0; i < ranks.length; i++) counts.set(ranks[i]!, (counts.get(ranks[i]!) ?? 0) + 1);
  const next = new Map<number, number>();
  let at = 0;
  for (const rank of [...counts.keys()].sort((a, b) => a - b)) {
    next.set(rank, at);
    at += counts.get(rank)!;
  }
  const rules = new Array<Rule<E>>(given.length);
  const inOrder = new Float64Array(given.length);
  for (let i = 0; i < ranks.length; i++) {
    const place = next.get(ranks[i]!)!;
    next.set(ranks[i]!, place + 1);
    rules[place] = given[i]!;
    inOrder[place] = ranks[i]!;
  }
  return { rules, ranks: inOrder };
}
