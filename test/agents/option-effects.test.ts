/**
 * No option of a host, an agent or the settings is accepted for nothing. Every leaf that the
 * published schema describes has a row here: a cloud that says one thing, one that says another, and
 * what the agents then build differs, or the cloud is refused with a word about it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { isRecord } from '../../src/text/json-text.ts';
import { ROOT } from '../sources.ts';

const OVS = (options: string): string => `openvswitch: {${options}}`;
const LB = (options: string): string => `linuxbridge: {${options}}`;
const TUNNELS = 'tunnel_types: [vxlan], tunnel_device: e';
const LABEL = 'bridge_mappings: {p: br-p}, bridges: {br-p: x}';

interface Parts {
  readonly settings: string;
  readonly nics: string;
  readonly layer2: string;
  readonly agents: string;
  readonly host: string;
  readonly more: string;
}

const BASE: Parts = {
  settings: 'dns_domain: example.',
  nics: '{name: e, addresses: [10.9.0.1/24]}, {name: x}, {name: y}, {name: z, addresses: [10.9.1.1/24]}',
  layer2: OVS(`${TUNNELS}, ${LABEL}`),
  agents: 'l3: {}, dhcp: {}, metadata: {}',
  host: '',
  more: 'routers: [{name: r, interfaces: [{subnet: red}]}]',
};

/** Two hosts, a network over tunnels with a server, a router and DHCP. */
function cloud(parts: Partial<Parts>): string {
  const { settings, nics, layer2, agents, host, more } = { ...BASE, ...parts };
  const second = layer2.replaceAll('10.9.0.1', '10.9.0.2');
  return [
    `settings: {${settings}}`,
    'hosts:',
    `  - {name: n1, nics: [${nics}], agents: {${layer2}, ${agents}}${host}}`,
    `  - {name: n2, nics: [{name: e, addresses: [10.9.0.2/24]}, {name: x}, {name: y}, {name: z}], agents: {${second}, ${agents}}}`,
    'networks:',
    '  - {name: red, segmentation_id: 1, subnets: [{name: red, cidr: 10.1.0.0/24}]}',
    'servers:',
    '  - {name: a, host: n1, ports: [{network: red}]}',
    '  - {name: b, host: n2, ports: [{network: red}]}',
    more,
    '',
  ].join('\n');
}

type Row = readonly [from: string | Partial<Parts>, to: string | Partial<Parts>];

const layer2 = (from: string, to: string): Row => [{ layer2: from }, { layer2: to }];
const setting = (from: string, to: string, parts: Partial<Parts> = {}): Row => [
  { ...parts, settings: from },
  { ...parts, settings: to },
];
const HA = { more: 'routers: [{name: r, kind: ha, interfaces: [{subnet: red}]}]' };
const HINTED = 'routers: [{name: r, zone_hints: [nova], interfaces: [{subnet: red}]}]';
const nic = (from: string, to: string, parts: Partial<Parts> = {}): Row => {
  const rest = '{name: x}, {name: y}, {name: z}';
  return [
    { ...parts, nics: `{name: e, addresses: [10.9.0.1/24]${from}}, ${rest}` },
    { ...parts, nics: `{name: e, addresses: [10.9.0.1/24]${to}}, ${rest}` },
  ];
};
const bond = (from: string, to: string): Row => {
  const nics = (words: string): string =>
    `{name: e, addresses: [10.9.0.1/24]}, {name: x}, {name: y}, {name: z}, {name: b0, bond: ${words}}`;
  const parts = { layer2: OVS(`${TUNNELS}, bridges: {br-p: b0}, bridge_mappings: {p: br-p}`) };
  // The other host has a NIC of that name.
  const whole = (words: string): string =>
    cloud({ ...parts, nics: nics(words) }).replace('{name: z}], agents', '{name: b0}], agents');
  return [whole(from), whole(to)];
};
const TENANTS = (type: string, words: string): string =>
  `tenant_network_types: [${type}], ${words}`;
const FREE = (settings: string): string =>
  [
    `settings: {${settings}}`,
    'hosts:',
    `  - {name: n1, nics: [{name: e, addresses: [10.9.0.1/24]}, {name: x}], agents: {openvswitch: {tunnel_types: [vxlan, gre], tunnel_device: e, ${LABEL}}}}`,
    `  - {name: n2, nics: [{name: e, addresses: [10.9.0.2/24]}, {name: x}], agents: {openvswitch: {tunnel_types: [vxlan, gre], tunnel_device: e, ${LABEL}}}}`,
    'networks: [{name: red, subnets: [{cidr: 10.1.0.0/24, dhcp: false}]}]',
    'servers: [{name: a, host: n1, ports: [{network: red}]}, {name: b, host: n2, ports: [{network: red}]}]',
    '',
  ].join('\n');
const NOVA = (words: string, metadata = ''): string =>
  [
    'hosts:',
    `  - {name: n1, nics: [{name: e}, {name: x, addresses: [203.0.113.7/24]}, {name: y, addresses: [203.0.113.8/24]}], agents: {linuxbridge: {interface_mappings: {p: e}}, nova_network: {${words}}, metadata: {${metadata}}}}`,
    'networks: [{name: red, manager: flat_dhcp, network_host: n1, physical_network: p, subnets: [{cidr: 10.1.0.0/24}]}]',
    'servers: [{name: a, host: n1, ports: [{network: red}]}]',
    '',
  ].join('\n');

const DISTRIBUTED = {
  layer2: OVS(`${TUNNELS}, l2_population: true, distributed_routing: true`),
  more: 'routers: [{name: r, kind: distributed, interfaces: [{subnet: red}]}]',
};

/** By the way of the schema: what is said, and what is said instead. */
const ROWS: Readonly<Record<string, Row>> = {
  'settings.dialect': setting('dialect: zed', 'dialect: pike'),
  'settings.dns_domain': setting('dns_domain: a.', 'dns_domain: b.'),
  'settings.dhcp_lease_duration': setting('dhcp_lease_duration: 100', 'dhcp_lease_duration: -1'),
  'settings.physical_mtu': setting('physical_mtu: 1500', 'physical_mtu: 9000'),
  'settings.max_l3_agents_per_router': setting(
    'max_l3_agents_per_router: 1',
    'max_l3_agents_per_router: 2',
    HA,
  ),
  'settings.l3_ha_net_cidr': setting(
    'l3_ha_net_cidr: 169.254.192.0/18',
    'l3_ha_net_cidr: 10.77.0.0/24',
    HA,
  ),
  'settings.ha_vrrp_advert_int': setting('ha_vrrp_advert_int: 2', 'ha_vrrp_advert_int: 5', HA),
  'settings.ha_vrrp_auth_type': setting(
    'ha_vrrp_auth_type: PASS, ha_vrrp_auth_password: s',
    'ha_vrrp_auth_type: AH, ha_vrrp_auth_password: s',
    HA,
  ),
  'settings.ha_vrrp_auth_password': setting(
    'ha_vrrp_auth_password: s',
    'ha_vrrp_auth_password: t',
    HA,
  ),
  'settings.ha_vrrp_health_check_interval': setting(
    'ha_vrrp_health_check_interval: 0',
    'ha_vrrp_health_check_interval: 9',
    HA,
  ),
  'settings.keepalived_use_no_track': setting(
    'keepalived_use_no_track: true',
    'keepalived_use_no_track: false',
    HA,
  ),
  'settings.dhcp_agents_per_network': setting(
    'dhcp_agents_per_network: 1',
    'dhcp_agents_per_network: 2',
  ),
  'settings.tenant_network_types[]': [
    FREE(TENANTS('vxlan', 'vni_ranges: [9], tunnel_id_ranges: [9]')),
    FREE(TENANTS('gre', 'vni_ranges: [9], tunnel_id_ranges: [9]')),
  ],
  'settings.network_vlan_ranges': [
    FREE(TENANTS('vlan', 'network_vlan_ranges: {p: 40-43}')),
    FREE(TENANTS('vlan', 'network_vlan_ranges: {p: 50-53}')),
  ],
  'settings.vni_ranges[]': [
    FREE(TENANTS('vxlan', 'vni_ranges: [9]')),
    FREE(TENANTS('vxlan', 'vni_ranges: [10]')),
  ],
  'settings.tunnel_id_ranges[]': [
    FREE(TENANTS('gre', 'tunnel_id_ranges: [9]')),
    FREE(TENANTS('gre', 'tunnel_id_ranges: [10]')),
  ],
  'hosts[].name': [cloud({}), cloud({}).replaceAll('n2', 'n3')],
  'hosts[].zone': [
    { more: HINTED, host: ', zone: nova' },
    { more: HINTED, host: ', zone: az1' },
  ],
  'hosts[].alive': [{}, { host: ', alive: false' }],
  'hosts[].nics[].name': [cloud({}), cloud({}).replaceAll('{name: z,', '{name: zz,')],
  'hosts[].nics[].mac': nic(', mac: "52:54:00:00:00:01"', ', mac: "52:54:00:00:00:02"'),
  'hosts[].nics[].mtu': nic('', ', mtu: 9000'),
  'hosts[].nics[].addresses[]': [
    { nics: BASE.nics },
    { nics: BASE.nics.replace('10.9.1.1/24', '10.9.2.1/24') },
  ],
  'hosts[].nics[].gateway': nic('', ', gateway: 10.9.0.254'),
  'hosts[].nics[].bond[]': bond('[x, y]', '[x, z]'),
  'hosts[].nics[].bond.members[]': bond('{members: [x, y]}', '{members: [x, z]}'),
  'hosts[].nics[].bond.mode': bond('{members: [x, y]}', '{members: [x, y], mode: 802.3ad}'),
  'hosts[].nics[].bond.active': bond(
    '{members: [x, y], active: x}',
    '{members: [x, y], active: y}',
  ),
  'hosts[].nics[].bond.by': bond('{members: [x, y]}', '{members: [x, y], by: openvswitch}'),
  'hosts[].agents.openvswitch.bridge_mappings': layer2(
    OVS(`${TUNNELS}, ${LABEL}`),
    OVS(`${TUNNELS}, bridge_mappings: {p: br-q}, bridges: {br-q: x}`),
  ),
  'hosts[].agents.openvswitch.bridges': layer2(
    OVS(`${TUNNELS}, ${LABEL}`),
    OVS(`${TUNNELS}, bridge_mappings: {p: br-p}, bridges: {br-p: y}`),
  ),
  'hosts[].agents.openvswitch.tunnel_types[]': layer2(
    OVS(TUNNELS),
    OVS('tunnel_types: [vxlan, gre], tunnel_device: e'),
  ),
  'hosts[].agents.openvswitch.local_ip': [
    cloud({ layer2: OVS('tunnel_types: [vxlan], local_ip: 10.9.0.1') }),
    cloud({ layer2: OVS('tunnel_types: [vxlan], local_ip: 10.9.1.1') }).replace(
      '{name: z}]',
      '{name: z, addresses: [10.9.1.1/24]}]',
    ),
  ],
  'hosts[].agents.openvswitch.tunnel_device': [
    cloud({ layer2: OVS(TUNNELS) }),
    cloud({ layer2: OVS(TUNNELS) }).replace('tunnel_device: e', 'tunnel_device: z'),
  ],
  'hosts[].agents.openvswitch.vxlan_udp_port': layer2(
    OVS(TUNNELS),
    OVS(`${TUNNELS}, vxlan_udp_port: 8472`),
  ),
  'hosts[].agents.openvswitch.l2_population': layer2(
    OVS(TUNNELS),
    OVS(`${TUNNELS}, l2_population: true`),
  ),
  'hosts[].agents.openvswitch.arp_responder': layer2(
    OVS(`${TUNNELS}, l2_population: true`),
    OVS(`${TUNNELS}, l2_population: true, arp_responder: true`),
  ),
  'hosts[].agents.openvswitch.distributed_routing': layer2(
    OVS(`${TUNNELS}, l2_population: true`),
    OVS(`${TUNNELS}, l2_population: true, distributed_routing: true`),
  ),
  'hosts[].agents.openvswitch.firewall': layer2(OVS(TUNNELS), OVS(`${TUNNELS}, firewall: noop`)),
  'hosts[].agents.openvswitch.datapath': layer2(
    OVS(TUNNELS),
    OVS(`${TUNNELS}, datapath: userspace`),
  ),
  'hosts[].agents.linuxbridge.interface_mappings': [
    cloud({ layer2: LB(`${TUNNELS}, interface_mappings: {p: x}`), more: '' }).replace(
      'red, segmentation_id: 1',
      'red, type: flat, physical_network: p',
    ),
    cloud({ layer2: LB(`${TUNNELS}, interface_mappings: {p: y}`), more: '' }).replace(
      'red, segmentation_id: 1',
      'red, type: flat, physical_network: p',
    ),
  ],
  'hosts[].agents.linuxbridge.tunnel_types[]': layer2(
    LB(TUNNELS),
    LB('tunnel_types: [gre], tunnel_device: e'),
  ),
  'hosts[].agents.linuxbridge.local_ip': [
    cloud({ layer2: LB('tunnel_types: [vxlan], local_ip: 10.9.0.1') }),
    cloud({ layer2: LB('tunnel_types: [vxlan], local_ip: 10.9.1.1') }).replace(
      '{name: z}]',
      '{name: z, addresses: [10.9.1.1/24]}]',
    ),
  ],
  'hosts[].agents.linuxbridge.tunnel_device': [
    cloud({ layer2: LB(TUNNELS) }),
    cloud({ layer2: LB(TUNNELS) }).replace('tunnel_device: e', 'tunnel_device: z'),
  ],
  'hosts[].agents.linuxbridge.vxlan_udp_port': layer2(
    LB(TUNNELS),
    LB(`${TUNNELS}, vxlan_udp_port: 4789`),
  ),
  'hosts[].agents.linuxbridge.vxlan_group': layer2(
    LB(TUNNELS),
    LB(`${TUNNELS}, vxlan_group: 239.1.1.1/32`),
  ),
  'hosts[].agents.linuxbridge.l2_population': layer2(
    LB(TUNNELS),
    LB(`${TUNNELS}, l2_population: true`),
  ),
  'hosts[].agents.linuxbridge.arp_responder': layer2(
    LB(`${TUNNELS}, l2_population: true`),
    LB(`${TUNNELS}, l2_population: true, arp_responder: true`),
  ),
  'hosts[].agents.linuxbridge.distributed_routing': layer2(
    LB(TUNNELS),
    LB(`${TUNNELS}, distributed_routing: true`),
  ),
  'hosts[].agents.linuxbridge.firewall': layer2(LB(TUNNELS), LB(`${TUNNELS}, firewall: noop`)),
  'hosts[].agents.l3.mode': [
    { ...DISTRIBUTED, agents: 'l3: {mode: dvr_snat}' },
    { ...DISTRIBUTED, agents: 'l3: {mode: legacy}' },
  ],
  'hosts[].agents.dhcp.isolated_metadata': [
    { more: '' },
    { more: '', agents: 'l3: {}, dhcp: {isolated_metadata: false}, metadata: {}' },
  ],
  'hosts[].agents.dhcp.force_metadata': [
    {},
    { agents: 'l3: {}, dhcp: {force_metadata: true}, metadata: {}' },
  ],
  // Neutron's agent asks there itself, by its socket; nova-network's hosts translate to it.
  'hosts[].agents.metadata.nova_host': [
    NOVA('public_interface: x', 'nova_host: 10.9.0.7'),
    NOVA('public_interface: x', 'nova_host: 10.9.0.8'),
  ],
  'hosts[].agents.metadata.nova_port': [
    NOVA('public_interface: x', 'nova_host: 10.9.0.7, nova_port: 8775'),
    NOVA('public_interface: x', 'nova_host: 10.9.0.7, nova_port: 8776'),
  ],
  'hosts[].agents.nova_network.public_interface': [
    NOVA('public_interface: x'),
    NOVA('public_interface: y'),
  ],
};

/** Ways to the leaves of a schema. */
function leavesOf(schema: unknown, way: string): readonly string[] {
  if (!isRecord(schema)) return [];
  const several = schema['anyOf'];
  if (Array.isArray(several)) return several.flatMap((each) => leavesOf(each, way));
  const { properties, items } = schema;
  if (isRecord(properties)) {
    return Object.entries(properties).flatMap(([key, each]) =>
      leavesOf(each, way === '' ? key : `${way}.${key}`),
    );
  }
  return items === undefined ? [way] : leavesOf(items, `${way}[]`);
}

/** Everything that the hosts would hold, or why there is no such cloud. */
function built(of: string | Partial<Parts>): string {
  const text = typeof of === 'string' ? of : cloud(of);
  const { value, problems } = readCloudYaml('cloud.yaml', text);
  if (problems.length > 0) return problems.map(({ message }) => `refused: ${message}`).join('\n');
  if (value === null) throw new Error('no cloud');
  const hosts = [...compileFiles(value)].filter(([path]) => path.startsWith('hosts/'));
  return hosts.map(([path, file]) => `${path}\n${file()}`).join('\n');
}

describe('an option', () => {
  it('of hosts, agents and settings has a row here if the published schema has it', () => {
    const schema: unknown = JSON.parse(
      readFileSync(join(ROOT, 'docs/schemas/cloud-v1.json'), 'utf8'),
    );
    const own = leavesOf(schema, '').filter((way) => /^(settings|hosts)/.test(way));
    expect(Object.keys(ROWS).sort()).toEqual([...new Set(own)].sort());
  });

  it.each(Object.entries(ROWS))('%s changes what is built', (_way, [from, to]) => {
    const before = built(from);
    expect(before).not.toMatch(/^refused/);
    expect(built(to)).not.toBe(before);
  });

  it.each([
    [OVS('vxlan_group: 239.0.0.1/32'), 'The openvswitch agent has no vxlan_group'],
    [OVS('interface_mappings: {p: x}'), 'The openvswitch agent has no interface_mappings'],
    [LB('bridge_mappings: {p: br-p}'), 'The linuxbridge agent has no bridge_mappings'],
    [LB('datapath: userspace'), 'The linuxbridge agent has no datapath'],
  ])('of the other agent is refused: %s', (words, message) => {
    const text = `hosts: [{name: h, nics: [{name: x}], agents: {${words}}}]\n`;
    const { problems } = readCloudYaml('c.yaml', text);
    expect(problems.map((each) => each.message)).toContain(message);
  });
});
