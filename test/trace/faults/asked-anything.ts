/** Faults that are felt by more than pings: the guest may also ask for an address or who it is. */
import { expect } from 'vitest';
import { resolveEnd } from '../../../src/trace/ends.ts';
import { exchangeTarget } from '../../../src/trace/exchanges/targets.ts';
import { prepareTracing } from '../../../src/trace/tracer.ts';
import { type Trace } from '../../../src/trace/types.ts';
import { type Captured } from '../../captured.ts';
import { resolvedQuestion } from '../asked.ts';
import { injure } from './edits.ts';
import { type Asked, type Fault } from './expect-blame.ts';

export function tracedIn(
  network: ReturnType<typeof injure>,
  [from, to, packet = {}]: Asked,
): Trace {
  const tracer = prepareTracing(network);
  const source = resolveEnd(network, from, { side: 'from' });
  if (source.kind !== 'found') throw new Error(`who is ${from}?`);
  const special = exchangeTarget(network, to, source.resolved.end, 4);
  const question =
    special === null
      ? resolvedQuestion(network, from, to, packet)
      : {
          ...resolvedQuestion(network, from, from, packet),
          to: special.to,
        };
  const whole = { ...question, packet: { ...question.packet, ...special?.packet } };
  const result = tracer.trace(whole);
  if (result.kind === 'impossible') throw new Error(result.why);
  return result.trace;
}

/** Edits the dump, asks, and compares the first blocker of every question. */
export function expectNamed(capture: Captured, phase: string, fault: Fault): void {
  expectNamedIn(injure(capture, phase, fault.edits), fault);
}

/** The same of a network that has the fault already. */
export function expectNamedIn(
  network: ReturnType<typeof injure>,
  { asked, blames }: Pick<Fault, 'asked' | 'blames'>,
): void {
  for (const one of asked) {
    const { verdict, blockers } = tracedIn(network, one);
    const [first] = blockers;
    const question = `${one[0]} → ${one[1]}`;
    if (blames === null) {
      expect({ question, verdict, code: first?.code }).toEqual({ question, verdict: 'REACHABLE' });
      continue;
    }
    const { code, host } = blames;
    expect({ question, verdict, code: first?.code, host: first?.host }).toEqual({
      question,
      verdict: 'UNREACHABLE',
      code,
      host,
    });
    expect(first?.component).toMatch(blames.component);
  }
}
