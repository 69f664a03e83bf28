/**
 * Changes of chains of ebtables as an action: all changes are one transaction of nf_tables, so that
 * a frame meets the old rules or the new ones.
 *
 * Simplification: hosts with the legacy ebtables, whose restore knows no --noflush, are not changed.
 */
import { type Action } from '../types.ts';
import { type Pair, type PairOf, pairsOf } from './pairs.ts';

/** @param pairs of one namespace */
export function frameActions(namespace: string, pairs: readonly Pair[]): readonly Action[] {
  const all = pairsOf('frames', pairs);
  if (all.length === 0) return [];
  const tables = [...new Set(all.map(tableOf))];
  const lines = tables.flatMap((table) => [
    `*${table}`,
    ...tableLines(all.filter((pair) => tableOf(pair) === table)),
  ]);
  return [{ kind: 'frames', namespace, text: lines.join('\n') }];
}

function tableOf({ old, to }: PairOf<'frames'>): string {
  return (to ?? old)!.data.table;
}

/** Chains are made before rules name them and removed when none does any more. */
function tableLines(chains: readonly PairOf<'frames'>[]): readonly string[] {
  const declared: string[] = [];
  const gone: string[] = [];
  const rules: string[] = [];
  const removed: string[] = [];
  for (const { old, to } of chains) {
    const { chain, user } = (to ?? old)!.data;
    if (user) {
      // A chain that is declared is emptied (iptables/xtables-restore.c).
      if (to !== null) declared.push(`:${chain} ${to.data.policy ?? 'ACCEPT'}`);
      else removed.push(`-F ${chain}`, `-X ${chain}`);
    } else {
      gone.push(...(old?.data.rules ?? []).map((rule) => `-D ${chain} ${rule}`));
    }
    rules.push(...(to?.data.rules ?? []).map((rule) => `-A ${chain} ${rule}`));
  }
  return [...declared, ...gone, ...rules, ...removed];
}
