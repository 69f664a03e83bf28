/**
 * Servers that send alike are followed together, and this says of every pair what the walk of each
 * server by itself says: on hosts as they are, on hosts whose flows were damaged at random, and where
 * a flow looks at the sender so late that others have long gone on without asking.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { type AllPairs } from '../../../src/verify/allpairs/all-pairs.ts';
import { sweep, tally } from '../../../src/verify/allpairs/sweep.ts';
import { ROOT } from '../../sources.ts';
import { chance, changed, damaged, openPairs, withFlows } from './both-ways.ts';
import { CLOUD } from './two-networks.ts';

function networkOf(text: string): Network {
  const { value, problems } = readCloudYaml('cohorts.yaml', text);
  if (value === null) throw new Error(problems[0]?.message ?? 'no cloud');
  return compileNetworkOf(value);
}

const NETWORK = networkOf(CLOUD);
const flowsOf = (network: Network, host: string, bridge: string): readonly Flow[] =>
  network.hosts.get(host)!.switch!.bridges.find(({ name }) => name === bridge)!.flows;

/** Pairs of which the sweep says something else than the walk of their sender alone. */
function differences(all: AllPairs): readonly string[] {
  const wrong: string[] = [];
  for (const { from, some, open } of sweep(all)) {
    for (const to of all.targets) {
      if (to.server === from) continue;
      const cell = all.cell(from, to);
      const reach = some.find((one) => one.to === to);
      const said = open.some((one) => one.to === to) ? 'open' : (reach?.where ?? 0);
      const alone = cell.kind === 'open' ? 'open' : cell.arrives;
      if (said !== alone) wrong.push(`${from.endpoint.name} → ${to.server.endpoint.name}`);
    }
  }
  return wrong;
}

describe('servers that send alike', () => {
  it('are all of a network and a host', () => {
    const { cohorts, alone } = openPairs(NETWORK).cohorts();
    expect(alone).toEqual([]);
    const names = cohorts.map(({ members }) => {
      return members.map((one) => one.server.endpoint.name).join(' ');
    });
    expect(names.sort()).toEqual(['v0 v4 v8', 'v1 v5 v9', 'v2 v6 v10', 'v3 v7 v11']);
  });

  it('get together what each gets by itself', () => {
    const all = openPairs(NETWORK);
    expect(differences(all)).toEqual([]);
    const reached = [...sweep(all)].flatMap(({ some }) => some).length;
    expect(tally(all)).toEqual({ some: reached, open: 0 });
    expect(reached).toBeGreaterThan(60);
  });

  it('get it also where flows are missing, masked or out of order', () => {
    const random = chance(4711);
    for (let round = 0; round < 12; round++) {
      const host = ['c2', 'c3', 'net1'][random(3)]!;
      const bridge = random(4) === 0 ? 'br-tun' : 'br-int';
      const hurt = damaged(flowsOf(NETWORK, host, bridge), random);
      expect(differences(openPairs(withFlows(NETWORK, { host, bridge }, hurt)))).toEqual([]);
    }
  });

  it('get it also behind switches that have learned addresses', () => {
    const capture = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));
    expect(
      openPairs(capture)
        .cohorts()
        .cohorts.some(({ members }) => members.length > 2),
    ).toBe(true);
    const random = chance(815);
    for (let round = 0; round < 4; round++) {
      const host = ['compute1', 'compute2'][random(2)]!;
      const hurt = damaged(flowsOf(capture, host, 'br-int'), random);
      const all = openPairs(withFlows(capture, { host, bridge: 'br-int' }, hurt));
      expect(differences(all)).toEqual([]);
    }
  });

  it('part where a late flow looks at the sender', () => {
    const flows = flowsOf(NETWORK, 'c2', 'br-int');
    const port = (name: string): number =>
      openPairs(NETWORK).servers.find(({ endpoint }) => endpoint.name === name)!.station.ofport;
    // Whatever v4 sends is dropped in the last table of its bridge, where all others are flooded.
    const entrance = flows.find(
      ({ table, tests }) =>
        table === 60 &&
        tests.some(({ field, value }) => field.name === 'in_port' && value === BigInt(port('v4'))),
    )!;
    const barred = changed(entrance, { table: 94, priority: 1000, actions: [{ kind: 'drop' }] });
    const all = openPairs(withFlows(NETWORK, { host: 'c2', bridge: 'br-int' }, [...flows, barred]));
    expect(differences(all)).toEqual([]);
    const named = new Map([...sweep(all)].map(({ from, some }) => [from.endpoint.name, some]));
    const hosts = (name: string): ReadonlySet<string> =>
      new Set(named.get(name)!.map(({ to }) => to.server.station.host));
    expect(hosts('v4').has('c3')).toBe(false);
    expect(hosts('v8').has('c3')).toBe(true);
  });
});
