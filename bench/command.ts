/** The whole command as a person runs it, from the shell and back. Needs `npm run build` before. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, type Row, told } from './report.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const CAPTURES = fileURLToPath(new URL('../../../shared/truth/captures', import.meta.url));
const RUNS = 5;
const QUESTIONS_EACH = 3;

/** Milliseconds of the fastest of several runs. */
function wall_ms(args: readonly string[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    try {
      execFileSync(process.execPath, args, { stdio: 'ignore' });
    } catch {
      // Exit code 1 is an answer: unreachable.
    }
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Rows of the command: help, the demonstration, and the captures that lie beside the project. */
export function commandRows(): readonly Row[] {
  if (!existsSync(PROGRAM)) return [told('hopwise trace', 'not built: npm run build')];
  const limited = (what: string, value: number, limit: number): Row => ({
    ...told(what, `${figure(value)} ms`),
    target: `< ${limit} ms`,
    met: value < limit,
  });
  const rows = [
    told('Node.js alone (`node -e 0`)', `${figure(wall_ms(['-e', '0']))} ms`),
    limited('hopwise --version', wall_ms([PROGRAM, '--version']), 150),
    limited('hopwise --help', wall_ms([PROGRAM, '--help']), 150),
    limited('hopwise trace a1 a2, demonstration', wall_ms([PROGRAM, 'trace', 'a1', 'a2']), 400),
  ];
  if (!existsSync(CAPTURES)) return rows;
  for (const name of readdirSync(CAPTURES).sort()) {
    const times = questionsOf(join(CAPTURES, name)).map((args) => wall_ms([PROGRAM, ...args]));
    if (times.length === 0) continue;
    rows.push(
      limited(`hopwise trace, slowest question on ${basename(name)}`, Math.max(...times), 400),
    );
  }
  return rows;
}

/** Some of a capture's recorded probes as questions. */
function questionsOf(folder: string): readonly (readonly string[])[] {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const phases = read('phases.json') as Readonly<Record<string, string | null>>;
  const records = read('truth.json') as readonly Readonly<Record<string, unknown>>[];
  const probes = records.filter(
    (one) => one['kind'] === 'probe' && one['from_host'] !== 'world-ext',
  );
  const step = Math.max(1, Math.floor(probes.length / QUESTIONS_EACH));
  return probes
    .filter((_, i) => i % step === 0)
    .flatMap((one) => {
      const phase = phases[String(one['phase'] ?? '')];
      if (typeof phase !== 'string') return [];
      const protocol = one['proto'] === 'icmp' ? [] : [`--${one['proto']}`, String(one['dport'])];
      return [
        ['trace', String(one['from']), String(one['to']), '-s', join(folder, phase), ...protocol],
      ];
    });
}
