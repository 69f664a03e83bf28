/** The house rules that a machine can check: sizes, words, opening comments, reproducible locks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, sourcesBelow } from './sources.ts';

const sources = sourcesBelow('src');
const around = ['test', 'bench', 'scripts'].flatMap(sourcesBelow);
/** Pure tables may be longer than other files. */
const TABLES = [
  'src/packet/fields.ts',
  'src/reasons/codes.ts',
  'src/dataplane/iptables/text/codec.ts',
  'src/dataplane/iptables/text/match-rows.ts',
];

describe('the house', () => {
  it('keeps files at or below 400 lines', () => {
    const long = sources
      .filter((file) => !TABLES.includes(file.path))
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length }))
      .filter((file) => file.lines > 401);
    expect(long).toEqual([]);
  });

  it('opens every file with a comment that places it', () => {
    const bare = sources.filter((file) => !/^(#!.*\n)?\/(\*\*|\/)/.test(file.text));
    expect(bare.map((file) => file.path)).toEqual([]);
  });

  it('has no rooms or names without meaning', () => {
    const vague = /(^|[/-])(utils?|helpers?|managers?|misc|common|services?)([./-]|$)/;
    expect(sources.filter((file) => vague.test(file.path)).map((file) => file.path)).toEqual([]);
  });

  it('uses no `any` and no default export', () => {
    const wrong = sources.filter((file) =>
      /:\s*any\b|<any>|as any\b|export default/.test(file.text),
    );
    expect(wrong.map((file) => file.path)).toEqual([]);
  });

  it('exports no value that no other file takes', () => {
    const mentions = new Map<string, number>();
    for (const { text } of [...sources, ...around]) {
      for (const word of new Set(text.match(/[\w$]+/g))) {
        mentions.set(word, (mentions.get(word) ?? 0) + 1);
      }
    }
    const exported = /^export (?:async )?(?:function\*?|const|class) ([\w$]+)/gm;
    const alone = sources.flatMap(({ path, text }) =>
      Array.from(text.matchAll(exported), ([, name = '']) => name)
        .filter((name) => mentions.get(name) === 1)
        .map((name) => `${path}: ${name}`),
    );
    expect(alone).toEqual([]);
  });

  it('pins exact versions and records no download address', () => {
    const manifest: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { dependencies, devDependencies } = manifest as Record<string, Record<string, string>>;
    const versions = Object.entries({ ...dependencies, ...devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).not.toMatch(
      /"resolved"|https?:\/\/[^"]*\.tgz/,
    );
  });

  it('lists every Simplification in docs/limits.md', () => {
    const limits = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
    const missing: string[] = [];
    for (const file of sources) {
      for (const sentence of simplifications(file.text)) {
        if (!limits.includes(sentence)) missing.push(`${file.path}: ${sentence}`);
      }
    }
    expect(missing, 'run `npm run docs` to regenerate docs/limits.md').toEqual([]);
  });
});

/** The text of every `Simplification:` comment, continuation lines joined. */
function simplifications(text: string): readonly string[] {
  const found: string[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const start = /(?:\/\/|\*)\s*Simplification:\s*(.*?)(?:\s*\*\/)?$/.exec(lines[i] ?? '');
    if (start === null) continue;
    const parts = [start[1] ?? ''];
    while (/^\s*(\/\/|\*)\s+[^@\s]/.test(lines[i + 1] ?? '') && !/[.!]$/.test(parts.at(-1) ?? '')) {
      i++;
      parts.push((lines[i] ?? '').replace(/^\s*(\/\/|\*)\s+/, '').replace(/\s*\*\/$/, ''));
    }
    found.push(parts.join(' ').trim());
  }
  return found;
}
