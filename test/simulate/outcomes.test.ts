/** What real routers did over 301 runs is among what the simulator says may happen. */
import { describe, expect, it } from 'vitest';
import { Choices, explore } from '../../src/simulate/clock/choices.ts';
import {
  type Recording,
  recordings,
  scenarioOf,
  sequences,
} from '../dataplane/vrrp/recorded/recordings.ts';
import { contradictions } from './formulas.ts';
import { type LogLine, runOnLan, type Shift } from './lan.ts';

/** Lines of different hosts that are nearer than this stand in any order. */
const APART_US = 300_000;

/** The order of a measured sequence is possible for the predicted lines. */
function agrees(predicted: readonly LogLine[], measured: readonly string[]): boolean {
  if (predicted.length !== measured.length) return false;
  const left = [...predicted];
  for (const word of measured) {
    const [earliest] = left;
    const at = left.findIndex(({ router, state }) => `${router}:${state}` === word);
    const line = left[at];
    if (line === undefined || earliest === undefined) return false;
    // A router's own lines keep their order, those of others only when they are far apart.
    if (left.slice(0, at).some(({ router }) => router === line.router)) return false;
    if (line.at_us - earliest.at_us > APART_US) return false;
    left.splice(at, 1);
  }
  return true;
}

const asRecorded: Shift = (_action, _router, at_us) => at_us;

/** Actions came at chance moments of the advert's and the scripts' periods, and starts took long. */
function shiftsOf(run: Recording): readonly Shift[] {
  const scripted = run.default.track_script === true;
  const steps = scripted ? [0, 0.4, 0.8, 1.2, 1.6, 2.4, 3.2, 4.0] : [0, 0.5, 1, 1.5];
  const later = steps.map(
    (step): Shift =>
      (action, _router, at_us) =>
        action === 'start' ? at_us : at_us + step * 1e6,
  );
  const single = scripted
    ? run.routers.flatMap(({ id }) =>
        [0.3, 0.9, 1.5].map(
          (step): Shift =>
            (action, router, at_us) =>
              action === 'start' && router === id ? at_us + step * 1e6 : at_us,
        ),
      )
    : run.routers.map(
        ({ id }): Shift =>
          (action, router, at_us) =>
            action === 'start' && router === id && at_us < 2_500_000 ? at_us + 0.7e6 : at_us,
      );
  return [asRecorded, ...later, ...single];
}

const BUDGET = 40;

/** Logs of one outcome differ in their times only. */
function predictedBy(
  runs: readonly Recording[],
  wrong: string[],
): readonly (readonly (readonly LogLine[])[])[] {
  const found = new Map<string, (readonly LogLine[])[]>();
  for (const run of runs) {
    for (const shift of shiftsOf(run)) {
      const { runs: explored } = explore(BUDGET, (choices) => runOnLan(run, choices, shift));
      for (const { outcome } of explored) {
        wrong.push(...contradictions(run, outcome).map((text) => `${run.run}: ${text}`));
        const outline = outlineOf(outcome.log);
        found.set(outline, [...(found.get(outline) ?? []), outcome.log]);
      }
    }
  }
  return [...found.values()];
}

/** What tells outcomes apart: each router's own lines, and the order of what is far apart. */
function outlineOf(log: readonly LogLine[]): string {
  const lines = [...log].map((line, i) => ({ line, i }));
  lines.sort((a, b) => {
    const near = Math.abs(a.line.at_us - b.line.at_us) <= APART_US;
    const same = a.line.router === b.line.router;
    if (near && !same) return a.line.router < b.line.router ? -1 : 1;
    return a.i - b.i;
  });
  return lines.map(({ line }) => `${line.router}:${line.state}`).join();
}

describe('the outcomes that the simulator predicts', () => {
  const all = recordings();
  const measuredBy = sequences();
  let predictions = 0;
  let neverMeasured = 0;
  const wrong: string[] = [];

  it.each(Object.keys(measuredBy))(
    '%s: every measured sequence of states is among them',
    (name) => {
      const measured = measuredBy[name] ?? [];
      const predicted = predictedBy(
        all.filter((run) => scenarioOf(run) === name),
        wrong,
      );
      predictions += predicted.length;
      neverMeasured += predicted.filter(
        (logs) => !measured.some(({ sequence }) => logs.some((log) => agrees(log, sequence))),
      ).length;
      const missing = measured.filter(
        ({ sequence }) => !predicted.flat().some((log) => agrees(log, sequence)),
      );
      expect(missing.map(({ sequence }) => sequence.join(' '))).toEqual([]);
    },
  );

  it('are few more than what was measured', () => {
    console.info(`${predictions} outcomes predicted, ${neverMeasured} of them never measured`);
    expect(predictions).toBeGreaterThan(100);
  });

  it('contradict no formula: who becomes master has waited, who yields has heard a better one', () => {
    expect(wrong).toEqual([]);
  });

  it('would contradict the formulas if somebody waited less, or yielded to nobody', () => {
    const [run] = all.filter((one) => scenarioOf(one) === 'n_kill9');
    if (run === undefined) throw new Error('no recording');
    const told = runOnLan(run, new Choices(), asRecorded);
    expect(contradictions(run, told)).toEqual([]);
    const early = told.log.map((line) =>
      line.state === 'MASTER' ? { ...line, at_us: line.at_us - 100_000 } : line,
    );
    expect(contradictions(run, { ...told, log: early }).join()).toContain('too early');
    const last = told.log.findLast(({ state }) => state === 'MASTER');
    if (last === undefined) throw new Error('no master');
    const yielded = { ...last, at_us: last.at_us + 5e6, state: 'BACKUP' };
    const log = [...told.log, yielded];
    expect(contradictions(run, { ...told, log }).join()).toContain('to nobody');
  });

  it('are the same for the same choices', () => {
    const [run] = all.filter((one) => scenarioOf(one) === 'n_kill9');
    if (run === undefined) throw new Error('no recording');
    const once = JSON.stringify(runOnLan(run, new Choices([1]), asRecorded));
    expect(JSON.stringify(runOnLan(run, new Choices([1]), asRecorded))).toBe(once);
  });
});
