/**
 * A set looked up in a compiled table: it goes down the very nodes that one packet walks down,
 * by every edge that some of its inputs take.
 */
import { type DiagramView, inspect, type NodeRef } from '../inspect.ts';
import { type Candidate, type Rule, type Table } from '../table.ts';
import { type Found } from '../traffic.ts';
import { runWithin, truthsOf } from './conditions.ts';
import { doubted, narrowed, type PacketSet } from './packet-set.ts';
import { NOWHERE, type Region } from './regions.ts';
import { clip, constantOf } from './symbols.ts';

/** Views of tables, kept: a view remembers the edges of nodes. */
const views = new WeakMap<object, DiagramView<unknown> | null>();

function viewOf<E>(table: Table<E>): DiagramView<E> | null {
  let view = views.get(table);
  if (view === undefined) {
    view = inspect(table) as DiagramView<unknown> | null;
    views.set(table, view);
  }
  return view as DiagramView<E> | null;
}

/** The parts of a set that a table tells apart. */
export function lookUpSet<E>(p: PacketSet, table: Table<E>): readonly Found<E, PacketSet>[] {
  const view = viewOf(table);
  if (view === null) return scanned(p, p.where, inRankOrder(table.rules));
  const search: Search<E> = { view, leaves: new Map(), seen: new Set(), inexact: false };
  descend(search, p, view.root, p.where);
  const asked = search.inexact ? doubted(p, 'a table looks at bits that are not told apart') : p;
  const found: Found<E, PacketSet>[] = [];
  for (const [ref, where] of search.leaves) {
    const node = view.read(ref);
    if (node.kind === 'leaf') found.push({ entries: node.candidates, p: narrowed(asked, where) });
    else if (node.kind === 'scan') found.push(...scanned(asked, where, node.rules));
  }
  return found;
}

/** One lookup: what reached which leaf. */
interface Search<E> {
  readonly view: DiagramView<E>;
  readonly leaves: Map<NodeRef, Region>;
  readonly seen: Set<string>;
  inexact: boolean;
}

function descend<E>(search: Search<E>, p: PacketSet, ref: NodeRef, where: Region): void {
  const { regions } = p.space;
  const { view, leaves, seen } = search;
  const node = view.read(ref);
  if (node.kind !== 'node') {
    leaves.set(ref, regions.or(leaves.get(ref) ?? NOWHERE, where));
    return;
  }
  const key = `${ref} ${where}`;
  if (seen.has(key)) return;
  seen.add(key);
  const { subfield, starts } = node;
  const run = clip(p.words[subfield.word]!, subfield.shift, subfield.shift + subfield.width);
  const known = run === null ? null : constantOf(run);
  if (known !== null) {
    descend(search, p, view.child(ref, intervalOf(starts, known)), where);
    return;
  }
  // Edges to one child are one condition.
  const groups = new Map<NodeRef, number[]>();
  for (let i = 0; i < starts.length; i++) {
    const low = starts[i]!;
    const high = i + 1 < starts.length ? starts[i + 1]! - 1 : subfield.top;
    const child = view.child(ref, i);
    const pairs = groups.get(child);
    if (pairs === undefined) groups.set(child, [low, high]);
    else if (pairs[pairs.length - 1]! + 1 === low) pairs[pairs.length - 1] = high;
    else pairs.push(low, high);
  }
  for (const [child, pairs] of groups) {
    const here = run === null ? null : runWithin(p.space, run, Uint32Array.from(pairs));
    if (here === null) search.inexact = true;
    const part = here === null ? where : regions.and(where, here);
    if (part !== NOWHERE) descend(search, p, child, part);
  }
}

/** The interval of a node in which a value lies. */
function intervalOf(starts: Uint32Array, value: number): number {
  let from = 0;
  let upTo = starts.length;
  while (upTo - from > 1) {
    const middle = (from + upTo) >>> 1;
    if (starts[middle]! <= value) from = middle;
    else upTo = middle;
  }
  return from;
}

interface Part<E> {
  readonly where: Region;
  readonly entries: readonly Candidate<E>[];
  /** The rank of the first rule that decided. */
  readonly last: number;
}

/** First match over some rules in rank order, by their matches. */
function scanned<E>(
  p: PacketSet,
  where: Region,
  rules: readonly Rule<E>[],
): readonly Found<E, PacketSet>[] {
  const { regions } = p.space;
  let asked = p;
  let parts: readonly Part<E>[] = [{ where, entries: [], last: Number.POSITIVE_INFINITY }];
  for (const { match, rank, decisive, entry } of rules) {
    if (parts.every(({ last }) => rank > last)) break;
    const { yes, maybe, inexact } = truthsOf(p.space, p.words, match);
    if (inexact) asked = doubted(asked, 'a rule looks at bits that are not told apart');
    const next: Part<E>[] = [];
    for (const part of parts) {
      if (rank > part.last) {
        next.push(part);
        continue;
      }
      const sure = regions.and(part.where, yes);
      const unsure = regions.and(part.where, regions.minus(maybe, yes));
      const rest = regions.minus(part.where, maybe);
      const hit = { entry, rank, decisive };
      if (sure !== NOWHERE) {
        const entries = [...part.entries, { ...hit, certain: true }];
        next.push({ where: sure, entries, last: decisive ? rank : part.last });
      }
      if (unsure !== NOWHERE) {
        const entries = [...part.entries, { ...hit, certain: false }];
        next.push({ where: unsure, entries, last: part.last });
      }
      if (rest !== NOWHERE) next.push({ ...part, where: rest });
    }
    parts = next;
  }
  return parts.map((part) => ({ entries: part.entries, p: narrowed(asked, part.where) }));
}

function inRankOrder<E>(rules: readonly Rule<E>[]): readonly Rule<E>[] {
  return [...rules].sort((a, b) => a.rank - b.rank);
}
