/** A cloud.yaml: what follows from it, and what is refused with its place. */
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';

const HOST = `hosts:
  - name: c1
    nics: [{name: eth0, addresses: [10.9.0.1/24]}]
    agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.1}, l3: {}, dhcp: {}}
`;
const NETWORK = `networks:
  - {name: net, segmentation_id: 5, subnets: [{name: sub, cidr: 10.0.0.0/29}]}
`;

function problemsOf(text: string): readonly string[] {
  return readCloudYaml('c.yaml', text).problems.map(
    ({ line, column, message, didYouMean }) =>
      `${line}:${column} ${message}${didYouMean === undefined ? '' : ` (${didYouMean}?)`}`,
  );
}

describe('a cloud.yaml', () => {
  it('gives every port an address, a MAC and an id, the same each time', () => {
    const text = `${HOST}${NETWORK}servers: [{name: a, host: c1, ports: [{network: net}]}]\n`;
    const [one, two] = [readCloudYaml('c.yaml', text), readCloudYaml('c.yaml', text)];
    expect(one.problems).toEqual([]);
    expect(one.value?.neutron.ports).toEqual(two.value?.neutron.ports);
    const port = one.value?.neutron.ports.find(({ name }) => name === 'a');
    expect(port?.fixedIps[0]?.address.value).toBe(0x0a00_0002n);
    expect((port?.mac ?? 0n) >> 24n).toBe(0xfa163en);
    expect(one.value?.neutron.ports.map(({ deviceOwner }) => deviceOwner)).toContain(
      'network:dhcp',
    );
  });

  it.each([
    ['an unknown key', 'hosst: []\n', ['1:1 Nothing here is called "hosst" (hosts?)']],
    [
      'a network that is nowhere',
      `${HOST}${NETWORK}servers: [{name: a, host: c1, ports: [{network: nte}]}]\n`,
      ['7:49 There is no network called "nte" (net?)'],
    ],
    [
      'an address of two ports',
      `${HOST}${NETWORK}servers:
  - {name: a, host: c1, ports: [{network: net, addresses: [10.0.0.4]}]}
  - {name: b, host: c1, ports: [{network: net, addresses: [10.0.0.4]}]}
`,
      ['9:60 10.0.0.4 belongs to port a already and cannot be of port b'],
    ],
    [
      'one VXLAN key for two networks',
      `${HOST}${NETWORK}  - {name: other, segmentation_id: 5}\n`,
      ['7:5 Network "net" is already vxlan 5, and "other" cannot be as well'],
    ],
    [
      'subnets that overlap',
      `networks:
  - {name: n, segmentation_id: 1, subnets: [{name: a, cidr: 10.0.0.0/16}, {name: b, cidr: 10.0.3.0/24}]}
`,
      ['2:75 Overlaps subnet "a" of its network'],
    ],
    [
      'an address on two routers',
      `${HOST}${NETWORK}routers:
  - {name: r1, interfaces: [{subnet: sub}]}
  - {name: r2, interfaces: [{subnet: sub}]}
`,
      ['9:29 10.0.0.1 belongs to router r1 already and cannot be of router r2'],
    ],
    [
      'a VLAN network without its physical network',
      'networks: [{name: n, type: vlan, segmentation_id: 4095}]\n',
      [
        '1:51 Expected a whole number from 1 to 4094',
        '1:12 A vlan network needs a physical_network',
        '1:12 A vlan network needs a segmentation_id',
      ],
    ],
    [
      'a NIC that a host does not have',
      'hosts: [{name: c, agents: {openvswitch: {bridges: {br-ex: eth9}}}}]\n',
      ['1:41 "br-ex" uses the NIC "eth9", which the host has not'],
    ],
    [
      'a subnet that is used up',
      `${HOST}networks:
  - {name: net, segmentation_id: 5, subnets: [{name: s, cidr: 10.0.0.0/30, dhcp: false}]}
servers: [{name: a, host: c1, ports: [{network: net}, {network: net}]}]
`,
      ['7:55 Subnet "s" has no free address'],
    ],
    [
      'ports of a protocol without ports',
      'security_groups: [{name: g, rules: [{protocol: gre, ports: 80}]}]\n',
      ['1:60 Only tcp, udp and sctp have ports'],
    ],
  ])('refuses %s where it stands', (_what, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});
