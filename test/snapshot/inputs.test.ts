/**
 * One cloud in three inputs: a cloud.yaml, answers of the API, and what the client prints of the
 * same objects with `-f json` (client/ is the output of python-openstackclient 6.0.0,
 * python-neutronclient 8.1.0 and python-octaviaclient 3.1.0). Every kind of object that a cloud has
 * is a row: its fact is the same, whatever told it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Cloud } from '../../src/model/cloud.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { apiProblems, openSnapshot } from '../../src/snapshot/read/open.ts';
import { writeIp, writeMac } from '../../src/text/address-text.ts';

const folder = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/inputs/${name}`, import.meta.url));

function ofApi(name: string): Cloud {
  const files = openFolder(folder(name));
  expect(apiProblems(files)).toEqual([]);
  const network = openSnapshot(files);
  const cloud = cloudOfNetwork(network);
  expect(Object.keys(cloud.neutron).length).toBeGreaterThan(10);
  void Object.values(cloud.neutron);
  expect(network.problems).toEqual([]);
  return cloud;
}

function ofYaml(): Cloud {
  const { value, problems } = readCloudYaml(
    'cloud.yaml',
    readFileSync(folder('cloud.yaml'), 'utf8'),
  );
  expect(problems).toEqual([]);
  if (value === null) throw new Error('no cloud');
  return value;
}

const INPUTS = [
  ['cloud.yaml', ofYaml()],
  ['the API', ofApi('api')],
  ['the client', ofApi('client')],
] as const;

type Prefixed = { readonly address: Parameters<typeof writeIp>[0]; readonly length: number };
const prefix = (at: Prefixed | null): string | null =>
  at === null ? null : `${writeIp(at.address)}/${at.length}`;
const address = (at: Prefixed['address'] | null): string | null =>
  at === null ? null : writeIp(at);

/** What an id names, in every kind of object. */
function namesOf({ neutron }: Cloud): (id: string | null | undefined) => string | null {
  const all = [
    ...neutron.networks,
    ...neutron.subnets,
    ...neutron.ports,
    ...neutron.routers,
    ...neutron.securityGroups,
    ...neutron.addressGroups,
    ...neutron.qosPolicies,
    ...neutron.networks.flatMap(({ segments }) => segments),
    ...neutron.subnetPools,
  ];
  const byId = new Map(all.map(({ id, name }) => [id, name]));
  return (id) => (id == null ? null : (byId.get(id) ?? `unknown ${id}`));
}

function network(cloud: Cloud, name: string) {
  return cloud.neutron.networks.find((each) => each.name === name);
}

function segment(cloud: Cloud, name: string): unknown {
  const { type, physicalNetwork, segmentationId } = network(cloud, name)?.provider ?? {};
  return [type, physicalNetwork, segmentationId];
}

function subnet(cloud: Cloud, name: string) {
  const found = cloud.neutron.subnets.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no subnet ${name}`);
  return found;
}

function port(cloud: Cloud, name: string) {
  const found = cloud.neutron.ports.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no port ${name}`);
  return found;
}

function router(cloud: Cloud, name: string) {
  const found = cloud.neutron.routers.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no router ${name}`);
  return found;
}

function group(cloud: Cloud, name: string): readonly string[] {
  const named = namesOf(cloud);
  const found = cloud.neutron.securityGroups.find((each) => each.name === name);
  return (found?.rules ?? [])
    .map((rule) =>
      [
        rule.direction,
        rule.version,
        rule.protocol,
        rule.portMin,
        rule.portMax,
        prefix(rule.remotePrefix),
        named(rule.remoteGroup),
        named(rule.remoteAddressGroup),
      ].join(' '),
    )
    .sort();
}

function floating(cloud: Cloud, at: string): unknown {
  const named = namesOf(cloud);
  const found = cloud.neutron.floatingIps.find((each) => writeIp(each.address) === at);
  return [
    named(found?.networkId),
    named(found?.portId),
    address(found?.fixedAddress ?? null),
    named(found?.routerId),
  ];
}

function forwardings(cloud: Cloud): readonly unknown[] {
  return cloud.neutron.portForwardings.map((each) => [
    ...[each.protocol, each.externalPorts, each.internalPorts, writeIp(each.internalAddress)],
    namesOf(cloud)(each.internalPortId),
  ]);
}

function agentOf(cloud: Cloud, host: string) {
  return cloud.hosts.find(({ name }) => name === host);
}

const FACTS: readonly (readonly [string, (cloud: Cloud) => unknown, unknown])[] = [
  ['flat networks', (c) => segment(c, 'public'), ['flat', 'external', null]],
  ['VLAN networks', (c) => segment(c, 'lan'), ['vlan', 'physnet1', 101]],
  ['VXLAN networks', (c) => segment(c, 'web'), ['vxlan', null, 7]],
  ['GRE networks', (c) => segment(c, 'gre'), ['gre', null, 70]],
  ['Geneve networks', (c) => segment(c, 'gen'), ['geneve', null, 71]],
  ['local networks', (c) => segment(c, 'alone'), ['local', null, null]],
  ['projects', (c) => network(c, 'lb-mgmt')?.project, 'octavia'],
  ['MTUs', (c) => network(c, 'app')?.mtu, 1400],
  ['networks that are down', (c) => network(c, 'alone')?.adminUp, false],
  ['networks without port security', (c) => network(c, 'db')?.portSecurity, false],
  ['external networks', (c) => network(c, 'public')?.external, true],
  ['shared networks', (c) => network(c, 'lan')?.shared, true],
  [
    'RBAC policies',
    (c) =>
      c.neutron.rbacPolicies.map(({ objectType, objectId, action, targetProject }) =>
        [objectType, namesOf(c)(objectId), action, targetProject].join(' '),
      ),
    ['network web access_as_shared blue', 'network public access_as_external *'],
  ],
  [
    'networks of several segments',
    (c) =>
      network(c, 'many')?.segments.map((each) =>
        [each.name, each.type, each.physicalNetwork, each.segmentationId].join(' '),
      ),
    ['rack1 vlan physnet1 150', 'rack2 vxlan  777'],
  ],
  ['subnets of one segment', (c) => namesOf(c)(subnet(c, 'many').segmentId), 'rack1'],
  [
    'IPv4 subnets: gateways, DNS servers, allocation pools',
    (c) => [
      prefix(subnet(c, 'lan').prefix),
      address(subnet(c, 'lan').gateway),
      subnet(c, 'lan').dhcp,
      subnet(c, 'lan').dnsServers.map(writeIp),
      subnet(c, 'lan').pools.map(({ from, to }) => `${writeIp(from)}-${writeIp(to)}`),
    ],
    [
      '10.1.0.0/24',
      '10.1.0.254',
      true,
      ['9.9.9.9', '8.8.8.8'],
      ['10.1.0.10-10.1.0.99', '10.1.0.150-10.1.0.159'],
    ],
  ],
  [
    'host routes',
    (c) => subnet(c, 'lan').hostRoutes.map(({ to, via }) => `${prefix(to)} ${writeIp(via)}`),
    ['192.0.2.0/24 10.1.0.77', '198.51.100.0/24 10.1.0.78'],
  ],
  ['subnets without a gateway', (c) => subnet(c, 'app').gateway, null],
  ['subnets without DHCP', (c) => subnet(c, 'public').dhcp, false],
  [
    'IPv6 with SLAAC, stateful and stateless',
    (c) =>
      ['web6', 'app6', 'db6'].map((name) => {
        const { ipv6AddressMode, ipv6RaMode } = subnet(c, name);
        return [ipv6AddressMode, ipv6RaMode].join(' ');
      }),
    ['slaac slaac', 'dhcpv6-stateful dhcpv6-stateful', 'dhcpv6-stateless dhcpv6-stateless'],
  ],
  [
    'subnet pools',
    (c) => [
      namesOf(c)(subnet(c, 'pooled').subnetPoolId),
      c.neutron.subnetPools[0]?.prefixes.map(prefix),
    ],
    ['tenants', ['10.40.0.0/16', '10.44.0.0/16']],
  ],
  [
    'address scopes',
    (c) => c.neutron.subnetPools.map((pool) => pool.addressScopeId !== null),
    [true],
  ],
  [
    'ports: network, host, VIF type, owner',
    (c) => {
      const { networkId, host, vifType, deviceOwner } = port(c, 'a');
      return [namesOf(c)(networkId), host, vifType, deviceOwner];
    },
    ['web', 'compute1', 'ovs', 'compute:nova'],
  ],
  ['ports that are plugged the hybrid way', (c) => port(c, 'b').hybridPlug, true],
  ['MACs of ports', (c) => writeMac(port(c, 'a').mac), 'fa:16:3e:00:aa:01'],
  [
    'fixed addresses',
    (c) => port(c, 'b').fixedIps.map((at) => `${namesOf(c)(at.subnetId)} ${writeIp(at.address)}`),
    ['app 10.3.0.10', 'app6 fd00:3::10'],
  ],
  ['groups of ports', (c) => port(c, 'a').securityGroups.map(namesOf(c)), ['web', 'default']],
  [
    'allowed address pairs, whose MAC is the port’s own where nobody names one',
    (c) =>
      port(c, 'a').allowedAddressPairs.map(
        (pair) => `${prefix(pair.prefix)} ${writeMac(pair.mac ?? port(c, 'a').mac)}`,
      ),
    ['10.2.0.200/32 fa:16:3e:00:aa:01', '10.200.0.0/16 fa:16:3e:00:00:07'],
  ],
  [
    'ports without port security',
    (c) => [port(c, 'c').portSecurity, port(c, 'c').securityGroups],
    [false, []],
  ],
  ['ports that are down', (c) => port(c, 'down').adminUp, false],
  [
    'DHCP options of ports',
    (c) => port(c, 'a').dhcpOptions,
    [{ name: 'mtu', value: '1400', version: 4 }],
  ],
  ['ports that no host has', (c) => [port(c, 'vip').host, port(c, 'vip').vifType], ['', 'unbound']],
  [
    'trunks and sub-ports',
    (c) =>
      c.neutron.trunks.map(({ name, adminUp, portId, subPorts }) => [
        name,
        adminUp,
        namesOf(c)(portId),
        ...subPorts.map((each) =>
          [namesOf(c)(each.portId), each.segmentationType, each.segmentationId].join(' '),
        ),
      ]),
    [['t', true, 'parent', 'child vlan 102']],
  ],
  [
    'routers: legacy, HA, distributed, distributed with HA, down',
    (c) =>
      ['edge', 'pair', 'spread', 'both', 'off'].map((name) => {
        const { ha, distributed, adminUp } = router(c, name);
        return [ha, distributed, adminUp].map(Number).join('');
      }),
    ['001', '101', '011', '111', '000'],
  ],
  [
    'gateways, without SNAT',
    (c) => {
      const { gateway } = router(c, 'edge');
      return [
        namesOf(c)(gateway?.networkId),
        gateway?.snat,
        gateway?.fixedIps.map((at) => writeIp(at.address)),
      ];
    },
    ['public', false, ['203.0.113.100']],
  ],
  [
    'extra routes',
    (c) => router(c, 'edge').routes.map(({ to, via }) => `${prefix(to)} ${writeIp(via)}`),
    ['10.99.0.0/16 10.2.0.77', '0.0.0.0/1 10.2.0.78'],
  ],
  ['agents of routers', (c) => router(c, 'edge').agents.map(({ host }) => host), ['net1']],
  [
    'interfaces of routers',
    (c) =>
      ['edge-web', 'pair-gre', 'spread-gen'].map(
        (name) => `${port(c, name).deviceOwner} ${namesOf(c)(port(c, name).deviceId)}`,
      ),
    [
      'network:router_interface edge',
      'network:ha_router_replicated_interface pair',
      'network:router_interface_distributed spread',
    ],
  ],
  ['floating IPs', (c) => floating(c, '203.0.113.110'), ['public', 'a', '10.2.0.10', 'edge']],
  [
    'floating IPs on addresses that servers share',
    (c) => floating(c, '203.0.113.111'),
    ['public', 'vip', '10.2.0.200', 'edge'],
  ],
  [
    'floating IPs that lead nowhere, as one that was moved away',
    (c) => floating(c, '203.0.113.112'),
    ['public', null, null, null],
  ],
  ['port forwardings', (c) => forwardings(c)[0], ['tcp', [2222, 2222], [22, 22], '10.2.0.21', 'child']],
  [
    'rules of groups: ports, ICMP, protocol numbers, prefixes, groups, address groups, IPv6',
    (c) => group(c, 'web'),
    [
      'egress 4      ',
      'egress 6      ',
      'ingress 4 112     ',
      'ingress 4 icmp 3    ',
      'ingress 4 icmp 8 0   ',
      'ingress 4 tcp 25 25   friends',
      'ingress 4 tcp 80 90 10.0.0.0/8  ',
      'ingress 4 udp 53 53  web ',
      'ingress 6 ipv6-icmp     ',
    ],
  ],
  [
    'the default group',
    (c) => group(c, 'default').filter((rule) => rule.startsWith('ingress')),
    ['ingress 4     default ', 'ingress 6     default '],
  ],
  [
    'stateless groups',
    (c) => c.neutron.securityGroups.map(({ name, stateful }) => `${name} ${stateful}`).sort(),
    ['default true', 'fast false', 'web true'],
  ],
  [
    'address groups',
    (c) => c.neutron.addressGroups.map(({ name, addresses }) => [name, ...addresses.map(prefix)]),
    [['friends', '203.0.113.7/32', '198.51.100.0/24', '2001:db8:5::/64']],
  ],
  [
    'QoS policies',
    (c) =>
      c.neutron.qosPolicies.map((q) => [
        q.name,
        ...[q.egressKbps, q.ingressKbps, q.dscp, q.egressKpps, q.ingressKpps, q.minimumKbps],
      ]),
    [
      ['gold', 3000, 4000, 26, null, null, null],
      ['silver', null, null, null, 5, 6, 100],
    ],
  ],
  [
    'QoS of networks and ports',
    (c) => [network(c, 'app')?.qosPolicyId, port(c, 'b').qosPolicyId].map(namesOf(c)),
    ['gold', 'silver'],
  ],
  [
    'load balancers: provider, VIP, amphorae',
    (c) =>
      c.loadBalancers.map((each) => [
        ...[each.name, each.provider, writeIp(each.vipAddress), each.adminUp],
        ...each.amphoraPortIds.map(namesOf(c)),
      ]),
    [['shop', 'amphora', '10.2.0.50', true, 'amp-1']],
  ],
  [
    'listeners with L7 policies',
    (c) =>
      c.loadBalancers[0]?.listeners.map((each) => [
        ...[each.name, each.protocol, each.port, each.adminUp, each.connectionLimit],
        c.loadBalancers[0]?.pools.find(({ id }) => id === each.defaultPoolId)?.name,
        ...each.policies.map(({ action, poolId, rules }) => [
          action,
          c.loadBalancers[0]?.pools.find(({ id }) => id === poolId)?.name,
          ...rules.map((rule) => [rule.type, rule.compare, rule.key, rule.value, rule.invert]),
        ]),
      ]),
    [
      [
        ...['on-80', 'HTTP', 80, true, 2000, 'main'],
        ['REDIRECT_TO_POOL', 'api', ['PATH', 'STARTS_WITH', null, '/api', false]],
      ],
      ['on-443', 'TCP', 443, false, null, 'main'],
    ],
  ],
  [
    'pools: algorithms, persistence, monitors, members',
    (c) =>
      c.loadBalancers[0]?.pools.map((each) => [
        ...[each.name, each.protocol, each.algorithm, each.persistence, each.monitor],
        ...each.members.map((one) =>
          [writeIp(one.address), one.port, one.weight, one.adminUp].join(' '),
        ),
      ]),
    [
      [
        ...['main', 'HTTP', 'LEAST_CONNECTIONS', 'APP_COOKIE'],
        { type: 'HTTP', delay_s: 7, timeout_s: 4, retries: 2, path: '/alive' },
        ...['10.2.0.10 8080 5 true', '10.2.0.21 8080 1 false'],
      ],
      ['api', 'TCP', 'SOURCE_IP', null, null, '10.2.0.10 9000 1 true'],
    ],
  ],
  [
    'the management network’s port on a host',
    (c) => c.hostDevices.map(({ portId, device }) => [namesOf(c)(portId), device]),
    [['o-hm0', 'o-hm0']],
  ],
  [
    'BGP speakers and their peers',
    (c) =>
      c.bgpSpeakers.map((each) => [
        ...[each.name, each.localAs, each.version, ...each.networkIds.map(namesOf(c))],
        ...[each.advertisesFloatingIps, each.advertisesTenantNetworks],
        ...each.peers.map((peer) => `${peer.name} ${writeIp(peer.address)} ${peer.as}`),
      ]),
    [['speaker', 64500, 4, 'public', true, false, 'upstream 203.0.113.1 64501']],
  ],
  [
    'DHCP agents of networks',
    (c) => c.neutron.dhcpHosts.get(network(c, 'web')?.id ?? ''),
    ['net1'],
  ],
  [
    'the layer 2 agent: mappings, tunnels, l2population, ARP responder',
    (c) => {
      const agent = agentOf(c, 'compute1')?.layer2;
      return [
        agent?.kind,
        [...(agent?.physicalNetworks ?? [])],
        agent?.tunnelTypes,
        address(agent?.tunnelAddress ?? null),
        agent?.l2Population,
        agent?.arpResponder,
        agent?.distributedRouting,
      ];
    },
    [
      'openvswitch',
      [
        ['physnet1', 'br-phy'],
        ['external', 'br-ex'],
      ],
      ['vxlan', 'gre', 'geneve'],
      '172.30.20.31',
      true,
      true,
      false,
    ],
  ],
  [
    'firewall drivers',
    (c) => ['compute1', 'compute2'].map((host) => agentOf(c, host)?.layer2?.firewall),
    ['openvswitch', 'iptables_hybrid'],
  ],
  ['modes of the layer 3 agent', (c) => agentOf(c, 'net1')?.layer3?.mode, 'dvr_snat'],
  [
    'the metadata agent',
    (c) => agentOf(c, 'net1')?.metadata,
    { novaHost: '172.30.10.10', novaPort: 8700 },
  ],
  [
    'availability zones',
    (c) => ['net1', 'net2', 'compute1'].map((host) => agentOf(c, host)?.availabilityZone),
    ['az1', 'az2', 'nova'],
  ],
  ['hosts whose agents are dead', (c) => agentOf(c, 'compute2')?.alive, false],
];

describe.each(INPUTS)('%s tells', (_, cloud) => {
  it.each(FACTS)('%s', (_what, fact, expected) => {
    expect(fact(cloud)).toEqual(expected);
  });
});

/** Files of the client's `list`, one at a time, each beside nothing else. */
function listed(name: string, rows: unknown): readonly string[] {
  const files = memoryFolder(
    new Map([
      ['api/agents.json', () => '[]'],
      ['api/networks.json', () => '[]'],
      [`api/${name}.json`, () => JSON.stringify(rows)],
    ]),
  );
  const { neutron, problems } = openSnapshot(files);
  void Object.values(neutron);
  return [...apiProblems(files), ...problems].map(
    ({ file, line, column, message }) => `${file}:${line}:${column} ${message}`,
  );
}

describe('what an input cannot say', () => {
  it.each(INPUTS.slice(0, 2))('ranges of forwarded ports are told by %s', (_, cloud) => {
    expect(forwardings(cloud)[1]).toEqual([
      'udp',
      [5000, 5010],
      [6000, 6010],
      '10.2.0.21',
      'child',
    ]);
  });

  it('ranges of forwarded ports have a place where the client prints none', () => {
    const floating = [{ id: 'f', floating_ip_address: '203.0.113.1' }];
    const files = memoryFolder(
      new Map([
        ['api/floatingips.json', () => JSON.stringify(floating)],
        [
          'api/port-forwardings.json',
          () =>
            '{"f": [{"ID": "1", "Protocol": "udp", "Internal IP Address": "10.0.0.1", "Internal Port": null, "External Port": null}]}',
        ],
      ]),
    );
    const { neutron, problems } = openSnapshot(files);
    expect(neutron.portForwardings).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: 'api/port-forwardings.json', line: 1, column: 8 });
  });

  it.each([
    ['ports', [{ ID: 'p', Name: '' }], 'port show'],
    ['agents', [{ ID: 'a', Host: 'h', Binary: 'neutron-l3-agent' }], 'network agent show'],
    ['trunks', [{ ID: 't', 'Parent Port': 'p', State: true }], 'network trunk show'],
    ['rbac-policies', [{ ID: 'r', 'Object Type': 'network' }], 'network rbac show'],
    ['qos-policies', [{ ID: 'q', Name: 'gold' }], 'network qos policy show'],
    ['security-groups', [{ ID: 'g', Name: 'web' }], 'security group show'],
    ['bgp-speakers', [{ ID: 's', Name: 's', 'Local AS': 1 }], 'bgp speaker show'],
    ['loadbalancers', [{ id: 'l', vip_address: '10.0.0.1' }], 'loadbalancer show'],
    ['listeners', [{ id: 'l', protocol: 'TCP' }], 'loadbalancer listener show'],
    ['pools', [{ id: 'l', protocol: 'TCP' }], 'loadbalancer pool show'],
    ['healthmonitors', [{ id: 'l', type: 'TCP' }], 'loadbalancer healthmonitor show'],
    ['l7policies', [{ id: 'l', action: 'REJECT' }], 'loadbalancer l7policy show'],
    ['amphorae', [{ id: 'l', role: 'MASTER' }], 'loadbalancer amphora show'],
    ['subnets', [{ ID: 's', Subnet: 'fd00::/64', Gateway: 'fd00::1' }], 'subnet show'],
    ['routers', [{ ID: 'r', Name: 'edge' }], 'router show'],
  ])(
    'the client’s list of %s is told at its place, with the command that prints more',
    (name, rows, command) => {
      expect(listed(name, rows)).toContainEqual(
        expect.stringMatching(
          new RegExp(`^api/${name}\\.json:1:2 .*\`openstack ${command} -f json\``),
        ),
      );
    },
  );
});
