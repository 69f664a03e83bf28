/** What a host is expected to hold behind each step, compared with what it holds. */
import { type HostState, regionOfId, type Step } from '../types.ts';

export type Texts = Map<string, string>;

/** Moves the expectation behind a step. */
export function after(texts: Texts, { changes }: Step): void {
  for (const [id, text] of changes) {
    if (text === null) texts.delete(id);
    else texts.set(id, text);
  }
}

/** Ids in which a host is not as expected; only regions of `regions` when they are given. */
export function deviations(
  expected: ReadonlyMap<string, string>,
  actual: HostState,
  regions: ReadonlySet<string> | null,
): readonly string[] {
  const counts = (id: string): boolean => regions === null || regions.has(regionOfId(id));
  const found: string[] = [];
  for (const [id, text] of expected) {
    if (!counts(id)) continue;
    const there = actual.items.get(id);
    // A setting that the running kernel lacks cannot be set.
    if (there === undefined && id.startsWith('sysctl ')) continue;
    if (there?.text !== text)
      found.push(there === undefined ? `${id} is missing` : `${id} is ${there.text}`);
  }
  for (const id of actual.owned) {
    if (id.startsWith('sysctl ') || !counts(id) || expected.has(id)) continue;
    found.push(`${id} should not be there`);
  }
  return found;
}

/** Namespaces in which the other ends of the regions' cables stand, as far as they are expected. */
export function besideOf(
  expected: ReadonlyMap<string, string>,
  regions: ReadonlySet<string>,
): readonly string[] {
  const found = new Set<string>();
  for (const [id, text] of expected) {
    if (!id.startsWith('device ') || !regions.has(regionOfId(id))) continue;
    const { peer } = JSON.parse(text) as { readonly peer?: unknown };
    if (typeof peer === 'string') found.add(peer.split('/', 1)[0] ?? '');
  }
  return [...found];
}
