/** The addresses that packets of all pairs are sent to, in order. Before: `servers.ts`. */
import { type AllPairs } from './all-pairs.ts';
import { type Station } from './places.ts';
import { type Target } from './servers.ts';

/** The addresses that packets are sent to, in order, with the servers that have them. */
export interface Book {
  readonly addresses: readonly number[];
  readonly targets: readonly ReadonlyMap<Station, Target>[];
}

export function bookOf(all: AllPairs): Book {
  const byAddress = new Map<number, Map<Station, Target>>();
  for (const target of all.targets) {
    const known = byAddress.get(target.address) ?? new Map<Station, Target>();
    known.set(target.server.station, target);
    byAddress.set(target.address, known);
  }
  const addresses = [...byAddress.keys()].sort((a, b) => a - b);
  return { addresses, targets: addresses.map((address) => byAddress.get(address)!) };
}

/** Where in the book the first address stands that is not below. */
export function placeIn({ addresses }: Book, address: number): number {
  let from = 0;
  let upTo = addresses.length;
  while (from < upTo) {
    const middle = (from + upTo) >>> 1;
    if (addresses[middle]! < address) from = middle + 1;
    else upTo = middle;
  }
  return from;
}
