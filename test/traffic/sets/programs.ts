/**
 * Random little programs over `Traffic`, as an element might be: run on one packet and on the
 * set of all packets, they must say the same of every packet.
 */
import { type FieldBits, field } from '../../../src/packet/fields.ts';
import { compileTable } from '../../../src/traffic/compiled.ts';
import { guard } from '../../../src/traffic/guard.ts';
import { type Match } from '../../../src/traffic/match.ts';
import { type Rule } from '../../../src/traffic/table.ts';
import { type Traffic } from '../../../src/traffic/traffic.ts';
import { assignment, bitsAssignment } from '../../../src/traffic/words.ts';
import { type Draw, randomMatch, randomRules } from '../random-rules.ts';

/** The way of traffic whose values are too many to be told apart: it may go on as any. */
export const TOO_MANY = 'too many';

/** Does something to traffic; what comes out is labelled with the way it took. */
export type Program = <P>(
  traffic: Traffic<P>,
  p: P,
) => readonly { readonly way: string; readonly p: P }[];

const NAMES = [
  'reg0',
  'reg1',
  'xreg0',
  'in_port',
  'eth_dst',
  'ip_src',
  'ip_dst',
  'tp_dst',
  'metadata',
];
const WIDE = ['ipv6_src', 'xxreg0', 'tun_id'];

function someBits(draw: Draw, names: readonly string[], width?: number): FieldBits {
  const of = field(names[draw(names.length)]!);
  const wanted = width ?? 1 + draw(of.width);
  const size = Math.min(wanted, of.width);
  return { field: of, start: draw(of.width - size + 1), width: size };
}

function step(draw: Draw, rules: Rule<string>[]): Program {
  const kind = draw(9);
  if (kind <= 1) {
    const match: Match = randomMatch(draw, 2);
    const asked = guard(match);
    return (traffic, p) => {
      const { hit, miss } = traffic.split(p, asked);
      return [
        ...(hit === null ? [] : [{ way: 'y', p: hit }]),
        ...(miss === null ? [] : [{ way: 'n', p: miss }]),
      ];
    };
  }
  if (kind === 2) {
    const made = randomRules(draw, 1 + draw(10));
    rules.push(...made);
    const table = compileTable(made);
    return (traffic, p) =>
      traffic.lookup(p, table).map(({ entries, p: part }) => ({
        way: entries.map(({ entry, certain }) => `${entry}${certain ? '' : '?'}`).join(),
        p: part,
      }));
  }
  if (kind === 3) {
    const to = someBits(draw, [...NAMES, ...WIDE]);
    const value = BigInt(draw(1 << 16)) & ((1n << BigInt(to.width)) - 1n);
    return (traffic, p) => [{ way: '', p: traffic.set(p, bitsAssignment(to, value)) }];
  }
  if (kind === 4) {
    const of = field(NAMES[draw(NAMES.length)]!);
    const mask = BigInt(draw(1 << 16)) & ((1n << BigInt(of.width)) - 1n);
    const write = assignment(of, BigInt(draw(1 << 16)), mask);
    return (traffic, p) => [{ way: '', p: traffic.set(p, write) }];
  }
  if (kind === 5) {
    const to = someBits(draw, NAMES);
    const from = someBits(draw, NAMES, to.width);
    if (from.width !== to.width) return (_, p) => [{ way: '', p }];
    return (traffic, p) => [{ way: '', p: traffic.copy(p, to, traffic.fork(p), from) }];
  }
  if (kind === 6) {
    const of = field(['nw_ttl', 'tp_dst', 'reg0', 'frame_len'][draw(4)]!);
    const delta = draw(5) - 2;
    return (traffic, p) => [{ way: '', p: traffic.add(p, of, delta) }];
  }
  if (kind === 7) {
    const here = someBits(draw, NAMES);
    const there = { ...here };
    const change = assignment(here.field, BigInt(draw(4)));
    return (traffic, p) => {
      const seen = traffic.set(traffic.fork(p), change);
      const { hit, miss } = traffic.same(p, seen, [[here, there]]);
      return [
        ...(hit === null ? [] : [{ way: '=', p: hit }]),
        ...(miss === null ? [] : [{ way: '#', p: miss }]),
      ];
    };
  }
  const bits = { field: field('tp_dst'), start: 0, width: 2 };
  return (traffic, p) => {
    const parts = traffic.cases(p, bits, 4);
    if (parts === null) return [{ way: TOO_MANY, p }];
    return parts.map(({ value, p: part }) => ({ way: `${value}`, p: part }));
  };
}

/** A program of some steps, and the rules of its tables: where the interesting packets are. */
export function randomProgram(
  draw: Draw,
  length: number,
): { readonly run: Program; readonly rules: readonly Rule<string>[] } {
  const rules: Rule<string>[] = randomRules(draw, 3);
  const steps = Array.from({ length }, () => step(draw, rules));
  return {
    rules,
    run: (traffic, p) => {
      let parts: readonly { readonly way: string; readonly p: typeof p }[] = [{ way: '', p }];
      for (const each of steps) {
        parts = parts.flatMap(({ way, p: part }) =>
          each(traffic, part).map((next) => ({ way: `${way}/${next.way}`, p: next.p })),
        );
      }
      return parts;
    },
  };
}
