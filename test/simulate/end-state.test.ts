/**
 * The state at the end of a simulation, written as a snapshot and read again, answers as the
 * simulation itself does at that moment: `simulate -o DIR` and `trace --at END` are one state.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { simulate } from '../../src/simulate/simulation.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { type Folder } from '../../src/snapshot/read/folder.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { snapshotFiles } from '../../src/snapshot/write/snapshot.ts';
import { askedQuestion } from '../../src/trace/ask.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type Journey, type Trace } from '../../src/trace/types.ts';
import { captures } from '../snapshot/shared.ts';
import { redundantFiles } from './cloud.ts';

type Pair = readonly [from: string, to: string];

interface Case {
  readonly name: string;
  readonly events: readonly string[];
  readonly until_us: number;
  readonly asked: readonly Pair[];
}

/** Where a packet came by and how it ended; what was learned meanwhile may spare a request. */
function story(trace: Trace | null): unknown {
  if (trace === null) return null;
  const places = (of: Journey | null): readonly string[] =>
    of?.hops.map(({ host, device }) => `${host} ${device}`) ?? [];
  const blockers = trace.blockers.map(({ code }) => code);
  // Of several ways that are possible, which one is shown is no part of the state.
  if (trace.verdict === 'AMBIGUOUS') return { verdict: trace.verdict, blockers };
  return {
    verdict: trace.verdict,
    receivedBy: trace.receivedBy,
    request: places(trace.request),
    reply: places(trace.reply),
    blockers,
  };
}

function question(network: Network, [from, to]: Pair) {
  const asked = askedQuestion(network, { from, to });
  if (asked.kind !== 'understood') throw new Error(`${from} -> ${to}: ${asked.message}`);
  return asked.value;
}

/** The traces at the end of a simulation, by itself and by its files. */
function bothWays(folder: Folder, { events, until_us, asked }: Case) {
  const network = openSnapshot(folder);
  return asked.map((pair) => {
    const asking = { events, probes: [], until_us, seed: 1, ways: 1 };
    const done = simulate(network, { ...asking, question: question(network, pair) });
    if (done.kind === 'wrong') throw new Error(done.problems.join('\n'));
    const [way] = done.ways;
    if (way === undefined) throw new Error('no way');
    const files = snapshotFiles(folder, network, way.end);
    const read = openSnapshot({
      list: () => [...files.keys()],
      read: (path) => files.get(path)?.(),
    });
    const traced = prepareTracing(read, {}).trace(question(read, pair));
    const written = traced.kind === 'traced' ? traced.trace : null;
    return { pair, live: story(way.trace), written: story(written) };
  });
}

function expectAlike(folder: Folder, one: Case): void {
  for (const { pair, live, written } of bothWays(folder, one)) {
    expect({ pair, story: written }).toEqual({ pair, story: live });
  }
}

const OUT: Pair = ['v1', 'external:198.51.100.10'];

describe('the state at the end of a redundant router', () => {
  const folder = memoryFolder(redundantFiles());
  it.each<Case>([
    { name: 'nothing', events: [], until_us: 3e6, asked: [OUT] },
    { name: 'no master yet', events: ['t=2s fail host net2'], until_us: 4e6, asked: [OUT] },
    { name: 'the next master', events: ['t=2s fail host net2'], until_us: 12e6, asked: [OUT] },
    {
      name: 'a return',
      events: ['t=2s fail host net2', 't=15s restore host net2'],
      until_us: 30e6,
      asked: [OUT],
    },
    {
      name: 'a host cut off',
      events: ['t=2s down compute1:eth1'],
      until_us: 4e6,
      asked: [OUT],
    },
    {
      name: 'a killed keepalived',
      events: ['t=2s signal KILL keepalived edge@net2'],
      until_us: 20e6,
      asked: [OUT],
    },
    { name: 'new local VLANs', events: ['t=2s renumber compute1'], until_us: 12e6, asked: [OUT] },
    {
      name: 'a server elsewhere',
      events: ['t=2s migrate v1 to net1'],
      until_us: 12e6,
      asked: [OUT],
    },
  ])('after $name', (one) => expectAlike(folder, one));
});

const CAPTURED: readonly (Case & { readonly folder: string })[] = [
  {
    folder: 'ovs-ha-router/1-before',
    name: 'an interface down',
    events: ['t=5s down net2:ha-a6b41db7-09'],
    until_us: 20e6,
    asked: [['h1', 'external:198.51.100.10']],
  },
  {
    folder: 'ovs-ha-router/1-before',
    name: 'SIGTERM',
    events: ['t=5s signal TERM keepalived router-h@net2'],
    until_us: 9e6,
    asked: [['h1', 'external:198.51.100.10']],
  },
  {
    folder: 'ovs-dvr',
    name: 'a host that is gone',
    events: ['t=2s fail host net1'],
    until_us: 8e6,
    asked: [
      ['d1', '10.2.0.190'],
      ['d3', '10.1.0.116'],
    ],
  },
  {
    folder: 'linuxbridge-vxlan-flat',
    name: 'an interface down',
    events: ['t=2s down compute1:eth1'],
    until_us: 8e6,
    asked: [
      ['l1', '10.0.0.119'],
      ['l4', '10.0.0.119'],
    ],
  },
  {
    folder: 'ovs-ha-router/1-before',
    name: 'a host that is cut off',
    events: ['t=5s isolate host net2'],
    until_us: 15e6,
    asked: [['h1', 'external:198.51.100.10']],
  },
];

describe.skipIf(!existsSync(captures))('the state at the end of a captured deployment', () => {
  it.each(CAPTURED)('$folder after $name', ({ folder, ...one }) =>
    expectAlike(openFolder(join(captures, folder)), one),
  );
});
