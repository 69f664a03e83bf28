/**
 * What a lookup costs: warm, cold and in memory, on tables like those of br-int.
 * Run with `npx tsx --expose-gc bench/traffic.ts`.
 */
import { compileTable } from '../src/traffic/compiled.ts';
import { type Rule, type Table } from '../src/traffic/table.ts';
import { hostWith, neutronTables, packetWith, wayOf } from '../test/traffic/neutron-tables.ts';

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

for (const ports of [150, 700]) neutron(ports, ports === 150 ? 2000 : 1500);
neutron(100, 60_000);
void packetWith;
