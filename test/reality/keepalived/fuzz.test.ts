/**
 * Routers configured and treated by chance: what real keepalived routers do is among what the
 * simulator says may happen. `HOPWISE_KEEPALIVED_FUZZ` is how many cases to play,
 * `HOPWISE_KEEPALIVED_SEED` the first seed.
 */
import { describe, expect, it } from 'vitest';
import { foretold, keyOf } from './foretold.ts';
import { type MixedCase, mixedCase } from './mixture.ts';
import { missingForKeepalived } from './pair.ts';
import { playCase, type Seen } from './play.ts';

const missing = missingForKeepalived();
const count = Number(process.env['HOPWISE_KEEPALIVED_FUZZ'] ?? 3);
const firstSeed = Number(process.env['HOPWISE_KEEPALIVED_SEED'] ?? 5_000_000);
const AT_ONCE = 4;

const seeds = Array.from({ length: count }, (_one, i) => firstSeed + i);

describe.skipIf(missing !== null)('real routers configured by chance', () => {
  it('do what the simulator says may happen', { timeout: 60_000 + count * 15_000 }, async () => {
    const played: { readonly one: MixedCase; readonly seen: readonly Seen[] }[] = [];
    const waiting = [...seeds];
    const work = async (): Promise<void> => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        const one = mixedCase(seed);
        played.push({ one, seen: await playCase(one, `f${seed}`) });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    // Simulated afterwards: what is played must not wait for it.
    const different = played.flatMap(({ one, seen }) => {
      const { ways, quarrel } = foretold(one);
      const possible = new Set(ways.map((way) => keyOf(way, quarrel)));
      const key = keyOf(seen, quarrel);
      if (possible.has(key)) return [];
      return [`seed ${one.seed}: ${key}, not one of ${[...possible].join(' | ')}`];
    });
    expect(different).toEqual([]);
  });
});
