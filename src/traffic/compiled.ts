/**
 * A compiled table: the lookup of one packet walks down the diagram. The answer is the one of
 * `linear.ts`; only the way to it differs.
 */
import { type Diagram, diagramOf, rulesOf, visit } from './diagram.ts';
import { type Guard, guard } from './guard.ts';
import { linearTable } from './linear.ts';
import { slotFor, UNVISITED, valueAt } from './nodes.ts';
import { productsOf } from './products.ts';
import { type Candidate, type Rule, type Table } from './table.ts';

export interface CompileOptions {
  /**
   * How many 32-bit numbers the unfolded nodes may take; what does not fit is answered by a
   * scan of the rules that are left at the last node.
   */
  readonly maxWords?: number;
  /** One of very many tables, most of which are asked once or twice. */
  readonly seldom?: boolean;
}

const DEFAULT_MAX_WORDS = 16_000_000;

/** Up to so many rules of a table that is seldom asked are scanned so often before it is unfolded. */
const FEW_RULES = 8;
const SCANS = 4;

/** The diagrams behind compiled tables: `inspect.ts` reads them, elements cannot. */
const diagrams = new WeakMap<object, () => Diagram<unknown>>();

/** The diagram behind a compiled table, or null for other tables. */
export function diagramBehind<E>(table: Table<E>): Diagram<E> | null {
  const made = diagrams.get(table);
  return made === undefined ? null : (made() as Diagram<E>);
}

/** Compiles rules to an interval decision diagram. Nothing is done before the first lookup. */
export function compileTable<E>(
  rules: readonly Rule<E>[],
  { maxWords = DEFAULT_MAX_WORDS, seldom = false }: CompileOptions = {},
): Table<E> {
  let diagram: Diagram<E> | null = null;
  const guards: (Guard | undefined)[] = [];
  let scansLeft = seldom && rules.length <= FEW_RULES ? SCANS : 0;
  let linear: Table<E> | null = null;
  const made = () => {
    diagram ??= diagramOf(productsOf(rules), maxWords);
    return diagram;
  };
  const table: Table<E> = {
    rules,
    find(words) {
      if (scansLeft > 0 && diagram === null) {
        scansLeft--;
        linear ??= linearTable(rules);
        return linear.find(words);
      }
      linear = null;
      const of = diagram ?? made();
      const { code, values } = of.pool;
      let at = of.root;
      let parent = at;
      while (at >= 0) {
        parent = at;
        at = code[slotFor(code, values, at, valueAt(code, values, at, words))]!;
      }
      return of.leaves[~at] ?? unfoldAndFind(of, parent, at, words, guards);
    },
  };
  diagrams.set(table, made);
  return table;
}

/** Goes on where no fixed answer stands: unvisited children, guarded leaves, an empty budget. */
function unfoldAndFind<E>(
  diagram: Diagram<E>,
  parent: number,
  reached: number,
  words: Uint32Array,
  guards: (Guard | undefined)[],
): readonly Candidate<E>[] {
  let node = parent;
  let at = reached;
  for (;;) {
    while (at >= 0) {
      const { code, values } = diagram.pool;
      node = at;
      at = code[slotFor(code, values, at, valueAt(code, values, at, words))]!;
    }
    if (at !== UNVISITED) break;
    const { code, values } = diagram.pool;
    at = visit(diagram, node, valueAt(code, values, node, words));
    if (at === UNVISITED) {
      const left = rulesOf(diagram.products, diagram.sources.get(node)!.list);
      return scan(diagram, left, words, guards);
    }
  }
  const leaf = diagram.leaves[~at];
  return leaf ?? scan(diagram, diagram.guarded.get(~at)!, words, guards);
}

/** First match over some rules by asking their guards. */
function scan<E>(
  diagram: Diagram<E>,
  numbers: readonly number[],
  words: Uint32Array,
  guards: (Guard | undefined)[],
): readonly Candidate<E>[] {
  const { rules } = diagram.products;
  const found: Candidate<E>[] = [];
  let lastRank = Number.POSITIVE_INFINITY;
  for (const number of numbers) {
    const { match, rank, decisive, entry } = rules[number]!;
    if (rank > lastRank) break;
    guards[number] ??= guard(match);
    const truth = guards[number].test(words);
    if (truth === 0) continue;
    found.push({ entry, rank, decisive, certain: truth === 1 });
    if (decisive && truth === 1) lastRank = rank;
  }
  return found;
}
