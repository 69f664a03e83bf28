/**
 * The nodes of a table's diagram as they lie in memory: one array of 32-bit numbers.
 * A node says which sub-field to read and which child belongs to its value; this is all that
 * a lookup touches. What a node was made of stays in `diagram.ts`.
 *
 *   at + 0  word of the sub-field          at + 2  top (all ones over its width)
 *   at + 1  shift of the sub-field         at + 3  kind << 28 | count
 *   INTERVALS  count lowest values (the first is 0), then count children
 *   HASH       the child of every other value, then count slots (value, child); count = 2^n
 *   DIRECT     one child for each value
 */
import { type Subfield } from './subfields.ts';

export const INTERVALS = 0;
export const HASH = 1;
const DIRECT = 2;

/** A child is a node's place in the array, or ~index of a leaf. Leaf 0 means: not visited yet. */
export const UNVISITED = -1;
/** A hash slot that holds no value. */
export const NO_SLOT = -0x8000_0000;

export interface NodePool {
  code: Int32Array;
  /** The same memory, read as unsigned. */
  values: Uint32Array;
  length: number;
}

/** Memory is taken with the first node: most tables of a big network are never asked. */
export function emptyPool(): NodePool {
  return { code: NOTHING, values: NO_VALUES, length: 0 };
}

const NOTHING = new Int32Array(0);
const NO_VALUES = new Uint32Array(NOTHING.buffer);
const FIRST_WORDS = 32;

/** Where the child for a packet's value stands in the array. */
export function slotFor(code: Int32Array, values: Uint32Array, at: number, value: number): number {
  const head = code[at + 3]!;
  const count = head & 0x0fff_ffff;
  const kind = head >>> 28;
  if (kind === HASH) {
    for (let i = hash(value) & (count - 1); ; i = (i + 1) & (count - 1)) {
      const slot = at + 5 + 2 * i;
      if (code[slot + 1] === NO_SLOT) return at + 4;
      if (values[slot] === value) return slot + 1;
    }
  }
  if (kind === DIRECT) return at + 4 + value;
  let from = 0;
  let upTo = count;
  while (upTo - from > 1) {
    const middle = (from + upTo) >>> 1;
    if (values[at + 4 + middle]! <= value) from = middle;
    else upTo = middle;
  }
  return at + 4 + count + from;
}

/** The value of a node's sub-field in a packet. */
export function valueAt(
  code: Int32Array,
  values: Uint32Array,
  at: number,
  words: Uint32Array,
): number {
  return ((words[code[at]!]! >>> code[at + 1]!) & values[at + 2]!) >>> 0;
}

/** Spreads values over slots. */
export function hash(value: number): number {
  const mixed = Math.imul(value ^ (value >>> 16), 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}

/** A node that tells intervals apart; `starts` are their lowest values, rising from 0. */
export function addIntervals(pool: NodePool, subfield: Subfield, starts: Uint32Array): number {
  const at = reserve(pool, subfield, INTERVALS, starts.length, 2 * starts.length);
  pool.values.set(starts, at + 4);
  pool.code.fill(UNVISITED, at + 4 + starts.length, at + 4 + 2 * starts.length);
  return at;
}

/** A node with one child for each value. */
export function addDirect(pool: NodePool, subfield: Subfield): number {
  const size = subfield.top + 1;
  const at = reserve(pool, subfield, DIRECT, size, size);
  pool.code.fill(UNVISITED, at + 4, at + 4 + size);
  return at;
}

/** A node that tells single values from each other and from the rest. */
export function addHash(pool: NodePool, subfield: Subfield, distinct: Uint32Array): number {
  const size = 2 ** Math.ceil(Math.log2(2 * distinct.length + 1));
  const at = reserve(pool, subfield, HASH, size, 1 + 2 * size);
  const { code, values } = pool;
  for (let i = 0; i < size; i++) code[at + 6 + 2 * i] = NO_SLOT;
  code[at + 4] = UNVISITED;
  for (let k = 0; k < distinct.length; k++) {
    const value = distinct[k]!;
    let i = hash(value) & (size - 1);
    while (code[at + 6 + 2 * i] !== NO_SLOT) i = (i + 1) & (size - 1);
    values[at + 5 + 2 * i] = value;
    code[at + 6 + 2 * i] = UNVISITED;
  }
  return at;
}

/** Number of slots of a hash node. */
export function slotsOf(pool: NodePool, at: number): number {
  return pool.code[at + 3]! & 0x0fff_ffff;
}

/** The index of a value's slot in a hash node, or -1 when the node does not know the value. */
export function slotIndex(pool: NodePool, at: number, value: number): number {
  const slot = slotFor(pool.code, pool.values, at, value);
  return slot === at + 4 ? -1 : (slot - at - 6) >>> 1;
}

function reserve(
  pool: NodePool,
  subfield: Subfield,
  kind: number,
  count: number,
  size: number,
): number {
  const at = pool.length;
  pool.length = at + 4 + size;
  if (pool.length > pool.code.length) {
    const code = new Int32Array(Math.max(pool.length, 2 * pool.code.length, FIRST_WORDS));
    code.set(pool.code);
    pool.code = code;
    pool.values = new Uint32Array(code.buffer);
  }
  pool.code[at] = subfield.word;
  pool.code[at + 1] = subfield.shift;
  pool.values[at + 2] = subfield.top;
  pool.code[at + 3] = (kind << 28) | count;
  return at;
}
