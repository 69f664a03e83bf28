/** Steps in their final order, with fingerprints of what each finds and leaves behind. */
import { type HostState, type RegionPrint, regionOf, regionOfId, type Step } from '../types.ts';
import { type Draft } from './draft.ts';
import { type Waves } from './waves.ts';

/** A text's fingerprint; given from outside, as hashing is no business of a plan. */
export type Hash = (text: string) => string;

/**
 * All steps, wave by wave.
 *
 * @param tracked texts of every host as it was read
 */
export function numberedSteps(
  waves: Waves,
  tracked: ReadonlyMap<string, ReadonlyMap<string, string>>,
  hash: Hash,
): readonly Step[] {
  const texts = new Map([...tracked].map(([host, of]) => [host, new Map(of)]));
  const counts = new Map<string, number>();
  return waves.flatMap((steps, wave) =>
    steps.map(({ host, draft }) => {
      const number = (counts.get(host) ?? 0) + 1;
      counts.set(host, number);
      const own = texts.get(host) ?? new Map<string, string>();
      texts.set(host, own);
      return numbered({ host, number, wave }, draft, own, hash);
    }),
  );
}

/** Adds the fingerprints of the regions that a step touches, and moves `texts` behind it. */
function numbered(
  { host, number, wave }: { readonly host: string; readonly number: number; readonly wave: number },
  { pairs, ...draft }: Draft,
  texts: Map<string, string>,
  hash: Hash,
): Step {
  const touched = [...new Set(pairs.map(({ old, to }) => regionOf((to ?? old)!)))];
  const before = touched.map((region) => printOf(region, texts, hash));
  const changes = pairs.map(({ old, to }) => {
    const item = (to ?? old)!;
    const id = `${item.kind} ${item.place} ${item.key}`;
    if (to === null) texts.delete(id);
    else texts.set(id, to.text);
    return [id, to?.text ?? null] as const;
  });
  const regions = touched.map(
    (region, i): RegionPrint => ({
      region,
      before: before[i] ?? '',
      after: printOf(region, texts, hash),
    }),
  );
  return { id: `${host} ${number}`, host, wave, ...draft, changes, regions };
}

/** The fingerprint of a region of a host. */
function printOf(region: string, texts: ReadonlyMap<string, string>, hash: Hash): string {
  const lines: string[] = [];
  for (const [id, text] of texts) if (regionOfId(id) === region) lines.push(`${id}\n${text}`);
  return hash(lines.sort().join('\n'));
}

/** The texts of everything that a plan may touch on a host: ours, and what is wanted. */
export function trackedTexts(actual: HostState, desired: HostState): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [id, { text, kind, place }] of actual.items) {
    if (kind === 'sysctl' && !desired.items.has(id)) {
      // A setting counts where it is asked for, and where its namespace is ours to remove.
      if (desired.items.has(`namespace ${place} ${place}`) || !actual.owned.has(id)) continue;
    }
    if (actual.owned.has(id) || desired.items.has(id)) texts.set(id, text);
  }
  return texts;
}
