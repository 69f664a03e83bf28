/**
 * Chains compiled for the walk. A chain is cut into segments: all rules of a segment can be
 * judged at once, because none reads what an earlier one of it may write. Each segment is one
 * table; rules that end a packet's way are decisive, all others are collected in order.
 */
import { type Field } from '../../packet/fields.ts';
import { compileTable } from '../../traffic/compiled.ts';
import { type Match } from '../../traffic/match.ts';
import { type Table as CompiledTable, type Rule as TableRule } from '../../traffic/table.ts';
import { conditionOf } from './condition.ts';
import { type Effect, effectOf, writesOf } from './effects.ts';
import { type RuleStep } from './steps.ts';
import { type Surroundings } from './surroundings.ts';
import { type RuleTest } from './tests/types.ts';
import { type Chain, type Rule, type Table } from './types.ts';

export interface CompiledRule {
  readonly rule: Rule;
  /** 1 for the first rule of the chain. */
  readonly number: number;
  readonly match: Match;
  readonly tests: readonly RuleTest[];
  /** What the target does to fields; null where it does something else. */
  readonly effect: Effect | null;
  /** The note of a hit; made at the first one. */
  step: RuleStep | null;
}

export interface CompiledChain {
  readonly of: Chain;
  readonly table: string;
  readonly rules: readonly CompiledRule[];
  readonly segments: readonly CompiledTable<CompiledRule>[];
  /** The note that no rule decided; made when that first happens. */
  endStep: RuleStep | null;
}

export interface CompiledRules {
  readonly version: 4 | 6;
  readonly of: Table;
  readonly chains: ReadonlyMap<string, CompiledChain>;
}

/** Compiles one table of rules. Do it once per snapshot; tables are built at the first lookup. */
export function compileRules(table: Table, version: 4 | 6, around: Surroundings): CompiledRules {
  return new LazyRules(table, version, around);
}

/** Most tables of a host, and most chains of a table, are never walked. */
class LazyRules implements CompiledRules {
  readonly version: 4 | 6;
  readonly of: Table;
  readonly around: Surroundings;
  readonly writes = new Map<string, ReadonlySet<number>>();
  private made: ReadonlyMap<string, CompiledChain> | null = null;
  private named: ReadonlyMap<string, Chain> | null = null;

  constructor(of: Table, version: 4 | 6, around: Surroundings) {
    this.of = of;
    this.version = version;
    this.around = around;
  }

  get chains(): ReadonlyMap<string, CompiledChain> {
    this.made ??= new Map(this.of.chains.map((of) => [of.name, new LazyChain(of, this)]));
    return this.made;
  }

  get byName(): ReadonlyMap<string, Chain> {
    this.named ??= new Map(this.of.chains.map((chain) => [chain.name, chain]));
    return this.named;
  }
}

class LazyChain implements CompiledChain {
  readonly of: Chain;
  endStep: RuleStep | null = null;
  private readonly within: LazyRules;
  private compiled: readonly CompiledRule[] | null = null;
  private tables: CompiledChain['segments'] | null = null;

  constructor(of: Chain, within: LazyRules) {
    this.of = of;
    this.within = within;
  }

  get table(): string {
    return this.within.of.name;
  }

  get rules(): readonly CompiledRule[] {
    const { version, around } = this.within;
    this.compiled ??= this.of.rules.map((rule, i) => compileRule(rule, i + 1, version, around));
    return this.compiled;
  }

  get segments(): CompiledChain['segments'] {
    const { byName, writes } = this.within;
    this.tables ??= cut(this.rules, byName, writes).map(segmentTable);
    return this.tables;
  }
}

function segmentTable(segment: readonly CompiledRule[]): CompiledTable<CompiledRule> {
  return compileTable(segment.map(entry), { seldom: true });
}

function compileRule(
  rule: Rule,
  number: number,
  version: 4 | 6,
  around: Surroundings,
): CompiledRule {
  const { match, tests } = conditionOf(rule, version, around);
  const { target } = rule;
  const known = isVerdictOrJump(target.kind) ? null : target;
  const effect = known === null ? null : effectOf(known as Parameters<typeof effectOf>[0], version);
  return { rule, number, match, tests, effect, step: null };
}

function isVerdictOrJump(kind: string): boolean {
  return ['none', 'verdict', 'jump', 'goto', 'verbatim'].includes(kind);
}

function entry(compiled: CompiledRule): TableRule<CompiledRule> {
  const { match, number, rule, tests } = compiled;
  const ends = rule.target.kind === 'verdict' || rule.target.kind === 'goto' || isFinal(rule);
  return { match, rank: number, decisive: ends && tests.length === 0, entry: compiled };
}

/** Targets that always end the packet's way through the table. */
function isFinal({ target: { kind } }: Rule): boolean {
  return FINAL.has(kind);
}
const FINAL: ReadonlySet<string> = new Set([
  'DNAT',
  'SNAT',
  'MASQUERADE',
  'REDIRECT',
  'NETMAP',
  'REJECT',
]);

/** Cuts before every rule that reads what an earlier rule of the segment may have written. */
function cut(
  rules: readonly CompiledRule[],
  chains: ReadonlyMap<string, Chain>,
  cache: Map<string, ReadonlySet<number>>,
): readonly (readonly CompiledRule[])[] {
  const segments: CompiledRule[][] = [];
  let current: CompiledRule[] = [];
  let written = new Set<number>();
  for (const rule of rules) {
    if (written.size > 0 && readsAny(rule.match, written)) {
      segments.push(current);
      current = [];
      written = new Set();
    }
    current.push(rule);
    for (const word of ruleWrites(rule.rule, chains, cache, 0)) written.add(word);
  }
  if (current.length > 0) segments.push(current);
  return segments;
}

function wordsOf(field: Field): readonly number[] {
  return Array.from({ length: Math.ceil(field.width / 32) }, (_, i) => field.word + i);
}

function readsAny(match: Match, written: ReadonlySet<number>): boolean {
  switch (match.kind) {
    case 'test':
    case 'within':
      return wordsOf(match.field).some((word) => written.has(word));
    case 'and':
    case 'or':
      return match.of.some((part) => readsAny(part, written));
    case 'not':
      return readsAny(match.of, written);
    default:
      return false;
  }
}

const DEEPEST = 64;

/** Words that a rule may write, those of the chains it jumps to included. */
function ruleWrites(
  { target }: Rule,
  chains: ReadonlyMap<string, Chain>,
  cache: Map<string, ReadonlySet<number>>,
  depth: number,
): Iterable<number> {
  if (target.kind !== 'jump' && target.kind !== 'goto') return writesOf(target).flatMap(wordsOf);
  const known = cache.get(target.chain);
  if (known !== undefined) return known;
  const words = new Set<number>();
  // Entered before it is filled, so that a loop of chains ends here.
  cache.set(target.chain, words);
  if (depth < DEEPEST) {
    for (const rule of chains.get(target.chain)?.rules ?? []) {
      for (const word of ruleWrites(rule, chains, cache, depth + 1)) words.add(word);
    }
  }
  return words;
}
