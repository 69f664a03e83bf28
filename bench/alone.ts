/**
 * One measurement in a process of its own, so that its memory is its own:
 * `node alone.js damage CASE`, `node alone.js compile PORTS`, `node alone.js routers COUNT`,
 * `node alone.js all-pairs 'PORTS packed|spread PORTS_PER_TENANT'`, `node alone.js kept-pairs PORTS`.
 * Prints JSON.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sweepOnce } from './all-pairs.ts';
import { compileOnce, type Placement } from './compile.ts';
import { type Damage, readDamaged } from './damage.ts';
import { changeOften } from './kept-pairs.ts';
import { simulateRouters } from './routers.ts';

/** What a measurement says, with the most memory that was resident meanwhile. */
export type Measured<T> = T & { readonly megabytes: number };

/** Runs one measurement in a new process. */
export function measure<T>(
  kind: 'damage' | 'compile' | 'routers' | 'all-pairs' | 'kept-pairs',
  what: string,
): Measured<T> {
  // What is promised of one thread is measured with one: memory is tidied up on it, too.
  const threads = kind.endsWith('-pairs') ? ['--single-threaded'] : [];
  const program = fileURLToPath(import.meta.url);
  const args = ['--max-old-space-size=3072', ...threads, program, kind, what];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measured<T>;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const [, , kind, what = ''] = process.argv;
  const result = resultOf(kind, what);
  // maxRSS is in kilobytes (getrusage(2)).
  const megabytes = process.resourceUsage().maxRSS / 1000;
  // A measurement that goes on behind what is promised tells its own.
  console.log(JSON.stringify({ megabytes, ...result }));
}

function resultOf(kind: string | undefined, what: string): object {
  if (kind === 'compile') return compileOnce(Number(what));
  if (kind === 'kept-pairs') return changeOften(Number(what));
  if (kind === 'all-pairs') {
    const [ports, placement, perTenant] = what.split(' ');
    return sweepOnce(Number(ports), placement as Placement, Number(perTenant));
  }
  if (kind === 'routers') return simulateRouters(Number(what));
  return readDamaged(what as Damage);
}
