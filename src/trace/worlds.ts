/**
 * A question whose answer depends on something that no file tells (which server a balancer
 * chooses): every possibility is walked, and the trace says what holds in all of them.
 */
import { type Claim } from './claims.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { contestedBy, contestText, duplicateBlocker } from './diagnosis/duplicate-address.ts';
import { type TraceOptions } from './opening.ts';
import { choicesOf, otherChoices } from './programs/choices.ts';
import { type Traced, trace } from './trace.ts';
import {
  type Alternative,
  type Observation,
  type Question,
  type Remark,
  type Trace,
} from './types.ts';

/** Traces a question in every world that its choices leave possible. */
export function traceWorlds(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const choices = choicesOf();
  const first = trace(compiled, question, { ...options, choices });
  if (first.kind === 'impossible' || choices.points.length === 0) return first;
  const worlds: Alternative[] = [
    { chosen: choices.points.map(({ ends, chosen }) => ends[chosen] ?? ''), trace: first.trace },
  ];
  for (const told of otherChoices(choices.points)) {
    const others = choicesOf(told);
    const next = trace(compiled, question, { ...options, choices: others });
    if (next.kind === 'impossible') continue;
    const chosen = others.points.map(({ ends, chosen: at }) => ends[at] ?? '');
    worlds.push({ chosen, trace: next.trace });
  }
  const merged = inAll(first.trace, worlds);
  const contested = contestedBy(choices.points);
  const whole = contested.length === 0 ? merged : withContest(compiled, merged, contested);
  return { kind: 'traced', trace: whole };
}

/**
 * An address that several stations answer for is the first cause where what becomes of the packet
 * hangs on it, and is told beside the verdict where it does not.
 */
function withContest(compiled: CompiledNetwork, trace: Trace, contested: readonly Claim[]): Trace {
  const received = new Set(trace.alternatives.map((one) => one.trace.receivedBy));
  const direction = trace.requestDelivered && received.size === 1 ? 'reply' : 'request';
  const open = trace.verdict === 'AMBIGUOUS' || received.size > 1;
  if (open && trace.verdict !== 'UNDETERMINED') {
    const causes = contested.map((claim) => duplicateBlocker(compiled, claim, direction));
    return { ...trace, verdict: 'AMBIGUOUS', blockers: [...causes, ...trace.blockers] };
  }
  const warnings = contested.map((claim): Remark => {
    return { kind: 'warning', code: 'ADDRESS_DUPLICATE', text: contestText(claim) };
  });
  return { ...trace, remarks: [...trace.remarks, ...warnings] };
}

/** What is the same in every world; null and AMBIGUOUS where worlds differ. */
function inAll(first: Trace, alternatives: readonly Alternative[]): Trace {
  const traces = alternatives.map((one) => one.trace);
  const same = <V>(read: (trace: Trace) => V): V | null => {
    const value = read(first);
    return traces.every((one) => read(one) === value) ? value : null;
  };
  const blocked = traces.find(({ blockers }) => blockers.length > 0);
  return {
    ...first,
    verdict: same(({ verdict }) => verdict) ?? 'AMBIGUOUS',
    requestDelivered: traces.every(({ requestDelivered }) => requestDelivered),
    delivered: traces.every(({ delivered }) => delivered),
    receivedBy: same(({ receivedBy }) => receivedBy),
    receiverRole: same(({ receiverRole }) => receiverRole),
    observed: commonObservation(traces),
    answerFrom: same(({ answerFrom }) => answerFrom),
    icmpError: same(({ icmpError }) => JSON.stringify(icmpError)) === null ? null : first.icmpError,
    blockers: blocked?.blockers ?? [],
    assumptions: distinct(traces.flatMap(({ assumptions }) => assumptions)),
    unmodelled: distinct(traces.flatMap(({ unmodelled }) => unmodelled)),
    alternatives,
  };
}

function commonObservation(traces: readonly Trace[]): Observation | null {
  const all = traces.flatMap(({ observed }) => observed ?? []);
  const [first] = all;
  if (first === undefined) return null;
  const same = <V>(read: (one: Observation) => V): V | null =>
    all.every((one) => read(one) === read(first)) ? read(first) : null;
  return {
    source: same(({ source }) => source),
    destination: same(({ destination }) => destination),
    sourcePort: same(({ sourcePort }) => sourcePort),
    destinationPort: same(({ destinationPort }) => destinationPort),
  };
}

function distinct<A extends { readonly code: string; readonly detail: string }>(
  list: readonly A[],
): readonly A[] {
  return [...new Map(list.map((one) => [`${one.code} ${one.detail}`, one])).values()];
}
