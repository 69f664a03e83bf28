/** DHCP options of single ports: in dnsmasq's files, and what the client gets. */
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { folderOf } from '../captured.ts';
import { cloudOf, compiled, computeHost, textOf } from './clouds.ts';

const SOURCE = `hosts:${computeHost('one', 1, '      dhcp: {}\n')}
networks:
  - {name: net, segmentation_id: 5, subnets: [{name: sub, cidr: 10.5.0.0/24}]}
servers:
  - {name: a, host: one, ports: [{network: net, mac: 'fa:16:3e:00:00:01', dhcp_options: [{name: mtu, value: '1300'}, {name: '66', value: boot.example}, {name: dns-server, value: 'fd00::1', version: 6}]}]}
  - {name: b, host: one, ports: [{network: net, mac: 'fa:16:3e:00:00:02', dhcp_options: [{name: client-id, value: bee}]}]}
  - {name: c, host: one, ports: [{network: net, mac: 'fa:16:3e:00:00:03'}]}
`;

describe('DHCP options of a port', () => {
  const cloud = cloudOf(SOURCE);
  const file = (name: string): readonly string[] =>
    textOf(cloud, `hosts/one/files/dhcp/${cloud.neutron.networks[0]?.id ?? ''}/${name}`)
      .split('\n')
      .filter((line) => line !== '');
  const id = cloud.neutron.ports.find(({ name }) => name === 'a')?.id ?? '';

  it('are given by the port’s tag, of the IP versions that it has', () => {
    expect(file('host')).toEqual([
      `fa:16:3e:00:00:01,host-10-5-0-2.openstacklocal,10.5.0.2,set:port-${id}`,
      'fa:16:3e:00:00:02,id:bee,host-10-5-0-3.openstacklocal,10.5.0.3',
      'fa:16:3e:00:00:03,host-10-5-0-4.openstacklocal,10.5.0.4',
    ]);
    expect(file('opts').filter((line) => line.includes('port-'))).toEqual([
      `tag:port-${id},option:mtu,1300`,
      `tag:port-${id},66,boot.example`,
    ]);
  });

  it('come back from the API that is written for the cloud', () => {
    const port = compiled(SOURCE).neutron.ports.find(({ name }) => name === 'a');
    expect(port?.dhcpOptions).toEqual([
      { name: 'mtu', value: '1300', version: 4 },
      { name: '66', value: 'boot.example', version: 4 },
      { name: 'dns-server', value: 'fd00::1', version: 6 },
    ]);
    const shown = [{ opt_name: 'tftp-server', opt_value: '10.0.0.1', ip_version: 4 }];
    const files = new Map([
      ['hosts/h/date.txt', '1'],
      ['api/ports.json', JSON.stringify([{ id: 'p', name: 'x', extra_dhcp_opts: shown }])],
    ]);
    expect(openSnapshot(folderOf(files, '.')).neutron.ports[0]?.dhcpOptions).toEqual([
      { name: 'tftp-server', value: '10.0.0.1', version: 4 },
    ]);
  });
});
