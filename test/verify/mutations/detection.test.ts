/**
 * Faults put into flows, rules and tables of captured hosts: what packets fare before and after the
 * change, or an invariant, must notice; what nobody notices must be equivalent, proved of all packets
 * and all frames. A drawn few here; `HOPWISE_MUTATIONS=I/OF` does a part of all, or those whose name
 * holds a word, and `HOPWISE_SEED` draws other lines.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../sources.ts';
import { drawFrom } from '../../traffic/random-rules.ts';
import { detect } from './detect.ts';
import { OPERATORS } from './operators.ts';

const PART = process.env['HOPWISE_MUTATIONS'];
const SEED = Number(process.env['HOPWISE_SEED'] ?? '0');
const [INDEX = 0, OF = 1] = (PART ?? '').split('/').map(Number);
const isAsked = (what: string, i: number): boolean =>
  PART?.includes('/') === true ? i % OF === INDEX : new RegExp(PART ?? '').test(what);
const LONGEST_MS = 1_200_000;

/** Noticed at the first pairs that are proved: one of each place where a fault can be. */
const FEW = [
  'a network has another tag on the wire',
  'a flow nobody ordered drops what a port sends',
  'a guest’s source address is another one',
  'an ARP sender is not let through',
  'the port of a guest is gone from the bridge',
  'a rule of a guest’s chain drops',
  'a set has a stranger',
  'a floating IP leads to another guest',
];
/** Pairs that are proved before an invariant is asked. */
const MOST_PAIRS = 4;

describe('a fault in a host’s flows or rules', () => {
  it('has many kinds', () => {
    expect(new Set(OPERATORS.map(({ what }) => what)).size).toBeGreaterThan(60);
  });

  it('was noticed nineteen times of twenty, where it changes anything', () => {
    const text = readFileSync(join(ROOT, 'docs/seeded-faults.data.json'), 'utf8');
    const recorded = JSON.parse(text) as readonly { what: string; answer: string }[];
    const known = new Set(OPERATORS.map(({ what }) => what));
    expect(recorded.filter(({ what }) => !known.has(what))).toEqual([]);
    const noticed = recorded.filter(({ answer }) => answer === 'noticed');
    const missed = recorded.filter(({ answer }) => answer === 'missed');
    expect(noticed.length).toBeGreaterThan(30);
    expect(noticed.length / (noticed.length + missed.length)).toBeGreaterThanOrEqual(0.95);
    for (const what of FEW) expect(noticed.map((one) => one.what)).toContain(what);
  });

  const asked =
    PART === undefined
      ? OPERATORS.filter(({ what }) => FEW.includes(what))
      : OPERATORS.filter(({ what }, i) => isAsked(what, i));
  it.each(asked)(
    'is noticed, or changes nothing for any packet: $what',
    (kind) => {
      const most = PART === undefined ? MOST_PAIRS : null;
      const found = detect(kind, drawFrom(kind.what.length + SEED), most);
      if (PART !== undefined) console.log(JSON.stringify({ what: kind.what, ...found }));
      expect(found.by !== null || found.complete, JSON.stringify(found)).toBe(true);
    },
    LONGEST_MS,
  );
});
