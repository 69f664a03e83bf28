/**
 * Numbers that mean nothing but which statements carry them: ids of conjunctions, zones of
 * connection tracking. The numbers of two sides are matched by their carriers: first those with
 * the very same ones, then each with the one with which it shares most.
 */

/** Carriers of every number, as texts in which the number itself does not stand. */
export type Carriers = ReadonlyMap<string, readonly string[]>;

export type Names = ReadonlyMap<string, string>;

/** Names for the numbers of both sides: the same name where they are matched. */
export function matchNumbers(a: Carriers, b: Carriers): readonly [Names, Names] {
  const [ofA, ofB] = [sorted(a), sorted(b)];
  const namesA = new Map<string, string>();
  const namesB = new Map<string, string>();
  const same = new Map<string, string[]>();
  for (const [number, texts] of ofB) listAt(same, texts.join('\n')).push(number);
  for (const [number, texts] of ofA) {
    const name = `#${namesA.size + 1}`;
    namesA.set(number, name);
    const found = same.get(texts.join('\n'))?.shift();
    if (found !== undefined) namesB.set(found, name);
  }
  const taken = new Set(namesB.values());
  const left = [...ofA].filter(([number]) => !taken.has(namesA.get(number) ?? ''));
  nearest(left, ofB, namesA, namesB);
  for (const number of ofB.keys()) {
    if (!namesB.has(number)) namesB.set(number, `#${namesA.size + namesB.size + 1}`);
  }
  return [namesA, namesB];
}

/** Adds a carrier to a number. */
export function carry(carriers: Map<string, string[]>, number: string, text: string): void {
  listAt(carriers, number).push(text);
}

function listAt(map: Map<string, string[]>, key: string): string[] {
  let found = map.get(key);
  if (found === undefined) {
    found = [];
    map.set(key, found);
  }
  return found;
}

function sorted(carriers: Carriers): Carriers {
  return new Map([...carriers].map(([number, texts]) => [number, texts.toSorted()]));
}

function nearest(
  left: readonly (readonly [string, readonly string[]])[],
  ofB: Carriers,
  namesA: Names,
  namesB: Map<string, string>,
): void {
  const holders = new Map<string, string[]>();
  for (const [number, texts] of ofB) {
    if (namesB.has(number)) continue;
    for (const text of new Set(texts)) listAt(holders, text).push(number);
  }
  const pairs: { readonly a: string; readonly b: string; readonly shared: number }[] = [];
  for (const [number, texts] of left) {
    const shared = new Map<string, number>();
    for (const text of new Set(texts)) {
      for (const other of holders.get(text) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1);
    }
    for (const [other, count] of shared) pairs.push({ a: number, b: other, shared: count });
  }
  pairs.sort((x, y) => y.shared - x.shared);
  const done = new Set<string>();
  for (const { a, b } of pairs) {
    if (done.has(a) || namesB.has(b)) continue;
    done.add(a);
    namesB.set(b, namesA.get(a) ?? '');
  }
}
