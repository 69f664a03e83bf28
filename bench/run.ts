/**
 * `npm run bench`: every figure that was promised, in one run, beside the real thing where it is
 * installed, with the target in each row. Writes the table into docs/performance.md.
 * `npm run bench -- traces walk` measures only these sections and writes nothing.
 */
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { allPairsRows } from './all-pairs.ts';
import { applyRows } from './apply.ts';
import { clockRows } from './clock.ts';
import { commandRows } from './command.ts';
import { compileRows } from './compile.ts';
import { damageRows } from './damage.ts';
import { flowTextRows, memoryRows } from './flow-text.ts';
import { rulesRows } from './iptables.ts';
import { keptRows } from './kept-pairs.ts';
import { pagesRows } from './pages.ts';
import { figure, type Row, show, write } from './report.ts';
import { routersRows } from './routers.ts';
import { traceRows } from './traces.ts';
import { twinRows } from './twin.ts';
import { startVswitchd } from './vswitchd.ts';
import { walkRows } from './walk.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

type Section = () => readonly Row[] | Promise<readonly Row[]>;

/** In the order of the table. */
const SECTIONS: ReadonlyMap<string, Section> = new Map<string, Section>([
  ['command', commandRows],
  ['flows', () => flowTextRows(undefined)],
  ['traces', tracesBesideTheSwitch],
  ['memory', memoryRows],
  ['rules', rulesRows],
  ['walk', walkRows],
  ['compile', () => compileRows([1000, 4000, 10_000])],
  [
    'all-pairs',
    () => allPairsRows([{ ports: 300 }, { ports: 1000 }, { ports: 1000, placement: 'spread' }]),
  ],
  ['kept-pairs', () => keptRows(1000)],
  ['twin', () => twinRows([300, 1000])],
  ['apply', applyRows],
  ['damage', damageRows],
  ['clock', clockRows],
  ['routers', routersRows],
]);

/** Measured only when they are asked for. */
const LONG: ReadonlyMap<string, Section> = new Map<string, Section>([
  ['all-pairs-growth', () => allPairsRows([300, 1000, 3000].map((ports) => ({ ports })))],
  ['pages', () => pagesRows(10_000)],
  ['all-pairs-10000', () => allPairsRows([{ ports: 10_000 }])],
  ['all-pairs-tenants', () => allPairsRows([{ ports: 10_000, perTenant: 500 }])],
  ['kept-pairs-10000', () => keptRows(10_000)],
  ['compile-100000', () => compileRows([100_000])],
]);

async function tracesBesideTheSwitch(): Promise<readonly Row[]> {
  const daemon = await startVswitchd();
  if (daemon === null) console.log('Open vSwitch is not installed: traces stand alone');
  try {
    const rows: Row[] = [];
    for (const size of [2000, 20_000]) rows.push(...(await traceRows(size, daemon)));
    return rows;
  } finally {
    daemon?.stop();
  }
}

const asked = process.argv.slice(2);
const sections = new Map([...SECTIONS, ...LONG]);
const unknown = asked.filter((name) => !sections.has(name));
if (unknown.length > 0) {
  throw new Error(`no section ${unknown.join(', ')}; there are ${[...sections.keys()].join(', ')}`);
}
const before = loadavg()[0] ?? 0;
const rows: Row[] = [];
for (const [name, section] of asked.length === 0 ? SECTIONS : sections) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  for (const row of await section()) {
    show(row);
    rows.push(row);
  }
}
if (asked.length === 0) {
  const [{ model } = { model: 'unknown' }] = cpus();
  const machine = `${cpus().length} × ${model}, ${figure(totalmem() / 2 ** 30)} GiB`;
  const load = `load ${figure(before)} before, ${figure(loadavg()[0] ?? 0)} after`;
  write(DOCUMENT, `${machine}, Node.js ${process.version}, ${load}.`, rows);
}
