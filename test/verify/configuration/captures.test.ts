/** What the agents would configure, from the API alone, against hosts that a real Neutron configured. */
import { describe, expect, it } from 'vitest';
import { takeNumbers } from '../../../src/agents/numbers.ts';
import { type Network } from '../../../src/dataplane/network.ts';
import { cloudOfNetwork } from '../../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compareNetworks } from '../../../src/verify/configuration/compare.ts';
import { type Comparison } from '../../../src/verify/configuration/types.ts';
import { captured, folderOf } from '../../captured.ts';
import { withoutCaptures } from '../../snapshot/shared.ts';

/**
 * Hosts that had started before others were never told the others' DVR MACs: net1 knows of none,
 * compute1 of net1 alone. Two bridges with a wire, br-int for each, and br-tun lack their flows.
 */
const LATE_DVR_MACS = [
  '1 missing compute1 br-ex table 3',
  '3 missing compute1 br-int table 0',
  '1 missing compute1 br-physnet1 table 3',
  '1 missing compute1 br-tun table 9',
  '2 missing net1 br-ex table 3',
  '6 missing net1 br-int table 0',
  '2 missing net1 br-physnet1 table 3',
  '2 missing net1 br-tun table 9',
];

/** By folder of a capture: what differs, counted by place; nothing where no fault was injected. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'ovs-vxlan-ovsfw/.': [],
  'ovs-vxlan-ovsfw/after-sg-change': [],
  'ovs-vlan-hybrid/.': [],
  'ovs-vxlan-learn/1-before-any-traffic': [],
  'ovs-vxlan-learn/2-after-traffic': [],
  'ovs-lbaas-haproxy/.': [],
  'linuxbridge-vxlan-flat/.': [],
  'ovs-dvr/.': LATE_DVR_MACS,
  'ovs-dvr/after-fip-delete': LATE_DVR_MACS,
  'ovs-ha-router/1-before': [],
  // The HA interface was set down by hand; a router that was active once goes on forwarding IPv6.
  'ovs-ha-router/2-after-ha-interface-down': [
    '1 different net2 qrouter-602b6b87-62ce-4ff6-bb20-b845e6488c97 devices',
    '3 different net2 qrouter-602b6b87-62ce-4ff6-bb20-b845e6488c97 settings',
  ],
  // The node was cut off by setting its NICs down.
  'ovs-ha-router/5-after-node-isolated': [
    '1 different net1 br-ex ports',
    '1 different net1 br-vtep ports',
    '2 different net1 root devices',
  ],
  'ovs-faults/faults/baseline': [],
  // What the API knows of is compiled: the port is down, the rule is gone.
  'ovs-faults/faults/port-admin-down': [],
  'ovs-faults/faults/security-group-rule-missing': [],
  'ovs-faults/faults/nat-rules-lost': [
    '2 missing net1 qrouter-bb0dfb23-1e5a-480e-9529-61ebe4417d0d iptables nat neutron-l3-agent-PREROUTING',
    '1 missing net1 qrouter-bb0dfb23-1e5a-480e-9529-61ebe4417d0d iptables nat neutron-l3-agent-float-snat',
  ],
  'ovs-faults/faults/underlay-mtu-small': ['1 different compute1 root devices'],
  'ovs-faults/faults/vni-to-vlan-flow-lost': ['1 missing compute2 br-tun table 4'],
};

/** Without the captures themselves, one folder of each is enough. */
const SAMPLE = Object.keys(EXPECTED).filter(
  (path) => !withoutCaptures() || /\/(\.|1-.*|baseline|port-admin-down|nat-rules-lost)$/.test(path),
);

function counted({ differences }: Comparison): readonly string[] {
  const places = differences.map(
    ({ kind, host, device, part }) => `${kind} ${host} ${device} ${part}`,
  );
  return [...new Set(places)].map((place) => {
    return `${places.filter((each) => each === place).length} ${place}`;
  });
}

function networkAt(path: string): Network {
  const at = path.indexOf('/');
  return openSnapshot(folderOf(captured(path.slice(0, at)).files, path.slice(at + 1)));
}

describe('the agents, from the API alone', () => {
  it.each(SAMPLE)('configure the hosts of %s as they were', (path) => {
    const real = networkAt(path);
    const comparison = compareNetworks(compileNetworkOf(cloudOfNetwork(real)), real);
    expect(counted(comparison).toSorted()).toEqual((EXPECTED[path] ?? []).toSorted());
    expect(comparison.problems).toEqual([]);
    // Several captures hold no list of sockets; nothing else is left out.
    expect(comparison.unknown.filter(({ part }) => part !== 'sockets')).toEqual([]);
    expect(comparison.statements).toBeGreaterThan(600);
  });

  it.each([
    { firstVlan: 7, firstPort: 30, vlanStep: 5 },
    { firstVlan: 4000, firstPort: 2, vlanStep: 4093 },
  ])('mean the same with other local VLANs, ports and zones: $firstVlan', (numbers) => {
    for (const path of ['ovs-vlan-hybrid/.', 'ovs-dvr/.', 'linuxbridge-vxlan-flat/.']) {
      const cloud = cloudOfNetwork(networkAt(path));
      const renumbered = compileNetworkOf(cloud, { numbers: () => takeNumbers(numbers) });
      expect(compareNetworks(compileNetworkOf(cloud), renumbered).differences, path).toEqual([]);
    }
  });
});
