/**
 * Answers of the API, and what the client prints, that contradict themselves. Where the problem has
 * to be is marked by hand in the answer.
 */
import { describe, expect, it } from 'vitest';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { apiProblems, cloudProblems, openSnapshot } from '../../src/snapshot/read/open.ts';

const MARK = '▸';

type Files = Readonly<Record<string, string>>;

const port = (id: string, net: string, subnet: string, ip: string, more: string): string =>
  `{"id": "${id}", "name": "${id}", "network_id": "${net}", "mac_address": "fa:16:3e:00:00:${id}", ` +
  `"fixed_ips": [{"subnet_id": "${subnet}", "ip_address": "${ip}"}], "binding:host_id": "c", ` +
  `"binding:vif_type": "ovs", "device_id": "s${id}", ${more}}`;
const GUEST = '"device_owner": "compute:nova", "security_groups": ["g"]';
const FACE = '"device_id": "r", "device_owner": "network:router_interface"';

/** Two networks behind a router, an external one, two guests, a trunk's ports, floating IPs. */
const BASE: Files = {
  networks: `[
{"id": "ext", "name": "ext", "router:external": true, "provider:network_type": "flat", "provider:physical_network": "e"},
{"id": "red", "name": "red", "provider:network_type": "vxlan", "provider:segmentation_id": 1},
{"id": "blue", "name": "blue", "provider:network_type": "vxlan", "provider:segmentation_id": 2}]`,
  subnets: `[
{"id": "x", "name": "x", "network_id": "ext", "cidr": "203.0.113.0/24", "gateway_ip": "203.0.113.1"},
{"id": "r1", "name": "r1", "network_id": "red", "cidr": "10.1.0.0/24", "gateway_ip": "10.1.0.1"},
{"id": "b1", "name": "b1", "network_id": "blue", "cidr": "10.2.0.0/24", "gateway_ip": "10.2.0.1"}]`,
  ports: `[
${port('0a', 'red', 'r1', '10.1.0.10', GUEST)},
${port('0b', 'blue', 'b1', '10.2.0.10', GUEST)},
${port('0c', 'red', 'r1', '10.1.0.1', FACE)},
${port('0d', 'blue', 'b1', '10.2.0.1', FACE)},
${port('0e', 'ext', 'x', '203.0.113.5', '"device_id": "r", "device_owner": "network:router_gateway"')}]`,
  routers: `[{"id": "r", "name": "edge", "project_id": "p", "ha": false, "routes": [],
"external_gateway_info": {"network_id": "ext", "external_fixed_ips": [{"subnet_id": "x", "ip_address": "203.0.113.5"}]}}]`,
  'router-l3-agents': '{"r": {"agents": [{"host": "c"}]}}',
  floatingips: `[{"id": "f", "floating_ip_address": "203.0.113.9", "floating_network_id": "ext",
"fixed_ip_address": "10.1.0.10", "port_id": "0a", "router_id": "r"}]`,
  'port-forwardings': '{"f": []}',
  'security-groups': '[{"id": "g", "name": "g", "security_group_rules": []}]',
  trunks: '[]',
  agents: `[{"id": "1", "host": "c", "binary": "neutron-openvswitch-agent", "configurations":
{"bridge_mappings": {"e": "br-ex"}, "tunnel_types": ["vxlan"], "tunneling_ip": "172.16.0.1"}},
{"id": "2", "host": "c", "binary": "neutron-l3-agent", "configurations": {"agent_mode": "legacy"}}]`,
};

/** Problems as `file:line:column message`. */
function problemsOf(files: Files): readonly string[] {
  const folder = memoryFolder(
    new Map(Object.entries(files).map(([name, text]) => [`api/${name}.json`, () => text])),
  );
  const network = openSnapshot(folder);
  const cloud = cloudOfNetwork(network);
  void Object.values(network.neutron);
  return [...apiProblems(folder), ...network.problems, ...cloudProblems(folder, cloud)].map(
    (each) => `${each.file}:${each.line}:${each.column} ${each.message}`,
  );
}

/** The one problem of the answers with `from` changed to `to`, which marks where it is. */
function expectProblem(file: string, from: string, to: string, message: string): void {
  const whole = BASE[file] ?? '';
  expect(whole.split(from), 'what is changed is there once').toHaveLength(2);
  const marked = whole.replace(from, () => to);
  const [before = '', after] = marked.split(MARK);
  expect(after, 'one mark').toBeDefined();
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  const found = problemsOf({ ...BASE, [file]: marked.replace(MARK, '') });
  expect(found).toEqual([`api/${file}.json:${line}:${column} ${message}`]);
}

describe('answers of the API', () => {
  it('contradict nothing as they are', () => {
    expect(problemsOf(BASE)).toEqual([]);
  });

  it.each<[string, string, string, string, string]>([
    [
      'a next hop in no subnet of its router',
      'routers',
      '"routes": []',
      `"routes": [{"destination": "10.7.0.0/16", "nexthop": "10.1.0.9"}, ${MARK}{"destination": "10.8.0.0/16", "nexthop": "10.3.0.9"}]`,
      'The next hop 10.3.0.9 is in no subnet of router "edge", which has "r1", "b1", "x"',
    ],
    [
      'a next hop that is the router’s own address',
      'routers',
      '"routes": []',
      `"routes": [${MARK}{"destination": "10.7.0.0/16", "nexthop": "10.1.0.1"}]`,
      'The next hop 10.1.0.1 is an address of router "edge" itself',
    ],
    [
      'routes as the client prints them, one out of reach',
      'routers',
      '"routes": []',
      `"routes": ${MARK}"destination='10.7.0.0/16', gateway='10.3.0.9'"`,
      'The next hop 10.3.0.9 is in no subnet of router "edge", which has "r1", "b1", "x"',
    ],
    [
      'a pool beyond its subnet',
      'subnets',
      '"cidr": "10.1.0.0/24"',
      `"cidr": "10.1.0.0/24", "allocation_pools": [${MARK}{"start": "10.1.0.2", "end": "10.1.1.9"}]`,
      'Pool 10.1.0.2 to 10.1.1.9 is no range of subnet "r1"',
    ],
    [
      'a gateway that is given to servers as well',
      'subnets',
      '"cidr": "10.1.0.0/24"',
      `"cidr": "10.1.0.0/24", "allocation_pools": [${MARK}{"start": "10.1.0.1", "end": "10.1.0.99"}]`,
      'The gateway 10.1.0.1 of subnet "r1" is in its pool 10.1.0.1 to 10.1.0.99',
    ],
    [
      'pools that overlap',
      'subnets',
      '"cidr": "10.1.0.0/24"',
      `"cidr": "10.1.0.0/24", "allocation_pools": ${MARK}[{"start": "10.1.0.5", "end": "10.1.0.9"}, {"start": "10.1.0.2", "end": "10.1.0.5"}]`,
      'Two allocation pools of subnet "r1" overlap',
    ],
    [
      'a mode of IPv6 for IPv4',
      'subnets',
      '"cidr": "10.1.0.0/24"',
      `"cidr": "10.1.0.0/24", "ipv6_address_mode": ${MARK}"slaac"`,
      'Subnet "r1" of IPv4 has no IPv6 mode',
    ],
    [
      'a VLAN that there is not',
      'networks',
      '{"id": "red", "name": "red", "provider:network_type": "vxlan", "provider:segmentation_id": 1}',
      `{"id": "red", "name": "red", "provider:network_type": "vxlan", "provider:segmentation_id": 1},\n${MARK}{"id": "v", "name": "v", "provider:network_type": "vlan", "provider:physical_network": "e", "provider:segmentation_id": 4095}`,
      'Network "v" has VLAN 4095; there are 1 to 4094',
    ],
    [
      'two flat networks on one wire',
      'networks',
      '{"id": "red", "name": "red", "provider:network_type": "vxlan", "provider:segmentation_id": 1}',
      `{"id": "red", "name": "red", "provider:network_type": "vxlan", "provider:segmentation_id": 1},\n${MARK}{"id": "v", "name": "v", "provider:network_type": "flat", "provider:physical_network": "e"}`,
      'Network "ext" is already flat on e, and "v" cannot be as well',
    ],
    [
      'security groups without port security',
      'ports',
      '"device_id": "s0a", "device_owner": "compute:nova", "security_groups": ["g"]',
      `"device_id": "s0a", "device_owner": "compute:nova", "port_security_enabled": false, "security_groups": ${MARK}["g"]`,
      'Port "0a" without port security has no security groups',
    ],
    [
      'a floating IP for an address that its port has not',
      'floatingips',
      '"fixed_ip_address": "10.1.0.10"',
      `"fixed_ip_address": ${MARK}"10.1.0.11"`,
      'Floating IP 203.0.113.9: port "0a" has neither 10.1.0.11 nor an allowed pair of it',
    ],
    [
      'a floating IP of a network that is not external',
      'floatingips',
      '"floating_network_id": "ext"',
      `"floating_network_id": ${MARK}"blue"`,
      'Floating IP 203.0.113.9 is of network "blue", which is not external',
    ],
    [
      'two floating IPs for one address',
      'floatingips',
      '"router_id": "r"}',
      `"router_id": "r"}, {"id": "h", "floating_ip_address": "203.0.113.10", "floating_network_id": "ext", "fixed_ip_address": ${MARK}"10.1.0.10", "port_id": "0a", "router_id": "r"}`,
      'Floating IP 203.0.113.10 leads to port "0a", which 203.0.113.9 leads to already',
    ],
    [
      'a floating IP that is there twice',
      'floatingips',
      '"router_id": "r"}',
      `"router_id": "r"}, {"id": "h", "floating_ip_address": ${MARK}"203.0.113.9", "floating_network_id": "ext", "fixed_ip_address": "10.2.0.10", "port_id": "0b", "router_id": "r"}`,
      'Floating IP 203.0.113.9 is there twice',
    ],
    [
      'a trunk with one VLAN twice',
      'trunks',
      '[]',
      `[{"id": "t", "name": "t", "port_id": "0a", "sub_ports": [{"port_id": "0b", "segmentation_type": "vlan", "segmentation_id": 5}, ${MARK}{"port_id": "0c", "segmentation_type": "vlan", "segmentation_id": 5}]}]`,
      'VLAN 5 of sub-port "0c" is another sub-port\'s',
    ],
    [
      'a VLAN of a sub-port that there is not',
      'trunks',
      '[]',
      `[{"id": "t", "name": "t", "port_id": "0a", "sub_ports": [${MARK}{"port_id": "0b", "segmentation_type": "vlan", "segmentation_id": 0}]}]`,
      'Sub-port "0b" has VLAN 0; there are 1 to 4094',
    ],
    [
      'a port of two trunks',
      'trunks',
      '[]',
      `[{"id": "t", "name": "t", "port_id": "0a", "sub_ports": []}, ${MARK}{"id": "u", "name": "u", "port_id": "0a", "sub_ports": []}]`,
      'Port "0a" is part of trunk "t" already',
    ],
    [
      'ports of a rule backwards',
      'security-groups',
      '"security_group_rules": []',
      `"security_group_rules": [${MARK}{"id": "k", "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 90, "port_range_max": 80}]`,
      'A rule of group "g" has ports 90 to 80, backwards',
    ],
  ])('are refused for %s', (_, file, from, to, message) => {
    expectProblem(file, from, to, message);
  });

  it('are refused for an address of a whole subnet', () => {
    const ports = (BASE['ports'] ?? '').replace('"10.2.0.10"', '"10.2.0.255"');
    expect(problemsOf({ ...BASE, ports })).toEqual([
      expect.stringMatching(
        /^api\/ports\.json:3:\d+ 10\.2\.0\.255 is no address of a port of subnet "b1"$/,
      ),
    ]);
  });

  it('are refused for two hosts whose tunnels end at one address', () => {
    const agents = (BASE['agents'] ?? '').replace(
      /\]$/,
      ',\n{"id": "3", "host": "d", "binary": "neutron-openvswitch-agent", "configurations": {"tunneling_ip": "172.16.0.1"}}]',
    );
    expect(problemsOf({ ...BASE, agents })).toEqual([
      'api/agents.json:4:1 Tunnels of hosts "c" and "d" end at the same address 172.16.0.1',
    ]);
  });

  it('are refused for subnets that overlap on one router', () => {
    const subnets = (BASE['subnets'] ?? '').replace('"10.2.0.0/24"', '"10.1.0.0/16"');
    expect(problemsOf({ ...BASE, subnets })).toContain(
      'api/routers.json:1:2 Subnets "r1" and "b1" overlap on router "edge"',
    );
  });

  it('are refused for an interface that overlaps the external network', () => {
    const subnets = (BASE['subnets'] ?? '').replace('"10.2.0.0/24"', '"203.0.0.0/16"');
    expect(problemsOf({ ...BASE, subnets })).toContain(
      'api/routers.json:1:2 Subnets "x" and "b1" overlap on router "edge"',
    );
  });

  it('are refused for subnets of one network that overlap', () => {
    const subnets = (BASE['subnets'] ?? '').replace(
      ']',
      ',\n{"id": "r2", "name": "r2", "network_id": "red", "cidr": "10.1.0.128/25"}]',
    );
    expect(problemsOf({ ...BASE, subnets })).toEqual([
      'api/subnets.json:5:1 Subnet "r2" overlaps subnet "r1" of its network',
    ]);
  });

  it('are refused for the 255th HA router of a project, and not for 254', () => {
    const of = (count: number): string =>
      JSON.stringify(
        Array.from({ length: count }, (_, i) => ({
          ...{ id: `h${i}`, name: `h${i}`, project_id: 'p', ha: true, routes: [] },
          external_gateway_info: null,
        })),
      ).replaceAll('},{', '},\n{');
    const files = {
      ...BASE,
      floatingips: '[]',
      'router-l3-agents': '{}',
      'port-forwardings': '{}',
    };
    expect(problemsOf({ ...files, routers: of(254) })).toEqual([]);
    expect(problemsOf({ ...files, routers: of(255) })).toEqual([
      'api/routers.json:255:1 A project has at most 254 HA routers, and router "h254" of project "p" is one more',
    ]);
  });

  it('are refused for a gateway on a network that is not external, and its floating IPs', () => {
    const networks = (BASE['networks'] ?? '').replace('"router:external": true, ', '');
    expect(problemsOf({ ...BASE, networks })).toEqual([
      'api/routers.json:2:26 Network "ext" is not external',
      'api/floatingips.json:1:75 Floating IP 203.0.113.9 is of network "ext", which is not external',
    ]);
  });

  it('are refused for a router on a host without an L3 agent', () => {
    const agents = (BASE['agents'] ?? '').replace('neutron-l3-agent', 'neutron-dhcp-agent');
    expect(problemsOf({ ...BASE, agents })).toEqual([
      'api/routers.json:1:2 Router "edge" is on host "c", which has no L3 agent',
    ]);
  });

  it.each([
    ['{"e": "br-ex"}', '{"f": "br-ex"}', 'physical network "e"', '0e', 'ext'],
    ['"tunnel_types": ["vxlan"]', '"tunnel_types": []', 'vxlan tunnels', '0a', 'red'],
  ])('are refused where the agent has not %s', (from, to, what, id, network) => {
    const agents = (BASE['agents'] ?? '').replace(from, to);
    const [first] = problemsOf({ ...BASE, agents });
    expect(first).toMatch(/^api\/ports\.json:\d+:\d+ /);
    expect(first).toContain(
      `Port "${id}" of network "${network}" needs ${what}, which host "c" has not`,
    );
  });

  it('are taken with a port whose binding failed, which no agent carries', () => {
    const ports = (BASE['ports'] ?? '').replaceAll('"ovs"', '"binding_failed"');
    const agents = (BASE['agents'] ?? '').replace('{"e": "br-ex"}', '{}');
    expect(problemsOf({ ...BASE, ports, agents })).toEqual([]);
  });

  it('are refused for a stateful and a stateless group of one port', () => {
    const groups =
      '[{"id": "g", "name": "g", "security_group_rules": []}, {"id": "l", "name": "l", "stateful": false, "security_group_rules": []}]';
    const ports = (BASE['ports'] ?? '').replace('["g"]', '["g", "l"]');
    expect(problemsOf({ ...BASE, ports, 'security-groups': groups })).toEqual([
      expect.stringMatching(
        /^api\/ports\.json:2:\d+ Port "0a" cannot have both the stateful group "g" and the stateless "l"$/,
      ),
    ]);
  });

  it('are refused for ports forwarded twice, or beside a floating IP', () => {
    const row = (external: number, ip: string, id: string): string =>
      `{"id": "${id}", "protocol": "tcp", "external_port": ${external}, "internal_port": 22, "internal_ip_address": "${ip}", "internal_port_id": "${ip === '10.1.0.10' ? '0a' : '0b'}"}`;
    const floatingips = (BASE['floatingips'] ?? '').replace(
      ']',
      ', {"id": "k", "floating_ip_address": "203.0.113.20", "floating_network_id": "ext", "router_id": "r"}]',
    );
    const forwarded = (...rows: readonly string[]): Files => ({
      ...{ ...BASE, floatingips },
      'port-forwardings': `{"f": [], "k": [${rows.join(', ')}]}`,
    });
    expect(problemsOf(forwarded(row(22, '10.2.0.10', '1')))).toEqual([]);
    expect(problemsOf(forwarded(row(22, '10.2.0.10', '1'), row(22, '10.2.0.10', '2')))).toEqual([
      expect.stringContaining('Floating IP 203.0.113.20 forwards tcp port 22 already'),
    ]);
    expect(problemsOf(forwarded(row(22, '10.1.0.10', '1')))).toEqual([
      expect.stringContaining(
        '10.1.0.10 has floating IP 203.0.113.9, so no ports are forwarded to it',
      ),
    ]);
  });
});

describe('rows of which the half is missing', () => {
  it.each([
    ['bgp-advertised-routes', '[{"destination": "10.1.0.0/24"}]', 'This has no next_hop'],
    ['bgp-advertised-routes', '[{"Nexthop": "203.0.113.5"}]', 'This has no destination'],
    [
      'floatingips',
      '[{"id": "f", "router_id": null, "port_forwardings": []}]',
      'This has no floating_ip_address',
    ],
    ['subnets', '[{"id": "s", "gateway_ip": null}]', 'This has no cidr'],
  ])('of %s are told: %s', (file, text, message) => {
    const found = problemsOf({ agents: '[]', networks: '[]', [file]: text });
    expect(found).toEqual([`api/${file}.json:1:2 ${message}`]);
  });

  it('are told of routes, pools, fixed addresses and allowed pairs', () => {
    const of = (file: string, from: string, to: string): readonly string[] =>
      problemsOf({ ...BASE, [file]: (BASE[file] ?? '').replace(from, to) }).map((each) =>
        each.replace(/^.*? /, ''),
      );
    expect(of('routers', '"routes": []', '"routes": [{"destination": "10.7.0.0/16"}]')).toEqual([
      'This has no nexthop',
    ]);
    expect(
      of(
        'subnets',
        '"cidr": "10.1.0.0/24"',
        '"cidr": "10.1.0.0/24", "allocation_pools": [{"start": "10.1.0.2"}]',
      ),
    ).toEqual(['This has no end']);
    expect(
      of(
        'ports',
        '"device_id": "s0b"',
        '"device_id": "s0b", "allowed_address_pairs": [{"mac_address": "fa:16:3e:00:00:01"}]',
      ),
    ).toEqual(['This has no ip_address']);
  });
});
