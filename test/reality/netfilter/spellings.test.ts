import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseIptablesSave, printIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';

/** What iptables 1.8.9 printed after `given` was loaded; `given` is null where only that counts. */
interface Spelling {
  readonly version: 4 | 6;
  readonly table: string;
  readonly given: string | null;
  readonly legacy: string | null;
  readonly nft: string | null;
}

const file = resolve(import.meta.dirname, '../../fixtures/netfilter/spellings.json');
const spellings = JSON.parse(readFileSync(file, 'utf8')) as readonly Spelling[];

function ours(table: string, rule: string, version: 4 | 6): string {
  const text = `*${table}\n${rule}\nCOMMIT\n`;
  const { value, problems } = parseIptablesSave(text, 'spelling', version);
  expect(problems, rule).toEqual([]);
  return (
    printIptablesSave(value)
      .split('\n')
      .find((line) => line.startsWith('-A')) ?? ''
  );
}

describe('the text of a rule', () => {
  it('is brought to the form that iptables-save of both backends prints', () => {
    for (const { version, table, given, legacy, nft } of spellings) {
      if (given !== null && legacy !== null) expect(ours(table, given, version)).toBe(legacy);
      if (given !== null && nft !== null) expect(ours(table, given, version)).toBe(nft);
    }
    expect(spellings.length).toBeGreaterThan(180);
  });

  it('is kept when it stands in that form already', () => {
    for (const { version, table, legacy, nft } of spellings) {
      for (const printed of [legacy, nft]) {
        if (printed !== null) expect(ours(table, printed, version)).toBe(printed);
      }
    }
  });
});
