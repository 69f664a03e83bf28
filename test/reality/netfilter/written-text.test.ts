/**
 * Rules in every spelling, against what the real iptables saves of them: its recorded answers
 * everywhere, and itself where it is there. HOPWISE_FUZZ is how many rules per match and target.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BACKENDS, kernelSaves, kernelTakesRules, type TableText } from './kernel-text.ts';
import { ourText, rulesIn, spelledBy } from './text-of-rules.ts';
import { SETS, writtenRules } from './written-rules.ts';

interface Recorded extends TableText {
  /** The rules that each backend saved; null when it refused the text. */
  readonly legacy: readonly string[] | null;
  readonly nft: readonly string[] | null;
}

const file = resolve(import.meta.dirname, '../../fixtures/netfilter/written-rules.json.gz');
const wanted = Number(process.env['HOPWISE_FUZZ'] ?? 1);
const seed = Number(process.env['HOPWISE_SEED'] ?? 7);

/** Asks both backends; what both refuse tells nothing about text. */
function record(count: number, from: number): readonly Recorded[] {
  const texts = writtenRules(from, count);
  const [legacy, nft] = BACKENDS.map((backend) => kernelSaves(backend, texts, SETS));
  return texts.flatMap(({ version, table, text }, i) => {
    const saved = [legacy, nft].map((of) => of?.[i]?.saved ?? null);
    const [a, b] = saved.map((each) => (each === null ? null : rulesIn(each)));
    return a === null && b === null
      ? []
      : [{ version, table, text, legacy: a ?? null, nft: b ?? null }];
  });
}

function expectSame(recorded: readonly Recorded[]): void {
  for (const each of recorded) {
    const ours = ourText(each);
    expect(ours.problems, each.text).toEqual([]);
    for (const backend of BACKENDS) {
      const saved = each[backend];
      if (saved === null) continue;
      const rules = rulesIn(ours.text).map((rule) => spelledBy(backend, rule));
      expect(rules, `${backend} ${each.text}`).toEqual(saved);
    }
  }
}

describe('rules in every spelling', () => {
  it('are printed as iptables-save of both backends printed them', () => {
    if (process.env['HOPWISE_RECORD'] === 'written-rules') {
      writeFileSync(file, gzipSync(JSON.stringify(record(15, 2026)), { level: 9 }));
    }
    const recorded = JSON.parse(gunzipSync(readFileSync(file)).toString()) as readonly Recorded[];
    expect(recorded.length).toBeGreaterThan(1200);
    expectSame(recorded);
  });

  it.skipIf(!kernelTakesRules())('mean to the kernel what they meant before', () => {
    const recorded = record(wanted, seed);
    expect(recorded.length).toBeGreaterThan(50 * wanted);
    expectSame(recorded);
    const printed = recorded.map((each) => ({ ...each, text: ourText(each).text }));
    for (const backend of BACKENDS) {
      const again = kernelSaves(backend, printed, SETS);
      for (const [i, each] of recorded.entries()) {
        const saved = each[backend];
        const loaded = again[i]?.saved ?? null;
        if (saved === null) continue;
        expect(loaded, `${backend} refuses ${printed[i]?.text}`).not.toBeNull();
        expect(rulesIn(loaded ?? ''), each.text).toEqual(saved);
      }
    }
  });
});
