/**
 * Near misses: flows that would have let a packet on that a table dropped, had one field been
 * different. Asked only about one packet, after a trace found the drop.
 */
import { type Field } from '../../../packet/fields.ts';
import { readField, type WordBits, wordBits } from '../../../traffic/words.ts';
import { type Action, type Flow } from '../types/flow.ts';
import { type Bridge } from '../types/switch.ts';

export interface FlowNearMiss {
  /** The flow that would have matched; of a conjunction the member that is missing. */
  readonly flow: Flow;
  /** The conjunction that this member would complete; null for an ordinary flow. */
  readonly conjunction: number | null;
  readonly field: Field;
  readonly wanted: { readonly value: bigint; readonly mask: bigint };
  readonly actual: bigint;
}

interface Prepared {
  readonly flow: Flow;
  readonly tests: readonly { readonly field: Field; readonly words: readonly WordBits[] }[];
}

const prepared = new WeakMap<Flow, Prepared>();

function prepare(flow: Flow): Prepared {
  let found = prepared.get(flow);
  if (found === undefined) {
    const tests = flow.tests.map(({ field, value, mask }) => ({
      field,
      words: wordBits(field, value, mask),
    }));
    found = { flow, tests };
    prepared.set(flow, found);
  }
  return found;
}

/** Fields of a flow's match that the packet does not meet; more than one is not near. */
function failing({ tests }: Prepared, words: Uint32Array): number | 'none' | 'many' {
  let only: number | 'none' = 'none';
  for (const [i, { words: bits }] of tests.entries()) {
    if (bits.every(({ word, mask, value }) => ((words[word] ?? 0) & mask) >>> 0 === value)) {
      continue;
    }
    if (only !== 'none') return 'many';
    only = i;
  }
  return only;
}

/** Whose port or network it is of and how far its connection is, nobody can ask differently. */
function isOfInterest(of: Field): boolean {
  return !of.metadata && !of.name.startsWith('vlan_');
}

function missOf(flow: Flow, index: number, words: Uint32Array, conjunction: number | null) {
  const test = flow.tests[index];
  if (test === undefined || !isOfInterest(test.field)) return null;
  const { field, value, mask } = test;
  const near: FlowNearMiss = {
    flow,
    conjunction,
    field,
    wanted: { value, mask },
    actual: readField(words, field),
  };
  return near;
}

const IDLE: ReadonlySet<Action['kind']> = new Set<Action['kind']>([
  'drop',
  'note',
  'ct-clear',
  'conjunction',
  'clear-actions',
]);

/** Tables in which every flow drops, such as those that agents count refused packets in. */
function droppingTables(bridge: Bridge): ReadonlySet<number> {
  const drops = new Map<number, boolean>();
  for (const { table, actions } of bridge.flows) {
    const all = actions.every(({ kind }) => kind === 'drop' || kind === 'controller');
    drops.set(table, all && (drops.get(table) ?? true));
  }
  return new Set([...drops].flatMap(([table, all]) => (all ? [table] : [])));
}

function letsOn(flow: Flow, dropping: ReadonlySet<number>): boolean {
  return flow.actions.some((action) => {
    if (action.kind === 'resubmit' || action.kind === 'goto-table') {
      return !dropping.has(action.table ?? -1);
    }
    return !IDLE.has(action.kind);
  });
}

/** Conjunctions of which the packet meets all clauses but one, and what the last one lacks. */
function conjunctive(flows: readonly Flow[], words: Uint32Array): FlowNearMiss[] {
  const groups = new Map<
    string,
    { met: Set<number>; near: Map<number, FlowNearMiss>; clauses: number }
  >();
  for (const flow of flows) {
    for (const action of flow.actions) {
      if (action.kind !== 'conjunction') continue;
      const key = `${flow.priority} ${action.id}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { met: new Set(), near: new Map(), clauses: action.clauses };
        groups.set(key, group);
      }
      const failed = failing(prepare(flow), words);
      if (failed === 'none') group.met.add(action.clause);
      else if (failed !== 'many' && !group.near.has(action.clause)) {
        const near = missOf(flow, failed, words, action.id);
        if (near !== null) group.near.set(action.clause, near);
      }
    }
  }
  return [...groups.values()].flatMap(({ met, near, clauses }) =>
    met.size === clauses - 1
      ? [...near].flatMap(([clause, miss]) => (met.has(clause) ? [] : [miss]))
      : [],
  );
}

/**
 * The flows of a table that would have let the packet on if one field were different.
 * @param words the packet's fields as they were at the lookup.
 * @param above only flows of at least this priority: those that the drop did not hide.
 * @param most how many are given, those of highest priority first.
 */
export function nearMisses(
  bridge: Bridge,
  table: number,
  words: Uint32Array,
  above: number,
  most = 5,
): readonly FlowNearMiss[] {
  const flows = bridge.flows.filter((flow) => flow.table === table && flow.priority >= above);
  const dropping = droppingTables(bridge);
  const plain = flows.flatMap((flow) => {
    if (flow.actions.some(({ kind }) => kind === 'conjunction') || !letsOn(flow, dropping))
      return [];
    if (flow.tests.some(({ field }) => field.name === 'conj_id')) return [];
    const failed = failing(prepare(flow), words);
    if (failed === 'none' || failed === 'many') return [];
    return missOf(flow, failed, words, null) ?? [];
  });
  return [...plain, ...conjunctive(flows, words)]
    .sort((a, b) => b.flow.priority - a.flow.priority)
    .slice(0, most);
}
