/**
 * Which actions may stand beside and inside which (lib/ofp-actions.c ofpacts_verify): OpenFlow
 * 1.1 instructions have one order, conjunctions stand alone, ct(exec) only marks and labels.
 */
import { type Action } from '../types/flow.ts';
import { type Place } from './action-row.ts';
import { type Fault, fault } from './numbers.ts';

/** Rank of the instructions; all other actions are one, "apply actions". */
const RANKS: Partial<Record<Action['kind'], number>> = {
  meter: 0,
  'clear-actions': 2,
  'write-actions': 3,
  'write-metadata': 4,
  'goto-table': 5,
};
const APPLY = 1;
const ORDER = 'meter, actions, clear_actions, write_actions, write_metadata, goto_table';

/** The first thing wrong with a list, or null. */
export function orderFault(actions: readonly Action[], place: Place): Fault | null {
  const dropped = actions.some((action) => action.kind === 'drop');
  if (dropped && actions.some((action) => action.kind !== 'drop')) {
    return fault('drop must stand alone', 'drop');
  }
  let last = -1;
  for (const action of actions) {
    if (action.kind === 'drop') continue;
    if (action.kind === 'conjunction') return conjunctionFault(actions);
    const wrong = placeFault(action, place);
    if (wrong !== null) return wrong;
    const rank = RANKS[action.kind] ?? APPLY;
    if (last >= 0 && (last === APPLY ? rank < last : rank <= last)) {
      return fault(`instructions stand in the wrong order: ${ORDER}`);
    }
    if (place !== 'flow' && rank !== APPLY && action.kind !== 'meter') {
      return fault('an instruction cannot stand inside other actions');
    }
    last = rank;
  }
  return null;
}

function conjunctionFault(actions: readonly Action[]): Fault | null {
  const other = actions.some(({ kind }) => kind !== 'conjunction' && kind !== 'note');
  return other ? fault('conjunction may only stand beside note', 'conjunction') : null;
}

function placeFault(action: Action, place: Place): Fault | null {
  const to =
    action.kind === 'set-field' ? action.field : action.kind === 'move' ? action.to.field : null;
  const tracked = to?.name === 'ct_mark' || to?.name === 'ct_label';
  if (tracked && place !== 'ct') return fault('ct_mark and ct_label are set inside ct(exec())');
  if (place === 'ct') {
    if (to === null) return fault('ct(exec()) takes set_field, load and move only');
    if (!tracked) return fault('ct(exec()) sets ct_mark and ct_label only', to.name);
  }
  if (place !== 'flow' && place !== 'bucket' && action.kind === 'meter') {
    return fault('meter cannot stand inside other actions', 'meter');
  }
  return null;
}
