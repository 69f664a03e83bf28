import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkRules } from '../../../src/dataplane/iptables/check.ts';
import {
  parseEbtablesSave,
  printEbtablesSave,
} from '../../../src/dataplane/iptables/ebtables/save.ts';
import { parseIpsetSave, printIpsetSave } from '../../../src/dataplane/iptables/ipset/save.ts';
import { compareNft, parseNftRuleset } from '../../../src/dataplane/iptables/nft.ts';
import { parseIptablesSave, printIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';

const shared = resolve(import.meta.dirname, '../../../../shared');
const folders = [resolve(shared, 'truth/captures'), resolve(shared, 'reference/seeds-artifacts')];
const here = folders.every((folder) => existsSync(folder));

/** Every file below the folders whose name fits. */
function filesNamed(pattern: RegExp): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => pattern.test(basename(name)))
      .map((name) => resolve(folder, name)),
  );
}

/** Without comments; MAC addresses in lower case, as iptables 1.8.9 prints them. */
function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd().replace(/--mac-source \S+/, (option) => option.toLowerCase()))
    .filter((line) => line !== '' && !line.startsWith('#'));
}

const versionOf = (file: string): 4 | 6 => (basename(file).startsWith('ip6') ? 6 : 4);

describe.skipIf(!here)('captured text (needs ../shared)', () => {
  it('of iptables-save is read without problems and printed as it was', () => {
    const files = filesNamed(/^ip6?tables-save/);
    expect(files.length).toBeGreaterThan(160);
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      const { value, problems } = parseIptablesSave(text, file, versionOf(file));
      expect(problems, file).toEqual([]);
      const counters = /^\[\d+:\d+\] -A/m.test(text);
      expect(lines(printIptablesSave(value, counters)), file).toEqual(lines(text));
    }
  });

  it('of ipset save and ebtables-save is printed as it was', () => {
    for (const file of filesNamed(/^ipset-save/)) {
      const text = readFileSync(file, 'utf8');
      const { value, problems } = parseIpsetSave(text, file);
      expect(problems, file).toEqual([]);
      expect(printIpsetSave(value)).toBe(text);
    }
    for (const file of filesNamed(/^ebtables-save/)) {
      const text = readFileSync(file, 'utf8');
      const { value, problems } = parseEbtablesSave(text, file);
      expect(problems, file).toEqual([]);
      expect(lines(printEbtablesSave(value))).toEqual(lines(text));
    }
  });

  it('names no missing set, no circle and no misplaced target', () => {
    for (const file of filesNamed(/^ip6?tables-save.txt$/)) {
      const { value } = parseIptablesSave(readFileSync(file, 'utf8'), file, versionOf(file));
      const ipset = resolve(file, '../ipset-save.txt');
      const sets = existsSync(ipset)
        ? parseIpsetSave(readFileSync(ipset, 'utf8'), ipset).value
        : [];
      expect(checkRules(value, new Map(sets.map((set) => [set.name, set]))), file).toEqual([]);
    }
  });

  it('of nft list ruleset agrees with iptables-save of the same moment', () => {
    for (const file of filesNamed(/^nft-ruleset/)) {
      const nft = parseNftRuleset(readFileSync(file, 'utf8'), file);
      expect(nft.problems).toEqual([]);
      for (const name of ['iptables-save.txt', 'ip6tables-save.txt']) {
        const save = resolve(file, '..', name);
        const { value } = parseIptablesSave(readFileSync(save, 'utf8'), save, versionOf(save));
        expect(compareNft(value, nft.value, file), file).toEqual([]);
      }
    }
  });
});

const TOOLS = ['xtables-legacy-multi', 'xtables-nft-multi'];
const canLoad =
  process.getuid?.() === 0 &&
  TOOLS.every((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0) &&
  spawnSync('unshare', ['-n', 'true']).status === 0;

const chainOf = (line: string): string => line.split(' ')[1] ?? '';

/** Loads a text into an empty namespace of its own and says what it holds then. */
function loaded(tool: string, command: string, sets: string, text: string): string {
  const script = `printf %s "$SETS" | ipset restore -exist && printf %s "$RULES" | ${tool} ${command}-restore && ${tool} ${command}-save`;
  const env = { ...process.env, SETS: sets, RULES: text };
  const done = spawnSync('unshare', ['-n', 'sh', '-c', script], { env, encoding: 'utf8' });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout;
}

describe.skipIf(!here || !canLoad)('text that is loaded (needs root, iptables, ../shared)', () => {
  it.each(TOOLS)('by %s is what we printed', (tool) => {
    // Every distinct text once; texts that hold no rule prove nothing.
    const texts = new Map<string, string>();
    for (const file of filesNamed(/^ip6?tables-save/)) {
      const text = lines(readFileSync(file, 'utf8').replace(/\[\d+:\d+\]/g, '[0:0]')).join('\n');
      if (text.includes('-A ')) texts.set(text, file);
    }
    for (const file of [...texts.values()].slice(0, 24)) {
      const { value } = parseIptablesSave(readFileSync(file, 'utf8'), file, versionOf(file));
      const ours = printIptablesSave(value);
      const sets = new Set([...ours.matchAll(/--match-set (\S+)/g)].map((found) => found[1] ?? ''));
      const family = versionOf(file) === 6 ? 'inet6' : 'inet';
      const create = [...sets].map((name) => `create ${name} hash:net family ${family}\n`).join('');
      const command = versionOf(file) === 6 ? 'ip6tables' : 'iptables';
      const kernel = loaded(tool, command, create, ours);
      const again = parseIptablesSave(kernel, file, versionOf(file)).value;
      for (const table of value.tables) {
        const other = again.tables.find((each) => each.name === table.name);
        const rules = (one: typeof table | undefined): readonly string[] =>
          lines(
            printIptablesSave({ version: value.version, tables: one === undefined ? [] : [one] }),
          )
            .filter((line) => line.startsWith('-A'))
            .sort((a, b) => (chainOf(a) < chainOf(b) ? -1 : chainOf(a) > chainOf(b) ? 1 : 0));
        expect(rules(other), file).toEqual(rules(table));
      }
    }
  });
});
