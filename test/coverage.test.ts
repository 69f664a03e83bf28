/** docs/coverage.md: every mechanism, walk and failure is in it, and every place it names exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coveragePage, readCoverage, statesOf } from '../scripts/coverage-page.ts';
import { ROOT } from './sources.ts';

const coverage = readCoverage(ROOT);
const MECHANISMS = 150;
const FAILURES = 66;

describe('the table of what is covered', () => {
  it('has every mechanism and every failure once, in order', () => {
    const ids = (letter: string, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
    expect(coverage.problems).toEqual([]);
    expect(coverage.mechanisms.map(({ id }) => id)).toEqual(ids('A', MECHANISMS));
    expect(coverage.failures.map(({ id }) => id)).toEqual(ids('E', FAILURES));
  });

  it('names places that exist, and says what is left out where no code is', () => {
    for (const each of coverage.mechanisms) {
      for (const place of each.places) expect(existsSync(join(ROOT, place)), place).toBe(true);
      expect(each.places.length, each.id).toBeGreaterThan(0);
      expect(statesOf(each), each.id).not.toEqual([]);
    }
  });

  it('names a scenario for every walk and failure, or says why there is none', () => {
    for (const { name, exists } of coverage.walks) expect(exists, name).toBe(true);
    for (const { id, scenarios, not } of coverage.failures) {
      expect(scenarios.length > 0 || not !== '', id).toBe(true);
    }
  });

  it('is what `npm run docs` writes', () => {
    expect(readFileSync(join(ROOT, 'docs/coverage.md'), 'utf8')).toBe(coveragePage(coverage));
  });
});
