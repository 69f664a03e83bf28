/** Neutron's objects in the forms people save them in. */
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { folderOf } from './shared.ts';

const id = 'a185382d-85ff-4c7a-8083-a6869063a1aa';
const date = { 'hosts/h/date.txt': '1' };

function neutronOf(api: Readonly<Record<string, unknown>>) {
  const files = Object.entries(api).map(
    ([name, value]) => [`api/${name}.json`, JSON.stringify(value)] as const,
  );
  return openSnapshot(folderOf({ ...date, ...Object.fromEntries(files) }));
}

describe('Neutron objects', () => {
  it('are the same from the API and from `openstack … -f json`', () => {
    const api = neutronOf({
      ports: {
        ports: [
          {
            id,
            name: 'a1',
            mac_address: 'fa:16:3e:56:3c:df',
            fixed_ips: [{ ip_address: '10.0.0.81', subnet_id: 's' }],
            status: 'ACTIVE',
          },
        ],
      },
      subnets: [{ id: 's', name: 'n', network_id: 'w', cidr: '10.0.0.0/24' }],
    });
    const client = neutronOf({
      ports: [
        {
          ID: id,
          Name: 'a1',
          'MAC Address': 'fa:16:3e:56:3c:df',
          'Fixed IP Addresses': [{ ip_address: '10.0.0.81', subnet_id: 's' }],
          Status: 'ACTIVE',
        },
      ],
      subnets: [{ ID: 's', Name: 'n', Network: 'w', Subnet: '10.0.0.0/24' }],
    });
    expect(client.neutron.ports).toEqual(api.neutron.ports);
    expect(client.neutron.subnets).toEqual(api.neutron.subnets);
    expect(api.neutron.ports[0]).toMatchObject({ id, mac: 0xfa163e563cdfn, adminUp: true });
    expect([...api.problems, ...client.problems]).toEqual([]);
  });

  it('count a security group rule once, wherever it is given', () => {
    const rule = (key: string) => ({
      id: key,
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
      remote_ip_prefix: '203.0.113.0/24',
      security_group_id: 'g',
    });
    const { neutron } = neutronOf({
      'security-groups': { security_groups: [{ id: 'g', security_group_rules: [rule('r1')] }] },
      'security-group-rules': { security_group_rules: [rule('r1'), rule('r2')] },
    });
    expect(neutron.securityGroups[0]?.rules).toMatchObject([
      { id: 'r1', portMin: 22, remotePrefix: { length: 24 }, version: 4 },
      { id: 'r2' },
    ]);
  });

  it('use the server’s name where a list of servers was saved', () => {
    const network = neutronOf({
      ports: [{ id, name: '', device_id: 'uuid-1', device_owner: 'compute:nova' }],
      servers: [{ ID: 'uuid-1', Name: 'web' }],
    });
    expect(network.find('web')[0]?.port?.id).toBe(id);
    expect(network.find('uuid-1')[0]?.name).toBe('web');
  });

  it('have trunks, address groups, pools and forwarded ports', () => {
    const { neutron } = neutronOf({
      trunks: {
        trunks: [
          {
            id: 't',
            port_id: 'parent',
            sub_ports: [{ port_id: 'child', segmentation_type: 'vlan', segmentation_id: 42 }],
          },
        ],
      },
      'address-groups': {
        address_groups: [{ id: 'a', addresses: ['10.0.0.0/24', '2001:db8::/64'] }],
      },
      subnetpools: { subnetpools: [{ id: 'p', ip_version: 6, address_scope_id: 's' }] },
      floatingips: {
        floatingips: [
          {
            id: 'f',
            floating_ip_address: '203.0.113.9',
            port_forwardings: [
              {
                protocol: 'tcp',
                external_port: 2222,
                internal_port: 22,
                internal_ip_address: '10.0.0.5',
                internal_port_id: id,
              },
              {
                protocol: 'udp',
                external_port_range: '80:90',
                internal_port_range: '180:190',
                internal_ip_address: '10.0.0.5',
              },
            ],
          },
        ],
      },
    });
    expect(neutron.trunks).toMatchObject([
      {
        id: 't',
        portId: 'parent',
        adminUp: true,
        subPorts: [{ portId: 'child', segmentationId: 42 }],
      },
    ]);
    expect(neutron.addressGroups[0]?.addresses).toMatchObject([{ length: 24 }, { length: 64 }]);
    expect(neutron.subnetPools).toMatchObject([{ version: 6, addressScopeId: 's' }]);
    expect(neutron.portForwardings).toMatchObject([
      { floatingIpId: 'f', externalPorts: [2222, 2222], internalPorts: [22, 22] },
      { protocol: 'udp', externalPorts: [80, 90], internalPorts: [180, 190] },
    ]);
  });

  it('tell a wrong type with its place and go on', () => {
    const network = openSnapshot(
      folderOf({
        ...date,
        'api/ports.json': `{"ports": [\n {"id": "x", "fixed_ips": 7},\n {"id": "y", "mac_address": "zz"}]}`,
      }),
    );
    expect(network.neutron.ports.map((port) => port.id)).toEqual(['x', 'y']);
    expect(network.problems).toMatchObject([
      { file: 'api/ports.json', line: 2, column: 27, message: 'Expected a list' },
      { line: 3, column: 29, message: 'This is not a MAC address' },
    ]);
  });
});
