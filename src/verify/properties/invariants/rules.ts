/** Invariants about rules alone: equal priorities that overlap, rules that nothing can hit. */
import { CT_STATE, field } from '../../../packet/fields.ts';
import { and, or, test } from '../../../traffic/match.ts';
import { truthsOf } from '../../../traffic/sets/conditions.ts';
import { NOWHERE, type Region, TooManyRegions } from '../../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../../traffic/sets/space.ts';
import { effectiveRules } from '../effective.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type ListedRule, type RuleList, ruleLists } from '../rules.ts';
import { type Checked, type InvariantProperty } from '../types.ts';

/** A rule that something is wrong with, and the other one. */
interface Pair {
  readonly rule: ListedRule;
  readonly other: ListedRule;
}

/**
 * Two flows of one table and priority match the same packet and do different things: which of
 * them wins is undefined (ovs-ofctl(8) add-flow, OpenFlow 1.5.1 §5.3).
 */
export function* checkOverlaps(
  checking: Checking,
  property: InvariantProperty,
): Generator<Checked> {
  yield* checkLists(checking, property, (list) =>
    list.kind === 'flows' ? overlapping(list.rules) : [],
  );
}

/** A rule all of whose packets are taken by others that go before it. */
export function* checkShadowed(
  checking: Checking,
  property: InvariantProperty,
): Generator<Checked> {
  yield* checkLists(checking, property, (list) => shadowed(list.rules));
}

function* checkLists(
  { network }: Checking,
  property: InvariantProperty,
  judge: (list: RuleList) => readonly Pair[],
): Generator<Checked> {
  let rules = 0;
  const everywhere = property.among?.join(', ') ?? 'all hosts';
  const unknown = (property.among ?? []).filter((host) => !network.hosts.has(host));
  for (const host of unknown) {
    yield plain(property, host, 'fails', [`there is no host ${JSON.stringify(host)}`]);
  }
  for (const list of ruleLists(network, property.among)) {
    rules += list.rules.length;
    const subject = `${list.place} at ${list.host}`;
    let pairs: readonly Pair[];
    try {
      pairs = judge(list);
    } catch (error) {
      if (!(error instanceof TooManyRegions)) throw error;
      yield plain(property, subject, 'unsure', [error.message]);
      continue;
    }
    const found = pairs.filter(
      ({ rule }) => !property.except.some((word) => isAbout(list, rule, word)),
    );
    for (const { rule, other } of found) {
      const { file, line } = other.origin;
      const because = [`${rule.text()} and ${other.text()} (${file}:${line})`];
      const origin = { file: rule.origin.file, line: rule.origin.line };
      const code = property.invariant === 'no-overlaps' ? ('AMBIGUOUS_OVERLAP' as const) : null;
      yield { ...plain(property, subject, 'fails', because), origin, code };
    }
    if (found.length === 0) yield plain(property, subject, 'holds');
  }
  if (rules === 0) yield plain(property, everywhere, 'fails', ['says nothing: there are no rules']);
}

/** `br-int`, `br-int table 72`, or a part of the rule's text. */
function isAbout({ place }: RuleList, rule: ListedRule, word: string): boolean {
  return place === word || place.startsWith(`${word} `) || rule.text().includes(word);
}

function overlapping(rules: readonly ListedRule[]): readonly Pair[] {
  const space = openSpace();
  const found: Pair[] = [];
  let tier: { readonly rule: ListedRule; readonly where: Region }[] = [];
  let taken: Region = NOWHERE;
  for (const rule of rules) {
    if (tier[0] !== undefined && tier[0].rule.rank !== rule.rank) {
      tier = [];
      taken = NOWHERE;
    }
    // Clauses of conjunctions do not decide by themselves.
    if (!rule.decisive) continue;
    const where = certainly(space, rule);
    const { regions } = space;
    if (regions.and(taken, where) !== NOWHERE) {
      const other = tier.find(
        (one) => regions.and(one.where, where) !== NOWHERE && !rule.alike(one.rule),
      );
      if (other !== undefined) found.push({ rule, other: other.rule });
    }
    tier.push({ rule, where });
    taken = regions.or(taken, where);
  }
  return found;
}

function shadowed(rules: readonly ListedRule[]): readonly Pair[] {
  const space = openSpace();
  const { regions } = space;
  const found: Pair[] = [];
  const earlier: { readonly rule: ListedRule; readonly where: Region }[] = [];
  for (const { rule, certain, possible, effective } of effectiveRules(space, rules)) {
    if (possible !== NOWHERE && effective === NOWHERE) {
      const other = earlier.find(({ where }) => regions.and(where, possible) !== NOWHERE);
      if (other !== undefined) found.push({ rule, other: other.rule });
    }
    if (rule.decisive) earlier.push({ rule, where: certain });
  }
  return found;
}

/** What surely matches of all that can be; ct_state never shows some bits together. */
function certainly(space: Space, rule: ListedRule): Region {
  return space.regions.and(truthsOf(space, space.words, rule.match).yes, possible(space));
}

/**
 * What connection tracking can show (ovs-fields(7) ct_state): nothing before a packet was tracked,
 * an invalid packet has no connection, and a connection is new or established and never both.
 */
function possible(space: Space): Region {
  return truthsOf(space, space.words, POSSIBLE).yes;
}

const STATE = field('ct_state');
const bit = (name: keyof typeof CT_STATE): bigint => BigInt(CT_STATE[name]);
const CONNECTED = bit('new') | bit('est') | bit('rel') | bit('rpl');

const POSSIBLE = and(
  or(test(STATE, bit('trk'), bit('trk')), test(STATE, 0n)),
  or(test(STATE, 0n, bit('inv')), test(STATE, 0n, CONNECTED)),
  or(test(STATE, 0n, bit('new')), test(STATE, 0n, bit('est'))),
);
