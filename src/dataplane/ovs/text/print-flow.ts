/** A flow as one line: what `ovs-ofctl dump-flows` prints and `add-flow` takes. */
import { type Flow, type FlowStatistics } from '../types/flow.ts';
import { printActions } from './actions.ts';
import { type PrintNames, printTests } from './print-match.ts';

export interface PrintFlowOptions extends PrintNames {
  /** Also duration and counters, as a dump has them; default: only what add-flow takes in. */
  readonly statistics?: boolean;
}

/** What of a flow is printed; where it was read is not. */
export type PrintedFlow = Omit<Flow, 'statistics' | 'origin'> & {
  readonly statistics?: FlowStatistics | null;
};

/** Prints a flow; `ovs-ofctl` reads the same flow from it. */
export function printFlow(flow: PrintedFlow, options: PrintFlowOptions = {}): string {
  const head: string[] = [];
  const statistics = (options.statistics === true ? flow.statistics : null) ?? null;
  if (statistics !== null || flow.cookie !== 0n) head.push(`cookie=0x${flow.cookie.toString(16)}`);
  if (statistics !== null) head.push(`duration=${statistics.duration_s}s`);
  head.push(`table=${flow.table}`);
  if (statistics !== null) {
    head.push(`n_packets=${statistics.packets}`, `n_bytes=${statistics.bytes}`);
  }
  if (flow.idle_timeout_s !== 0) head.push(`idle_timeout=${flow.idle_timeout_s}`);
  if (flow.hard_timeout_s !== 0) head.push(`hard_timeout=${flow.hard_timeout_s}`);
  head.push(...flow.flags);
  if (flow.importance !== 0) head.push(`importance=${flow.importance}`);
  if (statistics !== null && statistics.idle_age_s !== null) {
    head.push(`idle_age=${statistics.idle_age_s}`);
  }
  if (statistics !== null && statistics.hard_age_s !== null) {
    head.push(`hard_age=${statistics.hard_age_s}`);
  }
  const match = printMatch(flow, options);
  if (match !== '') head.push(match);
  return `${head.join(', ')} actions=${printActions(flow.actions)}`;
}

/** Priority (when it is not 32768) and match, as dumps and traces show a rule. */
export function printMatch(
  flow: Pick<Flow, 'priority' | 'tests' | 'opaque'>,
  names: PrintNames = {},
): string {
  const tests = printTests(flow.tests, names, flow.opaque);
  if (flow.priority === 32768) return tests;
  return tests === '' ? `priority=${flow.priority}` : `priority=${flow.priority},${tests}`;
}
