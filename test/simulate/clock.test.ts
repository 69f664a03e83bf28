/** Virtual time: order, cancelling, circles, seeds and exploration. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explore } from '../../src/simulate/clock/choices.ts';
import { Clock } from '../../src/simulate/clock/clock.ts';
import { EventQueue } from '../../src/simulate/clock/queue.ts';
import { Random } from '../../src/simulate/clock/random.ts';

describe('the event queue', () => {
  it('gives events by time, and by the order they were put in', () => {
    const events = fc.array(fc.record({ at: fc.nat(50), gone: fc.boolean() }), { maxLength: 3000 });
    fc.assert(
      fc.property(events, (wanted) => {
        const queue = new EventQueue();
        const got: number[] = [];
        const ids = wanted.map(({ at }, i) => queue.add(at, () => void got.push(i)));
        for (const [i, { gone }] of wanted.entries()) {
          if (gone) expect(queue.remove(ids[i] ?? -1)).toBe(true);
          if (gone) expect(queue.remove(ids[i] ?? -1)).toBe(false);
        }
        while (queue.length > 0) queue.pop()?.();
        const expected = [...wanted.entries()]
          .filter(([, { gone }]) => !gone)
          .sort(([i, a], [j, b]) => a.at - b.at || i - j)
          .map(([i]) => i);
        expect(got).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });
});

describe('what is put off in the queue', () => {
  it('comes as if it had been taken back and put in anew', () => {
    const moves = fc.array(fc.tuple(fc.nat(200), fc.nat(50)), { maxLength: 400 });
    const first = fc.array(fc.nat(50), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(first, moves, (times, moved) => {
        const queue = new EventQueue();
        const got: number[] = [];
        const ids = times.map((at, i) => queue.add(at, () => void got.push(i)));
        const expected = new Map(times.map((at, i) => [i, { at, order: i }]));
        for (const [order, [which, at]] of moved.entries()) {
          const i = which % times.length;
          expect(queue.move(ids[i] ?? -1, at)).toBe(true);
          expected.set(i, { at, order: times.length + order });
        }
        while (queue.length > 0) queue.pop()?.();
        const sorted = [...expected].sort(([, a], [, b]) => a.at - b.at || a.order - b.order);
        expect(got).toEqual(sorted.map(([i]) => i));
        expect(queue.move(ids[0] ?? -1, 7)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the clock', () => {
  it('stops with a clear error when things happen without end', () => {
    const clock = new Clock(100);
    const tick = (): void => void clock.after(1_000_000, tick);
    tick();
    expect(() => clock.run(1e12)).toThrow(
      'more than 100 things happen until 101 s: simulate a shorter time',
    );
  });

  it('jumps to what is due and lets it put in more', () => {
    const clock = new Clock();
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.now_us);
      clock.after(10, tick);
    };
    clock.at(5, tick);
    clock.run(30);
    expect(seen).toEqual([5, 15, 25]);
    expect(clock.now_us).toBe(30);
  });

  it('says when events go in a circle without time going on', () => {
    const clock = new Clock();
    const again = (): void => void clock.after(0, again);
    clock.at(7, again);
    expect(() => clock.run(10)).toThrow(/things happen at 0.000007 s/);
  });
});

describe('chance', () => {
  it('is the same for the same seed, and spread over its range', () => {
    const draw = (seed: number): readonly number[] => {
      const random = new Random(seed);
      return Array.from({ length: 1000 }, () => random.below(10));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    for (let digit = 0; digit < 10; digit++) {
      expect(draw(3).filter((one) => one === digit).length).toBeGreaterThan(60);
    }
  });
});

describe('exploring', () => {
  it('takes every combination once, the usual one first', () => {
    const { runs, complete } = explore(100, (choices) => {
      const ask = (options: string): number =>
        choices.choose({ at_us: 0, about: 'way', options: [...options] });
      const first = ask('ab');
      return first === 0 ? `a${ask('xyz')}` : `b${ask('pq')}`;
    });
    expect(runs[0]?.outcome).toBe('a0');
    expect(runs.map(({ outcome }) => outcome).sort()).toEqual(['a0', 'a1', 'a2', 'b0', 'b1']);
    expect(complete).toBe(true);
  });

  it('stops at its budget and says so', () => {
    const { runs, complete } = explore(3, (choices) => {
      for (let i = 0; i < 10; i++) choices.choose({ at_us: i, about: '', options: ['0', '1'] });
    });
    expect(runs).toHaveLength(3);
    expect(complete).toBe(false);
  });
});
