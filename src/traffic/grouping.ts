/**
 * Products grouped by the one value they want of a sub-field: how a node with thousands of
 * ports or addresses below it is made in one pass, without sorting.
 */
import { hash, type NodePool, slotIndex, slotsOf } from './nodes.ts';
import { constraintAt, type Products } from './products.ts';

export interface Groups {
  /** Distinct values, in the order in which they were met. */
  readonly values: Uint32Array;
  /** Group of each list element; -1 for those that ignore the sub-field. */
  readonly groupOf: Int32Array;
}

/** The products of a HASH node. */
export interface BySlot {
  /** Slot i owns the members starts[i] up to starts[i + 1], in rank order. */
  readonly starts: Uint32Array;
  readonly members: Int32Array;
  /** Those that ignore the sub-field, in rank order. */
  readonly others: Int32Array;
}

/** Groups a list by exact value; null when a product of it allows more than one value. */
export function groupByValue<E>(
  products: Products<E>,
  list: Int32Array,
  level: number,
): Groups | null {
  const groupOf = new Int32Array(list.length);
  const size = 2 ** Math.ceil(Math.log2(2 * list.length + 2));
  // Open addressing: group + 1 by value, 0 for an empty slot.
  const slots = new Int32Array(size);
  const values = new Uint32Array(list.length);
  let count = 0;
  for (let i = 0; i < list.length; i++) {
    const constraint = constraintAt(products, list[i]!, level);
    if (constraint < 0) {
      groupOf[i] = -1;
      continue;
    }
    const value = products.low[constraint]!;
    if (value !== products.high[constraint]) return null;
    let slot = hash(value) & (size - 1);
    while (slots[slot] !== 0 && values[slots[slot]! - 1] !== value) slot = (slot + 1) & (size - 1);
    if (slots[slot] === 0) {
      values[count++] = value;
      slots[slot] = count;
    }
    groupOf[i] = slots[slot]! - 1;
  }
  return { values: values.slice(0, count), groupOf };
}

/** Lays the groups out in the order of a hash node's slots. */
export function arrangeBySlot(
  pool: NodePool,
  at: number,
  list: Int32Array,
  { values, groupOf }: Groups,
): BySlot {
  const slotOf = Int32Array.from(values, (value) => slotIndex(pool, at, value));
  const starts = new Uint32Array(slotsOf(pool, at) + 1);
  let ignoring = 0;
  for (let i = 0; i < list.length; i++) {
    const group = groupOf[i]!;
    if (group < 0) ignoring++;
    else starts[slotOf[group]! + 1]!++;
  }
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i]! + starts[i - 1]!;
  const members = new Int32Array(list.length - ignoring);
  const others = new Int32Array(ignoring);
  const next = starts.slice();
  let other = 0;
  for (let i = 0; i < list.length; i++) {
    const group = groupOf[i]!;
    if (group < 0) others[other++] = list[i]!;
    else members[next[slotOf[group]!]!++] = list[i]!;
  }
  return { starts, members, others };
}
