/** One trace on a snapshot that is loaded: a server, its router, SNAT, the outside, and back. */
import { fileURLToPath } from 'node:url';
import { openFolder } from '../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../src/snapshot/read/open.ts';
import { type TracingOptions } from '../src/trace/compiled-network.ts';
import { resolveEnd } from '../src/trace/ends.ts';
import { prepareTracing } from '../src/trace/tracer.ts';
import { type TraceEnd } from '../src/trace/types.ts';
import { figure, type Row, told } from './report.ts';
import { alone } from './stopwatch.ts';

const DEMO = fileURLToPath(new URL('../../demo/ovs-vxlan-ovsfw', import.meta.url));
const FROM = 'a1';
const TO = 'external:198.51.100.10';

/** Rows of the walk through a router on the bundled snapshot. */
export async function walkRows(): Promise<readonly Row[]> {
  const network = openSnapshot(openFolder(DEMO));
  const end = (word: string): TraceEnd => {
    const found = resolveEnd(network, word);
    if (found.kind !== 'found') throw new Error(`${word} is not in the demonstration`);
    return found.resolved.end;
  };
  const question = {
    from: end(FROM),
    to: end(TO),
    packet: {
      protocol: 'tcp',
      sourcePort: null,
      destinationPort: 80,
      source: null,
      icmpId: null,
      size: 16,
      dontFragment: false,
      flow: null,
    },
  } as const;
  const asking = (options: TracingOptions): (() => number) => {
    const tracer = prepareTracing(network, options);
    return () => {
      const traced = tracer.trace(question);
      if (traced.kind !== 'traced') throw new Error(traced.why);
      if (traced.trace.verdict !== 'REACHABLE') throw new Error(traced.trace.verdict);
      return 1;
    };
  };
  const ask = asking({});
  const start = performance.now();
  ask();
  const first_ms = performance.now() - start;
  const { best_s: there_s } = await alone(asking({ oneWay: true }));
  const { best_s } = await alone(ask);
  const what = 'server → router → SNAT → outside';
  return [
    {
      ...told(`${what}, loaded snapshot`, ms(there_s * 1000)),
      target: '< 2 ms',
      met: there_s < 0.002,
    },
    told(`${what}, and back with its answer and data`, ms(best_s * 1000)),
    told('the same, the first time (files read, tables compiled)', ms(first_ms)),
  ];
}

function ms(value: number): string {
  return `${figure(value)} ms`;
}
