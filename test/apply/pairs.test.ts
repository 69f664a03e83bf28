/** Which pairs of servers a proof asks first. */
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/apply/execute/observe.ts';
import { pairsInTurn } from '../../src/apply/prove/pairs.ts';
import { VLAN_HYBRID } from '../reality/apply/clouds.ts';
import { compiledTexts } from './two-clouds.ts';

/** Ten servers more, each like b3: on compute1, in the group `inner`. */
const CROWD = Array.from(
  { length: 10 },
  (_, i) =>
    `  - {name: c${i}, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.${20 + i}], security_groups: [inner]}]}`,
).join('\n');

describe('pairs of servers', () => {
  it('are asked one of each kind first, and every one in the end', () => {
    const yaml = VLAN_HYBRID.replace('routers:', `${CROWD}\nrouters:`);
    const network = networkOf(compiledTexts(yaml));
    const { pairs, kinds } = pairsInTurn(network, network);
    expect(pairs).toHaveLength(13 * 12);
    expect(new Set(pairs.map(({ from, to }) => `${from} ${to}`)).size).toBe(13 * 12);
    // b1, b2, and all others: of both directions between kinds, and within the last.
    expect(kinds).toBe(7);
    const kindOf = (name: string): string => (name === 'b1' || name === 'b2' ? name : 'others');
    const first = pairs.slice(0, kinds).map(({ from, to }) => `${kindOf(from)} ${kindOf(to)}`);
    expect(new Set(first).size).toBe(kinds);
  });
});
