/**
 * The command itself, killed with SIGKILL while it runs: at every step the host goes back by
 * itself, nothing of others is lost, and the journals tell what happened.
 *
 * `HOPWISE_APPLY_LONG` tries every step of a plan of twenty; without it one step of a short one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { brokenAudit } from '../../../src/apply/execute/audit.ts';
import { ROOT } from '../../sources.ts';
import { routers } from './clouds.ts';
import { foreignText, hostJournal, plantForeign, ready, settled, stateOf, told } from './crash.ts';
import { unavailable, until } from './fixture.ts';
import { type Lab, startLab } from './lab.ts';

const why = unavailable();
if (why !== null) console.log(`commands are not killed here: ${why}`);

const LONG = process.env['HOPWISE_APPLY_LONG'] !== undefined;
const CLOUD = routers(LONG ? 7 : 1);
/** How long behind the beginning of a step, in milliseconds. */
const DELAYS = LONG ? [0, 60] : [20];

let lab: Lab | null = null;
afterEach(() => {
  lab?.stop();
  lab = null;
});

interface Line {
  readonly what: string;
  readonly step?: string;
}

/** The controller's journal of its newest transaction; empty when there is none beside `known`. */
function newest(state: string, known: number): readonly Line[] {
  const top = join(state, 'transactions');
  const names = existsSync(top) ? readdirSync(top).sort() : [];
  const file = join(top, names.at(-1) ?? '', 'journal.jsonl');
  if (names.length <= known || !existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last line may be half written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Line);
}

function run(of: Lab, plan: string, state: string): ChildProcess {
  const words = [
    'apply',
    'run',
    plan,
    '-i',
    of.fixture.inventory,
    '--state',
    state,
    '--settle',
    '1',
  ];
  const main = join(ROOT, 'src/cli/main.ts');
  const more = ['--timer', '120'];
  return spawn(process.execPath, ['--import', 'tsx', main, ...words, ...more], {
    cwd: ROOT,
    stdio: 'ignore',
  });
}

describe.skipIf(why !== null)('the command, killed while it runs', () => {
  it('leaves a host that goes back by itself, at every step', async () => {
    lab = await startLab(CLOUD);
    const { fixture } = lab;
    plantForeign(fixture, 'one');
    const foreign = foreignText(fixture, 'one');
    const at = await ready(fixture, CLOUD);
    const steps = at.plan.steps.length;
    const plan = join(fixture.folder, 'plan.json');
    const planned = await lab.apply('plan', lab.cloud('wanted', CLOUD), '-o', plan);
    expect(planned.code).toBe(2);
    const state = join(fixture.folder, 'state');
    const counts: Record<string, number> = {};
    let known = 0;
    for (const step of LONG ? Array.from({ length: steps }, (_, i) => i + 1) : [steps - 1]) {
      for (const delay of DELAYS) {
        const child = run(lab, plan, state);
        const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
        const begun = (): number => newest(state, known).filter((e) => e.what === 'step').length;
        await until(() => child.exitCode !== null || begun() >= step, 'no such step', 120_000);
        await new Promise((resolve) => setTimeout(resolve, delay));
        child.kill('SIGKILL');
        expect([step, await ended]).toEqual([step, 'SIGKILL']);
        const last = newest(state, known++).at(-1);
        await settled(fixture, 'one', true);
        const end = await stateOf(at, 'one');
        expect([step, delay, end]).toEqual([step, delay, 'old']);
        expect(foreignText(fixture, 'one')).toBe(foreign);
        const where = `${end}, killed behind "${last?.what}"`;
        counts[where] = (counts[where] ?? 0) + 1;
        const journal = hostJournal(fixture, 'one');
        expect(journal).toContain('rollback by timer');
        const undone = journal.filter((line) => line.startsWith('undone')).length;
        expect(undone).toBe(journal.filter((line) => line.startsWith('begun')).length);
        expect(undone).toBeGreaterThanOrEqual(step - 1);
      }
    }
    console.log(`command killed, ${steps} steps: ${told(counts)}`);
    // What was left unfinished is told, and ended, and then the plan runs as if nothing had been.
    expect((await lab.apply('resume')).out).toContain('rolled back');
    expect((await lab.apply('run', plan)).code).toBe(0);
    expect(await stateOf(at, 'one')).toBe('new');
    expect(foreignText(fixture, 'one')).toBe(foreign);
    expect(brokenAudit(readFileSync(join(state, 'audit.jsonl'), 'utf8'))).toBeNull();
  }, 3_600_000);
});
