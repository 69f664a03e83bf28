/**
 * The programs beside the repository that make cases from seeds and ask the real switch: their
 * cases with its answers, in the form of the recorded ones.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type OracleCase } from './cases.ts';

const shared = resolve(import.meta.dirname, '../../../../shared');
const programs = join(shared, 'oracles/ovs');

/** Whether cases can be made and asked here. */
export const hasOracle =
  existsSync(join(programs, 'ovs_oracle.py')) &&
  spawnSync('ovs-vswitchd', ['--version']).status === 0 &&
  spawnSync('python3', ['--version']).status === 0;

export type CaseKind = 'neutron' | 'random' | 'ct' | 'fdb';

interface Answer {
  readonly id: string;
  readonly steps: readonly unknown[];
  readonly setup_errors?: OracleCase['setup_errors'];
  readonly error?: string;
}

function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as T);
}

/**
 * Makes cases and asks the real switch.
 * @returns the cases it answered; the rest made the daemon stop (which is a fault of that daemon).
 */
export function askedCases(kind: CaseKind, firstSeed: number, count: number): OracleCase[] {
  const directory = mkdtempSync(join(tmpdir(), 'hopwise-oracle-'));
  try {
    const limits = { encoding: 'utf8', maxBuffer: 1 << 30 } as const;
    const seeds = [kind, `${firstSeed}`, `${count}`];
    const text = execFileSync('python3', [join(programs, 'gen_cases.py'), ...seeds], limits);
    const path = join(directory, 'cases.jsonl');
    writeFileSync(path, text);
    const env = { ...process.env, OVS_ORACLE_DIR: join(directory, 'run') };
    const asked = spawnSync('python3', [join(programs, 'ovs_oracle.py'), '--summary', path], {
      ...limits,
      env,
    });
    const answers = lines<Answer>(asked.stdout);
    return lines<Omit<OracleCase, 'result'>>(text).flatMap((one, i) => {
      const answer = answers[i];
      if (answer === undefined || answer.error !== undefined) return [];
      const errors = answer.setup_errors === undefined ? {} : { setup_errors: answer.setup_errors };
      return [{ ...one, ...errors, result: answer.steps }];
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** How many steps of the cases belong to each feature, most frequent first. */
export function countedFeatures(cases: readonly OracleCase[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { features, steps } of cases) {
    for (const one of features) counts.set(one, (counts.get(one) ?? 0) + steps.length);
  }
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}
