/** The Linux bridge agent without l2population, with trunks, and with ports that may be anybody. */
import { describe, expect, it } from 'vitest';
import { askOf } from '../trace/asked.ts';
import { cloudOf, compiled, textOf } from './clouds.ts';

const HOST = (name: string, last: number): string => `
  - name: ${name}
    nics: [{name: eth1, addresses: [172.30.20.${last}/24]}, {name: eth2}]
    agents:
      linuxbridge: {interface_mappings: {phys: eth2}, tunnel_types: [vxlan], local_ip: 172.30.20.${last}, l2_population: false}`;

const SOURCE = `
hosts:${HOST('compute1', 31)}${HOST('compute2', 32)}
networks:
  - {name: outer, type: vlan, physical_network: phys, segmentation_id: 201, subnets: [{name: outer, cidr: 10.0.0.0/24, dhcp: false}]}
  - {name: inner, type: vlan, physical_network: phys, segmentation_id: 202, subnets: [{name: inner, cidr: 10.1.0.0/24, dhcp: false}]}
  - {name: over, type: vxlan, segmentation_id: 303, subnets: [{name: over, cidr: 10.2.0.0/24, dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
servers:
  - name: trunked
    host: compute1
    ports:
      - {name: parent, network: outer, addresses: [10.0.0.11], security_groups: [ping]}
      - {name: child, network: inner, mac: "fa:16:3e:00:00:02", addresses: [10.1.0.11], security_groups: [ping], owner: "trunk:subport"}
  - {name: i2, host: compute2, ports: [{network: inner, addresses: [10.1.0.12], security_groups: [ping]}]}
  - {name: v, host: compute1, ports: [{network: over, addresses: [10.2.0.11], security_groups: [ping], allowed_address_pairs: [{address: 0.0.0.0/0}]}]}
trunks:
  - {name: t, port: parent, sub_ports: [{port: child, vlan: 100}]}
`;

describe('the Linux bridge agent', () => {
  const cloud = cloudOf(SOURCE);
  const idOf = (name: string): string =>
    (cloud.neutron.ports.find((port) => port.name === name)?.id ?? '').slice(0, 11);
  const links = JSON.parse(textOf(cloud, 'hosts/compute1/ns/root/ip-link.json')) as readonly {
    ifname: string;
    linkinfo?: { info_kind: string; info_data: Record<string, unknown> };
    master?: string;
  }[];
  const link = (name: string): (typeof links)[number] | undefined =>
    links.find(({ ifname }) => ifname === name);

  it('floods a VXLAN network to a multicast group where no server tells it whom', () => {
    const data: Record<string, unknown> = link('vxlan-303')?.linkinfo?.info_data ?? {};
    expect(data).toMatchObject({ id: 303, group: '224.0.0.1', proxy: false });
    expect(data['local']).toBeUndefined();
    expect(textOf(cloud, 'hosts/compute1/ns/root/bridge-fdb.json')).toContain('"dst":"224.0.0.1"');
  });

  it('puts a sub-port of a trunk on its parent’s tap as a VLAN device', () => {
    const sub = link(`tap${idOf('child')}`);
    expect(sub?.linkinfo).toMatchObject({ info_kind: 'vlan', info_data: { id: 100 } });
    expect(sub?.master).not.toBe(link(`tap${idOf('parent')}`)?.master);
    expect(askOf(compiled(SOURCE))('child', 'i2').verdict).toBe('REACHABLE');
  });

  it('holds a guest that may have every address to its MAC alone', () => {
    const text = textOf(cloud, 'hosts/compute1/ns/root/ebtables-save.txt');
    expect(text).toContain(`neutronMAC-tap${idOf('v')}`);
    expect(text).not.toContain(`neutronARP-tap${idOf('v')}`);
    expect(text).toContain(`neutronARP-tap${idOf('parent')}`);
  });
});
