/**
 * Ids of conjunctive matches (ovs-fields(7) CONJUNCTIVE MATCH FIELDS) are drawn by the agent: an
 * id means nothing but which flows carry it.
 */
import { type FlowText } from './flow-text.ts';
import { type Carriers, carry, matchNumbers, type Names } from './numbers.ts';

const ID = /conjunction\((\d+),|conj_id=(\d+)/g;

/** Flows of the same bridge on both sides, with ids that are comparable. */
export function matchConjunctions(
  a: readonly FlowText[],
  b: readonly FlowText[],
): readonly [readonly FlowText[], readonly FlowText[]] {
  const [ofA, ofB] = [carriersOf(a), carriersOf(b)];
  if (ofA.size === 0 && ofB.size === 0) return [a, b];
  const [namesA, namesB] = matchNumbers(ofA, ofB);
  return [a.map((each) => renamed(each, namesA)), b.map((each) => renamed(each, namesB))];
}

/** Texts of the flows that carry an id, without ids. */
function carriersOf(texts: readonly FlowText[]): Carriers {
  const carriers = new Map<string, string[]>();
  for (const { whole } of texts) {
    if (!whole.includes('conj')) continue;
    const bare = whole
      .replaceAll(/conjunction\(\d+,/g, 'conjunction(,')
      .replaceAll(/conj_id=\d+/g, 'conj_id=');
    for (const match of whole.matchAll(ID)) carry(carriers, match[1] ?? match[2] ?? '', bare);
  }
  return carriers;
}

function renamed({ match, whole }: FlowText, names: Names): FlowText {
  if (!whole.includes('conj')) return { match, whole };
  const named = (text: string): string =>
    text.replaceAll(ID, (_, joined?: string, id = '') =>
      joined === undefined ? `conj_id=${names.get(id)}` : `conjunction(${names.get(joined)},`,
    );
  // A flow may carry several, in the order in which they were added.
  const list = /conjunction\([^)]*\)(?:,conjunction\([^)]*\))+/g;
  const inOrder = named(whole).replaceAll(list, (several) =>
    (several.match(/conjunction\([^)]*\)/g) ?? []).sort().join(','),
  );
  return { match: named(match), whole: inOrder };
}
