/**
 * A flow prepared for many packets: a rule of its table, and what a hit of it needs. Bridges with
 * their tables stand in `prepared.ts`; behind this stands the lookup.
 */
import { type Match } from '../../../traffic/match.ts';
import { type Rule } from '../../../traffic/table.ts';
import { type Flow, flowMatch } from '../types/flow.ts';
import { type Bridge } from '../types/switch.ts';
import { type PreparedAction, prepareActions } from './actions.ts';
import { NO_OVERLAP } from './overlap.ts';
import { type FlowStep } from './steps.ts';

/** A flow that is ready to be found; what it does is prepared when it is first hit. */
export interface PreparedFlow {
  readonly flow: Flow;
  readonly bridge: Bridge;
  /** Clauses of conjunctions; empty for an ordinary flow. */
  readonly conjunctions: readonly ConjunctionClause[];
  /** conj_id tests make no sense in other lookups than the second one. */
  readonly learned: boolean;
  /** Null until the first hit: most flows of a big table are never hit. */
  hit: FlowHit | null;
}

interface ConjunctionClause {
  readonly id: number;
  readonly clause: number;
  readonly clauses: number;
}

/** What a hit of the flow needs. */
export interface FlowHit {
  readonly actions: readonly PreparedAction[];
  /** The note of a lookup that found the flow alone, without conjunction. */
  readonly step: FlowStep;
}

/** Prepares one flow; actions wait until somebody hits it. */
export function prepareFlow(flow: Flow, bridge: Bridge, learned = false): PreparedFlow {
  const isClause = flow.actions.some((action) => action.kind === 'conjunction');
  const conjunctions = isClause
    ? flow.actions.filter((action) => action.kind === 'conjunction')
    : NO_CLAUSES;
  return { flow, bridge, conjunctions, learned, hit: null };
}

const NO_CLAUSES: readonly ConjunctionClause[] = [];

/** What a flow does, prepared once. */
export function hitOf(prepared: PreparedFlow): FlowHit {
  if (prepared.hit === null) {
    const { flow, bridge } = prepared;
    prepared.hit = {
      actions: prepareActions(flow.actions, flow, bridge),
      step: {
        kind: 'flow',
        bridge: bridge.name,
        table: flow.table,
        flow,
        conjunction: null,
        ...NO_OVERLAP,
      },
    };
  }
  return prepared.hit;
}

/** The priority as a rank: smaller is asked first. */
export function rankOf(flow: Flow): number {
  return 65_535 - flow.priority;
}

/** A flow as a rule; its match is made anew for who asks, which is mostly the compiler, once. */
export class FlowRule implements Rule<PreparedFlow> {
  readonly rank: number;
  readonly decisive: boolean;
  readonly entry: PreparedFlow;

  constructor(flow: Flow, bridge: Bridge) {
    this.entry = prepareFlow(flow, bridge);
    this.rank = rankOf(flow);
    this.decisive = this.entry.conjunctions.length === 0;
  }

  get match(): Match {
    return flowMatch(this.entry.flow);
  }
}
