/** Random tables over few values of overlapping fields, so that rules collide all the time. */
import { field, PACKET_WORDS, tunnelOptionField } from '../../src/packet/fields.ts';
import { type Match, NONE } from '../../src/traffic/match.ts';
import { type Rule } from '../../src/traffic/table.ts';
import { wordBits } from '../../src/traffic/words.ts';

/** A small generator of numbers with a seed (mulberry32). */
export type Draw = (below: number) => number;

export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const NAMES = [
  'reg0',
  'xreg0',
  'xxreg0',
  'in_port',
  'vlan_tci',
  'vlan_vid',
  'vlan_pcp',
  'eth_dst',
  'ip_src',
  'ipv6_src',
  'tp_dst',
  'icmp_code',
  'ct_state',
  'nw_tos',
  'ip_dscp',
  'mpls_label',
  'metadata',
];
// A tunnel option of twelve bytes: 96 bits, as a TLV map would place it.
const FIELDS = [...NAMES.map(field), tunnelOptionField(3, 4, 12)];

function ones(width: number): bigint {
  return (1n << BigInt(width)) - 1n;
}

/** A value whose bits are mostly zero, with a few interesting ones. */
function value(draw: Draw, width: number): bigint {
  const top = ones(width);
  switch (draw(6)) {
    case 0:
      return top;
    case 1:
      return BigInt(draw(4)) & top;
    case 2:
      return (BigInt(draw(4)) << BigInt(Math.max(0, width - 2))) & top;
    case 3:
      return (top - BigInt(draw(3))) & top;
    case 4:
      return (1n << BigInt(draw(width))) & top;
    default:
      return BigInt(draw(3)) & top;
  }
}

function mask(draw: Draw, width: number): bigint {
  const top = ones(width);
  switch (draw(6)) {
    case 0:
      return (top << BigInt(draw(width))) & top;
    case 1:
      return value(draw, width) | 1n;
    case 2:
      return (1n << BigInt(draw(width))) | (1n << BigInt(draw(width)));
    case 3: {
      const low = draw(width);
      return (ones(1 + draw(width)) << BigInt(low)) & top;
    }
    default:
      return top;
  }
}

function atom(draw: Draw): Match {
  const of = FIELDS[draw(FIELDS.length)]!;
  const kind = draw(24);
  if (kind === 0) return { kind: 'any' };
  if (kind === 1) return NONE;
  if (kind < 4) return { kind: 'opaque', text: '?', origin: { file: 'test', line: 1 } };
  if (kind < 8) {
    const ends = Array.from({ length: 2 * (1 + draw(3)) }, () => value(draw, of.width));
    const sorted = [...new Set(ends)].sort((a, b) => (a < b ? -1 : 1));
    const ranges: { from: bigint; to: bigint }[] = [];
    for (let i = 0; i < sorted.length; i += 2) {
      ranges.push({ from: sorted[i]!, to: sorted[i + 1] ?? sorted[i]! });
    }
    return { kind: 'within', field: of, ranges };
  }
  const bits = mask(draw, of.width);
  return { kind: 'test', field: of, value: value(draw, of.width) & bits, mask: bits };
}

export function randomMatch(draw: Draw, depth: number): Match {
  const kind = depth === 0 ? 9 : draw(10);
  if (kind >= 7) return atom(draw);
  if (kind === 6) return { kind: 'not', of: randomMatch(draw, depth - 1) };
  const of = Array.from({ length: draw(4) }, () => randomMatch(draw, depth - 1));
  return kind === 5 ? { kind: 'or', of } : { kind: 'and', of };
}

export function randomRules(draw: Draw, count: number): Rule<string>[] {
  const ranks = 1 + draw(count);
  return Array.from({ length: count }, (_, i) => ({
    match: randomMatch(draw, draw(4) === 0 ? 3 : 1),
    rank: draw(ranks),
    decisive: draw(5) !== 0,
    entry: `entry ${i}`,
  }));
}

/** Every number at which some atom of a match changes its mind, by field. */
function edges(match: Match, into: { field: (typeof FIELDS)[number]; value: bigint }[]): void {
  switch (match.kind) {
    case 'test':
      into.push({ field: match.field, value: match.value });
      into.push({
        field: match.field,
        value: match.value | (~match.mask & ones(match.field.width)),
      });
      into.push({ field: match.field, value: match.value ^ (match.mask & -match.mask) });
      return;
    case 'within':
      for (const { from, to } of match.ranges) {
        for (const at of [from - 1n, from, to, to + 1n]) {
          if (at >= 0n && at <= ones(match.field.width))
            into.push({ field: match.field, value: at });
        }
      }
      return;
    case 'not':
      edges(match.of, into);
      return;
    case 'and':
    case 'or':
      for (const part of match.of) edges(part, into);
      return;
    default:
  }
}

/** Packets that sit on the edges of the rules' intervals; aimed at one rule, then disturbed. */
export function probesFor(draw: Draw, rules: readonly Rule<unknown>[], count: number) {
  const all: { field: (typeof FIELDS)[number]; value: bigint }[] = [];
  for (const rule of rules) edges(rule.match, all);
  return Array.from({ length: count }, () => {
    const words = new Uint32Array(PACKET_WORDS);
    const aim: { field: (typeof FIELDS)[number]; value: bigint }[] = [];
    edges(rules[draw(rules.length)]?.match ?? NONE, aim);
    const some = Array.from(
      { length: all.length === 0 ? 0 : draw(6) },
      () => all[draw(all.length)]!,
    );
    for (const edge of draw(2) === 0 ? [...aim, ...some] : [...some, ...aim]) {
      for (const bits of wordBits(edge.field, edge.value, ones(edge.field.width))) {
        words[bits.word] = ((words[bits.word]! & ~bits.mask) | bits.value) >>> 0;
      }
    }
    return words;
  });
}
