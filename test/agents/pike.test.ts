/** The dialect of Neutron 11 (Pike), against dumps of a deployment of that time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Cloud } from '../../src/model/cloud.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { ROOT } from '../sources.ts';
import { cloudOf, flowsOf, textOf } from './clouds.ts';

const BOOK = join(ROOT, 'test/fixtures/pike');

function book(name: string): readonly string[] {
  return readFileSync(join(BOOK, name), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Flows without what every run draws anew. */
function bare(lines: readonly string[]): string[] {
  return lines
    .map((line) =>
      line
        .replaceAll(
          /\bcookie=0x[0-9a-f]+, ?|(?:duration|n_packets|n_bytes|idle_age|hard_age)=[^,]+, ?/g,
          '',
        )
        .replaceAll(/,cookie=0x[0-9a-f]+/g, '')
        .replaceAll('"', '')
        .replace(/^(table=\d+), priority=(\d+) actions/, '$1, priority=$2 actions'),
    )
    .sort();
}

/** Flows of a compiled bridge with its ports by name. */
function named(cloud: Cloud, host: string, bridge: string): string[] {
  const network = compileNetworkOf(cloud);
  const ports =
    network.hosts.get(host)?.switch?.bridges.find(({ name }) => name === bridge)?.ports ?? [];
  const nameOf = (number: string): string =>
    ports.find(({ ofport }) => ofport === Number(number))?.name ?? number;
  return bare(
    flowsOf(cloud, host, bridge).map((line) =>
      line
        .replaceAll(/\bin_port=(\d+)/g, (_, number: string) => `in_port=${nameOf(number)}`)
        .replaceAll(/\boutput:(\d+)/g, (_, number: string) => `output:${nameOf(number)}`),
    ),
  );
}

/** The book's devices under the names that our ports' ids give them. */
function renamed(cloud: Cloud, lines: readonly string[]): string[] {
  const devices = { 'qvo3de035cc-79': 'a', 'qvoce30da31-3a': 'b', 'qvoa943af89-8e': 'c' };
  return Object.entries(devices).reduce<string[]>(
    (texts, [device, name]) =>
      texts.map((text) => text.replaceAll(device, `qvo${idOf(cloud, name)}`)),
    [...lines],
  );
}

function idOf(cloud: Cloud, name: string): string {
  return (cloud.neutron.ports.find((port) => port.name === name)?.id ?? '').slice(0, 11);
}

const HOSTS = (agent: string, more = ''): string => `
settings: {dialect: pike}
hosts:
  - name: compute02
    nics: [{name: eth1, addresses: [10.20.0.102/24]}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {physnet1: br-eth2}, bridges: {br-eth2: eth2}, local_ip: 10.20.0.102, firewall: iptables_hybrid${agent}}${more}`;

const NETWORKS = `
networks:
  - {name: green, type: vlan, physical_network: physnet1, segmentation_id: 42, subnets: [{name: green, cidr: 192.168.0.0/24, dhcp: false}]}
  - {name: blue, type: vlan, physical_network: physnet1, segmentation_id: 40, subnets: [{name: blue, cidr: 192.168.1.0/24, dhcp: false}]}
  - {name: flat, type: flat, physical_network: physnet1, subnets: [{name: flat, cidr: 192.168.204.0/24, dhcp: false}]}
  - {name: over, type: vxlan, segmentation_id: 39, subnets: [{name: over, cidr: 172.18.90.0/24, dhcp: false}]}
servers:
  - {name: a, host: compute02, ports: [{network: green, mac: "fa:16:3e:77:60:c5", addresses: [192.168.0.6]}]}
  - {name: b, host: compute02, ports: [{network: green, mac: "fa:16:3e:d8:23:0b", addresses: [192.168.0.10]}]}
  - {name: c, host: compute02, ports: [{network: blue, mac: "fa:16:3e:de:9e:dc", addresses: [192.168.1.3]}]}
`;

describe('the dialect of Pike', () => {
  it('has the flows of VLAN networks, line by line', () => {
    const cloud = cloudOf(HOSTS('') + NETWORKS);
    expect(named(cloud, 'compute02', 'br-int')).toEqual(
      bare(renamed(cloud, book('dump-flows.br-int.compute02.vlan.txt'))),
    );
    expect(named(cloud, 'compute02', 'br-eth2')).toEqual(
      bare(book('dump-flows.br-eth2.compute02.vlan.txt')),
    );
  });

  it('has the flows of a flat network beside them', () => {
    const cloud = cloudOf(`${HOSTS('')}${NETWORKS}
  - {name: d, host: compute02, ports: [{network: flat, addresses: [192.168.204.5]}]}
`);
    expect(named(cloud, 'compute02', 'br-eth2')).toEqual(
      bare(book('dump-flows.br-eth2.compute02.flat.txt')),
    );
    const inner = named(cloud, 'compute02', 'br-int');
    for (const flow of bare(book('dump-flows.br-int.compute02.flat-delta.txt'))) {
      expect(inner).toContain(flow);
    }
  });

  it('has the flows of an overlay network with l2population and ARP answers', () => {
    const cloud = cloudOf(`${HOSTS(
      ', tunnel_types: [vxlan], l2_population: true, arp_responder: true',
      `
  - name: controller01
    nics: [{name: eth1, addresses: [10.20.0.100/24]}]
    agents:
      openvswitch: {tunnel_types: [vxlan], local_ip: 10.20.0.100, l2_population: true, arp_responder: true, firewall: iptables_hybrid}`,
    )}${NETWORKS}
  - {name: d, host: compute02, ports: [{network: flat, addresses: [192.168.204.5]}]}
  - {name: e, host: compute02, ports: [{network: over, addresses: [172.18.90.5]}]}
  - {name: there, host: controller01, ports: [{network: over, mac: "fa:16:3e:f1:b0:49", addresses: [172.18.90.2]}]}
`);
    expect(named(cloud, 'compute02', 'br-tun')).toEqual(
      bare(book('dump-flows.br-tun.compute02.overlay.txt')),
    );
  });

  it('has distributed routing on VLANs without the way of ARP answers', () => {
    const cloud = cloudOf(`
settings: {dialect: pike}
hosts:
${['compute02', 'compute03']
  .map(
    (name, i) => `  - name: ${name}
    nics: [{name: eth1, addresses: [10.20.0.10${i}/24]}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {physnet1: br-eth2}, bridges: {br-eth2: eth2}, local_ip: 10.20.0.10${i}, firewall: iptables_hybrid, distributed_routing: true}
      l3: {mode: ${i === 0 ? 'dvr' : 'dvr_snat'}}
`,
  )
  .join('')}networks:
  - {name: red, type: vlan, physical_network: physnet1, segmentation_id: 41, subnets: [{name: red, cidr: 192.168.100.0/24, dhcp: false}]}
servers:
  - {name: r, host: compute02, ports: [{network: red, mac: "fa:16:3e:3b:c9:4b"}]}
routers:
  - {name: spread, kind: distributed, interfaces: [{subnet: red}]}
`);
    const shape = (flow: string): string =>
      flow
        .replaceAll(/fa:16:3[ef]:\S\S:\S\S:\S\S/g, 'MAC')
        .replaceAll(/(dl_vlan=|mod_vlan_vid:)\d+/g, '$1V');
    const shapes = (lines: readonly string[]): ReadonlySet<string> => new Set(lines.map(shape));
    const inner = shapes(named(cloud, 'compute02', 'br-int'));
    // Flows of the overlay's patch port stand only in the book, whose host has tunnels as well.
    for (const flow of shapes(bare(book('dump-flows.br-int.compute02.dvr.txt')))) {
      if (!flow.includes('patch-tun')) expect([...inner]).toContain(flow);
    }
    const outer = shapes(named(cloud, 'compute02', 'br-eth2'));
    for (const flow of shapes(bare(book('dump-flows.br-eth2.compute02.dvr.txt')))) {
      expect([...outer]).toContain(flow);
    }
  });

  it('translates at a router as it was done then', () => {
    const cloud = cloudOf(`
settings: {dialect: pike}
hosts:
  - name: controller01
    nics: [{name: eth1, addresses: [10.20.0.100/24]}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {physnet1: br-eth2}, bridges: {br-eth2: eth2}, local_ip: 10.20.0.100, firewall: iptables_hybrid}
      l3: {mode: legacy}
networks:
  - {name: outside, type: vlan, physical_network: physnet1, segmentation_id: 30, external: true, subnets: [{name: outside, cidr: 10.30.0.0/24, dhcp: false}]}
  - {name: inside, type: vlan, physical_network: physnet1, segmentation_id: 41, subnets: [{name: inside, cidr: 192.168.200.0/24, dhcp: false}]}
servers:
  - {name: one, host: controller01, ports: [{network: inside, addresses: [192.168.200.6]}]}
routers:
  - {name: edge, external: {network: outside, address: 10.30.0.106}, interfaces: [{subnet: inside}]}
floating_ips:
  - {network: outside, address: 10.30.0.101, port: one}
`);
    const router = cloud.neutron.routers[0]?.id ?? '';
    const gateway =
      cloud.neutron.ports.find((port) => port.deviceOwner === 'network:router_gateway')?.id ?? '';
    const own = textOf(cloud, `hosts/controller01/ns/qrouter-${router}/iptables-save.txt`)
      .replaceAll(`qg-${gateway.slice(0, 11)}`, 'qg-73e65609-f0')
      .split('\n');
    const name = 'iptables-save.qrouter-9ef2eedd.fip-on-instance1.reconstructed.txt';
    for (const line of book(name)) {
      if (line.startsWith('-A')) expect(own).toContain(line);
    }
  });

  it('writes keepalived’s file as it was written then, without a word about tracking', () => {
    const cloud = cloudOf(
      `${HOSTS('', '\n      l3: {mode: legacy}')}
networks:
  - {name: outside, type: vlan, physical_network: physnet1, segmentation_id: 30, external: true, subnets: [{name: outside, cidr: 10.30.0.0/24, dhcp: false}]}
  - {name: inside, type: vlan, physical_network: physnet1, segmentation_id: 43, subnets: [{name: inside, cidr: 192.168.200.0/24, dhcp: false}]}
routers: [{name: r, kind: ha, external: {network: outside, address: 10.30.0.104}, interfaces: [{subnet: inside}]}]
`.replace(
        '{dialect: pike}',
        '{dialect: pike, tenant_network_types: [vlan], network_vlan_ranges: {physnet1: 40-42}}',
      ),
    );
    const id = cloud.neutron.routers[0]?.id ?? '';
    const own = textOf(cloud, `hosts/compute02/files/ha_confs/${id}/keepalived.conf`).split('\n');
    // Devices are called after ports, and link-local addresses follow from MACs.
    const plain = (lines: readonly string[]): string[] =>
      lines
        .map((line) =>
          line
            .trim()
            .replaceAll(/\b(ha|qg|qr)-\S+/g, '$1')
            .replace(/fe80::\S+/, 'local'),
        )
        .filter((line) => line !== '')
        .sort();
    expect(plain(own)).toEqual(plain(book('keepalived.compute02.conf.txt')));
  });

  it('filters a guest behind a Linux bridge as it was done then', () => {
    const cloud = cloudOf(`
settings: {dialect: pike}
hosts:
  - name: compute01
    nics: [{name: eth1, addresses: [10.20.0.101/24]}, {name: eth2}]
    agents:
      linuxbridge: {interface_mappings: {physnet1: eth2}}
networks:
  - {name: web, type: vlan, physical_network: physnet1, segmentation_id: 41, subnets: [{name: web, cidr: 192.168.206.0/24, dhcp: false}]}
security_groups:
  - {name: default, rules: [{remote: {group: default}}]}
  - {name: served, rules: [{protocol: tcp, ports: 443}, {protocol: tcp, ports: 80}, {protocol: tcp, ports: 22}, {protocol: icmp}]}
servers:
  - {name: web1, host: compute01, ports: [{network: web, mac: "fa:16:3e:dc:d2:ab", addresses: [192.168.206.6], security_groups: [served, default]}]}
`);
    const [web] = cloud.neutron.networks;
    const group = cloud.neutron.securityGroups.find(({ name }) => name === 'default')?.id ?? '';
    const id = idOf(cloud, 'web1');
    // Names are made of ids; comments were taken out of the print.
    const plain = (lines: readonly string[]): string[] =>
      lines
        .filter((line) => line.startsWith('-A'))
        .map((line) => line.replace(/-m comment --comment "[^"]*" /, ''))
        // Newer iptables print MAC addresses in small letters.
        .map((line) => line.replace(/--mac-source \S+/, (words) => words.toLowerCase()))
        .sort();
    const printed = book('iptables-save.compute01.web1.txt').map((line) =>
      line
        .replaceAll('adcc4b66-c1', id)
        .replaceAll('adcc4b66-c', id.slice(0, 10))
        .replaceAll('brq03327707-c3', `brq${web?.id.slice(0, 11)}`)
        .replaceAll('NIPv4fae5da02-5d96-43df-aebf-', `NIPv4${group}`.slice(0, 29)),
    );
    const own = textOf(cloud, 'hosts/compute01/ns/root/iptables-save.txt').split('\n');
    expect(plain(own)).toEqual(plain(printed));
  });
});
