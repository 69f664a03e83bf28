/** Ports that are down behind the Linux bridge agent, and what its hosts are told of routers. */
import { describe, expect, it } from 'vitest';
import { deviceName, networkBridge, vxlanDevice } from '../../src/model/ids.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { writeMac } from '../../src/text/address-text.ts';
import { cloudOf, textOf } from './clouds.ts';

const host = (name: string, last: number, agents: string): string =>
  `  - {name: ${name}, nics: [{name: e, addresses: [10.9.0.${last}/24]}], agents: {linuxbridge: {tunnel_types: [vxlan], tunnel_device: e, l2_population: true, arp_responder: true}${agents}}}\n`;
const CLOUD = cloudOf(`hosts:
${host('n1', 1, ', l3: {}, dhcp: {}')}${host('n2', 2, ', l3: {}')}${host('c1', 3, '')}networks:
  - {name: red, segmentation_id: 1, subnets: [{name: red, cidr: 10.1.0.0/24}, {name: other, cidr: 10.2.0.0/24, dhcp: false}]}
servers:
  - {name: up, host: c1, ports: [{network: red}]}
  - {name: down, host: c1, ports: [{network: red, admin_up: false}]}
routers: [{name: r, kind: ha, interfaces: [{subnet: red}]}]
`);

const port = (name: string): (typeof CLOUD.neutron.ports)[number] => {
  const found = CLOUD.neutron.ports.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no port ${name}`);
  return found;
};
const RED = CLOUD.neutron.networks[0]?.id ?? '';
const ROOT = compileNetworkOf(CLOUD).hosts.get('c1')?.namespaces.get('root')?.state;

describe('behind a Linux bridge', () => {
  it('a port that is down is in its bridge, guarded, and down', () => {
    for (const [name, up] of [
      ['up', true],
      ['down', false],
    ] as const) {
      const tap = deviceName('tap', port(name).id);
      const device = ROOT?.interfaces.find((each) => each.name === tap);
      expect([device?.master, device?.up]).toEqual([networkBridge(RED), up]);
      expect(textOf(CLOUD, 'hosts/c1/ns/root/ebtables-save.txt')).toContain(`neutronMAC-${tap}`);
      expect(textOf(CLOUD, 'hosts/c1/ns/root/iptables-save.txt')).toContain(tap);
    }
  });

  it('every host of an HA router is flooded, and none is told to have its interfaces', () => {
    const entries = (ROOT?.bridgeFdb ?? []).filter(({ device }) => device === vxlanDevice(1));
    const to = (mac: bigint): readonly string[] =>
      entries
        .filter((each) => each.mac === mac)
        .map(({ destination }) => Number((destination?.value ?? 0n) & 0xffn).toString())
        .sort();
    expect(to(0n)).toEqual(['1', '2']);
    const inside = CLOUD.neutron.ports.find(({ deviceOwner }) => /replicated/.test(deviceOwner));
    expect(inside).toBeDefined();
    expect(to(inside?.mac ?? 0n)).toEqual([]);
    expect(to(port('dhcp-red').mac)).toEqual(['1']);
    const permanent = ROOT?.neighbours.filter(({ device }) => device === vxlanDevice(1)) ?? [];
    expect(permanent.map(({ mac }) => (mac === null ? '' : writeMac(mac)))).toEqual([
      writeMac(port('dhcp-red').mac),
    ]);
  });

  it('clients are given no route to a subnet of their network without DHCP', () => {
    const options = textOf(CLOUD, `hosts/n1/files/dhcp/${RED}/opts`);
    expect(options).toContain('classless-static-route,');
    expect(options).not.toContain('10.2.0.0/24');
  });
});
