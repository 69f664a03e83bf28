/**
 * Where order counts (chains of rules), two sides with the same rules differ only when a pair
 * that stands the other way round could treat some packet differently.
 */
import { type Statement } from './types.ts';

/** What a rule asks, as far as that shows whether two rules can match the same packet. */
export type RuleTests = ReadonlyMap<string, Interval | string>;

export interface Interval {
  readonly from: bigint;
  readonly to: bigint;
}

/** Whether no packet passes the tests of both. False when that is not known. */
export function areDisjoint(a: RuleTests, b: RuleTests): boolean {
  for (const [name, mine] of a) {
    const other = b.get(name);
    if (other === undefined) continue;
    if (typeof mine === 'string' || typeof other === 'string') {
      if (typeof mine === typeof other && mine !== other) return true;
    } else if (mine.to < other.from || other.to < mine.from) return true;
  }
  return false;
}

/** Pairs to look at before order is told as different without knowing which pair does it. */
const PAIRS_MAX = 2_000_000;

/**
 * A pair of statements that both sides have, in an order that matters and differs; null when the
 * order is as good as the same. `a` and `b` are the statements in each side's order.
 */
export function swappedPair(
  a: readonly Statement[],
  b: readonly Statement[],
  commute: (a: Statement, b: Statement) => boolean,
): readonly [Statement, Statement] | null {
  const places = new Map<string, number[]>();
  for (const [at, { meaning }] of b.entries()) {
    const list = places.get(meaning);
    if (list === undefined) places.set(meaning, [at]);
    else list.push(at);
  }
  const common: { readonly statement: Statement; readonly place: number }[] = [];
  for (const statement of a) {
    const place = places.get(statement.meaning)?.shift();
    if (place !== undefined) common.push({ statement, place });
  }
  let pairs = 0;
  for (const [at, first] of common.entries()) {
    // Only what moved in front of it can have changed its order.
    for (let later = at + 1; later < common.length; later++) {
      const second = common[later];
      if (second === undefined || second.place > first.place) continue;
      if (++pairs > PAIRS_MAX || !commute(first.statement, second.statement)) {
        return [first.statement, second.statement];
      }
    }
  }
  return null;
}
