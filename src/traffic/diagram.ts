/**
 * A table as an interval decision diagram that is unfolded on the way: a node is a sub-field,
 * an edge an interval of its values, a leaf the candidates. A node keeps the list of products
 * that are still possible until traffic first gets there, so one cold trace through a big table
 * costs what it visits. Before: `products.ts`. After: `compiled.ts` (one packet) and
 * `inspect.ts` (sets of packets) walk the same nodes.
 *
 * Sub-fields are asked in one order along every path, so equal lists at equal levels are equal
 * functions, and they share one node.
 */
import { arrangeBySlot, type BySlot, groupByValue } from './grouping.ts';
import { type Intervals } from './intervals.ts';
import {
  addDirect,
  addHash,
  addIntervals,
  emptyPool,
  type NodePool,
  slotFor,
  slotIndex,
  UNVISITED,
} from './nodes.ts';
import { admits, CERTAIN, constraintAt, DECISIVE, GUARDED, type Products } from './products.ts';
import { type Candidate } from './table.ts';

/** What a visited node was made of. */
export interface NodeSource {
  readonly at: number;
  readonly level: number;
  /** Products still possible here, in rank order, up to the first rank that is sure to decide. */
  readonly list: Int32Array;
  /** For HASH nodes only. */
  readonly bySlot: BySlot | null;
}

export interface Diagram<E> {
  readonly products: Products<E>;
  readonly pool: NodePool;
  /** Place of the first node, or ~index of a leaf. */
  root: number;
  /** Candidates by leaf; null where none are fixed: 0 (unvisited) and guarded leaves. */
  readonly leaves: (readonly Candidate<E>[] | null)[];
  /** Rule numbers of guarded leaves, whose guards are asked for each packet. */
  readonly guarded: Map<number, readonly number[]>;
  readonly sources: Map<number, NodeSource>;
  /** For readers of the diagram: the leaf that stands for unfolding a node no further. */
  readonly unresolved: Map<number, number>;
  /** Nodes and leaves by the hash of what they were made of. */
  readonly knownNodes: Map<number, number[]>;
  readonly knownLeaves: Map<string, number>;
  readonly candidates: Map<number, Candidate<E>>;
  /** 32-bit numbers that nodes and lists may still take. */
  wordsLeft: number;
  /** Room for one list of products while it is collected. */
  readonly scratch: Int32Array;
}

/** A diagram with only its root unfolded. */
export function diagramOf<E>(products: Products<E>, words: number): Diagram<E> {
  const diagram: Diagram<E> = {
    products,
    pool: emptyPool(),
    root: UNVISITED,
    leaves: [null],
    guarded: new Map(),
    sources: new Map(),
    unresolved: new Map(),
    knownNodes: new Map(),
    knownLeaves: new Map(),
    candidates: new Map(),
    wordsLeft: words,
    scratch: new Int32Array(products.count),
  };
  const taken = nothingTaken(-1);
  for (let i = 0; i < products.count; i++) if (!take(diagram, taken, i)) break;
  const list = diagram.scratch.slice(0, taken.length);
  diagram.root = unfold(diagram, list, -1) ?? guardedLeaf(diagram, list);
  return diagram;
}

/**
 * Unfolds the child of a node for one value, stores and returns it. UNVISITED when the
 * diagram's budget is used up: then the caller asks the guards of the node's own list.
 */
export function visit<E>(diagram: Diagram<E>, at: number, value: number): number {
  if (diagram.wordsLeft < 0) return UNVISITED;
  const source = diagram.sources.get(at)!;
  const list = childList(diagram, source, value);
  const child = unfold(diagram, list, source.level) ?? UNVISITED;
  const { code, values } = diagram.pool;
  code[slotFor(code, values, at, value)] = child;
  return child;
}

/** Products collected in rank order, in the diagram's scratch. */
interface Taken {
  /** Constraints up to this level hold. */
  readonly level: number;
  length: number;
  /** The rank of the first product that is sure to decide. */
  lastRank: number;
}

function nothingTaken(level: number): Taken {
  return { level, length: 0, lastRank: Number.POSITIVE_INFINITY };
}

/** Takes a product; false when neither it nor anything behind it can matter any more. */
function take<E>({ products, scratch }: Diagram<E>, taken: Taken, product: number): boolean {
  const rank = products.ranks[products.rule[product]!]!;
  if (rank > taken.lastRank) return false;
  scratch[taken.length++] = product;
  const end = products.start[product + 1]!;
  const open = end > products.start[product]! && products.level[end - 1]! > taken.level;
  const flags = products.flags[product]! & (CERTAIN | DECISIVE | GUARDED);
  if (!open && flags === (CERTAIN | DECISIVE)) taken.lastRank = rank;
  return true;
}

/** The products of a node that are still possible when its sub-field has that value. */
function childList<E>(diagram: Diagram<E>, source: NodeSource, value: number): Int32Array {
  const { products } = diagram;
  const { level, list } = source;
  const taken = nothingTaken(level);
  if (source.bySlot !== null) {
    const { starts, members, others } = source.bySlot;
    const slot = slotIndex(diagram.pool, source.at, value);
    let i = slot < 0 ? 0 : starts[slot]!;
    const end = slot < 0 ? 0 : starts[slot + 1]!;
    for (let j = 0; i < end || j < others.length; ) {
      const member = j === others.length || (i < end && members[i]! < others[j]!);
      if (!take(diagram, taken, member ? members[i++]! : others[j++]!)) break;
    }
    return diagram.scratch.slice(0, taken.length);
  }
  for (let i = 0; i < list.length; i++) {
    const constraint = constraintAt(products, list[i]!, level);
    if (constraint >= 0 && !admits(products, constraint, value)) continue;
    if (!take(diagram, taken, list[i]!)) break;
  }
  return diagram.scratch.slice(0, taken.length);
}

/** The node or leaf for products whose constraints up to `level` hold; null: no budget. */
function unfold<E>(diagram: Diagram<E>, list: Int32Array, level: number): number | null {
  const { products } = diagram;
  let next = Number.POSITIVE_INFINITY;
  // No level lies between this one and the next, so long lists are rarely read to their end.
  for (let i = 0; i < list.length && next > level + 1; i++) {
    const end = products.start[list[i]! + 1]!;
    for (let k = products.start[list[i]!]!; k < end; k++) {
      const here = products.level[k]!;
      if (here <= level) continue;
      if (here < next) next = here;
      break;
    }
  }
  if (next === Number.POSITIVE_INFINITY) return leafOf(diagram, list);
  const key = hashOf(list, next);
  const known = diagram.knownNodes.get(key);
  for (const at of known ?? []) {
    const source = diagram.sources.get(at)!;
    if (source.level === next && sameList(source.list, list)) return at;
  }
  const at = nodeOf(diagram, list, next);
  if (at === null) return null;
  if (known === undefined) diagram.knownNodes.set(key, [at]);
  else known.push(at);
  return at;
}

function nodeOf<E>(diagram: Diagram<E>, list: Int32Array, level: number): number | null {
  const { products, pool } = diagram;
  const subfield = products.subfields[level]!;
  const before = pool.length;
  if (diagram.wordsLeft < 8 * list.length) return null;
  const groups = groupByValue(products, list, level);
  let at: number;
  if (groups !== null && groups.values.length > 4) {
    at = addHash(pool, subfield, groups.values);
    const bySlot = arrangeBySlot(pool, at, list, groups);
    diagram.sources.set(at, { at, level, list, bySlot });
    diagram.wordsLeft -= list.length + bySlot.starts.length;
  } else {
    const starts = startsOf(products, list, level);
    if (diagram.wordsLeft < 2 * list.length + 2 * starts.length) return null;
    const direct = subfield.top < 4 || (subfield.top < 256 && starts.length > 4);
    at = direct ? addDirect(pool, subfield) : addIntervals(pool, subfield, starts);
    diagram.sources.set(at, { at, level, list, bySlot: null });
  }
  diagram.wordsLeft -= list.length + pool.length - before;
  return at;
}

/** The lowest values of the intervals between which the list of products changes. */
function startsOf<E>(products: Products<E>, list: Int32Array, level: number): Uint32Array {
  const { top } = products.subfields[level]!;
  const ends: number[] = [0];
  const seen = new Set<Intervals>();
  const add = (low: number, high: number) => {
    ends.push(low);
    if (high < top) ends.push(high + 1);
  };
  for (let i = 0; i < list.length; i++) {
    const constraint = constraintAt(products, list[i]!, level);
    if (constraint < 0) continue;
    const set = products.sets[products.set[constraint]!];
    if (set === undefined) add(products.low[constraint]!, products.high[constraint]!);
    else if (!seen.has(set)) {
      seen.add(set);
      for (let k = 0; k < set.length; k += 2) add(set[k]!, set[k + 1]!);
    }
  }
  const sorted = Uint32Array.from(ends).sort();
  let length = 1;
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i] !== sorted[length - 1]) sorted[length++] = sorted[i]!;
  }
  return sorted.subarray(0, length);
}

/** A leaf: nothing is left to test. Guarded products make one whose guards are asked. */
function leafOf<E>(diagram: Diagram<E>, list: Int32Array): number {
  const { products } = diagram;
  const entries: number[] = [];
  let rule = -1;
  for (let i = 0; i < list.length; i++) {
    const product = list[i]!;
    if ((products.flags[product]! & GUARDED) !== 0) return guardedLeaf(diagram, list);
    // The certain products of a rule come first; one suffices.
    if (products.rule[product] === rule) continue;
    rule = products.rule[product]!;
    entries.push(2 * rule + (products.flags[product]! & CERTAIN));
  }
  const key = entries.join();
  let index = diagram.knownLeaves.get(key);
  if (index === undefined) {
    index = diagram.leaves.push(entries.map((entry) => candidateOf(diagram, entry))) - 1;
    diagram.wordsLeft -= 2 * entries.length;
    diagram.knownLeaves.set(key, index);
  }
  return ~index;
}

function candidateOf<E>(diagram: Diagram<E>, entry: number): Candidate<E> {
  let candidate = diagram.candidates.get(entry);
  if (candidate === undefined) {
    const { rank, decisive, entry: of } = diagram.products.rules[entry >>> 1]!;
    candidate = { entry: of, rank, decisive, certain: (entry & 1) === 1 };
    diagram.candidates.set(entry, candidate);
  }
  return candidate;
}

function guardedLeaf<E>(diagram: Diagram<E>, list: Int32Array): number {
  const index = diagram.leaves.push(null) - 1;
  diagram.guarded.set(index, rulesOf(diagram.products, list));
  diagram.wordsLeft -= list.length;
  return ~index;
}

/** The rules of a list of products, each once, in rank order. */
export function rulesOf<E>(products: Products<E>, list: Int32Array): readonly number[] {
  const rules: number[] = [];
  for (let i = 0; i < list.length; i++) {
    const rule = products.rule[list[i]!]!;
    if (rules[rules.length - 1] !== rule) rules.push(rule);
  }
  return rules;
}

function hashOf(list: Int32Array, level: number): number {
  let hash = level;
  for (let i = 0; i < list.length; i++) hash = Math.imul(hash ^ list[i]!, 0x0100_0193);
  return hash ^ list.length;
}

function sameList(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
