/** The table that anybody can check by eye: a scan in rank order. The diagram's test twin. */
import { type Guard, guard } from './guard.ts';
import { type Candidate, type Rule, type Table } from './table.ts';

/** Builds a table that scans its rules one by one. */
export function linearTable<E>(rules: readonly Rule<E>[]): Table<E> {
  const sorted = [...rules].sort((a, b) => a.rank - b.rank);
  const guards: Guard[] = [];
  return {
    rules,
    find(words) {
      const found: Candidate<E>[] = [];
      let decidedRank = Number.POSITIVE_INFINITY;
      for (const [i, rule] of sorted.entries()) {
        if (rule.rank > decidedRank) break;
        guards[i] ??= guard(rule.match);
        const truth = guards[i].test(words);
        if (truth === 0) continue;
        const certain = truth === 1;
        found.push({ entry: rule.entry, rank: rule.rank, decisive: rule.decisive, certain });
        if (rule.decisive && certain) decidedRank = rule.rank;
      }
      return found;
    },
  };
}
