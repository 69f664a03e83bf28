/** What the README shows is what its commands print, but for the time they take. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../sources.ts';
import { hopwise } from './call.ts';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** Every block of code that begins with a call, and the block of output behind it. */
const SHOWN =
  /```\n(?:npm ci && npx |npx |\$ )hopwise ([^\n]+)\n```\n[^`]*```\n(✓|✗|\?)([\s\S]*?)```/g;

describe('the README', () => {
  const calls = [...readme.matchAll(SHOWN)].map(([, words = '', mark = '', rest = '']) => {
    return { words: words.split(' '), shown: mark + rest };
  });

  it('shows more than one answer', () => {
    expect(calls.length).toBeGreaterThan(1);
  });

  it.each(calls)('shows the real answer to hopwise $words', async ({ words, shown }) => {
    const { out } = await hopwise(words);
    expect(timeless(out)).toBe(timeless(shown));
  });
});

/** How long it took differs from call to call, and with it the blanks in front. */
function timeless(text: string): string {
  return text.replace(/ +(snapshot \S+) +\d+ ms\n/, '  $1\n').trimEnd();
}
