/** Addresses of two packets compared under a mask: what tells lists and buckets apart. */
import { type FieldPairs } from '../../../traffic/traffic.ts';
import { F } from '../fields.ts';

/** Which bits of two packets must be equal for their addresses to be one. */
export function addressPairs(
  version: 4 | 6,
  here: 'source' | 'destination',
  there: 'source' | 'destination',
  mask: bigint,
): FieldPairs {
  const pairs: [FieldPairs[number][0], FieldPairs[number][1]][] = [];
  const to = F[here][version];
  const from = F[there][version];
  for (let start = 0; start < to.width; ) {
    const one = ((mask >> BigInt(start)) & 1n) === 1n;
    let end = start + 1;
    while (end < to.width && ((mask >> BigInt(end)) & 1n) === (one ? 1n : 0n)) end++;
    if (one) {
      const width = end - start;
      pairs.push([
        { field: to, start, width },
        { field: from, start, width },
      ]);
    }
    start = end;
  }
  return pairs;
}
