/** What reaches a terminal, a pipe and a narrow or plain screen. */
import { describe, expect, it } from 'vitest';
import { hopwise, type Surroundings } from './call.ts';

const COLOUR = /\u001b\[\d+m/;
const UTF8 = { LANG: 'en_US.UTF-8' };
const BLOCKED = ['trace', 'a1', 'a2', '--tcp', '23'];

async function text(words: readonly string[], around: Surroundings = {}): Promise<string> {
  return (await hopwise(words, around)).out;
}

describe('colour', () => {
  it('is for terminals only', async () => {
    expect(await text(BLOCKED)).not.toMatch(COLOUR);
    expect(await text(BLOCKED, { terminal: 100, environment: UTF8 })).toMatch(COLOUR);
  });

  it('is refused by NO_COLOR, by TERM=dumb and by the option', async () => {
    const around = (more: Record<string, string>): Surroundings => {
      return { terminal: 100, environment: { ...UTF8, ...more } };
    };
    expect(await text(BLOCKED, around({ NO_COLOR: '1' }))).not.toMatch(COLOUR);
    expect(await text(BLOCKED, around({ TERM: 'dumb' }))).not.toMatch(COLOUR);
    expect(await text([...BLOCKED, '--no-color'], around({}))).not.toMatch(COLOUR);
    // An empty NO_COLOR refuses nothing (no-color.org).
    expect(await text(BLOCKED, around({ NO_COLOR: '' }))).toMatch(COLOUR);
  });

  it('is forced by FORCE_COLOR and by the option, which wins over NO_COLOR', async () => {
    expect(await text(BLOCKED, { environment: { FORCE_COLOR: '1' } })).toMatch(COLOUR);
    expect(await text(BLOCKED, { environment: { FORCE_COLOR: '0' } })).not.toMatch(COLOUR);
    expect(await text([...BLOCKED, '--color'], { environment: { NO_COLOR: '1' } })).toMatch(COLOUR);
  });

  it('never carries a meaning alone: the plain text says the same', async () => {
    const plain = await text(BLOCKED);
    const coloured = await text([...BLOCKED, '--color']);
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain);
  });

  it('never stands in JSON', async () => {
    const around = { terminal: 100, environment: { ...UTF8, FORCE_COLOR: '1' } };
    expect(await text([...BLOCKED, '--json'], around)).not.toMatch(COLOUR);
  });
});

describe('the width', () => {
  it('of the terminal is kept, but for commands, rules and file names', async () => {
    const whole = /openstack |ssh |hosts\/|differs:|actions=/;
    for (const terminal of [60, 80, 120]) {
      const lines = (await text(BLOCKED, { terminal, environment: { ...UTF8, NO_COLOR: '1' } }))
        .split('\n')
        .filter((line, i) => i > 0 && !whole.test(line));
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(terminal);
    }
  });
});

describe('characters', () => {
  it('are ASCII where the locale or the option asks for it', async () => {
    const latin = { terminal: 100, environment: { LC_ALL: 'C', NO_COLOR: '1' } };
    for (const shown of [await text(BLOCKED, latin), await text([...BLOCKED, '--ascii'])]) {
      expect(shown).toMatch(/^[\u0000-\u007f]*$/);
      expect(shown).toMatch(/^x UNREACHABLE {2}a1 \(10\.0\.0\.81\) -> a2/);
    }
  });

  it('are UTF-8 in files and pipes, whatever the locale', async () => {
    expect(await text(BLOCKED, { environment: { LC_ALL: 'C' } })).toContain('✗ UNREACHABLE');
  });
});
