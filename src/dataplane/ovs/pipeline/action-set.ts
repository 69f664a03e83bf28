/**
 * The action set: which of the written actions are executed, and in which order
 * (lib/ofp-actions.c ofpacts_execute_action_set(); OpenFlow 1.5.1 §5.6).
 */
import { type Action } from '../types/flow.ts';
import { isControllerOutput, type PreparedAction } from './actions.ts';

/** One of each, the last one written counts; in the order they are executed. */
const SLOTS: readonly Action['kind'][] = [
  'pop-vlan',
  'pop-mpls',
  'decap',
  'encap',
  'push-mpls',
  'push-vlan',
  'dec-ttl',
  'dec-mpls-ttl',
  'dec-nsh-ttl',
];

/** Only the best of these is executed; without any of them the whole set does nothing. */
const FINAL: readonly Action['kind'][] = ['ct', 'ct-clear', 'resubmit', 'output', 'group'];

const MANY: ReadonlySet<Action['kind']> = new Set<Action['kind']>([
  'set-field',
  'move',
  'set-queue',
  'set-vlan-vid',
  'set-vlan-pcp',
]);

/** The list of actions that a set stands for; empty when it has no final action. */
export function actionListOfSet(set: readonly PreparedAction[]): readonly PreparedAction[] {
  if (set.length === 0) return set;
  const slots: (PreparedAction | undefined)[] = [];
  const many: PreparedAction[] = [];
  let final: PreparedAction | null = null;
  let finalRank = 0;
  for (const prepared of set) {
    const kind = isControllerOutput(prepared.action) ? 'output' : prepared.action.kind;
    const slot = SLOTS.indexOf(kind);
    const rank = FINAL.indexOf(kind);
    if (slot >= 0) slots[slot] = prepared;
    else if (MANY.has(kind)) many.push(prepared);
    else if (rank >= finalRank) {
      final = prepared;
      finalRank = rank;
    }
  }
  if (final === null) return [];
  return [...slots.filter((one) => one !== undefined), ...many, final];
}
