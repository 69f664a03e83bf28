/** The text that the real iptables makes of rules: loaded into a namespace of their own, and saved. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Backend = 'legacy' | 'nft';
export const BACKENDS: readonly Backend[] = ['legacy', 'nft'];

/** A text for `iptables-restore` that changes one table. */
export interface TableText {
  readonly version: 4 | 6;
  readonly table: string;
  readonly text: string;
}

/** Whether rules can be loaded here: needs root, both backends and namespaces. */
export function kernelTakesRules(): boolean {
  const runs = (...words: readonly [string, ...string[]]): boolean =>
    spawnSync(words[0], words.slice(1)).status === 0;
  return (
    process.getuid?.() === 0 &&
    runs('sh', '-c', 'command -v xtables-legacy-multi && command -v xtables-nft-multi') &&
    runs('sh', '-c', 'command -v ipset') &&
    runs('unshare', '-n', 'true')
  );
}

/** One process for all texts; every text replaces the table that the one before has left. */
const LOOP = `
ip link set lo up
[ -s prepare ] && ipset restore -exist <prepare
while read -r number family table; do
  $TOOL $family-restore --test <$number.rules >/dev/null 2>$number.refused || continue
  $TOOL $family-restore <$number.rules >/dev/null 2>$number.refused || continue
  $TOOL $family-save -t $table >$number.saved 2>/dev/null
done <list
`;

/** What became of a text: what was saved, or why it was refused. */
export interface Loaded {
  /** The output of `iptables-save` without comments and counters; null when it was refused. */
  readonly saved: string | null;
  /** The first line of what iptables-restore complained about. */
  readonly refusal: string;
}

/** Loads and saves each text on its own. `sets` is given to `ipset restore` before. */
export function kernelSaves(
  backend: Backend,
  texts: readonly TableText[],
  sets = '',
): readonly Loaded[] {
  const folder = mkdtempSync(join(tmpdir(), 'hopwise-rules-'));
  try {
    writeFileSync(join(folder, 'prepare'), sets);
    const list = texts.map(({ version, table, text }, i) => {
      writeFileSync(join(folder, `${i}.rules`), text);
      return `${i} ${version === 4 ? 'iptables' : 'ip6tables'} ${table}\n`;
    });
    writeFileSync(join(folder, 'list'), list.join(''));
    const env = { ...process.env, TOOL: `xtables-${backend}-multi` };
    const done = spawnSync('unshare', ['-n', 'sh', '-c', LOOP], { cwd: folder, env });
    if (done.status !== 0) throw new Error(`iptables did not run: ${String(done.stderr)}`);
    return texts.map((_, i) => {
      const saved = textAt(join(folder, `${i}.saved`));
      const refusal = textAt(join(folder, `${i}.refused`))?.split('\n')[0] ?? '';
      return { saved: saved === null ? null : plainLines(saved), refusal };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function textAt(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** The text without comments and counters, which no rule depends on. */
export function plainLines(text: string): string {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/^\[\d+:\d+\] /, '').replace(/^(:\S+ \S+) \[\d+:\d+\]$/, '$1'))
    .join('\n');
}
