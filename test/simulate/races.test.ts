/** Races of many: which ways are tried first, and what is said of those that are not. */
import { describe, expect, it } from 'vitest';
import { Choices, explore } from '../../src/simulate/clock/choices.ts';
import { simulationLines } from '../../src/simulate/render/text.ts';
import { chooseHeat, heatsOf, type Racer } from '../../src/simulate/vrrp/races.ts';
import { PLAIN_PAGE } from '../../src/trace/render/style.ts';
import { played, redundantCloud } from './cloud.ts';

function racers(count: number): readonly Racer[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `r${i}`,
    due_us: 0,
    priority: 50,
    address: BigInt(i),
  }));
}

describe('the heats of a race', () => {
  it('begin with everybody prompt, then each one alone', () => {
    const heats = heatsOf(racers(5)).map(({ prompt, slow }) => `${prompt.length} ${slow}`);
    expect(heats.slice(0, 8)).toEqual([
      '5 null',
      '5 r0',
      ...Array.from({ length: 5 }, () => '1 null'),
      '2 null',
    ]);
    // Every set of prompt ones, twice where two or more announce.
    expect(heats).toHaveLength(31 + 26);
  });

  it('are all there is for eight, and not for nine', () => {
    const complete = (count: number): boolean =>
      explore(1000, (choices) => chooseHeat(choices, 0, racers(count))).complete;
    expect([complete(8), complete(9)]).toEqual([true, false]);
    const choices = new Choices();
    expect(chooseHeat(choices, 0, racers(9)).prompt).toHaveLength(9);
  });
});

describe('an answer from too few ways', () => {
  it('says that there are more, even when those that were tried come to the same', () => {
    const done = played(redundantCloud({ replicas: 3 }), {
      events: ['t=2s fail host net2'],
      until_us: 12e6,
      ways: 1,
    });
    expect(done.complete).toBe(false);
    const wishes = { name: 'cloud', until_us: 12e6, seed: 1, timeline: false };
    expect(simulationLines(done, wishes, PLAIN_PAGE).join('\n')).toContain(
      'real routers race: 1 way of it was tried; there are more',
    );
  });
});
