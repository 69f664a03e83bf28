/** Conditions evaluated on one packet's words. */
import { describe, expect, it } from 'vitest';
import { field } from '../../src/packet/fields.ts';
import { guard } from '../../src/traffic/guard.ts';
import { and, type Match, NONE, not, or, test } from '../../src/traffic/match.ts';
import { packetWith } from './neutron-tables.ts';

const opaque: Match = { kind: 'opaque', text: 'foo', origin: { file: 'x', line: 1 } };
const yes: Match = { kind: 'any' };
const blank = packetWith({});

describe('a guard', () => {
  it('finds a field among ranges, at both ends and between', () => {
    const of = field('eth_src');
    const ranges = Array.from({ length: 100 }, (_, i) => {
      return { from: BigInt(i) << 33n, to: (BigInt(i) << 33n) + 5n };
    });
    const inside = guard({ kind: 'within', field: of, ranges });
    const at = (eth_src: bigint) => inside.test(packetWith({ eth_src }));
    for (const i of [0n, 1n, 50n, 99n]) {
      expect([0n, 5n, 6n, 1n << 32n].map((plus) => at((i << 33n) + plus))).toEqual([1, 1, 0, 0]);
    }
    expect(at((1n << 48n) - 1n)).toBe(0);
  });

  it('reads ranges of a field that shares its word with another', () => {
    const pcp = field('vlan_pcp');
    const high = guard({ kind: 'within', field: pcp, ranges: [{ from: 5n, to: 6n }] });
    const tci = [0x9fff, 0xa000, 0xdfff, 0xe000];
    expect(tci.map((vlan_tci) => high.test(packetWith({ vlan_tci })))).toEqual([0, 1, 1, 0]);
  });

  it('takes ranges in any order', () => {
    const of = field('tp_dst');
    const ranges = [
      { from: 90n, to: 95n },
      { from: 10n, to: 60n },
      { from: 20n, to: 30n },
    ];
    const inside = guard({ kind: 'within', field: of, ranges });
    const ports = [9, 10, 45, 60, 61, 90, 96];
    expect(ports.map((tp_dst) => inside.test(packetWith({ tp_dst })))).toEqual([
      0, 1, 1, 1, 0, 1, 0,
    ]);
    expect(guard({ kind: 'within', field: of, ranges: [] }).test(blank)).toBe(0);
  });

  it.each([
    ['and with a part that does not match', and(opaque, NONE), 0],
    ['and with parts that match', { kind: 'and', of: [yes, opaque] } as Match, -1],
    ['or with a part that matches', { kind: 'or', of: [opaque, yes] } as Match, 1],
    ['or with parts that do not match', or(opaque, test(field('reg0'), 1n)), -1],
    ['not', not(opaque), -1],
  ])('does not guess what is not understood: %s', (_name, match, truth) => {
    expect(guard(match).test(blank)).toBe(truth);
  });
});
