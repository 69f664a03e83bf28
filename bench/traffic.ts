/**
 * What a lookup costs: warm, cold and in memory, on tables like those of br-int.
 * Run with `npx tsx --expose-gc bench/traffic.ts`.
 */

import { allBits, field } from '../src/packet/fields.ts';
import { compileTable } from '../src/traffic/compiled.ts';
import { readDiary } from '../src/traffic/diary.ts';
import { guard } from '../src/traffic/guard.ts';
import { test } from '../src/traffic/match.ts';
import { blankPacket, onePacket, type Packet } from '../src/traffic/one-packet.ts';
import { type Rule, type Table } from '../src/traffic/table.ts';
import { assignment, bitsAssignment } from '../src/traffic/words.ts';
import { hostWith, neutronTables, wayOf } from '../test/traffic/neutron-tables.ts';

function nanoseconds(rounds: number, work: () => void): number {
  for (let i = 0; i < rounds / 4; i++) work();
  let best = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < 5; sample++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds; i++) work();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds);
  }
  return best;
}

function heapMegabytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}

function show(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(58)} ${value.toFixed(unit === 'ns' ? 0 : 2).padStart(10)} ${unit}`);
}

function cold(name: string, rules: readonly Rule<string>[], words: Uint32Array): Table<string> {
  const start = process.hrtime.bigint();
  const table = compileTable(rules);
  table.find(words);
  const took = Number(process.hrtime.bigint() - start) / 1e6;
  show(`cold first lookup, ${name} (${rules.length} rules)`, took, 'ms');
  return table;
}

function neutron(ports: number, remote: number): void {
  const host = hostWith(ports, remote, 4);
  const before = heapMegabytes();
  const rules = neutronTables(host);
  const given = heapMegabytes();
  let count = 0;
  for (const each of rules.values()) count += each.length;
  console.log(
    `\n${ports} ports, ${remote} remote members: ${count} flows, ${(given - before).toFixed(1)} MB`,
  );
  const tables = new Map<number, Table<string>>();
  const way = wayOf(host.ports[0]!, host.ports[4]!, 80);
  for (const [number, words] of way) {
    tables.set(number, cold(`table ${number}`, rules.get(number)!, words));
  }
  const second = wayOf(host.ports[8]!, host.ports[12]!, 80);
  const start = process.hrtime.bigint();
  for (const [number, words] of second) tables.get(number)!.find(words);
  show(
    'six lookups of another pair of ports, cold',
    Number(process.hrtime.bigint() - start) / 1e6,
    'ms',
  );
  const pairs = host.ports
    .slice(0, 64)
    .map((port, i) => wayOf(port, host.ports[(i + 4) % 64]!, 80));
  for (const [i, [number]] of way.entries()) {
    const table = tables.get(number)!;
    let at = 0;
    const one = nanoseconds(200_000, () => {
      at = (at + 1) & 63;
      table.find(pairs[at]![i]![1]);
    });
    show(`warm lookup, table ${number}, 64 ports in turn`, one, 'ns');
  }
  const after = heapMegabytes();
  show('bytes per 1,000 rules after 64 pairs', ((after - given) * 1e6) / (count / 1000), 'B');
}

/** Twelve lookups, forty actions, two forks and their notes: the shape of one trace. */
function traceLike(): void {
  const host = hostWith(150, 2000, 4);
  const rules = neutronTables(host);
  const pairs = host.ports
    .slice(0, 64)
    .map((port, i) => wayOf(port, host.ports[(i + 4) % 64]!, 80));
  const tables = new Map([...rules].map(([number, each]) => [number, compileTable(each)]));
  const t = onePacket;
  const reg = [0, 1, 2, 3, 4].map((n) => assignment(field(`reg${n}`), BigInt(n + 1)));
  const part = bitsAssignment({ field: field('reg6'), start: 0, width: 16 }, 9n);
  const mac = assignment(field('eth_src'), 0xfa163e000001n);
  const run = (name: string, start: number, width: number) => ({
    field: field(name),
    start,
    width,
  });
  const [zone, bits] = [run('ct_zone', 0, 16), run('reg6', 0, 16)];
  const [src, dst] = [allBits(field('eth_src')), allBits(field('eth_dst'))];
  const ttl = field('nw_ttl');
  const alive = guard(test(ttl, 1n));
  const step = () => ({ kind: 'flow' });
  let last: Packet = blankPacket();
  const trace = (way: (typeof pairs)[number]) => {
    let p: Packet = { ...blankPacket(), words: way[0]![1].slice() };
    for (let half = 0; half < 2; half++) {
      for (let i = 0; i < 6; i++) {
        const [number, words] = way[i]!;
        const found = t.lookup(p, tables.get(number)!);
        tables.get(number)!.find(words);
        p = t.note(found[0]!.p, step);
        p = t.set(p, reg[i % 5]!);
        p = t.set(p, part);
        if (i % 3 === 0) p = t.copy(p, zone, p, bits);
      }
      last = t.fork(p);
      last = t.push(last, 'vlan', 0x8100);
      last = t.set(last, mac);
      p = t.copy(p, dst, p, src);
      p = t.split(p, alive).miss ?? p;
      p = t.add(p, ttl, -1);
      p = t.pop(p, 'vlan');
    }
    last = p;
  };
  let at = 0;
  console.log();
  const took = nanoseconds(50_000, () => {
    at = (at + 1) & 63;
    trace(pairs[at]!);
  });
  show('12 lookups (+12), 40 actions, 2 forks, with diary', took, 'ns');
  const p = last;
  show(
    'the same diary read back',
    nanoseconds(5_000, () => readDiary(p)),
    'ns',
  );
  const one = blankPacket();
  let value = 0;
  const sets = [assignment(field('reg0'), 1n), assignment(field('reg0'), 2n)];
  const each = (what: string, work: () => void) => {
    show(what, nanoseconds(300_000, work), 'ns');
    one.diary = null;
  };
  each('set one word (changed)', () => {
    one.diary = null;
    t.set(one, sets[value++ & 1]!);
  });
  each('set one word (unchanged)', () => t.set(one, sets[0]!));
  each('copy 16 bits', () => t.copy(one, zone, one, bits));
  each('copy a MAC', () => t.copy(one, dst, one, src));
  each('add to TTL', () => {
    one.diary = null;
    t.add(one, ttl, -1);
  });
  each('fork', () => t.fork(one));
}

traceLike();
for (const ports of [150, 700]) neutron(ports, ports === 150 ? 2000 : 1500);
neutron(100, 60_000);
