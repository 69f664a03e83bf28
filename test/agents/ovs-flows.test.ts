/** The Open vSwitch agent's flows against those of hosts that a real Neutron configured. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AGENTS } from '../../src/agents/agents.ts';
import { compiledFiles, planCloud } from '../../src/agents/compile.ts';
import { apiFiles } from '../../src/agents/dump/api-text.ts';
import { takeNumbers } from '../../src/agents/numbers.ts';
import { type Network } from '../../src/dataplane/network.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { flowTexts, onlyIn, vlanNames } from '../../src/verify/configuration/flows.ts';
import { ROOT } from '../sources.ts';

const CAPTURES = join(ROOT, '../shared/truth/captures');

/** The network that the same agents would make of the real one's API, and the real one. */
function bothOf(path: string, first = 1): { readonly real: Network; readonly compiled: Network } {
  const real = openSnapshot(openFolder(path));
  const cloud = cloudOfNetwork(real);
  const numbers = { firstVlan: first, firstPort: 10 * first, vlanStep: first };
  const plans = planCloud(cloud, AGENTS, { numbers: () => takeNumbers(numbers) });
  const files = new Map([...compiledFiles(plans), ...apiFiles(cloud.neutron)]);
  return { real, compiled: openSnapshot(memoryFolder(files)) };
}

/** What every bridge of the agents has more or less than in reality. */
function differences({ real, compiled }: ReturnType<typeof bothOf>): readonly string[] {
  const networks = new Map(real.neutron.ports.map((port) => [port.id, port.networkId]));
  const named = (network: Network, host: string) => {
    const of = network.hosts.get(host)?.switch;
    return of == null
      ? null
      : { of, names: { networkOfVlan: vlanNames(of, (id) => networks.get(id)), macs: dvrMacs } };
  };
  // Hosts draw their DVR MACs by chance, all from one range.
  const dvrMacs = new Map<string, string>();
  return [...compiled.hosts.keys()].flatMap((host) => {
    const [ours, theirs] = [named(compiled, host), named(real, host)];
    return (ours?.of.bridges ?? []).flatMap((bridge) => {
      const other = theirs?.of.bridges.find(({ name }) => name === bridge.name);
      if (ours === null || theirs === null || other === undefined)
        return [`${host} ${bridge.name}`];
      const mine = flowTexts(bridge, ours.names);
      const real = flowTexts(other, theirs.names);
      return [
        ...onlyIn(mine, real).map((text) => `${host} ${bridge.name} + ${text}`),
        ...onlyIn(real, mine).map((text) => `${host} ${bridge.name} - ${text}`),
      ];
    });
  });
}

describe('the Open vSwitch agent', () => {
  it('writes the flows of the bundled deployment, from its API alone', () => {
    expect(differences(bothOf(join(ROOT, 'demo/ovs-vxlan-ovsfw')))).toEqual([]);
  });

  it('writes the same whatever local VLANs and ports a host counts with', () => {
    expect(differences(bothOf(join(ROOT, 'demo/ovs-vxlan-ovsfw'), 7))).toEqual([]);
  });

  it
    .skipIf(!existsSync(CAPTURES))
    .each([
      'ovs-vlan-hybrid',
      'ovs-vxlan-learn/1-before-any-traffic',
      'ovs-ha-router/1-before',
      'ovs-lbaas-haproxy',
      'ovs-faults/faults/baseline',
    ])('writes the flows of %s', (name) => {
    expect(differences(bothOf(join(CAPTURES, name)))).toEqual([]);
  });
});
