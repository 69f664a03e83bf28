/**
 * For which other addresses a result holds: while a connection is followed, everything that looks
 * at an address narrows the run of addresses that would all have been treated the same.
 */
import { EVERYWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { ADDRESS } from './coordinates.ts';

/** A run of IPv4 addresses, both ends included. */
export interface Extent {
  low: number;
  high: number;
}

const LAST = 0xffff_ffff;

export function everyAddress(): Extent {
  return { low: 0, high: LAST };
}

export function widen(extent: Extent): void {
  extent.low = 0;
  extent.high = LAST;
}

export function narrowTo(extent: Extent, low: number, high: number): void {
  if (low > extent.low) extent.low = low;
  if (high < extent.high) extent.high = high;
}

/** The region for one address, and the extent of those for which it is the same. */
export function seenFrom(
  regions: Regions,
  region: Region,
  address: number,
  extent: Extent,
): Region {
  if (region <= EVERYWHERE) return region;
  const { variable, ends, behind } = regions.edges(region);
  if (variable !== ADDRESS) return region;
  let from = 0;
  let upTo = ends.length - 1;
  while (from < upTo) {
    const middle = (from + upTo) >>> 1;
    if (ends[middle]! < address) from = middle + 1;
    else upTo = middle;
  }
  narrowTo(extent, from === 0 ? 0 : ends[from - 1]! + 1, ends[from]!);
  return behind[from]!;
}

/** Addresses cut into runs. */
export interface Cuts {
  /** First addresses of the runs, in order; the first is 0. */
  readonly starts: readonly number[];
}

/** Cuts at both ends of each network; one that is no run of addresses cuts them all apart. */
export function cutsAt(
  networks: Iterable<{ readonly value: number; readonly mask: number }>,
): Cuts | null {
  const starts = new Set([0]);
  for (const { value, mask } of networks) {
    const size = 2 ** 32 - mask;
    // A mask of leading ones: what is missing to 2^32 is a power of two.
    if (mask !== 0 && (size & (size - 1)) !== 0) return null;
    starts.add(value);
    if (mask !== 0 && value + size <= LAST) starts.add(value + size);
  }
  return { starts: [...starts].sort((a, b) => a - b) };
}

/** Narrows an extent to the run around an address; without cuts to the address. */
export function within(cuts: Cuts | null, address: number, extent: Extent): void {
  if (cuts === null) return narrowTo(extent, address, address);
  const { starts } = cuts;
  let from = 0;
  let upTo = starts.length - 1;
  while (from < upTo) {
    const middle = (from + upTo + 1) >>> 1;
    if (starts[middle]! <= address) from = middle;
    else upTo = middle - 1;
  }
  narrowTo(extent, starts[from]!, (starts[from + 1] ?? 2 ** 32) - 1);
}
