/** `hopwise apply`: codes that a script can tell apart. */
import { describe, expect, it } from 'vitest';
import { hopwise } from './call.ts';

describe('hopwise apply', () => {
  it('ends with 1 for wrong input, as 2 says that changes are planned', async () => {
    for (const words of [
      ['plan', 'cloud.yaml', '-i', '/nowhere/inventory.yaml'],
      ['plan', 'cloud.yaml'],
      ['run', '/nowhere/plan.json', '-i', '/nowhere/inventory.yaml'],
      ['plann'],
      ['status', '-i', '/nowhere/inventory.yaml', '--frobnicate'],
    ]) {
      const { code, err } = await hopwise(['apply', ...words]);
      expect([words, code]).toEqual([words, 1]);
      expect(err).not.toBe('');
    }
    expect((await hopwise(['trace', '--frobnicate'])).code).toBe(2);
    expect((await hopwise(['apply', '--help'])).code).toBe(0);
  });
});
