/** What a set says of a packet is what happens to the packet: the theorem that proofs rest on. */
import { describe, expect, it } from 'vitest';
import { blankPacket, onePacket } from '../../../src/traffic/one-packet.ts';
import { holds, imageOf } from '../../../src/traffic/sets/images.ts';
import { everyPacket } from '../../../src/traffic/sets/packet-set.ts';
import { TooManyRegions } from '../../../src/traffic/sets/regions.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { drawFrom, probesFor } from '../random-rules.ts';
import { randomProgram, TOO_MANY } from './programs.ts';

/** Ways and words of one packet through a program. */
function alone(
  run: ReturnType<typeof randomProgram>['run'],
  words: Uint32Array,
): readonly string[] {
  const p = { ...blankPacket(), words: words.slice() };
  return run(onePacket, p)
    .map(({ way, p: out }) => `${way} ${out.words.join()}`)
    .sort();
}

interface Compared {
  readonly wrong: readonly unknown[];
  /** Packets that were compared exactly, and those whose set is said to be inexact. */
  exact: number;
  doubtful: number;
}

/** The parts of all packets; null when the program has more of them than the space may hold. */
function answered(run: ReturnType<typeof randomProgram>['run']) {
  try {
    return run(packetSets, everyPacket(openSpace(300_000)));
  } catch (error) {
    if (error instanceof TooManyRegions) return null;
    throw error;
  }
}

function compare(seed: number, length: number): Compared {
  const draw = drawFrom(seed);
  const { run, rules } = randomProgram(draw, length);
  const parts = answered(run);
  if (parts === null) return { wrong: [], exact: 0, doubtful: 20 };
  const wrong: unknown[] = [];
  const compared = { wrong, exact: 0, doubtful: 0 };
  for (const words of probesFor(draw, rules, 20)) {
    const here = parts.filter(({ p }) => holds(p, words));
    const expected = alone(run, words);
    const got = here.map(({ way, p }) => `${way} ${imageOf(p, words).join()}`).sort();
    // What a set cannot say exactly it says so; then nothing is claimed of this packet.
    if (here.some(({ way, p }) => way.includes(TOO_MANY) || p.doubts.length > 0)) {
      compared.doubtful++;
      continue;
    }
    compared.exact++;
    if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push({ seed, expected, got });
  }
  return compared;
}

describe('a set of all packets', () => {
  it('takes each packet the way the packet takes alone, through 400 random programs', () => {
    let [exact, doubtful] = [0, 0];
    for (let seed = 1; seed <= 400; seed++) {
      const compared = compare(seed, 1 + (seed % 6));
      expect(compared.wrong).toEqual([]);
      exact += compared.exact;
      doubtful += compared.doubtful;
    }
    expect(exact + doubtful).toBe(8_000);
    // Masks with many holes and sums that are cut are rare in tables of switches, not here.
    expect(exact).toBeGreaterThan(6_000);
  });
});
