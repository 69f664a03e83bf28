/**
 * Near misses of a dropped packet: rules of the chain that would have let it pass, had one
 * field been different. A pure look at one packet, for a person who reads a trace.
 */
import { FIELDS } from '../../packet/fields.ts';
import { type Origin } from '../../text/problem.ts';
import { guard } from '../../traffic/guard.ts';
import { type Match } from '../../traffic/match.ts';
import { type CompiledChain, type CompiledRule, type CompiledRules } from './chain.ts';
import { printRuleLine } from './text/save.ts';

export interface NearMiss {
  readonly chain: string;
  readonly number: number;
  /** The rule's line. */
  readonly text: string;
  readonly origin: Origin;
  /** The fields that differ; the first ones of the list differ in one field only. */
  readonly fields: readonly string[];
  /** The conditions that fail, for whoever shows what they wanted. */
  readonly failing: readonly Match[];
}

const MOST_CHAINS = 64;
const MOST_RULES = 20_000;

/**
 * Rules below `chain` that accept or return, and whose conditions fail for one packet in at
 * most `differ` fields; nearest first, at most `limit`.
 */
export function nearMisses(
  rules: CompiledRules,
  chain: string,
  words: Uint32Array,
  differ = 1,
  limit = 5,
): readonly NearMiss[] {
  const found: NearMiss[] = [];
  const seen = new Set<string>();
  let left = MOST_RULES;
  const open = [chain];
  for (
    let name = open.shift();
    name !== undefined && seen.size < MOST_CHAINS;
    name = open.shift()
  ) {
    const here = rules.chains.get(name);
    if (here === undefined || seen.has(name)) continue;
    seen.add(name);
    for (const rule of here.rules) {
      if (left-- <= 0) break;
      const { target } = rule.rule;
      if (target.kind === 'jump' || target.kind === 'goto') {
        if (guard(rule.match).test(words) === 1) open.push(target.chain);
      } else if (lets(rule, here)) found.push(...miss(rule, here, words, differ));
    }
  }
  return found.sort((a, b) => a.fields.length - b.fields.length).slice(0, limit);
}

/** RETURN in a user chain is how Neutron says "allowed". */
function lets({ rule: { target } }: CompiledRule, { of }: CompiledChain): boolean {
  if (target.kind !== 'verdict') return false;
  return target.verdict === 'ACCEPT' || (target.verdict === 'RETURN' && of.policy === null);
}

function miss(
  rule: CompiledRule,
  { of }: CompiledChain,
  words: Uint32Array,
  differ: number,
): readonly NearMiss[] {
  const conditions = failing(rule.match, words);
  if (conditions === null) return [];
  const fields = [...new Set(conditions.flatMap(fieldsOf))];
  if (fields.length === 0 || fields.length > differ) return [];
  const text = printRuleLine(of.name, rule.rule);
  const { origin } = rule.rule;
  return [{ chain: of.name, number: rule.number, text, origin, fields, failing: conditions }];
}

/** The conditions that fail; null when they cannot be judged. */
function failing(match: Match, words: Uint32Array): readonly Match[] | null {
  const found: Match[] = [];
  for (const part of match.kind === 'and' ? match.of : [match]) {
    if (part.kind === 'and') {
      const inner = failing(part, words);
      if (inner === null) return null;
      found.push(...inner);
      continue;
    }
    const truth = guard(part).test(words);
    if (truth === -1) return null;
    if (truth === 0) found.push(part);
  }
  return found;
}

function fieldsOf(match: Match): readonly string[] {
  switch (match.kind) {
    case 'test':
    case 'within':
      return FIELDS.has(match.field.name) ? [match.field.name] : [];
    case 'and':
    case 'or':
      return [...new Set(match.of.flatMap(fieldsOf))];
    case 'not':
      return fieldsOf(match.of);
    default:
      return [];
  }
}
