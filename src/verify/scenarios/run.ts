/** Runs a scenario: compiles its cloud, traces what it expects, and says what is otherwise. */
import { type Network } from '../../dataplane/network.ts';
import { resolveEnd } from '../../trace/ends.ts';
import { prepareTracing } from '../../trace/tracer.ts';
import { type Trace, type TraceEnd } from '../../trace/types.ts';
import { type Expectation } from './expectations.ts';

export interface ScenarioAnswer {
  readonly expectation: Expectation;
  readonly trace: Trace | null;
  /** What is not as expected, as sentences; empty when all is. */
  readonly otherwise: readonly string[];
}

/** Traces every expectation over the network that the scenario's cloud compiles to. */
export function runScenario(
  network: Network,
  expectations: readonly Expectation[],
): readonly ScenarioAnswer[] {
  const tracer = prepareTracing(network);
  return expectations.map((expectation) => {
    const version = expectation.version ?? 4;
    const from = endOf(network, expectation.from, { version, side: 'from' });
    const to = endOf(network, expectation.to, { version, side: 'to' });
    if (typeof from === 'string') return { expectation, trace: null, otherwise: [from] };
    if (typeof to === 'string') return { expectation, trace: null, otherwise: [to] };
    const traced = tracer.trace({ from, to, packet: expectation.packet });
    if (traced.kind === 'impossible') {
      return { expectation, trace: null, otherwise: [traced.why] };
    }
    return { expectation, trace: traced.trace, otherwise: compared(expectation, traced.trace) };
  });
}

function endOf(
  network: Network,
  word: string,
  wanted: { readonly version: 4 | 6; readonly side: 'from' | 'to' },
): TraceEnd | string {
  const found = resolveEnd(network, word, wanted);
  if (found.kind === 'found') return found.resolved.end;
  return found.kind === 'unknown'
    ? found.message
    : `${word} may be ${found.candidates.join(' or ')}`;
}

function compared(expected: Expectation, trace: Trace): readonly string[] {
  const otherwise: string[] = [];
  const check = (what: string, wanted: string | null, actual: string | null | undefined): void => {
    if (wanted !== null && wanted !== actual) {
      otherwise.push(`${what} is ${actual ?? 'nothing'}, not ${wanted}`);
    }
  };
  const [blocker] = trace.blockers;
  check('the verdict', expected.verdict, trace.verdict);
  check('the reason', expected.because, blocker?.code);
  check('the place', expected.at, blocker?.host);
  check('the source that is seen', expected.seenFrom, trace.observed?.source);
  check('the destination that is seen', expected.seenTo, trace.observed?.destination);
  check('who received it', expected.receivedBy, trace.receivedBy);
  const passed = waysOf(trace);
  if (!inOrder(expected.via, passed)) {
    otherwise.push(`the way is ${passed.join(' ─ ')}, not through ${expected.via.join(' ─ ')}`);
  }
  for (const place of expected.avoids) {
    if (passed.includes(place)) otherwise.push(`the way leads through ${place}`);
  }
  return otherwise;
}

/** Hosts, namespaces, bridges and ports that the request passed, in order. */
function waysOf(trace: Trace): readonly string[] {
  return (trace.request?.hops ?? []).flatMap((hop) => [
    hop.host,
    hop.device,
    ...(hop.input === null ? [] : [hop.input]),
    ...(hop.output === null ? [] : [hop.output]),
  ]);
}

function inOrder(wanted: readonly string[], passed: readonly string[]): boolean {
  let at = 0;
  for (const place of passed) if (place === wanted[at]) at++;
  return at === wanted.length;
}
