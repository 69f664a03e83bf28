/** Rules of one list in the order in which they are asked, each without what goes before it. */
import { truthsOf } from '../../traffic/sets/conditions.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type Space } from '../../traffic/sets/space.ts';
import { type ListedRule } from './rules.ts';

/** What a rule can take. */
interface Effective {
  readonly rule: ListedRule;
  /** Where it matches for certain. */
  readonly certain: Region;
  /** Where it may match at all. */
  readonly possible: Region;
  /** Of the latter, what no decisive rule of a higher rank takes for certain. */
  readonly effective: Region;
}

/** Walks down the ranks; rules of one rank do not take anything from each other. */
export function* effectiveRules(space: Space, rules: readonly ListedRule[]): Generator<Effective> {
  const { regions } = space;
  let before: Region = NOWHERE;
  let here: Region = NOWHERE;
  let rank = Number.NEGATIVE_INFINITY;
  for (const rule of rules) {
    if (rule.rank !== rank) {
      before = regions.or(before, here);
      here = NOWHERE;
      rank = rule.rank;
    }
    const { yes, maybe } = truthsOf(space, space.words, rule.match);
    if (rule.decisive) here = regions.or(here, yes);
    yield { rule, certain: yes, possible: maybe, effective: regions.minus(maybe, before) };
  }
}
