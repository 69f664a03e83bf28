/**
 * How work is timed here: the machine may be busy with other things, so every figure is the best
 * of several samples, and works that are compared take turns.
 */

export interface Sample {
  /** Seconds per unit of work, the best sample. */
  readonly best_s: number;
  /** Units in all samples. */
  readonly units: number;
}

/** Something that can be repeated; returns how many units of work it did. */
export type Work = () => number | Promise<number>;

/** Times several works in turns, each for some seconds in all. */
export async function inTurns(
  works: readonly Work[],
  { rounds = 12, seconds = 0.3 }: { readonly rounds?: number; readonly seconds?: number } = {},
): Promise<readonly Sample[]> {
  const best = works.map(() => Number.POSITIVE_INFINITY);
  const units = works.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    for (const [i, work] of works.entries()) {
      const start = performance.now();
      let done = 0;
      do done += await work();
      while (performance.now() - start < seconds * 1000);
      const each = (performance.now() - start) / 1000 / done;
      best[i] = Math.min(best[i] ?? each, each);
      units[i] = (units[i] ?? 0) + done;
    }
  }
  return works.map((_, i) => ({ best_s: best[i] ?? 0, units: units[i] ?? 0 }));
}

/** Times one work. */
export async function alone(work: Work, rounds = 12, seconds = 0.3): Promise<Sample> {
  const [only] = await inTurns([work], { rounds, seconds });
  return only ?? { best_s: 0, units: 0 };
}

/** Units a second. */
export function rate({ best_s }: Sample): number {
  return 1 / best_s;
}

/** Seconds of processor time that this process has used, with V8's own threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
