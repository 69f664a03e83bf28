/**
 * A table's rules as products: each allows every sub-field a set of numbers. A rule is one
 * product or, after `or` and `not`, several. All in flat arrays, in rank order, so that the
 * diagram can be unfolded from any list of product numbers.
 */
import { type Box, boxesOf, type Cut } from './boxes.ts';
import { COMPLEX, type Flat, flatten, NEVER, UNCERTAIN } from './flatten.ts';
import { contains, type Intervals, masked } from './intervals.ts';
import { orderOf } from './ordering.ts';
import { cutWord, type Subfield } from './subfields.ts';
import { type Rule } from './table.ts';

export const CERTAIN = 1;
export const DECISIVE = 2;
/** Too big for boxes: no constraint here, the rule's own guard decides at the leaf. */
export const GUARDED = 4;

export interface Products<E> {
  /** In the order in which the diagram asks for them; a level is an index into it. */
  readonly subfields: readonly Subfield[];
  /** In rank order. */
  readonly rules: readonly Rule<E>[];
  /** Their ranks. */
  readonly ranks: Float64Array;
  count: number;
  /** Rule of a product; rises with the product's number. */
  rule: Uint32Array;
  /** CERTAIN, DECISIVE, GUARDED. */
  flags: Uint8Array;
  /** Product i owns the constraints start[i] up to start[i + 1], levels rising. */
  start: Uint32Array;
  constraints: number;
  level: Uint16Array;
  low: Uint32Array;
  high: Uint32Array;
  /** Index into `sets` when the constraint is more than one interval, else -1. */
  set: Int32Array;
  readonly sets: Intervals[];
}

/** Boxes one rule may become before its guard is asked instead. */
const MAX_BOXES = 4096;

/** Prepares a table's rules for the diagram. */
export function productsOf<E>(given: readonly Rule<E>[]): Products<E> {
  const flat = flatten(given);
  const cut = cutAll(flat);
  const boxes = complexBoxes(flat, cut);
  const order = orderOf(flat, cut, boxes);
  const products: Products<E> = {
    subfields: order.map((index) => cut.subfields[index]!),
    rules: flat.rules,
    ranks: flat.ranks,
    count: 0,
    rule: new Uint32Array(flat.rules.length + 16),
    flags: new Uint8Array(flat.rules.length + 16),
    start: new Uint32Array(flat.rules.length + 17),
    constraints: 0,
    level: new Uint16Array(flat.length + 64),
    low: new Uint32Array(flat.length + 64),
    high: new Uint32Array(flat.length + 64),
    set: new Int32Array(flat.length + 64),
    sets: [],
  };
  const levels = new Uint16Array(cut.subfields.length);
  order.forEach((index, level) => {
    levels[index] = level;
  });
  const sets = new Map<number, number>();
  for (let i = 0; i < flat.rules.length; i++) {
    const shape = flat.shape[i]!;
    if (shape === NEVER) continue;
    if (shape === COMPLEX) addBoxes(products, i, boxes.get(i), cut, levels);
    else addPlain(products, flat, i, cut, levels, sets);
  }
  products.start[products.count] = products.constraints;
  return products;
}

/** Whether a constraint admits a value. */
export function admits<E>(products: Products<E>, constraint: number, value: number): boolean {
  if (value < products.low[constraint]! || value > products.high[constraint]!) return false;
  const set = products.set[constraint]!;
  return set < 0 || contains(products.sets[set]!, value);
}

/** The constraint of a product at a level, or -1. */
export function constraintAt<E>(products: Products<E>, product: number, level: number): number {
  const end = products.start[product + 1]!;
  for (let k = products.start[product]!; k < end; k++) {
    const here = products.level[k]!;
    if (here === level) return k;
    if (here > level) return -1;
  }
  return -1;
}

function cutAll<E>(flat: Flat<E>): Cut {
  const subfields: Subfield[] = [];
  const ofWord: (number[] | undefined)[] = [];
  flat.uses.forEach((use, word) => {
    if (use === undefined) return;
    const pieces = cutWord(word, use);
    ofWord[word] = pieces.map((_, i) => subfields.length + i);
    subfields.push(...pieces);
  });
  return { subfields, ofWord };
}

function complexBoxes<E>(flat: Flat<E>, cut: Cut): Map<number, readonly Box[] | null> {
  const boxes = new Map<number, readonly Box[] | null>();
  // All complex rules of a table share a budget, so that a big table cannot grow without end.
  let left = 64 * flat.rules.length + 16 * MAX_BOXES;
  for (let i = 0; i < flat.rules.length; i++) {
    if (flat.shape[i] !== COMPLEX) continue;
    const of = boxesOf(flat.rules[i]!.match, cut, Math.min(MAX_BOXES, left));
    left -= of?.length ?? 0;
    boxes.set(i, of);
  }
  return boxes;
}

function addPlain<E>(
  products: Products<E>,
  flat: Flat<E>,
  rule: number,
  cut: Cut,
  levels: Uint16Array,
  sets: Map<number, number>,
): void {
  const certain = flat.shape[rule] === UNCERTAIN ? 0 : CERTAIN;
  const first = openProduct(products, rule, certain);
  for (let k = flat.start[rule]!; k < flat.start[rule + 1]!; k++) {
    const pieces = cut.ofWord[flat.word[k]!]!;
    for (let j = 0; j < pieces.length; j++) {
      const index = pieces[j]!;
      const { shift, top } = cut.subfields[index]!;
      const mask = ((flat.mask[k]! >>> shift) & top) >>> 0;
      if (mask === 0) continue;
      const value = ((flat.value[k]! >>> shift) & top) >>> 0;
      const below = (~mask & top) >>> 0;
      if ((below & (below + 1)) === 0) {
        addConstraint(products, first, levels[index]!, value, (value | below) >>> 0, -1);
      } else {
        const set = maskedSet(products, sets, levels[index]!, value, mask, top);
        const all = products.sets[set]!;
        addConstraint(products, first, levels[index]!, all[0]!, all[all.length - 1]!, set);
      }
    }
  }
}

/** Equal masked tests share one set, so that a node looks at its ends only once. */
function maskedSet<E>(
  products: Products<E>,
  known: Map<number, number>,
  level: number,
  value: number,
  mask: number,
  top: number,
): number {
  // Wider values do not fit one exact number; they go without sharing.
  const key = top <= 0xffff ? (level * 0x1_0000 + mask) * 0x1_0000 + value : -1;
  const there = key < 0 ? undefined : known.get(key);
  if (there !== undefined) return there;
  products.sets.push(masked(value, mask, top));
  if (key >= 0) known.set(key, products.sets.length - 1);
  return products.sets.length - 1;
}

function addBoxes<E>(
  products: Products<E>,
  rule: number,
  boxes: readonly Box[] | null | undefined,
  cut: Cut,
  levels: Uint16Array,
): void {
  if (boxes === null || boxes === undefined) {
    openProduct(products, rule, GUARDED);
    return;
  }
  // Certain boxes first: a leaf takes the first box of each rule.
  for (const certain of [true, false]) {
    for (const box of boxes) {
      if (box.certain !== certain) continue;
      const first = openProduct(products, rule, certain ? CERTAIN : 0);
      for (const [index, set] of box.sets) {
        if (set[0] === 0 && set[1] === cut.subfields[index]!.top) continue;
        const many = set.length > 2;
        if (many) products.sets.push(set);
        const last = set[set.length - 1]!;
        addConstraint(
          products,
          first,
          levels[index]!,
          set[0]!,
          last,
          many ? products.sets.length - 1 : -1,
        );
      }
    }
  }
}

/** Starts a product; answers where its constraints begin. */
function openProduct<E>(products: Products<E>, rule: number, flags: number): number {
  const at = products.count++;
  if (at + 1 >= products.rule.length) {
    products.rule = widen(products.rule, new Uint32Array(2 * at + 16));
    products.flags = widen(products.flags, new Uint8Array(2 * at + 16));
    products.start = widen(products.start, new Uint32Array(2 * at + 17));
  }
  products.rule[at] = rule;
  products.flags[at] = flags | (products.rules[rule]!.decisive ? DECISIVE : 0);
  products.start[at] = products.constraints;
  return products.constraints;
}

/** Inserts a constraint into the open product, levels rising. */
function addConstraint<E>(
  products: Products<E>,
  first: number,
  level: number,
  low: number,
  high: number,
  set: number,
): void {
  let at = products.constraints++;
  if (at === products.level.length) {
    products.level = widen(products.level, new Uint16Array(2 * at));
    products.low = widen(products.low, new Uint32Array(2 * at));
    products.high = widen(products.high, new Uint32Array(2 * at));
    products.set = widen(products.set, new Int32Array(2 * at));
  }
  for (; at > first && products.level[at - 1]! > level; at--) {
    products.level[at] = products.level[at - 1]!;
    products.low[at] = products.low[at - 1]!;
    products.high[at] = products.high[at - 1]!;
    products.set[at] = products.set[at - 1]!;
  }
  products.level[at] = level;
  products.low[at] = low;
  products.high[at] = high;
  products.set[at] = set;
}

function widen<A extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
