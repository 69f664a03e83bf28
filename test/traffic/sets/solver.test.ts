/**
 * What a lookup of all packets says of each rule of a random table, asked of those who know
 * nothing of intervals: the solver z3, and diagrams of single bits.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blankPacket } from '../../../src/traffic/packet.ts';
import { NOWHERE, type Region } from '../../../src/traffic/sets/regions.ts';
import { inputPacket, openSpace, type Space } from '../../../src/traffic/sets/space.ts';
import { type Rule } from '../../../src/traffic/table.ts';
import { drawFrom } from '../random-rules.ts';
import { BitDiagrams, type Bits, FALSE, TRUE, taken, wordBit } from './bit-diagrams.ts';
import { declarations, matchText, regionText, takenText, word, wordsOf } from './solver-text.ts';
import { meantRules, takenBySets } from './tables.ts';

/** Answers `sat` or `unsat` to a text of assertions. */
type Solver = (text: string) => Promise<string>;

/** Whole sets are compared for so many rules, of tables whose sets are no larger. */
const MOST_EQUAL = 30;
const MOST_NODES = 400;

let solve: Solver;
let done: () => Promise<void>;

beforeAll(async () => {
  const { init, killThreads } = await import('z3-solver');
  const api = await init();
  const { Solver: Opened } = api.Context('main');
  solve = async (text) => {
    const solver = new Opened();
    solver.fromString(text);
    return solver.check();
  };
  done = () => killThreads(api.em);
});

afterAll(() => done());

/** One rule of a table with the inputs that the sets say it takes. */
interface Asked {
  readonly rules: readonly Rule<string>[];
  readonly rule: Rule<string>;
  readonly space: Space;
  readonly region: Region;
}

function* askedOf(seeds: number): Generator<Asked> {
  for (let seed = 1; seed <= seeds; seed++) {
    const draw = drawFrom(seed);
    const rules = meantRules(draw, 2 + draw(4));
    const space = openSpace(100_000);
    const found = takenBySets(rules, space);
    if (found === null) continue;
    for (const rule of rules) {
      yield { rules, rule, space, region: found.get(rule.entry) ?? NOWHERE };
    }
  }
}

function allWords(rules: readonly Rule<string>[], more: Iterable<number> = []): Set<number> {
  const words = new Set(more);
  for (const { match } of rules) wordsOf(match, words);
  return words;
}

describe('what a table does with all packets', () => {
  it('is what a solver says: where nothing gets, a witness, and the whole set', async () => {
    const wrong: unknown[] = [];
    const asked = { empty: 0, witnesses: 0, equal: 0 };
    for (const { rules, rule, space, region } of askedOf(70)) {
      const formula = takenText(rules, rule);
      const text = regionText(space, region);
      const head = `${declarations(allWords(rules, text.words))}\n${text.definitions}`;
      if (region === NOWHERE) {
        asked.empty++;
        if ((await solve(`${head}(assert ${formula})`)) !== 'unsat') wrong.push([rule, 'empty']);
        continue;
      }
      asked.witnesses++;
      const { words } = inputPacket(space, region, blankPacket());
      const fixed = [...allWords(rules)].map((i) => `(= ${word(i)} (_ bv${words[i]} 32))`);
      const witness = `${head}(assert (and true ${fixed.join(' ')} ${formula}))`;
      if ((await solve(witness)) !== 'sat') wrong.push([rule, 'witness']);
      if (space.regions.size > MOST_NODES || asked.equal >= MOST_EQUAL) continue;
      asked.equal++;
      const differs = `${head}(assert (xor ${text.name} ${formula}))`;
      if ((await solve(differs)) !== 'unsat') wrong.push([rule, 'differs']);
    }
    expect(wrong).toEqual([]);
    expect(asked.empty).toBeGreaterThan(15);
    expect(asked.empty + asked.witnesses + asked.equal).toBeGreaterThan(200);
  });

  it('finds a region that is not that of the rule', async () => {
    const [first] = [...askedOf(1)].filter(({ region }) => region !== NOWHERE);
    const { rules, rule, space, region } = first!;
    const other = space.regions.minus(1, region);
    const text = regionText(space, other);
    const head = `${declarations(allWords(rules, text.words))}\n${text.definitions}`;
    const formula = `(xor ${text.name} ${takenText(rules, rule)})`;
    expect(await solve(`${head}(assert ${formula})`)).toBe('sat');
    expect(matchText(rule.match).length).toBeGreaterThan(0);
  });

  it('is what diagrams of single bits say, as one function', () => {
    let compared = 0;
    const wrong: unknown[] = [];
    for (let seed = 100; seed < 160; seed++) {
      const draw = drawFrom(seed);
      const rules = meantRules(draw, 2 + draw(6));
      const space = openSpace(300_000);
      const bySets = takenBySets(rules, space);
      if (bySets === null) continue;
      const store = new BitDiagrams();
      for (const [rule, bits] of taken(store, rules)) {
        compared++;
        const region = bySets.get(rule.entry as string) ?? NOWHERE;
        if (regionBits(store, space, region) !== bits) wrong.push({ seed, rule });
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(100);
  });
});

/** A region as a function of bits. */
function regionBits(
  store: BitDiagrams,
  { regions, places }: Space,
  region: Region,
  known: Map<Region, Bits> = new Map(),
): Bits {
  if (region <= 1) return region === NOWHERE ? FALSE : TRUE;
  const found = known.get(region);
  if (found !== undefined) return found;
  const { variable, ends, behind } = regions.edges(region);
  const { word: index, shift } = places[variable]!;
  const width = Math.log2(regions.tops[variable]! + 1);
  const atLeast = (bound: number): Bits => {
    if (bound > regions.tops[variable]!) return FALSE;
    let all: Bits = TRUE;
    for (let i = 0; i < width; i++) {
      const one = store.bit(wordBit(index, shift + i));
      all = Math.floor(bound / 2 ** i) % 2 === 1 ? store.and(one, all) : store.or(one, all);
    }
    return all;
  };
  let all: Bits = FALSE;
  ends.forEach((end, i) => {
    const from = i === 0 ? 0 : ends[i - 1]! + 1;
    const inside = store.and(atLeast(from), store.not(atLeast(end + 1)));
    const rest = regionBits(store, { regions, places } as Space, behind[i]!, known);
    all = store.or(all, store.and(inside, rest));
  });
  known.set(region, all);
  return all;
}
