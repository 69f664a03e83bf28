/** What `openstack … list|show -f json` prints, of newer and older clients. */
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { folderOf } from './shared.ts';

function opened(api: Readonly<Record<string, unknown>>) {
  const files = Object.entries(api).map(
    ([name, value]) => [`api/${name}.json`, JSON.stringify(value)] as const,
  );
  return openSnapshot(folderOf({ 'hosts/h/date.txt': '1', ...Object.fromEntries(files) }));
}

const FIXED = [{ ip_address: '10.0.0.81', subnet_id: 's' }];

describe('objects as the client prints them', () => {
  it('are read of `network list --long`', () => {
    const row = {
      ...{ ID: 'n', Name: 'net', Status: 'ACTIVE', Project: 'p', State: true, Shared: false },
      ...{ Subnets: ['s'], 'Network Type': 'vxlan', 'Router Type': 'External', Tags: [] },
    };
    const { neutron, problems } = opened({ networks: [row, { ...row, ID: 'm', State: 'DOWN' }] });
    expect(neutron.networks).toMatchObject([
      { id: 'n', project: 'p', adminUp: true, external: true, provider: { type: 'vxlan' } },
      { id: 'm', adminUp: false },
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['objects', [{ start: '10.0.0.2', end: '10.0.0.9' }]],
    ['text', '10.0.0.2-10.0.0.9'],
  ])('are read of `subnet list --long`, pools as %s', (_, pools) => {
    const { neutron, problems } = opened({
      subnets: [
        {
          ...{ ID: 's', Name: 'sub', Network: 'n', Subnet: '10.0.0.0/24', Project: 'p' },
          ...{ DHCP: false, 'Name Servers': ['9.9.9.9'], 'Allocation Pools': pools },
          ...{ 'Host Routes': [], 'IP Version': 4, Gateway: '10.0.0.1', 'Service Types': [] },
        },
      ],
    });
    expect(neutron.subnets).toMatchObject([
      {
        ...{ id: 's', networkId: 'n', dhcp: false, gateway: { value: 0x0a00_0001n } },
        pools: [{ from: { value: 0x0a00_0002n }, to: { value: 0x0a00_0009n } }],
        dnsServers: [{ value: 0x0909_0909n }],
      },
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['objects', FIXED, [{ ip_address: '10.9.0.0/16', mac_address: 'fa:16:3e:00:00:07' }]],
    [
      'text',
      "ip_address='10.0.0.81', subnet_id='s'",
      "ip_address='10.9.0.0/16', mac_address='fa:16:3e:00:00:07'",
    ],
  ])('are read of `port show`, one object, its parts as %s', (_, fixed, pairs) => {
    const { neutron, problems } = opened({
      ports: {
        ...{ admin_state_up: true, id: 'p', name: 'a', network_id: 'n', status: 'ACTIVE' },
        ...{ mac_address: 'fa:16:3e:56:3c:df', fixed_ips: fixed, allowed_address_pairs: pairs },
        ...{ binding_host_id: 'h', binding_vif_type: 'ovs', device_owner: 'compute:nova' },
        ...{ binding_vif_details: { ovs_hybrid_plug: true }, security_group_ids: ['g', 'k'] },
        ...{ port_security_enabled: true, device_id: 'd', extra_dhcp_opts: [] },
      },
    });
    expect(neutron.ports).toMatchObject([
      {
        ...{ id: 'p', host: 'h', vifType: 'ovs', hybridPlug: true, securityGroups: ['g', 'k'] },
        fixedIps: [{ subnetId: 's', address: { value: 0x0a00_0051n } }],
        allowedAddressPairs: [{ prefix: { length: 16 }, mac: 0xfa163e000007n }],
      },
    ]);
    expect(problems).toEqual([]);
  });

  it('are read of `router list --long`', () => {
    const { neutron, problems } = opened({
      routers: [
        {
          ...{ ID: 'r', Name: 'edge', Status: 'ACTIVE', State: true, Project: 'p' },
          ...{
            Distributed: true,
            HA: false,
            Routes: [{ destination: '10.7.0.0/16', nexthop: '10.0.0.9' }],
          },
          'External gateway info': {
            network_id: 'x',
            external_fixed_ips: FIXED,
            enable_snat: false,
          },
        },
      ],
    });
    expect(neutron.routers).toMatchObject([
      {
        ...{ id: 'r', distributed: true, ha: false, routes: [{ to: { length: 16 } }] },
        gateway: { networkId: 'x', snat: false, fixedIps: [{ subnetId: 's' }] },
      },
    ]);
    expect(problems).toEqual([]);
  });

  it('are read of `security group rule list --long`', () => {
    const rule = (id: string, more: object): object => ({
      ...{ ID: id, 'IP Protocol': 'tcp', Ethertype: 'IPv4', 'IP Range': '10.0.0.0/8' },
      ...{ 'Port Range': '22:23', Direction: 'ingress', 'Remote Security Group': null },
      ...{ 'Remote Address Group': null, 'Security Group': 'g', ...more },
    });
    const { neutron, problems } = opened({
      'security-groups': [{ ID: 'g', Name: 'web', Description: '', Project: 'p', Tags: [] }],
      'security-group-rules': [
        rule('1', {}),
        rule('2', { 'IP Protocol': 'icmp', 'Port Range': 'type=8:code=0' }),
        rule('3', { 'IP Protocol': 'icmp', 'Port Range': 'type=8' }),
        rule('4', { 'Port Range': '', 'IP Range': '', 'Remote Security Group': 'g' }),
      ],
    });
    expect(neutron.securityGroups[0]?.rules).toMatchObject([
      { protocol: 'tcp', portMin: 22, portMax: 23, remotePrefix: { length: 8 } },
      { protocol: 'icmp', portMin: 8, portMax: 0 },
      { protocol: 'icmp', portMin: 8, portMax: null },
      { portMin: null, portMax: null, remotePrefix: null, remoteGroup: 'g' },
    ]);
    expect(problems).toEqual([]);
  });

  it('are read of lists of floating IPs, agents and servers', () => {
    const { neutron, problems } = opened({
      floatingips: [
        {
          ...{ ID: 'f', 'Floating IP Address': '203.0.113.9', 'Fixed IP Address': '10.0.0.81' },
          ...{ Port: 'p', 'Floating Network': 'x', Project: 'p', Router: 'r', Status: 'ACTIVE' },
        },
      ],
      agents: [
        {
          ID: 'a',
          'Agent Type': 'L3 agent',
          Host: 'h',
          Alive: ':-)',
          State: 'UP',
          Binary: 'neutron-l3-agent',
        },
        {
          ID: 'b',
          'Agent Type': 'DHCP agent',
          Host: 'h',
          Alive: 'XXX',
          State: false,
          Binary: 'neutron-dhcp-agent',
        },
      ],
      servers: [{ ID: 'd', Name: 'web', Status: 'ACTIVE', Host: 'h' }],
    });
    expect(neutron.floatingIps).toMatchObject([
      {
        id: 'f',
        portId: 'p',
        routerId: 'r',
        networkId: 'x',
        fixedAddress: { value: 0x0a00_0051n },
      },
    ]);
    expect(neutron.agents).toMatchObject([
      { binary: 'neutron-l3-agent', alive: true, adminUp: true },
      { binary: 'neutron-dhcp-agent', alive: false, adminUp: false },
    ]);
    expect(neutron.servers).toEqual([{ id: 'd', name: 'web', host: 'h' }]);
    expect(problems).toEqual([]);
  });

  it('tell where a value cannot be read', () => {
    const { neutron, problems } = opened({
      ports: [{ ID: 'p', Name: 'a', 'MAC Address': 'no', 'Fixed IP Addresses': FIXED }],
    });
    expect(neutron.ports).toHaveLength(1);
    expect(problems).toMatchObject([{ file: 'api/ports.json', line: 1, column: 37 }]);
  });
});
