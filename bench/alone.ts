/**
 * One measurement in a process of its own, so that its memory is its own:
 * `node alone.js damage CASE`, `node alone.js compile PORTS`. Prints JSON.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compileOnce } from './compile.ts';
import { type Damage, readDamaged } from './damage.ts';

/** What a measurement says, with the most memory that was resident meanwhile. */
export type Measured<T> = T & { readonly megabytes: number };

/** Runs one measurement in a new process. */
export function measure<T>(kind: 'damage' | 'compile', what: string): Measured<T> {
  const args = ['--max-old-space-size=3072', fileURLToPath(import.meta.url), kind, what];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measured<T>;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const [, , kind, what = ''] = process.argv;
  const result = kind === 'compile' ? compileOnce(Number(what)) : readDamaged(what as Damage);
  // maxRSS is in kilobytes (getrusage(2)).
  const megabytes = process.resourceUsage().maxRSS / 1000;
  console.log(JSON.stringify({ ...result, megabytes }));
}
