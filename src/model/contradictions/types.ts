/**
 * What cannot be true together in a cloud although every object of it can be read. The rules are
 * those of Neutron's server, which refuses such requests; answers of an API that were edited, merged
 * or saved at different times break them nevertheless.
 */
import { prefixCovers } from '../../packet/prefix.ts';
import { type CloudPrefix } from '../neutron.ts';

/** Kinds of objects, by what the API calls their collections. */
export type ObjectKind =
  | 'agents'
  | 'networks'
  | 'subnets'
  | 'ports'
  | 'routers'
  | 'floatingips'
  | 'trunks'
  | 'security-group-rules';

/** A sentence about an object that names it and whatever it contradicts. */
export interface Contradiction {
  readonly kind: ObjectKind;
  readonly id: string;
  /** The column that is wrong, by its names in the API and the client; none is the whole object. */
  readonly columns?: readonly string[];
  /** Which of the column's rows. */
  readonly index?: number;
  readonly message: string;
}

/** A name as a sentence shows it; objects without one have their id. */
export function named({ name, id }: { readonly name: string; readonly id: string }): string {
  return JSON.stringify(name === '' ? id : name);
}

/** Objects by what `key` says of them, in their order. */
export function groupedBy<T>(
  all: readonly T[],
  key: (each: T) => string,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const own = groups.get(key(each));
    if (own === undefined) groups.set(key(each), [each]);
    else own.push(each);
  }
  return groups;
}

/** Each two that overlap, of which the later one is first; prefixes are nested or apart. */
export function overlapping<T extends { readonly prefix: CloudPrefix }>(
  all: readonly T[],
): readonly (readonly [T, T])[] {
  const order = new Map(all.map((each, i) => [each, i]));
  const sorted = [...all].sort(byPlace);
  const found: (readonly [T, T])[] = [];
  let widest: T | undefined;
  for (const each of sorted) {
    if (widest !== undefined && prefixCovers(widest.prefix, each.prefix.address)) {
      const later = (order.get(each) ?? 0) > (order.get(widest) ?? 0);
      found.push(later ? [each, widest] : [widest, each]);
    } else widest = each;
  }
  return found;
}

function byPlace(a: { readonly prefix: CloudPrefix }, b: { readonly prefix: CloudPrefix }): number {
  const [one, other] = [a.prefix.address, b.prefix.address];
  if (one.version !== other.version) return one.version - other.version;
  if (one.value !== other.value) return one.value < other.value ? -1 : 1;
  return a.prefix.length - b.prefix.length;
}
