/**
 * Why a packet does not get there. The first blocker is the trace's own; what would stop the packet
 * behind it, and what helps, is searched for in copies of the network.
 */
import { type Network } from '../dataplane/network.ts';
import { type Question, type Trace, type Verdict } from '../trace/types.ts';
import { searchFrom, type WhyOptions } from './search.ts';
import { openSituation, type Situation } from './situation.ts';
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
  const small = smallVerdict(start, question, trace);
  return { kind: 'explained', why: { trace, blockers, together, afterAll, openEnd, small } };
}

/** Payload that ping(8) sends where nobody says how much: 64 bytes with its header. */
export const SMALL = 56;

/** What people try first when something hangs: small packets pass where large ones do not. */
function smallVerdict({ tracer }: Situation, question: Question, trace: Trace): Verdict | null {
  const { packet } = question;
  const bySize = trace.blockers[0]?.code.startsWith('MTU_') === true;
  if (!bySize || packet.size <= SMALL || packet.flow !== null) return null;
  const traced = tracer.trace({ ...question, packet: { ...packet, size: SMALL } });
  return traced.kind === 'impossible' ? null : traced.trace.verdict;
}
