/**
 * Small worlds, whole: up to three hosts of up to three tables over fields of two or three bits.
 * Every packet there is walks alone, and all of them walk as one set; nothing may differ.
 */
import { describe, expect, it } from 'vitest';
import { type FieldBits, field } from '../../../src/packet/fields.ts';
import { compileTable } from '../../../src/traffic/compiled.ts';
import { type Match, test as tests } from '../../../src/traffic/match.ts';
import { onePacket } from '../../../src/traffic/one-packet.ts';
import { blankPacket } from '../../../src/traffic/packet.ts';
import { holds, imageOf } from '../../../src/traffic/sets/images.ts';
import { everyPacket } from '../../../src/traffic/sets/packet-set.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { type Rule, type Table } from '../../../src/traffic/table.ts';
import { type Traffic } from '../../../src/traffic/traffic.ts';
import { bitsAssignment } from '../../../src/traffic/words.ts';
import { type Draw, drawFrom } from '../random-rules.ts';

/** The bits that packets of a small world differ in: ten, so 1,024 packets. */
const SMALL: readonly FieldBits[] = [
  { field: field('in_port'), start: 0, width: 2 },
  { field: field('ip_dst'), start: 0, width: 3 },
  { field: field('tp_dst'), start: 0, width: 3 },
  { field: field('reg0'), start: 7, width: 2 },
];
const PACKETS = 1 << SMALL.reduce((sum, { width }) => sum + width, 0);
const MOST_TABLES_PASSED = 9;

type Action =
  | { readonly kind: 'set'; readonly to: FieldBits; readonly value: bigint }
  | { readonly kind: 'copy'; readonly to: FieldBits; readonly from: FieldBits }
  | { readonly kind: 'add'; readonly delta: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'table' | 'host'; readonly number: number };

interface Flow {
  readonly name: string;
  readonly actions: readonly Action[];
}

type World = readonly (readonly Table<Flow>[])[];

function randomMatch(draw: Draw): Match {
  const of: Match[] = [];
  for (const { field: each, start, width } of SMALL) {
    const kind = draw(4);
    if (kind === 0) {
      const mask = BigInt(1 + draw((1 << width) - 1)) << BigInt(start);
      of.push(tests(each, (BigInt(draw(1 << width)) << BigInt(start)) & mask, mask));
    } else if (kind === 1 && start === 0) {
      const from = draw(1 << width);
      const to = from + draw((1 << width) - from);
      const ranges = [{ from: BigInt(from), to: BigInt(to) }];
      const inside: Match = { kind: 'within', field: each, ranges };
      of.push(draw(3) === 0 ? { kind: 'not', of: inside } : inside);
    }
  }
  return { kind: draw(6) === 0 ? 'or' : 'and', of };
}

function some(draw: Draw, width: number): FieldBits {
  const wide = SMALL.filter((each) => each.width >= width);
  const { field: of, start, width: whole } = wide[draw(wide.length)]!;
  return { field: of, start: start + draw(whole - width + 1), width };
}

function randomActions(draw: Draw, table: number, tables: number, hosts: number): Action[] {
  const actions: Action[] = [];
  for (let i = draw(3); i > 0; i--) {
    const width = 1 + draw(2);
    const kind = draw(5);
    if (kind === 4) actions.push({ kind: 'add', delta: draw(3) - 1 });
    else if (kind < 2) {
      actions.push({ kind: 'set', to: some(draw, width), value: BigInt(draw(1 << width)) });
    } else actions.push({ kind: 'copy', to: some(draw, width), from: some(draw, width) });
  }
  const last = draw(5);
  if (last === 0) actions.push({ kind: 'drop' });
  if (last >= 1 && last <= 2 && table + 1 < tables) {
    actions.push({ kind: 'table', number: table + 1 + draw(tables - table - 1) });
  } else if (last >= 1) actions.push({ kind: 'host', number: draw(hosts) });
  return actions;
}

function randomWorld(draw: Draw): World {
  const hosts = 1 + draw(3);
  return Array.from({ length: hosts }, () => {
    const tables = 1 + draw(3);
    return Array.from({ length: tables }, (_, table) => {
      const rules: Rule<Flow>[] = Array.from({ length: 1 + draw(5) }, (__, i) => ({
        match: randomMatch(draw),
        rank: i,
        decisive: true,
        entry: { name: `${table}.${i}`, actions: randomActions(draw, table, tables, hosts) },
      }));
      return compileTable(rules);
    });
  });
}

interface End<P> {
  readonly way: string;
  readonly p: P;
}

/** Walks a world from its first host on, along every flow that matches, to every end. */
function walked<P>(traffic: Traffic<P>, world: World, start: P): readonly End<P>[] {
  const ends: End<P>[] = [];
  const go = (host: number, table: number, way: string, from: P, passed: number): void => {
    if (passed > MOST_TABLES_PASSED) {
      ends.push({ way: `${way} loop`, p: from });
      return;
    }
    for (const { entries, p } of traffic.lookup(from, world[host]![table]!)) {
      const flow = entries[0]?.entry;
      const here = `${way} ${host}:${flow?.name ?? 'miss'}`;
      let next = p;
      let on: readonly [number, number] | null = null;
      for (const action of flow?.actions ?? []) {
        if (action.kind === 'set') {
          next = traffic.set(next, bitsAssignment(action.to, action.value));
        } else if (action.kind === 'copy') {
          next = traffic.copy(next, action.to, traffic.fork(next), action.from);
        } else if (action.kind === 'add') next = traffic.add(next, field('nw_ttl'), action.delta);
        else if (action.kind === 'table') on = [host, action.number];
        else if (action.kind === 'host') on = [action.number, 0];
      }
      if (on === null) ends.push({ way: `${here} end`, p: next });
      else go(on[0], on[1], here, next, passed + 1);
    }
  };
  go(0, 0, '', start, 0);
  return ends;
}

function packetOf(number: number): Uint32Array {
  let p = blankPacket();
  let rest = number;
  for (const bits of SMALL) {
    p = onePacket.set(p, bitsAssignment(bits, BigInt(rest % (1 << bits.width))));
    rest = Math.floor(rest / (1 << bits.width));
  }
  return p.words;
}

describe('a small world', () => {
  it('treats all packets together as each of them alone, for 24 worlds', () => {
    const every = Array.from({ length: PACKETS }, (_, i) => packetOf(i));
    let ends = 0;
    for (let seed = 1; seed <= 24; seed++) {
      const world = randomWorld(drawFrom(seed));
      const together = walked(packetSets, world, everyPacket(openSpace()));
      expect(together.flatMap(({ p }) => p.doubts)).toEqual([]);
      ends += together.length;
      const wrong: unknown[] = [];
      for (const words of every) {
        const alone = walked(onePacket, world, { ...blankPacket(), words: words.slice() });
        const here = together.filter(({ p }) => holds(p, words));
        const one = alone[0];
        const set = here[0];
        const agree =
          alone.length === 1 &&
          here.length === 1 &&
          one?.way === set?.way &&
          set !== undefined &&
          imageOf(set.p, words).every((word, i) => word === one?.p.words[i]);
        if (!agree) wrong.push({ seed, alone: one?.way, together: here.map(({ way }) => way) });
      }
      expect(wrong.slice(0, 2)).toEqual([]);
    }
    expect(ends).toBeGreaterThan(120);
  });
});
