/**
 * Routers configured and treated by chance: what real keepalived routers do is among what the
 * simulator says may happen. `HOPWISE_KEEPALIVED_FUZZ` is how many cases to play,
 * `HOPWISE_KEEPALIVED_SEED` the first seed; none are played unless told, as adverts of tenths of a
 * second are missed on a busy machine.
 */
import { describe, expect, it } from 'vitest';
import { foretold, keyOf } from './foretold.ts';
import { type MixedCase, mixedCase } from './mixture.ts';
import { missingForKeepalived } from './pair.ts';
import { playCase, type Seen } from './play.ts';

const missing = missingForKeepalived();
const count = Number(process.env['HOPWISE_KEEPALIVED_FUZZ'] ?? 0);
const firstSeed = Number(process.env['HOPWISE_KEEPALIVED_SEED'] ?? 5_000_000);
const AT_ONCE = 4;
const AGAIN = 2;

const seeds = Array.from({ length: count }, (_one, i) => firstSeed + i);

/** What the simulator does not know of; null when it does. */
function differenceOf(one: MixedCase, seen: readonly Seen[]): string | null {
  const { ways, quarrel } = foretold(one);
  const possible = new Set(ways.map((way) => keyOf(way, quarrel)));
  const key = keyOf(seen, quarrel);
  if (possible.has(key)) return null;
  return `seed ${one.seed}: ${key}, not one of ${[...possible].join(' | ')}`;
}

describe.skipIf(missing !== null || count === 0)('real routers configured by chance', () => {
  it('do what the simulator says may happen', { timeout: 120_000 + count * 30_000 }, async () => {
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
    const different: string[] = [];
    for (const { one, seen } of played) {
      let difference = differenceOf(one, seen);
      // On a busy machine timers of tenths of a second run late: asked again, alone.
      for (let again = 0; again < AGAIN && difference !== null; again++) {
        difference = differenceOf(one, await playCase(one, `f${one.seed}-${again}`));
      }
      if (difference !== null) different.push(difference);
    }
    expect(different).toEqual([]);
  });
});
