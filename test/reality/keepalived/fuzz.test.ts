/**
 * Routers configured and treated by chance: what real keepalived routers do is among what the
 * simulator says may happen. `HOPWISE_KEEPALIVED_FUZZ` is how many cases to play,
 * `HOPWISE_KEEPALIVED_SEED` the first seed.
 */
import { describe, expect, it } from 'vitest';
import { foretold, keyOf } from './foretold.ts';
import { mixedCase } from './mixture.ts';
import { missingForKeepalived } from './pair.ts';
import { playCase } from './play.ts';

const missing = missingForKeepalived();
const count = Number(process.env['HOPWISE_KEEPALIVED_FUZZ'] ?? 4);
const firstSeed = Number(process.env['HOPWISE_KEEPALIVED_SEED'] ?? 5_000_000);
const AT_ONCE = 4;

const seeds = Array.from({ length: count }, (_one, i) => firstSeed + i);

describe.skipIf(missing !== null)('real routers configured by chance', () => {
  it('do what the simulator says may happen', { timeout: 60_000 + count * 15_000 }, async () => {
    const different: string[] = [];
    const waiting = [...seeds];
    const work = async (): Promise<void> => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        const one = mixedCase(seed);
        const seen = await playCase(one, `f${seed}`);
        const possible = new Set(foretold(one).map(keyOf));
        if (possible.has(keyOf(seen))) continue;
        different.push(`seed ${seed}: ${keyOf(seen)}, not one of ${[...possible].join(' | ')}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(different).toEqual([]);
  });
});
