/** Contradictions in a cloud.yaml: each is refused at its place, with the objects by name. */
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';

function problemsOf(text: string): readonly string[] {
  return readCloudYaml('c.yaml', text).problems.map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
}

/** Lines 1 to 7: a network node, a compute node of distributed routers, one without a way out. */
const HOSTS = `hosts:
  - {name: n1, nics: [{name: e, addresses: [10.9.0.1/24]}, {name: x}], agents: {openvswitch: {bridge_mappings: {ext: br-ex}, bridges: {br-ex: x}, tunnel_types: [vxlan], local_ip: 10.9.0.1, l2_population: true, distributed_routing: true}, l3: {mode: dvr_snat}}}
  - {name: c1, nics: [{name: e, addresses: [10.9.0.2/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.2, l2_population: true, distributed_routing: true}, l3: {mode: dvr}}}
  - {name: c2, nics: [{name: e, addresses: [10.9.0.3/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.3, l2_population: true, distributed_routing: true}, l3: {mode: dvr_no_external}}}
networks:
  - {name: net, type: vxlan, segmentation_id: 5, subnets: [{name: sub, cidr: 10.0.0.0/24, dhcp: false}]}
  - {name: ext, type: flat, physical_network: ext, external: true, subnets: [{name: ext, cidr: 203.0.113.0/24, dhcp: false}]}
`;

describe('routers that no agent could run', () => {
  it.each([
    [
      'a distributed one whose central part is on a compute host',
      'routers: [{name: r, kind: distributed, hosts: [c1], interfaces: [{subnet: sub}]}]',
      ['8:47 The L3 agent of "c1" in mode dvr takes no router of kind distributed'],
    ],
    [
      'a legacy one on a host that carries distributed ones',
      'routers: [{name: r, hosts: [c2], interfaces: [{subnet: sub}]}]',
      ['8:28 The L3 agent of "c2" in mode dvr_no_external takes no router of kind legacy'],
    ],
    [
      'one on two hosts that is not highly available',
      'routers: [{name: r, hosts: [n1, n1], interfaces: [{subnet: sub}]}]',
      ['8:28 Only a highly available router is on several hosts'],
    ],
    [
      'a kind that there is not',
      'routers: [{name: r, kind: distributed_ha}]',
      ['8:27 Expected one of legacy, ha, distributed, distributed-ha'],
    ],
  ])('refuses %s', (_what, text, expected) => {
    expect(problemsOf(`${HOSTS}${text}\n`)).toEqual(expected);
  });
});

describe('amphorae that could not share an address', () => {
  const SERVERS = `servers:
  - {name: a, host: n1, ports: [{name: a1, network: net}, {name: a2, network: net}]}
  - {name: b, host: n1, ports: [{name: b1, network: net}]}
  - {name: x, host: n1, ports: [{name: x1, network: ext}]}
`;
  const balancer = (amphorae: string): string =>
    `${HOSTS}${SERVERS}load_balancers: [{name: l, provider: amphora, vip: {network: net}, amphorae: [${amphorae}]}]\n`;

  it.each([
    ['a1, x1', ['12:83 Port "x1" is not on the network of the load balancer\'s address']],
    ['a1, a2', ['12:78 Two amphorae are two servers']],
    ['a1, b1, a2', ['12:78 A load balancer has one amphora, or two of which one stands by']],
    ['a1, c1', ['12:83 There is no port called "c1"']],
    ['a1, b1', []],
  ])('says what is wrong with %s', (names, expected) => {
    expect(problemsOf(balancer(names))).toEqual(expected);
  });
});

describe('networks that nova-network could not serve', () => {
  const cloud = (agents: string, network: string): string => `hosts:
  - {name: h, nics: [{name: eth0}, {name: eth1, addresses: [10.9.0.1/24]}], agents: {${agents}}}
networks: [{name: net, type: flat, physical_network: p, ${network}, subnets: [{name: s, cidr: 10.0.0.0/24}]}]
`;
  const BRIDGES = 'linuxbridge: {interface_mappings: {p: eth0}}';

  it.each([
    [
      `${BRIDGES}, nova_network: {public_interface: eth9}`,
      'shared: true',
      ['2:165 The host has no NIC "eth9"'],
    ],
    [
      `${BRIDGES}, nova_network: {public_interface: eth0}`,
      'shared: true',
      ['2:165 NIC "eth0" has no address to translate to'],
    ],
    [
      'openvswitch: {}, nova_network: {public_interface: eth1}',
      'shared: true',
      ['2:117 nova-network needs Linux bridges'],
    ],
    [
      BRIDGES,
      'multi_host: true',
      ['3:69 Only a network of a manager of nova-network has a network_host'],
    ],
    [
      BRIDGES,
      'manager: flat_dhcp, network_host: h, multi_host: true',
      ['3:106 A network has one network_host or is multi_host, not both'],
    ],
  ])('says what is wrong with %s and %s', (agents, network, expected) => {
    expect(problemsOf(cloud(agents, network))).toEqual(expected);
  });
});

describe('agents that would not start or not do what they are told', () => {
  const host = (agent: string): string =>
    `hosts: [{name: h, nics: [{name: e, addresses: [10.9.0.1/24]}], agents: {${agent}}}]\n`;

  it.each([
    ['openvswitch: {firewall: iptables}', ['1:97 The openvswitch agent has no firewall iptables']],
    [
      'linuxbridge: {firewall: iptables_hybrid}',
      ['1:97 The linuxbridge agent has no firewall iptables_hybrid'],
    ],
    [
      'openvswitch: {distributed_routing: true, tunnel_types: [vxlan], local_ip: 10.9.0.1}',
      ['1:108 Distributed routing over tunnels needs l2_population'],
    ],
    [
      'linuxbridge: {distributed_routing: true}',
      ['1:108 The linuxbridge agent routes nothing distributed'],
    ],
    [
      'linuxbridge: {vxlan_group: 10.0.0.0/8}',
      ['1:100 A vxlan_group is a multicast address of IPv4'],
    ],
  ])('refuses %s', (agent, expected) => {
    expect(problemsOf(host(agent))).toEqual(expected);
  });

  it('refuses marks and policies that there are not', () => {
    const text = `qos_policies: [{name: q, dscp: 47}]
networks: [{name: n, type: local, qos: p}]
`;
    expect(problemsOf(`${host('openvswitch: {}')}${text}`)).toEqual([
      '2:32 Expected one of the DSCP marks 0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56',
      '3:40 There is no QoS policy called "p"',
    ]);
  });
});
