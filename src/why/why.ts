/**
 * Why a packet does not get there. The first blocker is the trace's own; what would stop the packet
 * behind it, and what helps, is searched for in copies of the network.
 */
import { type Network } from '../dataplane/network.ts';
import { type Question } from '../trace/types.ts';
import { searchFrom, type WhyOptions } from './search.ts';
import { openSituation } from './situation.ts';
import { type Why } from './types.ts';

export type Explained =
  | { readonly kind: 'explained'; readonly why: Why }
  | { readonly kind: 'impossible'; readonly why: string };

/** Explains a question over a network. */
export function explainWhy(network: Network, question: Question, options: WhyOptions): Explained {
  const { connections } = options;
  const tracing = connections === undefined ? {} : { connections };
  const start = openSituation(network, options.cloud, tracing);
  const first = start.tracer.trace(question);
  if (first.kind === 'impossible') return first;
  const { trace } = first;
  const { blockers, together, afterAll, openEnd } = searchFrom(start, question, trace, options);
  return { kind: 'explained', why: { trace, blockers, together, afterAll, openEnd } };
}
