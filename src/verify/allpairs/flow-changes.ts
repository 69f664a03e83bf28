/**
 * Flows of a bridge that come and go while all pairs are kept: its tables are changed in place, and
 * what was made with frames that such a flow could match is told.
 * Before: `indexed-bridge.ts`, `probes.ts`. After: `kept-pairs.ts`.
 */
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { ask, emptyAsked } from './asks.ts';
import { addFlow, removeFlow } from './flow-index.ts';
import { NotCarried } from './frame.ts';
import { type IndexedBridge, nameBy, tableOf } from './indexed-bridge.ts';
import { type Cell } from './upkeep.ts';

/** Flows of one bridge that are taken away and added; the former are those that are there. */
export interface FlowChange {
  readonly host: string;
  readonly bridge: string;
  readonly removed: readonly Flow[];
  readonly added: readonly Flow[];
}

/**
 * Changes the tables of a bridge.
 * @returns what is stale; null where all is to be arranged anew, nothing may be used any more then
 */
export function changeFlows(
  bridge: IndexedBridge,
  { removed, added }: FlowChange,
): readonly Cell<unknown>[] | null {
  bridge.count += added.length - removed.length;
  if (bridge.refused !== null || bridge.count === 0) return null;
  const stale: Cell<unknown>[] = [];
  const asked = emptyAsked();
  try {
    for (const flow of removed) {
      const index = tableOf(bridge, flow.table);
      if (index === undefined || !removeFlow(index, flow, asked)) return null;
      ask(asked, flow);
      index.probes?.takeUsers(asked, stale);
      if (nameBy(bridge.naming, flow, -1)) stale.push(bridge.naming.cell);
    }
    for (const flow of added) {
      const index = tableOf(bridge, flow.table)!;
      ask(asked, flow);
      index.probes?.takeUsers(asked, stale);
      addFlow(index, flow, asked);
      if (nameBy(bridge.naming, flow, 1)) stale.push(bridge.naming.cell);
    }
  } catch (error) {
    if (error instanceof NotCarried) return null;
    throw error;
  }
  return stale;
}
