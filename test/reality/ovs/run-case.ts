/** Runs one oracle case on the emulation and lists where it differs from the real answers. */

import {
  type PreparedSwitch,
  prepareSwitch,
} from '../../../src/dataplane/ovs/pipeline/prepared.ts';
import { parseCtNext } from '../../../src/dataplane/ovs/text/trace-flow.ts';
import { compileTable } from '../../../src/traffic/compiled.ts';
import { realEffectList } from './canon.ts';
import { type CaseStep, type OracleCase, switchOf, tracePacket } from './cases.ts';
import { AMBIGUOUS, compareTrace, type RealPass } from './compare-trace.ts';
import { type TracedHit } from './trace-text.ts';

/** A pass as the oracle writes it. */
interface WrittenPass {
  readonly hits: readonly TracedHit[];
  readonly unordered?: boolean;
  readonly effects: readonly unknown[];
  readonly final_flow: string | null;
  readonly error?: string;
}

export interface Comparison {
  readonly steps: number;
  readonly passes: number;
  readonly differences: readonly string[];
  /** Traces that part at flows of equal priority, of which the emulation says so. */
  readonly ambiguous: number;
}

/** The bridges that kept the flow of a fresh standalone bridge: the answers show that it was hit. */
function defaultsOf({ bridges, result }: OracleCase): Set<string> {
  const standalone = bridges.filter(({ fail_mode }) => fail_mode === 'standalone');
  const kept = new Set<string>();
  for (const bridge of standalone) {
    const own = (bridge.flows ?? []).some((flow) => /^table=0,priority=0 actions/.test(flow));
    if (own) continue;
    const wasHit = result.some(
      (step) =>
        Array.isArray(step) &&
        (step as WrittenPass[]).some(({ hits }) =>
          hits.some(
            ([name, table, priority, match]) =>
              name === bridge.name && table === 0 && priority === 0 && match === '',
          ),
        ),
    );
    if (wasHit) kept.add(bridge.name);
  }
  return kept;
}

/** Prepares the switch of a case; the same cases share nothing. */
export function preparedCase(one: OracleCase): PreparedSwitch {
  return prepareSwitch(switchOf(one, defaultsOf(one)), compileTable);
}

/** Runs every trace of the case and compares each pass. */
export function compareTraces(one: OracleCase, sw = preparedCase(one)): Comparison {
  const differences: string[] = [];
  let steps = 0;
  let passes = 0;
  let ambiguous = 0;
  const shown = farEnds(one);
  for (const [i, step] of one.steps.entries()) {
    const real = one.result[i];
    if (step.op !== 'trace' || !Array.isArray(real)) continue;
    steps++;
    const found = compareStep(sw, step, real as WrittenPass[], shown);
    passes += real.length;
    if (found.includes(AMBIGUOUS)) ambiguous++;
    else differences.push(...found.map((text) => `${one.id} step ${i}: ${text}`));
  }
  return { steps, passes, differences, ambiguous };
}

/**
 * Far ends that the real switch sent to. The oracle keeps several topologies alive whose tunnel
 * ports have the same addresses; of those only the first one works, the others send nothing.
 */
function farEnds({ result }: OracleCase): Set<string> {
  const found = new Set<string>();
  for (const [, address] of JSON.stringify(result).matchAll(/"tunnel\.dst":\s*"([\d.]+)"/g)) {
    const value = (address ?? '').split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    found.add(`tun_dst=${value.toString(16)}`);
  }
  return found;
}

function compareStep(
  sw: PreparedSwitch,
  step: CaseStep,
  real: readonly WrittenPass[],
  shown: ReadonlySet<string>,
): string[] {
  const bridge = sw.bridges.get(step.bridge ?? '');
  if (bridge === undefined) return [`no bridge ${step.bridge}`];
  const question = {
    sw,
    bridge,
    p: tracePacket(step.flow ?? '', [...bridge.source.ports]),
    states: (step.ct_next ?? []).map((text) => Number(parseCtNext(text))),
    // Meters stand among the headers there.
    leaveOut: (effect: string) =>
      effect === 'meter' ||
      (/^out \w+_sys/.test(effect) && !shown.has(/tun_dst=\w+/.exec(effect)?.[0] ?? '')),
  };
  return compareTrace(question, real.map(passOf));
}

function passOf({ hits, unordered, effects, final_flow, error }: WrittenPass): RealPass {
  return {
    hits,
    unordered: unordered ?? false,
    error: error ?? null,
    finalFlow: final_flow,
    effects: (start) => realEffectList(start, effects),
  };
}
