/**
 * Two deployments of chance on a real Neutron 21 (test/fixtures/topologies): networks of several
 * kinds, HA routers with routes, trunks whose sub-ports share their parent's MAC, groups of groups
 * and of addresses, ports that are down, address pairs, floating IPs; once over Open vSwitch with both
 * firewalls, once over Linux bridges. Compiled from their API alone they are the hosts but for what
 * docs/limits.md tells, which stands here place by place.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { cloudOfNetwork } from '../../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compareNetworks } from '../../../src/verify/configuration/compare.ts';
import { folderOf } from '../../captured.ts';
import { ROOT } from '../../sources.ts';

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'ovs-mixed': [
    // A sub-port on tunnels took the flow of its parent on a flat network away.
    '1 missing compute1 br-int table 60',
    // The L3 agents had no extension for port forwarding.
    '1 missing net2 qrouter-dcd50827-f8a8-4ccc-8315-ea05e5ce5671 addresses',
    '2 missing net2 qrouter-dcd50827-f8a8-4ccc-8315-ea05e5ce5671 iptables nat chains',
    '1 missing net2 qrouter-dcd50827-f8a8-4ccc-8315-ea05e5ce5671 iptables nat neutron-l3-agent-PREROUTING',
  ],
  'linuxbridge-mixed': [
    // The only port of a network was down from the start.
    '4 missing compute1 root fdb',
    '2 missing compute1 root neighbours',
    // A bridge that was there before its agent takes what routers advertise.
    '1 extra net1 root addresses',
    '1 extra net1 root routes',
    '1 extra net1 root settings',
    // One DHCP agent had not heard of the other's port.
    '1 missing net2 qdhcp-c31b9e6c-cb71-4e58-a66c-52fdc1fa5510 dnsmasq',
  ],
};

function filesOf(name: string): ReadonlyMap<string, string> {
  const packed = readFileSync(join(ROOT, 'test/fixtures/topologies', `${name}.json.br`));
  const texts: unknown = JSON.parse(brotliDecompressSync(packed).toString('utf8'));
  return new Map(Object.entries(texts as Readonly<Record<string, string>>));
}

describe('a deployment of chance', () => {
  it.each(Object.keys(EXPECTED))('is compiled as its hosts are: %s', (name) => {
    const real = openSnapshot(folderOf(filesOf(name), '.'));
    const comparison = compareNetworks(compileNetworkOf(cloudOfNetwork(real)), real);
    const places = comparison.differences.map(
      ({ kind, host, device, part }) => `${kind} ${host} ${device} ${part}`,
    );
    const counted = [...new Set(places)].map(
      (place) => `${places.filter((each) => each === place).length} ${place}`,
    );
    expect(counted.toSorted()).toEqual((EXPECTED[name] ?? []).toSorted());
    expect(comparison.problems).toEqual([]);
    expect(comparison.statements).toBeGreaterThan(2000);
  });
});
