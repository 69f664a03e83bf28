/** A compiled table answers as the scan in rank order does, which anybody can check by eye. */
import { describe, expect, it } from 'vitest';
import { field, PACKET_WORDS } from '../../src/packet/fields.ts';
import { compileTable } from '../../src/traffic/compiled.ts';
import { linearTable } from '../../src/traffic/linear.ts';
import { and, not, or, range, test } from '../../src/traffic/match.ts';
import { type Rule } from '../../src/traffic/table.ts';
import { drawFrom, probesFor, randomRules } from './random-rules.ts';

function disagreements(seed: number, size: number, maxWords?: number): unknown[] {
  const draw = drawFrom(seed);
  const rules = randomRules(draw, size);
  const linear = linearTable(rules);
  const compiled = compileTable(rules, maxWords === undefined ? {} : { maxWords });
  const wrong: unknown[] = [];
  for (const words of probesFor(draw, rules, 40)) {
    const expected = linear.find(words);
    // The first lookup unfolds, the second walks down what is there.
    for (const got of [compiled.find(words), compiled.find(words)]) {
      if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push({ seed, expected, got });
    }
  }
  return wrong;
}

describe('a compiled table', () => {
  it('finds what the scan finds in 3,000 small random tables', () => {
    for (let seed = 1; seed <= 3000; seed++) {
      expect(disagreements(seed, 1 + (seed % 12))).toEqual([]);
    }
  });

  it('finds what the scan finds in 300 bigger random tables', () => {
    for (let seed = 1; seed <= 300; seed++) expect(disagreements(90_000 + seed, 60)).toEqual([]);
  });

  it('stays right when its budget of nodes is used up', () => {
    for (let seed = 1; seed <= 500; seed++) {
      expect(disagreements(50_000 + seed, 20, (seed % 10) * 40)).toEqual([]);
    }
  });

  it('has nothing to find without rules', () => {
    expect(compileTable([]).find(new Uint32Array(PACKET_WORDS))).toEqual([]);
  });
});
