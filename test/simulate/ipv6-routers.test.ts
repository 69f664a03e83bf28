/** VRRP over IPv6 (RFC 5798 §5.1.2): link-local adverts to ff02::12, and addresses announced by ND. */
import { describe, expect, it } from 'vitest';
import { cloudOf, onlyWay, story } from './cloud.ts';

const NODE = (name: string, at: number): string =>
  `  - {name: ${name}, nics: [{name: eth0, addresses: [172.30.20.${at}/24]}, {name: eth2}], agents: ` +
  `{openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, tunnel_types: [vxlan], ` +
  `local_ip: 172.30.20.${at}, l2_population: true, arp_responder: true}, l3: {}, metadata: {}}}`;

const CLOUD = `
hosts:
${NODE('net1', 21)}
${NODE('net2', 22)}
  - {name: c1, nics: [{name: eth0, addresses: [172.30.20.31/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.31, l2_population: true, arp_responder: true}}}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: inner, segmentation_id: 7, subnets: [{name: inner6, cidr: 'fd00:7::/64', dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
servers:
  - {name: v, host: c1, ports: [{network: inner, addresses: ['fd00:7::11'], security_groups: [ping]}]}
routers:
  - {name: edge, kind: ha, hosts: [net2, net1], external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: inner6}]}
`;

const VIP = 'fe80::5:1';

/** The HA interface gets a link-local address, and the instance one for its virtual router. */
function overIpv6(path: string, text: string): string {
  const place = /^hosts\/(net\d)\/(.*)$/.exec(path);
  if (place === null) return text;
  const [, host = '', rest = ''] = place;
  if (rest.endsWith('keepalived.conf')) {
    return text.replace(/169\.254\.0\.\d+\/24/, `${VIP}/64`);
  }
  if (!/ns\/qrouter-[^/]+\/ip-(addr|link)\.json$/.test(rest)) return text;
  const rows = JSON.parse(text) as { ifname: string; addr_info?: object[] }[];
  for (const row of rows) {
    if (!row.ifname.startsWith('ha-')) continue;
    const local = `fe80::${host === 'net1' ? 'a1' : 'a2'}`;
    const own = { family: 'inet6', local, prefixlen: 64, scope: 'link' };
    // The virtual address was read from the master's interface; here it is the other family's.
    const kept = (row.addr_info ?? []).filter((one) => !JSON.stringify(one).includes('169.254.0.'));
    const master = host === 'net2' ? [{ ...own, local: VIP }] : [];
    if (row.addr_info !== undefined) row.addr_info = [...kept, own, ...master];
  }
  return JSON.stringify(rows);
}

const network = cloudOf(CLOUD, overIpv6);
const PROBE = 'v -> fd00:7::1 every 250ms';
/** Version 3, priority 50, an advert every two seconds: 3 x 2 s and the skew of 206/256 of two. */
const DOWN_US = 7_609_375;

describe('a virtual router of IPv6', () => {
  it('adverts from its link-local address; nobody fails over while the backup hears it', () => {
    const way = onlyWay(network, { probes: [PROBE], until_us: 20e6 });
    expect([...way.masters]).toEqual([['edge', ['net2']]]);
    expect(way.roles).toEqual([]);
    const adverts = story(way, 'advert');
    expect(adverts.length).toBeGreaterThanOrEqual(9);
    expect(new Set(adverts)).toEqual(new Set(['edge@net2 advert of priority 50, edge@net1 hears']));
    expect(way.probes[0]?.windows).toEqual([]);
  });

  it('fails over in the time of version 3 and announces link-local and global addresses at once', () => {
    const way = onlyWay(network, {
      events: ['t=5s fail host net2'],
      probes: [PROBE],
      until_us: 20e6,
    });
    expect([...way.masters]).toEqual([['edge', ['net1']]]);
    const [window, ...more] = way.probes[0]?.windows ?? [];
    expect(more).toEqual([]);
    expect(window?.bounds_us).toEqual([DOWN_US - 2e6, DOWN_US]);
    const took_us = (window?.until_us ?? 0) - 5e6;
    expect(took_us).toBeGreaterThanOrEqual(DOWN_US - 2e6);
    expect(took_us).toBeLessThanOrEqual(DOWN_US + 250_000);
    const announced = story(way, 'announce').join('\n');
    expect(announced).toContain(`5 neighbour advertisements for ${VIP}`);
    expect(announced).toContain('5 neighbour advertisements for fd00:7::1');
    // No duplicate address detection: the addresses are not tentative when they are announced.
    for (const { namespaces } of way.end.hosts.values()) {
      for (const { state } of namespaces.values()) {
        for (const { addresses } of state.interfaces) {
          expect(addresses.filter(({ tentative }) => tentative)).toEqual([]);
        }
      }
    }
  });

  it('hears nothing where ff02::12 is lost: two masters', () => {
    const ha = [...(network.hosts.get('net1')?.namespaces.values() ?? [])]
      .flatMap(({ state }) => state.interfaces)
      .find(({ name }) => name.startsWith('ha-'))?.name;
    const way = onlyWay(network, {
      events: [`t=5s lose 100% vrrp in at net1:${ha}`],
      until_us: 20e6,
    });
    expect([...way.masters]).toEqual([['edge', ['net1', 'net2']]]);
  });
});
