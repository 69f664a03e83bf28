/** Lines a second of the flow reader, and what flows take in memory when read and compiled. */
import { readFileSync } from 'node:fs';
import { parseFlows } from '../src/dataplane/ovs/text/flows.ts';
import { computeHost, dumpedLines, packetsOf } from './compute-host.ts';
import { figure, type Row, told } from './report.ts';
import { alone, rate } from './stopwatch.ts';
import { packetsFor, switchOfHost, tracerOf } from './traces.ts';

/** A dump of about that many flows. */
export function dumpOf(size: number): Uint8Array {
  const lines = dumpedLines(computeHost(size).flows);
  return new TextEncoder().encode(`OFPST_FLOW reply (OF1.3) (xid=0x2):\n${lines.join('\n')}\n`);
}

/** Rows of the reader; a real dump may be given instead of the one made here. */
export async function flowTextRows(path: string | undefined): Promise<readonly Row[]> {
  const bytes = path === undefined ? dumpOf(20_000) : new Uint8Array(readFileSync(path));
  const start = performance.now();
  const { value, problems } = parseFlows(bytes, path ?? 'made');
  const cold = value.length / ((performance.now() - start) / 1000);
  if (problems[0] !== undefined) throw new Error(JSON.stringify(problems[0]));
  const warm = rate(await alone(() => parseFlows(bytes, path ?? 'made').value.length));
  return [
    {
      ...told('flow lines read a second', figure(warm)),
      target: '≥ 500,000',
      met: warm >= 500_000,
    },
    told('the same, the first time in a process', figure(cold)),
  ];
}

/** Megabytes of 100,000 flows: read, then with the tables compiled that 500 packets visit. */
export function memoryRows(): readonly Row[] {
  const size = 100_000;
  const before = megabytes();
  const host = computeHost(size);
  const made = megabytes();
  const sw = switchOfHost(host);
  const read = megabytes() - made;
  const trace = tracerOf(sw);
  for (const packet of packetsFor(sw, packetsOf(host, 500))) trace(packet);
  const compiled = megabytes() - made - read;
  const per = 100_000 / host.flows.length;
  if (before < 0) throw new Error('memory');
  return [
    told('memory of 100,000 flows, read', `${figure(read * per)} MB`),
    told('the same, compiled as far as 500 packets go, on top', `${figure(compiled * per)} MB`),
  ];
}

function megabytes(): number {
  // Once more, for what weak references kept the first time.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}
