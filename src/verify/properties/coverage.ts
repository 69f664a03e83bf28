/**
 * How much of the rules the properties exercised: of each rule the share of its effective match,
 * which is its match without what rules before it take, that some packet of some proof had.
 * Shares are counted over the fields that the rule itself looks at, each field by itself.
 */
import { type CompiledRule } from '../../dataplane/iptables/chain.ts';
import { type Network } from '../../dataplane/network.ts';
import { type PreparedFlow } from '../../dataplane/ovs/pipeline/prepared-flow.ts';
import { type Field } from '../../packet/fields.ts';
import { type Origin } from '../../text/problem.ts';
import { type Intervals } from '../../traffic/intervals.ts';
import { type Match } from '../../traffic/match.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { clip } from '../../traffic/sets/symbols.ts';
import { effectiveRules } from './effective.ts';
import { type Overheard } from './recorder.ts';
import { type RuleList, ruleLists } from './rules.ts';
import { countedOver } from './volumes.ts';

export interface CoverageReport {
  /** Rules that some packet could hit. */
  readonly rules: number;
  /** Those that some packet of some proof hit. */
  readonly exercised: number;
  /** Mean share of the rules' effective matches, 0 to 100, one digit behind the point. */
  readonly share_percent: number;
  /** Rules that no packet of any proof hit. */
  readonly never: readonly UncoveredRule[];
  /** Every rule with its share, 0 to 1. */
  readonly shares: readonly RuleShare[];
}

export interface UncoveredRule {
  readonly host: string;
  readonly place: string;
  readonly text: string;
  readonly origin: Origin;
}

export interface RuleShare {
  readonly origin: Origin;
  readonly share: number;
}

/** Values of some variables that packets had at a rule, each variable by itself. */
type Seen = ReadonlyMap<number, Intervals>;

/** Collects what the rules see while properties are proved. */
export class CoverageMeter {
  private readonly seen = new Map<object, Map<string, Seen>>();
  private readonly variables = new Map<Match, readonly number[]>();
  /** Variables of a space of inputs stand for the same bits in every space. */
  private readonly space: Space = openSpace();

  readonly overheard: Overheard = (table, found) => {
    const matches = this.matchesOf(table);
    for (const { entries, p } of found) {
      for (const { entry, certain } of entries) {
        const key = keyOf(entry);
        const match = key === null ? undefined : matches.get(key);
        if (key === null || match === undefined || !certain) continue;
        const values = this.valuesOf(p, this.variablesOf(match));
        const list = this.seen.get(key) ?? new Map<string, Seen>();
        this.seen.set(key, list);
        list.set([...values].map(([at, run]) => `${at}:${run.join()}`).join(' '), values);
      }
    }
  };

  /** What was exercised until now, of all rules of the network. */
  report(network: Network): CoverageReport {
    const shares: RuleShare[] = [];
    const never: UncoveredRule[] = [];
    for (const list of ruleLists(network, null)) this.measure(list, shares, never);
    const rules = shares.length;
    const total = shares.reduce((sum, { share }) => sum + share, 0);
    return {
      rules,
      exercised: rules - never.length,
      share_percent: rules === 0 ? 0 : Math.floor((1000 * total) / rules) / 10,
      never,
      shares,
    };
  }

  private measure(
    { host, place, rules }: RuleList,
    shares: RuleShare[],
    never: UncoveredRule[],
  ): void {
    const space = openSpace();
    const { regions } = space;
    for (const { rule, effective } of effectiveRules(space, rules)) {
      if (effective === NOWHERE) continue;
      const own = this.variablesOf(rule.match);
      let hit: Region = NOWHERE;
      for (const seen of this.seen.get(rule.key)?.values() ?? []) {
        let box: Region = EVERYWHERE;
        for (const [variable, values] of seen) box = regions.and(box, regions.of(variable, values));
        hit = regions.or(hit, regions.and(box, effective));
      }
      const whole = countedOver(space, effective, own);
      const share = hit === NOWHERE ? 0 : countedOver(space, hit, own) / whole;
      shares.push({ origin: rule.origin, share });
      if (share === 0) never.push({ host, place, text: rule.text(), origin: rule.origin });
    }
  }

  /** The matches of a table's rules by what they are rules of; null keys are no rules here. */
  private matchesOf(table: { readonly rules: readonly { match: Match; entry: unknown }[] }) {
    let known = tables.get(table);
    if (known === undefined) {
      const [first] = table.rules;
      known = new Map();
      if (first !== undefined && keyOf(first.entry) !== null) {
        for (const { match, entry } of table.rules) {
          const key = keyOf(entry);
          if (key !== null) known.set(key, match);
        }
      }
      tables.set(table, known);
    }
    return known;
  }

  /** The variables of the inputs that a match looks at. */
  private variablesOf(match: Match): readonly number[] {
    let known = this.variables.get(match);
    if (known === undefined) {
      const words = new Set(fieldsOf(match).flatMap(wordsOf));
      known = this.space.places.flatMap(({ word }, at) => (words.has(word) ? [at] : []));
      this.variables.set(match, known);
    }
    return known;
  }

  /** The values that a set's packets have in the bits of each variable. */
  private valuesOf(p: PacketSet, variables: readonly number[]): Seen {
    const { regions, places } = p.space;
    const values = new Map<number, Intervals>();
    for (const variable of variables) {
      const { word, shift } = places[variable]!;
      const top = regions.tops[variable]!;
      const run = clip(p.words[word]!, shift, shift + (32 - Math.clz32(top)));
      const [only] = run ?? [];
      if (run?.length !== 1 || only === undefined) {
        values.set(variable, Uint32Array.of(0, top));
      } else if (only.variable === null) {
        values.set(variable, Uint32Array.of(only.value, only.value));
      } else {
        const whole = only.low === 0 && only.add === 0 && regions.tops[only.variable] === top;
        const own = whole ? regions.values(p.where, only.variable) : Uint32Array.of(0, top);
        values.set(variable, own);
      }
    }
    return values;
  }
}

const tables = new WeakMap<object, Map<object, Match>>();

/** The rule behind a table's entry: a flow, or a rule of iptables; null for routes and others. */
function keyOf(entry: unknown): object | null {
  if (typeof entry !== 'object' || entry === null) return null;
  if ('flow' in entry && 'bridge' in entry) return (entry as PreparedFlow).flow;
  if ('rule' in entry && 'tests' in entry) return (entry as CompiledRule).rule;
  return null;
}

function fieldsOf(match: Match): readonly Field[] {
  switch (match.kind) {
    case 'test':
    case 'within':
      return [match.field];
    case 'and':
    case 'or':
      return match.of.flatMap(fieldsOf);
    case 'not':
      return fieldsOf(match.of);
    default:
      return [];
  }
}

function wordsOf({ word, width }: Field): readonly number[] {
  return Array.from({ length: Math.ceil(width / 32) }, (_, i) => word + i);
}
