/**
 * What cannot be true of a cloud is refused where it stands, with the objects named. In every text
 * the place that has to be told stands behind a `▸`, which is taken out before it is read.
 */
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';

const MARK = '▸';

const BASE = `hosts:
  - name: n1
    nics: [{name: e, addresses: [10.9.0.1/24]}, {name: x}]
    agents: {openvswitch: {bridge_mappings: {ext: br-ex}, bridges: {br-ex: x}, tunnel_types: [vxlan], local_ip: 10.9.0.1}, l3: {}, dhcp: {}}
  - name: c1
    nics: [{name: e, addresses: [10.9.0.2/24]}]
    agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.2}}
  - {name: bare}
networks:
  - {name: ext, type: flat, physical_network: ext, external: true, subnets: [{name: ext, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: red, segmentation_id: 1, subnets: [{name: red, cidr: 10.1.0.0/24}]}
  - {name: blue, segmentation_id: 2, subnets: [{name: blue, cidr: 10.2.0.0/24}]}
security_groups: [{name: g}]
`;
const SERVERS = `servers:
  - {name: a, host: c1, ports: [{network: red}]}
  - {name: b, host: c1, ports: [{network: red}]}
  - {name: s1, host: c1, ports: [{network: blue}]}
  - {name: s2, host: c1, ports: [{network: blue}]}
`;
const ROUTER = 'routers: [{name: r, external: {network: ext}, interfaces: [{subnet: red}]}]\n';

/** A text with its mark taken out, and where the mark was. */
function marked(text: string): { readonly source: string; readonly place: string } {
  const at = text.indexOf(MARK);
  const before = text.slice(0, at).split('\n');
  return {
    source: text.replace(MARK, ''),
    place: `c.yaml:${before.length}:${(before.at(-1) ?? '').length + 1}`,
  };
}

function expectRefused(text: string, message: string): void {
  expect(text.split(MARK)).toHaveLength(2);
  const { source, place } = marked(text);
  const { value, problems } = readCloudYaml('c.yaml', source);
  const told = problems.map((each) => `${each.file}:${each.line}:${each.column} ${each.message}`);
  expect(told).toContain(`${place} ${message}`);
  expect(value === null || problems.length > 0).toBe(true);
}

describe('addresses and prefixes that cannot be', () => {
  it.each([
    [
      'an address of two routers',
      `${BASE}routers:\n  - {name: r, interfaces: [{subnet: red}]}\n  - {name: q, interfaces: [▸{subnet: red}]}\n`,
      '10.1.0.1 belongs to router r already and cannot be of router q',
    ],
    [
      'an address of a router and a server',
      `${BASE}servers:\n  - {name: a, host: c1, ports: [{network: red, addresses: [10.1.0.1]}]}\nrouters: [{name: r, interfaces: [▸{subnet: red}]}]\n`,
      '10.1.0.1 belongs to port a already and cannot be of router r',
    ],
    [
      'an address of two servers',
      `${BASE}servers:\n  - {name: a, host: c1, ports: [{network: red, addresses: [10.1.0.9]}]}\n  - {name: b, host: c1, ports: [{network: red, addresses: [▸10.1.0.9]}]}\n`,
      '10.1.0.9 belongs to port a already and cannot be of port b',
    ],
    [
      'an address of two gateways',
      `${BASE}routers:\n  - {name: r, external: {network: ext, address: 203.0.113.9}}\n  - {name: q, external: {network: ext, address: ▸203.0.113.9}}\n`,
      '203.0.113.9 belongs to router r already and cannot be of router q',
    ],
    [
      'a floating IP that a router has',
      `${BASE}${SERVERS}routers: [{name: r, external: {network: ext, address: 203.0.113.9}, interfaces: [{subnet: red}]}]\nfloating_ips: [▸{network: ext, address: 203.0.113.9, port: a}]\n`,
      '203.0.113.9 belongs to router r already and cannot be of a floating IP',
    ],
    [
      'an interface with an address of another subnet',
      `${BASE}routers: [{name: r, interfaces: [▸{subnet: red, address: 10.2.0.1}]}]\n`,
      'This address is not in subnet "red"',
    ],
    [
      'overlapping subnets of one network',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [{name: a, cidr: 10.0.0.0/16}, ▸{name: b, cidr: 10.0.9.0/24}]}]\n',
      'Overlaps subnet "a" of its network',
    ],
    [
      'overlapping subnets on one router',
      `${BASE}  - {name: red2, segmentation_id: 9, subnets: [{name: red2, cidr: 10.1.0.0/16, gateway: 10.1.9.1}]}\n`.replace(
        'security_groups: [{name: g}]\n',
        '',
      ) + 'routers: [▸{name: r, interfaces: [{subnet: red}, {subnet: red2}]}]\n',
      'Subnets "red" and "red2" overlap on router "r"',
    ],
    [
      'an interface that overlaps the external network',
      `${BASE}  - {name: wide, segmentation_id: 9, subnets: [{name: wide, cidr: 203.0.0.0/16}]}\n`.replace(
        'security_groups: [{name: g}]\n',
        '',
      ) + 'routers: [▸{name: r, external: {network: ext}, interfaces: [{subnet: wide}]}]\n',
      'Subnets "ext" and "wide" overlap on router "r"',
    ],
    [
      'the address of a whole subnet',
      `${BASE}servers: [{name: a, host: c1, ports: [{network: red, addresses: [▸10.1.0.255]}]}]\n`,
      '10.1.0.255 is no address of a port of subnet "red"',
    ],
    [
      'two interfaces of a router on one subnet',
      `${BASE}routers: [{name: r, interfaces: [{subnet: red}, ▸{subnet: red, address: 10.1.0.9}]}]\n`,
      'Router "r" has an interface on subnet "red" already',
    ],
    [
      'a MAC of a group',
      `${BASE}servers: [{name: a, host: c1, ports: [{network: red, mac: ▸'01:00:5e:00:00:01'}]}]\n`,
      'This is the address of a group, and no port has it',
    ],
    [
      'two ends of tunnels at one address',
      BASE.replaceAll('10.9.0.2', '10.9.0.1').replace('- name: c1', '- ▸name: c1'),
      'Tunnels of hosts "n1" and "c1" end at the same address 10.9.0.1',
    ],
    [
      'a gateway outside of its subnet',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [{cidr: 10.0.0.0/24, gateway: ▸10.0.1.1}]}]\n',
      'The gateway is not in the subnet',
    ],
    [
      'a gateway that is given to servers as well',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [{cidr: 10.0.0.0/24, gateway: 10.0.0.9, pools: [▸{from: 10.0.0.5, to: 10.0.0.20}]}]}]\n',
      'The gateway of the subnet is in this pool',
    ],
    [
      'a pool outside of its subnet',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [{cidr: 10.0.0.0/24, pools: [▸{from: 10.0.0.5, to: 10.0.1.5}]}]}]\n',
      'This pool is not a range of the subnet',
    ],
    [
      'overlapping pools of a subnet',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [▸{cidr: 10.0.0.0/24, pools: [{from: 10.0.0.5, to: 10.0.0.9}, {from: 10.0.0.9, to: 10.0.0.12}]}]}]\n',
      'Two allocation pools overlap',
    ],
    [
      'a mode of IPv6 for IPv4',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [{cidr: 10.0.0.0/24, ipv6_mode: ▸slaac}]}]\n',
      'A subnet of IPv4 has no ipv6_mode',
    ],
    [
      'a subnet without a prefix',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [▸{name: s}]}]\n',
      'A subnet needs a cidr',
    ],
    [
      'a network address with host bits',
      'hosts: []\nnetworks: [{name: n, type: local, subnets: [{cidr: ▸10.0.0.1/24}]}]\n',
      'This prefix has bits behind its length',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('subnet pools that cannot be', () => {
  const pool = (words: string, subnet: string): string =>
    `hosts: []\nsubnet_pools: [{name: p, ${words}}]\nnetworks: [{name: n, type: local, subnets: [${subnet}]}]\n`;
  it.each([
    [
      'a prefix that two subnets take',
      pool(
        'prefixes: [10.0.0.0/8]',
        '{name: a, pool: p, cidr: 10.0.0.0/24}]}, {name: m, type: local, subnets: [▸{name: b, pool: p, cidr: 10.0.0.0/25}',
      ),
      'Another subnet of pool "p" has this prefix',
    ],
    [
      'a prefix that is none of the pool',
      pool('prefixes: [10.0.0.0/8]', '▸{name: a, pool: p, cidr: 192.168.0.0/24}'),
      'This prefix is not in subnet pool "p"',
    ],
    [
      'a pool that is used up',
      pool(
        'prefixes: [10.0.0.0/24], default_prefix_length: 24',
        '{name: a, pool: p}, ▸{name: b, pool: p}',
      ),
      'Subnet pool "p" has no free prefix of length 24',
    ],
    [
      'a subnet of no length',
      pool('prefixes: [10.0.0.0/8]', '▸{name: a, pool: p}'),
      'Subnet pool "p" has no default_prefix_length, so this needs a prefix_length',
    ],
    [
      'a pool of both IP versions',
      "hosts: []\nsubnet_pools: [▸{name: p, prefixes: [10.0.0.0/8, 'fd00::/48']}]\n",
      'The prefixes of a pool are all IPv4 or all IPv6',
    ],
    [
      'a pool of nothing',
      'hosts: []\nsubnet_pools: [▸{name: p}]\n',
      'A subnet pool needs a name and prefixes',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('segments that cannot be', () => {
  const networks = (rows: string): string => `hosts: []\nnetworks:\n${rows}`;
  const vlan = (name: string, label: string, id: number, mark = ''): string =>
    `  - ${mark}{name: ${name}, type: vlan, physical_network: ${label}, segmentation_id: ${id}}\n`;
  it.each([
    [
      'a VLAN of two networks on one physical network',
      networks(vlan('a', 'p', 40) + vlan('b', 'p', 40, MARK)),
      'Network "a" is already vlan 40 on p, and "b" cannot be as well',
    ],
    [
      'a tunnel key of two networks',
      networks('  - {name: a, segmentation_id: 7}\n  - ▸{name: b, segmentation_id: 7}\n'),
      'Network "a" is already vxlan 7, and "b" cannot be as well',
    ],
    [
      'two flat networks on one physical network',
      networks(
        '  - {name: a, type: flat, physical_network: p}\n  - ▸{name: b, type: flat, physical_network: p}\n',
      ),
      'Network "a" is already flat on p, and "b" cannot be as well',
    ],
    [
      'a VLAN that there is not',
      networks('  - {name: a, type: vlan, physical_network: p, segmentation_id: ▸4095}\n'),
      'Expected a whole number from 1 to 4094',
    ],
    [
      'tenants with networks of a type that only operators have',
      'settings: {tenant_network_types: [flat]}\nhosts: []\n'.replace('{', `${MARK}{`),
      'Tenants cannot have networks of type flat',
    ],
    [
      'a range the wrong way round',
      "settings: {vni_ranges: ▸['9-5']}\nhosts: []\n",
      'Expected a range of ids up to 16777215, e.g. 40-43',
    ],
    [
      'two segments of one name',
      networks(
        '  - {name: a, segments: [{name: s, type: vlan, physical_network: p, segmentation_id: 4}, ▸{name: s, type: vlan, physical_network: p, segmentation_id: 5}]}\n',
      ),
      'There is another segment called "s"',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));

  it('takes one VLAN of two physical networks for two', () => {
    const { problems } = readCloudYaml(
      'c.yaml',
      `${BASE}`.replace('security_groups: [{name: g}]\n', vlan('a', 'p', 40) + vlan('b', 'q', 40)),
    );
    expect(problems).toEqual([]);
  });
});

describe('hosts that cannot be', () => {
  const host = (words: string): string =>
    `hosts: [{name: h, nics: [{name: e, addresses: [10.9.0.1/24]}], ${words}}]\n`;
  it.each([
    [
      'a port whose physical network its host has not',
      `${BASE}servers: [{name: a, host: c1, ports: [▸{network: ext}]}]\n`,
      'Port "a" of network "ext" needs physical network "ext", which host "c1" has not',
    ],
    [
      'a port on a host without an agent',
      `${BASE}servers: [{name: a, host: bare, ports: [▸{network: red}]}]\n`,
      'Port "a" of network "red" is on host "bare", which has no layer 2 agent',
    ],
    [
      'a port whose tunnels its host has not',
      `${BASE}  - {name: green, type: gre, segmentation_id: 9}\n`.replace(
        'security_groups: [{name: g}]\n',
        '',
      ) + 'servers: [{name: a, host: c1, ports: [▸{network: green}]}]\n',
      'Port "a" of network "green" needs gre tunnels, which host "c1" has not',
    ],
    [
      'a network whose DHCP agent is on a host that has none',
      `${BASE}  - {name: green, segmentation_id: 9, dhcp_agents: [▸c1], subnets: [{cidr: 10.9.0.0/24}]}\n`.replace(
        'security_groups: [{name: g}]\n',
        '',
      ),
      'Host "c1" has no DHCP agent',
    ],
    [
      'a router on a host without an L3 agent',
      `${BASE}routers: [{name: r, hosts: ▸[c1]}]\n`,
      '"c1" is no host with an L3 agent',
    ],
    [
      'both agents of layer 2',
      host('agents: {openvswitch: {}, linuxbridge: ▸{}}'),
      'A host has one layer 2 agent, not both',
    ],
    [
      'tunnels from an address that no NIC has',
      host('agents: {openvswitch: ▸{tunnel_types: [vxlan], local_ip: 10.9.0.7}}'),
      'No NIC of the host has the address of local_ip',
    ],
    [
      'tunnels of a kind that there is not',
      host('agents: {openvswitch: ▸{tunnel_types: [stt]}}'),
      'There is no tunnel type "stt"',
    ],
    [
      'a bridge whose name no interface could have',
      host("agents: {openvswitch: ▸{bridge_mappings: {p: 'br ex'}}}"),
      '"br ex" is no name of a bridge',
    ],
    [
      'a bond of the switch with an address',
      'hosts: [{name: h, nics: [{name: e}, {name: f}, {name: b, addresses: [10.9.0.1/24], bond: ▸{by: openvswitch, members: [e, f]}}], agents: {openvswitch: {bridge_mappings: {p: br-p}, bridges: {br-p: b}}}}]\n',
      'Bond "b" by openvswitch is no device that could have an address',
    ],
    [
      'a NIC whose name no interface could have',
      'hosts: [{name: h, nics: [▸{name: sixteen-letters-}]}]\n',
      'An interface name has 1 to 15 characters, no blank and no slash',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('ports, trunks and floating IPs that cannot be', () => {
  it.each([
    [
      'a server nowhere',
      `${BASE}servers: [▸{name: a, ports: [{network: red}]}]\n`,
      'A server needs a host',
    ],
    [
      'a port of nothing',
      `${BASE}servers: [{name: a, host: c1, ports: [▸{}]}]\n`,
      'A port needs a network',
    ],
    [
      'security groups without port security',
      `${BASE}servers: [{name: a, host: c1, ports: [▸{network: red, port_security: false, security_groups: [g]}]}]\n`,
      'A port without port security has no security groups',
    ],
    [
      'an option of DHCP of several lines',
      `${BASE}servers: [{name: a, host: c1, ports: [{network: red, dhcp_options: [▸{name: tftp-server, value: "x\\ny"}]}]}]\n`,
      'The value of a DHCP option is one line',
    ],
    [
      'an option of DHCP without a name',
      `${BASE}servers: [{name: a, host: c1, ports: [{network: red, dhcp_options: [{name: ▸'a b', value: x}]}]}]\n`,
      'A DHCP option has a name or a number',
    ],
    [
      'a VLAN of two sub-ports',
      `${BASE}${SERVERS}trunks: [{name: t, port: a, sub_ports: [{port: s1, vlan: 5}, ▸{port: s2, vlan: 5}]}]\n`,
      "VLAN 5 is another sub-port's",
    ],
    [
      'a VLAN of a sub-port that there is not',
      `${BASE}${SERVERS}trunks: [{name: t, port: a, sub_ports: [{port: s1, vlan: ▸4095}]}]\n`,
      'Expected a whole number from 1 to 4094',
    ],
    [
      'a port of two trunks',
      `${BASE}${SERVERS}trunks: [{name: t, port: a, sub_ports: [{port: s1, vlan: 5}]}, {name: u, port: b, sub_ports: [▸{port: s1, vlan: 6}]}]\n`,
      'Port "s1" is part of trunk "t"',
    ],
    [
      'a floating IP of a network that is not external',
      `${BASE}${SERVERS}floating_ips: [▸{network: blue, port: a}]\n`,
      'Network "blue" is not external',
    ],
    [
      'a floating IP of an address that its port has not',
      `${BASE}${SERVERS}${ROUTER}floating_ips: [▸{network: ext, port: a, fixed_address: 10.1.0.77}]\n`,
      'The port has neither this address nor an allowed pair of it',
    ],
    [
      'a floating IP that no router leads to',
      `${BASE}${SERVERS}floating_ips: [▸{network: ext, port: a}]\n`,
      'No router leads from "a" to "ext"',
    ],
    [
      'two floating IPs of one network for one address',
      `${BASE}${SERVERS}${ROUTER}floating_ips: [{network: ext, port: a}, ▸{network: ext, port: a}]\n`,
      'Port "a" has a floating IP of "ext" already',
    ],
    [
      'a floating IP that leads to a port and forwards others',
      `${BASE}${SERVERS}${ROUTER}floating_ips: [▸{network: ext, port: a, forward: [{port: b, external: 80}]}]\n`,
      'A floating IP leads to port "a" or forwards its own ports, not both',
    ],
    [
      'a port of an address that is forwarded twice',
      `${BASE}${SERVERS}${ROUTER}floating_ips: [{network: ext, forward: [{port: a, external: 80}, {port: b, external: ▸80}]}]\n`,
      'Port 80 is forwarded already',
    ],
    [
      'a forwarding without its port',
      `${BASE}${SERVERS}${ROUTER}floating_ips: [{network: ext, forward: [▸{port: a, internal: 80}]}]\n`,
      'A forwarding needs the external port',
    ],
    [
      'a gateway on a network that is not external',
      `${BASE}routers: [{name: r, external: ▸{network: red}}]\n`,
      'Network "red" is not external',
    ],
    [
      'a port of a host without a network',
      `${BASE}host_ports: [▸{name: o-hm0, host: c1}]\n`,
      'A port of a host needs a name, a network and a host',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('rules that cannot be', () => {
  const rule = (words: string): string =>
    `hosts: []\nsecurity_groups: [{name: g, rules: [${words}]}]\n`;
  it.each([
    [
      'a range of ports backwards',
      rule('{protocol: tcp, ports: ▸90-80}'),
      'Expected a port, or two with a dash: 80 or 8000-8010',
    ],
    ['ports of ICMP', rule('{protocol: icmp, ports: ▸80}'), 'Only tcp, udp and sctp have ports'],
    [
      'a type of TCP',
      rule('{protocol: tcp, icmp: ▸8}'),
      'Expected a type or type/code of a rule for icmp',
    ],
    ['a version of IP that there is not', rule('{version: ▸5}'), 'The version is 4 or 6'],
    [
      'a remote of numbers',
      rule('{remote: ▸7}'),
      'Expected a prefix, {group: NAME} or {address_group: NAME}',
    ],
    [
      'a group that there is not',
      rule('{remote: {group: ▸h}}'),
      'There is no security group called "h"',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('what is shared and announced', () => {
  it.each([
    [
      'a policy for nobody',
      `${BASE}rbac: [▸{network: red}]\n`,
      'A policy needs the project that it is for, or "*"',
    ],
    [
      'a speaker on a network that is not external',
      `${BASE}bgp_speakers: [▸{name: s, networks: [red]}]\n`,
      'Network "red" is not external',
    ],
    [
      'a peer without a number',
      `${BASE}bgp_speakers: [{name: s, networks: [ext], peers: [▸{address: 203.0.113.7}]}]\n`,
      'A peer needs an address and an as',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('load balancers that cannot be', () => {
  const balancer = (words: string): string =>
    `${BASE}${SERVERS}load_balancers: [{name: l, host: n1, vip: {network: red}, ${words}}]\n`;
  it.each([
    [
      'an address nowhere',
      `${BASE}load_balancers: [▸{name: l, host: n1}]\n`,
      'A load balancer needs a vip with its network',
    ],
    [
      'haproxy on no host',
      `${BASE.replace(', dhcp: {}', '')}load_balancers: [▸{name: l, vip: {network: red}}]\n`,
      'A load balancer of this provider needs a host',
    ],
    ['a listener without a port', balancer('listeners: [▸{name: x}]'), 'A listener needs a port'],
    [
      'a port of two listeners',
      balancer('listeners: [{name: x, port: 80}, ▸{name: y, port: 80}]'),
      "Port 80 is another listener's",
    ],
    [
      'a pool that there is not',
      balancer('listeners: [{name: x, port: 80, pool: ▸p}]'),
      'There is no pool called "p"',
    ],
    [
      'a member without an address',
      balancer('pools: [{name: p, members: [▸{service: 80}]}]'),
      'A member needs a port or an address',
    ],
    [
      'a monitor that waits longer than it rests',
      balancer('pools: [{name: p, monitor: ▸{type: TCP, delay: 2, timeout: 10}}]'),
      'The timeout of a monitor is less than its delay',
    ],
    [
      'a policy that leads nowhere',
      balancer(
        'listeners: [{name: x, port: 80, protocol: HTTP, policies: [▸{action: REDIRECT_TO_POOL}]}]',
      ),
      'This action needs a pool',
    ],
  ])('refuses %s', (_what, text, message) => expectRefused(text, message));
});

describe('rows that lack what they need', () => {
  const network = (words: string): string =>
    `hosts: [{name: h}]\nnetworks: [{name: n, type: local, subnets: [{cidr: 10.0.0.0/24, ${words}}]}]\n`;
  const port = (words: string): string =>
    `${BASE}servers: [{name: a, host: c1, ports: [{network: red, ${words}}]}]\n`;
  it.each([
    [network('pools: [▸{from: 10.0.0.5}]'), 'This needs to'],
    [network('routes: [▸{to: 192.0.2.0/24}]'), 'This needs via'],
    [port('allowed_address_pairs: [▸{}]'), 'This needs address'],
    [`${BASE}routers: [{name: r, interfaces: [▸{}]}]\n`, 'This needs subnet'],
    [`${BASE}routers: [{name: r, external: ▸{}}]\n`, 'This needs network'],
    [`${BASE}floating_ips: [▸{}]\n`, 'This needs network'],
    [
      `${BASE}${SERVERS}trunks: [{name: t, port: a, sub_ports: [▸{port: s1}]}]\n`,
      'This needs vlan',
    ],
    [`${BASE}rbac: [▸{project: x}]\n`, 'This needs network'],
    [
      `${BASE}underlay: {segments: [{name: s, nics: [▸'n1:eth9']}]}\n`,
      'n1 has no interface "eth9"',
    ],
    [
      `${BASE}underlay: {switches: [{name: s, ports: [{name: p, to: ▸'n9:e'}]}]}\n`,
      'There is no host, switch or router called "n9"',
    ],
  ])('%s', (text, message) => expectRefused(text, message));

  it('may be empty where everything has a meaning: a rule for all that comes', () => {
    const { value, problems } = readCloudYaml(
      'c.yaml',
      `${BASE.replace('[{name: g}]', '[{name: g, egress: false, rules: [{}]}]')}`,
    );
    expect(problems).toEqual([]);
    const rules = value?.neutron.securityGroups.find(({ name }) => name === 'g')?.rules;
    expect(rules).toHaveLength(1);
    expect(rules?.[0]).toMatchObject({ direction: 'ingress', protocol: null, remotePrefix: null });
  });
});

describe('what the server itself refuses of routers, groups and forwarded ports', () => {
  const router = (more: string): string =>
    `${BASE}routers:\n  - {name: r, external: {network: ext, address: 203.0.113.9}, interfaces: [{subnet: red}], ${more}}\n`;
  it.each([
    [
      'a next hop in no subnet of the router',
      router('routes: [▸{to: 10.77.0.0/16, via: 10.2.0.9}]'),
      'The next hop 10.2.0.9 is in no subnet of router "r", which has "red", "ext"',
    ],
    [
      'a next hop of a router without any subnet',
      `${BASE}routers: [{name: r, routes: [▸{to: 10.77.0.0/16, via: 10.2.0.9}]}]\n`,
      'The next hop 10.2.0.9 is in no subnet of router "r", which has none',
    ],
    [
      'a next hop that is the router’s own interface',
      router('routes: [{to: 10.76.0.0/16, via: 10.1.0.9}, ▸{to: 10.77.0.0/16, via: 10.1.0.1}]'),
      'The next hop 10.1.0.1 is an address of router "r" itself',
    ],
    [
      'a next hop that is the router’s own gateway address',
      router('routes: [▸{to: 10.77.0.0/16, via: 203.0.113.9}]'),
      'The next hop 203.0.113.9 is an address of router "r" itself',
    ],
    [
      'a stateful and a stateless group of one port',
      `${BASE.replace('[{name: g}]', '[{name: g}, {name: l, stateful: false}]')}servers:\n  - {name: a, host: c1, ports: [▸{network: red, security_groups: [g, l]}]}\n`,
      'Port "a" cannot have both the stateful group "g" and the stateless "l"',
    ],
    [
      'ports forwarded to an address that has a floating IP',
      `${BASE}${SERVERS}${ROUTER}floating_ips:\n  - {network: ext, address: 203.0.113.50, port: a}\n  - {network: ext, forward: [{external: 80, port: b}, ▸{external: 81, port: a}]}\n`,
      'Port "a" has floating IP 203.0.113.50, so no ports are forwarded to it',
    ],
    [
      'ranges of forwarded ports of different lengths',
      `${BASE}${SERVERS}${ROUTER}floating_ips:\n  - {network: ext, forward: [▸{external: 80-82, internal: 90-91, port: a}]}\n`,
      'Ports are forwarded to as many ports, to one, or from one',
    ],
    [
      'ranges of forwarded ports that overlap',
      `${BASE}${SERVERS}${ROUTER}floating_ips:\n  - {network: ext, forward: [{external: 80-90, port: a}, {external: ▸85, port: b}]}\n`,
      'Port 85 is forwarded already',
    ],
    [
      'a range that is none',
      `${BASE}${SERVERS}${ROUTER}floating_ips:\n  - {network: ext, forward: [{external: ▸90-80, port: a}]}\n`,
      'Expected a port or a range of ports, e.g. 5000-5010',
    ],
    [
      'HA routers whose hosts share no tunnels',
      `${BASE.replace('tunnel_types: [vxlan], local_ip: 10.9.0.1}, l3', 'local_ip: 10.9.0.1}, l3')}routers: [▸{name: r, kind: ha}]\n`,
      'No tunnel type joins the hosts n1 of an HA router; tenant_network_types: [vlan] with network_vlan_ranges would give its HA network a VLAN',
    ],
    [
      'a type of authentication without a password',
      `settings: {ha_vrrp_auth_type: ▸AH}\n${BASE}`,
      'A type of authentication needs ha_vrrp_auth_password',
    ],
    [
      'an HA network of no routers',
      `settings: {l3_ha_net_cidr: ▸169.254.192.0/31}\n${BASE}`,
      'The HA network has addresses of IPv4 for several routers',
    ],
  ])('%s', (_, text, message) => {
    expectRefused(text, message);
  });

  it('takes next hops in reach, of interfaces and of the gateway', () => {
    const text = router(
      'routes: [{to: 10.77.0.0/16, via: 10.1.0.9}, {to: 10.78.0.0/16, via: 203.0.113.1}]',
    );
    expect(readCloudYaml('c.yaml', text).problems).toEqual([]);
  });

  it('names the router and the project of one HA router too many', () => {
    const routers = Array.from({ length: 255 }, (_, i) => `  - {name: r${i}, kind: ha}\n`).join('');
    const { problems } = readCloudYaml('c.yaml', `${BASE}routers:\n${routers}`);
    expect(problems.map(({ message }) => message)).toEqual([
      'A project has at most 254 HA routers, and router "r254" of project "default" is one more',
    ]);
  });
});
