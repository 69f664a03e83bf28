/**
 * A compiled table's diagram for reading, so that sets of packets can be intersected with the
 * very nodes that one packet walks down. Dataplane elements have no use for this.
 */
import { diagramBehind } from './compiled.ts';
import { type Diagram, rulesOf, visit } from './diagram.ts';
import { HASH, INTERVALS, NO_SLOT, slotFor, slotsOf, UNVISITED } from './nodes.ts';
import { type Subfield } from './subfields.ts';
import { type Candidate, type Rule, type Table } from './table.ts';

/** Names a node or leaf of one diagram; equal references are equal functions. */
export type NodeRef = number;

export type DiagramNode<E> =
  /** Interval i of the sub-field's values goes from starts[i] to below starts[i + 1]. */
  | { readonly kind: 'node'; readonly subfield: Subfield; readonly starts: Uint32Array }
  /** These rules match, as `Table.find` gives them. */
  | { readonly kind: 'leaf'; readonly candidates: readonly Candidate<E>[] }
  /** Not resolved further: first match over these rules, in rank order, by their guards. */
  | { readonly kind: 'scan'; readonly rules: readonly Rule<E>[] };

export interface DiagramView<E> {
  readonly root: NodeRef;
  /** In the order in which every path asks them. */
  readonly subfields: readonly Subfield[];
  read(ref: NodeRef): DiagramNode<E>;
  /**
   * The child of a node for one interval, unfolded when nobody was there before. When the
   * diagram's budget is used up it is a `scan` over the rules left at the node.
   */
  child(ref: NodeRef, interval: number): NodeRef;
}

/** The diagram behind a table made by `compileTable`; null for any other table. */
export function inspect<E>(table: Table<E>): DiagramView<E> | null {
  const diagram = diagramBehind(table);
  return diagram === null ? null : viewOf(diagram);
}

function viewOf<E>(diagram: Diagram<E>): DiagramView<E> {
  const startsOfNode = new Map<NodeRef, Uint32Array>();
  const starts = (ref: NodeRef) => {
    let known = startsOfNode.get(ref);
    if (known === undefined) {
      known = startsAt(diagram, ref);
      startsOfNode.set(ref, known);
    }
    return known;
  };
  return {
    root: diagram.root,
    subfields: diagram.products.subfields,
    read(ref) {
      if (ref < 0) return leafAt(diagram, ref);
      const { level } = diagram.sources.get(ref)!;
      const subfield = diagram.products.subfields[level]!;
      return { kind: 'node', subfield, starts: starts(ref) };
    },
    child(ref, interval) {
      const { code, values } = diagram.pool;
      const value = starts(ref)[interval]!;
      const there = code[slotFor(code, values, ref, value)]!;
      if (there !== UNVISITED) return there;
      const made = visit(diagram, ref, value);
      return made === UNVISITED ? unresolved(diagram, ref) : made;
    },
  };
}

function leafAt<E>(diagram: Diagram<E>, ref: NodeRef): DiagramNode<E> {
  const candidates = diagram.leaves[~ref];
  if (candidates !== null && candidates !== undefined) return { kind: 'leaf', candidates };
  const numbers = diagram.guarded.get(~ref) ?? [];
  return { kind: 'scan', rules: numbers.map((number) => diagram.products.rules[number]!) };
}

/** A leaf that scans what is left at a node; one for each node. */
function unresolved<E>(diagram: Diagram<E>, ref: NodeRef): NodeRef {
  const { list } = diagram.sources.get(ref)!;
  const known = diagram.unresolved.get(ref);
  if (known !== undefined) return known;
  const index = diagram.leaves.push(null) - 1;
  diagram.guarded.set(index, rulesOf(diagram.products, list));
  diagram.unresolved.set(ref, ~index);
  return ~index;
}

function startsAt<E>(diagram: Diagram<E>, at: NodeRef): Uint32Array {
  const { code, values } = diagram.pool;
  const kind = code[at + 3]! >>> 28;
  const count = slotsOf(diagram.pool, at);
  if (kind === INTERVALS) return values.slice(at + 4, at + 4 + count);
  if (kind !== HASH) return Uint32Array.from({ length: count }, (_, value) => value);
  const top = values[at + 2]!;
  const ends = new Set<number>([0]);
  for (let i = 0; i < count; i++) {
    if (code[at + 6 + 2 * i] === NO_SLOT) continue;
    const value = values[at + 5 + 2 * i]!;
    ends.add(value);
    if (value < top) ends.add(value + 1);
  }
  return Uint32Array.from(ends).sort();
}
