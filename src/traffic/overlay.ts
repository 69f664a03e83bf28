/**
 * A table that changes a little: learned flows come and go while the big compiled table below
 * stays. Two lookups, and their candidates merged by rank.
 */
import { compileTable } from './compiled.ts';
import { type Candidate, type Rule, type Table } from './table.ts';

interface Layers<E> {
  readonly base: Table<E>;
  readonly added: readonly Rule<E>[];
  /** Entries of the base that are gone. */
  readonly removed: ReadonlySet<E>;
  /** The base without them, once somebody needed it; shared while nothing else is removed. */
  readonly reduced: { table: Table<E> | null };
}

/** The layers behind overlaid tables, so that overlays do not pile up. */
const layersOf = new WeakMap<object, Layers<unknown>>();

/**
 * The table with some rules more and without those of some entries (compared by identity).
 * Added rules stand behind rules of equal rank that were there before. The given table stays
 * valid and unchanged.
 */
export function withRules<E>(
  table: Table<E>,
  added: readonly Rule<E>[],
  removed: readonly E[] = [],
): Table<E> {
  const below = (layersOf.get(table) as Layers<E> | undefined) ?? {
    base: table,
    added: [],
    removed: new Set<E>(),
    reduced: { table: null },
  };
  const gone = new Set(removed);
  const goneBelow = gone.size === 0 ? [] : removed.filter((e) => entriesOf(below.base).has(e));
  const layers: Layers<E> = {
    base: below.base,
    added: [...below.added.filter(({ entry }) => !gone.has(entry)), ...added],
    removed: goneBelow.length === 0 ? below.removed : new Set([...below.removed, ...goneBelow]),
    reduced: goneBelow.length === 0 ? below.reduced : { table: null },
  };
  // An upper layer that has grown is worth a compilation of its own, of the whole.
  if (layers.added.length > 64 + layers.base.rules.length / 8) return compileTable(all(layers));
  const overlaid = overlay(layers);
  layersOf.set(overlaid, layers);
  return overlaid;
}

/** The entries of base tables from which something was removed. */
const entriesOfBase = new WeakMap<object, ReadonlySet<unknown>>();

function entriesOf<E>(base: Table<E>): ReadonlySet<unknown> {
  let known = entriesOfBase.get(base);
  if (known === undefined) {
    known = new Set(base.rules.map(({ entry }) => entry));
    entriesOfBase.set(base, known);
  }
  return known;
}

function all<E>({ base, added, removed }: Layers<E>): readonly Rule<E>[] {
  const kept = removed.size === 0 ? base.rules : base.rules.filter((r) => !removed.has(r.entry));
  return [...kept, ...added];
}

function overlay<E>(layers: Layers<E>): Table<E> {
  const { base, removed, reduced } = layers;
  const upper = compileTable(layers.added);
  let rules: readonly Rule<E>[] | null = null;
  const merged = new Map<readonly Candidate<E>[], Map<object, readonly Candidate<E>[]>>();
  return {
    get rules() {
      rules ??= all(layers);
      return rules;
    },
    find(words) {
      let below = (reduced.table ?? base).find(words);
      if (removed.size > 0 && reduced.table === null && mentions(below, removed)) {
        // What a removed rule hid shows again: the base is compiled once more without it.
        reduced.table = compileTable(base.rules.filter(({ entry }) => !removed.has(entry)));
        below = reduced.table.find(words);
      }
      const above = upper.find(words);
      if (above.length === 0) return below;
      if (below.length === 0) return above;
      let known = merged.get(below);
      if (known === undefined) {
        known = new Map();
        // Lists from scans are new each time; they must not fill the memory.
        if (merged.size > MAX_MERGED) merged.clear();
        merged.set(below, known);
      }
      let both = known.get(above);
      if (both === undefined) {
        both = merge(below, above);
        if (known.size > MAX_MERGED) known.clear();
        known.set(above, both);
      }
      return both;
    },
  };
}

const MAX_MERGED = 1024;

function mentions<E>(candidates: readonly Candidate<E>[], entries: ReadonlySet<E>): boolean {
  for (let i = 0; i < candidates.length; i++) if (entries.has(candidates[i]!.entry)) return true;
  return false;
}

/** Both lists in rank order, the lower table's first at equal rank, up to the deciding rank. */
function merge<E>(
  below: readonly Candidate<E>[],
  above: readonly Candidate<E>[],
): readonly Candidate<E>[] {
  const out: Candidate<E>[] = [];
  let lastRank = Number.POSITIVE_INFINITY;
  for (let i = 0, j = 0; i < below.length || j < above.length; ) {
    const a = below[i];
    const b = above[j];
    const next = a !== undefined && (b === undefined || a.rank <= b.rank) ? a : b;
    if (next === undefined || next.rank > lastRank) break;
    if (next === a) i++;
    else j++;
    out.push(next);
    if (next.decisive && next.certain) lastRank = next.rank;
  }
  return out;
}
