/**
 * `npm run bench`: every figure that was promised, in one run, beside the real thing where it is
 * installed, with the target in each row. Writes the table into docs/performance.md.
 * `npm run bench -- MILLION` also reads a table of a million flows.
 */
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseFlows } from '../src/dataplane/ovs/text/flows.ts';
import { commandRows } from './command.ts';
import { dumpOf, flowTextRows, memoryRows } from './flow-text.ts';
import { rulesRows } from './iptables.ts';
import { figure, type Row, show, told, write } from './report.ts';
import { traceRows } from './traces.ts';
import { startVswitchd } from './vswitchd.ts';
import { walkRows } from './walk.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const rows: Row[] = [];
const add = (more: readonly Row[]): void => {
  for (const row of more) show(row);
  rows.push(...more);
};

const before = loadavg()[0] ?? 0;
add(commandRows());
add(await flowTextRows(undefined));
const daemon = await startVswitchd();
if (daemon === null) console.log('Open vSwitch is not installed: traces stand alone');
try {
  for (const size of [2000, 20_000]) add(await traceRows(size, daemon));
} finally {
  daemon?.stop();
}
add(memoryRows());
add(await rulesRows());
add(await walkRows());
if (process.argv.includes('MILLION')) add(millionRow());
const [{ model } = { model: 'unknown' }] = cpus();
const load = `load ${figure(before)} before, ${figure(loadavg()[0] ?? 0)} after`;
write(DOCUMENT, `${cpus().length} × ${model}, Node.js ${process.version}, ${load}.`, rows);

/** A table of a million flows is read in bounded time and memory. */
function millionRow(): readonly Row[] {
  const bytes = dumpOf(1_000_000);
  const start = performance.now();
  const { value } = parseFlows(bytes, 'million');
  const seconds = (performance.now() - start) / 1000;
  const megabytes = process.memoryUsage().rss / 1e6;
  const what = `a table of ${figure(value.length)} flows (${figure(bytes.length / 1e6)} MB)`;
  return [told(what, `${figure(seconds)} s, ${figure(megabytes)} MB resident`)];
}
