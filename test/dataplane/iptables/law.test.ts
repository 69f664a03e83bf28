import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MATCHES, type MatchName } from '../../../src/dataplane/iptables/text/match-rows.ts';
import { printRule } from '../../../src/dataplane/iptables/text/rule.ts';
import { readRule } from '../../../src/dataplane/iptables/text/rule-reader.ts';
import { TARGETS, type TargetName } from '../../../src/dataplane/iptables/text/target-rows.ts';
import { wordsOf } from '../../../src/dataplane/iptables/text/words.ts';
import { type Rule } from '../../../src/dataplane/iptables/types.ts';
import { type Problem } from '../../../src/text/problem.ts';
import { matchOf, ruleOf, targetOf } from './arbitrary.ts';

function reread(rule: Rule, version: 4 | 6): { rule: Rule; text: string; problems: Problem[] } {
  const text = printRule(rule);
  const problems: Problem[] = [];
  const origin = { file: 'law', line: 1 };
  const context = { version, line: text, origin, hasChain: () => false, problems };
  const [again = rule] = readRule(wordsOf(text), 0, context);
  return { rule: again, text, problems };
}

const settings = { seed: 7, numRuns: 60 };
const none = fc.constant({ kind: 'none' as const });
const nothing = fc.constant([]);

/** Prints, reads, and prints again: canonical forms may add defaults once, never twice. */
function holds(rule: Rule, version: 4 | 6): void {
  const first = reread(rule, version);
  expect(first.problems, first.text).toEqual([]);
  const second = reread(first.rule, version);
  expect(second.text).toBe(reread(second.rule, version).text);
  expect(second.rule).toEqual(first.rule);
}

describe('a rule that is printed and read', () => {
  it.each(Object.keys(MATCHES) as MatchName[])('keeps the match %s', (name) => {
    const version = 'only' in MATCHES[name] ? (MATCHES[name].only as 4 | 6) : 4;
    const rules = ruleOf(fc.tuple(matchOf(name)), none).map((rule) =>
      version === 4 ? rule : { ...rule, source: null, destination: null },
    );
    fc.assert(
      fc.property(rules, (rule) => holds(rule, version)),
      settings,
    );
  });

  it.each(Object.keys(TARGETS) as TargetName[])('keeps the target %s', (name) => {
    const version = 'only' in TARGETS[name] ? (TARGETS[name].only as 4 | 6) : 4;
    const rules = ruleOf(nothing, targetOf(name)).map((rule) =>
      version === 4 ? rule : { ...rule, source: null, destination: null },
    );
    fc.assert(
      fc.property(rules, (rule) => holds(rule, version)),
      settings,
    );
  });

  it('is the same rule when its matches assume nothing', () => {
    const names = ['tcp', 'multiport', 'mac', 'mark', 'physdev', 'iprange', 'comment'] as const;
    const rules = ruleOf(
      fc
        .uniqueArray(fc.constantFrom(...names), { maxLength: 4 })
        .chain((some) => fc.tuple(...some.map((name) => matchOf(name)))),
      targetOf('DNAT'),
    );
    fc.assert(
      fc.property(rules, (rule) => {
        expect(reread(rule, 4).rule).toEqual(rule);
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});
