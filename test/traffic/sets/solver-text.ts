/** Lookups and regions in the words of solvers (SMT-LIB 2.6, theory of fixed-size bit-vectors). */
import { type Field } from '../../../src/packet/fields.ts';
import { type Match } from '../../../src/traffic/match.ts';
import { type Region } from '../../../src/traffic/sets/regions.ts';
import { type Space } from '../../../src/traffic/sets/space.ts';
import { type Rule } from '../../../src/traffic/table.ts';
import { placesOf } from './bit-diagrams.ts';

export const word = (index: number): string => `w${index}`;

export function declarations(words: Iterable<number>): string {
  return [...words].map((index) => `(declare-const ${word(index)} (_ BitVec 32))`).join('\n');
}

/** The words that a match looks at. */
export function wordsOf(match: Match, into: Set<number> = new Set()): Set<number> {
  if (match.kind === 'test' || match.kind === 'within') {
    for (const place of placesOf(match.field)) into.add(place.word);
  } else if (match.kind === 'and' || match.kind === 'or') {
    for (const each of match.of) wordsOf(each, into);
  } else if (match.kind === 'not') wordsOf(match.of, into);
  return into;
}

function literal(value: bigint, width: number): string {
  return `(_ bv${value} ${width})`;
}

/** A field as one bit-vector: its words, the most significant first. */
function fieldText(of: Field): string {
  const places = placesOf(of);
  const parts: string[] = [];
  for (let at = places.length - 1; at >= 0; ) {
    const top = places[at]!;
    let low = at;
    while (low > 0 && places[low - 1]!.word === top.word) low--;
    parts.push(`((_ extract ${top.bit} ${places[low]!.bit}) ${word(top.word)})`);
    at = low - 1;
  }
  return parts.length === 1 ? parts[0]! : `(concat ${parts.join(' ')})`;
}

export function matchText(match: Match): string {
  switch (match.kind) {
    case 'any':
      return 'true';
    case 'none':
      return 'false';
    case 'test': {
      const { field: of, value, mask } = match;
      return `(= (bvand ${fieldText(of)} ${literal(mask, of.width)}) ${literal(value, of.width)})`;
    }
    case 'within': {
      const { field: of, ranges } = match;
      const ends = ranges.map(({ from, to }) => {
        const [low, high] = [literal(from, of.width), literal(to, of.width)];
        return `(and (bvule ${low} ${fieldText(of)}) (bvule ${fieldText(of)} ${high}))`;
      });
      return `(or false ${ends.join(' ')})`;
    }
    case 'not':
      return `(not ${matchText(match.of)})`;
    case 'and':
    case 'or':
      return `(${match.kind} ${match.kind === 'and'} ${match.of.map(matchText).join(' ')})`;
    case 'opaque':
      throw new Error(`no meaning: ${match.text}`);
  }
}

/** Where a lookup takes a rule: it matches, and no decisive rule of a lower rank does. */
export function takenText(rules: readonly Rule<unknown>[], of: Rule<unknown>): string {
  const before = rules.filter(({ rank, decisive }) => decisive && rank < of.rank);
  return `(and ${matchText(of.match)} ${before.map(({ match }) => `(not ${matchText(match)})`).join(' ')})`;
}

/** Definitions of every node of a region, and the name of the region itself. */
export function regionText(
  { regions, places }: Space,
  region: Region,
): { readonly definitions: string; readonly name: string; readonly words: ReadonlySet<number> } {
  const names = new Map<Region, string>([
    [0, 'false'],
    [1, 'true'],
  ]);
  const lines: string[] = [];
  const words = new Set<number>();
  const nameOf = (at: Region): string => {
    const known = names.get(at);
    if (known !== undefined) return known;
    const { variable, ends, behind } = regions.edges(at);
    const { word: index, shift } = places[variable]!;
    words.add(index);
    const width = Math.log2(regions.tops[variable]! + 1);
    const value = `((_ extract ${shift + width - 1} ${shift}) ${word(index)})`;
    const edges = ends.map((end, i) => {
      const low = i === 0 ? 0 : ends[i - 1]! + 1;
      const inside = `(bvule ${literal(BigInt(low), width)} ${value}) (bvule ${value} ${literal(BigInt(end), width)})`;
      return `(and ${inside} ${nameOf(behind[i]!)})`;
    });
    const name = `n${at}`;
    lines.push(`(define-fun ${name} () Bool (or ${edges.join(' ')}))`);
    names.set(at, name);
    return name;
  };
  const name = nameOf(region);
  return { definitions: lines.join('\n'), name, words };
}
