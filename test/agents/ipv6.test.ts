/** IPv6 networks: what radvd and dnsmasq are told, and what guests make of it. */
import { describe, expect, it } from 'vitest';
import { tableOf6 } from '../../src/agents/l3/floating-link.ts';
import { readIp } from '../../src/text/address-text.ts';
import { cloudOf, computeHost, textOf } from './clouds.ts';

const CLOUD = cloudOf(`
hosts:${computeHost('net1', 21, '      l3: {mode: legacy}\n      dhcp: {}\n      metadata: {}')}${computeHost('compute1', 31)}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - name: mixed
    segmentation_id: 101
    subnets: [{name: four, cidr: 10.0.0.0/24}, {name: formed, cidr: 2001:db8:1::/64, ipv6_mode: slaac, dns: ["2001:db8::53"]}]
  - {name: told, segmentation_id: 102, subnets: [{name: told, cidr: 2001:db8:2::/64, ipv6_mode: dhcpv6-stateless}]}
  - {name: given, segmentation_id: 103, subnets: [{name: given, cidr: 2001:db8:3::/64, ipv6_mode: dhcpv6-stateful}]}
servers:
  - {name: m, host: compute1, ports: [{network: mixed, mac: "fa:16:3e:00:00:01", addresses: [10.0.0.11, "2001:db8:1:0:f816:3eff:fe00:1"]}]}
  - {name: t, host: compute1, ports: [{network: told, mac: "fa:16:3e:00:00:02"}]}
  - {name: g, host: compute1, ports: [{network: given, mac: "fa:16:3e:00:00:03", addresses: ["2001:db8:3::33"]}]}
routers:
  - {name: edge, external: {network: public}, interfaces: [{subnet: four}, {subnet: formed}, {subnet: told}, {subnet: given}]}
`);

const idOf = (name: string): string =>
  CLOUD.neutron.networks.find((network) => network.name === name)?.id ?? '';
const subnetOf = (name: string): string =>
  CLOUD.neutron.subnets.find((subnet) => subnet.name === name)?.id ?? '';
const router = CLOUD.neutron.routers[0]?.id ?? '';

describe('a router of IPv6 networks', () => {
  it('advertises to each of them how addresses are got', () => {
    const text = textOf(CLOUD, `hosts/net1/files/ra/${router}.radvd.conf`);
    const words = text
      .split(/interface qr-\S+/)
      .slice(1)
      .map((part) => part.replaceAll(/\s+/g, ' ').trim());
    const head =
      '{ AdvSendAdvert on; MinRtrAdvInterval 30; MaxRtrAdvInterval 100; AdvLinkMTU 1450;';
    const end = 'route fe80::a9fe:a9fe/128 { }; };';
    expect(words).toEqual([
      `${head} RDNSS 2001:db8::53 {}; prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; }; ${end}`,
      `${head} AdvOtherConfigFlag on; prefix 2001:db8:2::/64 { AdvOnLink on; AdvAutonomous on; }; ${end}`,
      `${head} AdvManagedFlag on; prefix 2001:db8:3::/64 { AdvOnLink on; AdvAutonomous off; }; ${end}`,
    ]);
  });

  it('lets packets of one address scope alone out of its interfaces', () => {
    const text = textOf(CLOUD, `hosts/net1/ns/qrouter-${router}/ip6tables-save.txt`);
    expect(text.match(/-A neutron-l3-agent-scope -i qr-\S+ -j MARK/g)).toHaveLength(3);
    expect(text.match(/-A neutron-l3-agent-scope -o qr-\S+ .* -j DROP/g)).toHaveLength(3);
    const four = textOf(CLOUD, `hosts/net1/ns/qrouter-${router}/iptables-save.txt`);
    expect(four.match(/-A neutron-l3-agent-scope -o qr-\S+ .* -j DROP/g)).toHaveLength(1);
  });
});

describe('a DHCP server of IPv6 networks', () => {
  const file = (network: string, name: string): readonly string[] =>
    textOf(CLOUD, `hosts/net1/files/dhcp/${idOf(network)}/${name}`)
      .split('\n')
      .filter((line) => line !== '');

  it('gives addresses where the subnet is stateful, and under a tag of their own', () => {
    expect(file('given', 'host')).toContain(
      'fa:16:3e:00:00:03,tag:dhcpv6,host-2001-db8-3--33.openstacklocal,[2001:db8:3::33]',
    );
    expect(file('told', 'host')).toEqual([]);
    expect(file('mixed', 'host')).toContain(
      'fa:16:3e:00:00:01,host-10-0-0-11.openstacklocal,10.0.0.11',
    );
    expect(file('mixed', 'host').some((line) => line.includes('2001'))).toBe(false);
  });

  it('knows names of all addresses', () => {
    expect(file('mixed', 'addn_hosts')).toContain(
      '2001:db8:1:0:f816:3eff:fe00:1\thost-2001-db8-1-0-f816-3eff-fe00-1.openstacklocal host-2001-db8-1-0-f816-3eff-fe00-1',
    );
  });

  it('tells options where DHCP is asked for them', () => {
    expect(file('told', 'opts')).toEqual([
      `tag:subnet-${subnetOf('told')},option6:domain-search,openstacklocal`,
    ]);
    expect(file('mixed', 'opts').some((line) => line.includes('option6'))).toBe(false);
  });

  it('has ranges where it answers, and leases for all of them up to a limit', () => {
    const lines = textOf(CLOUD, 'hosts/net1/daemon-cmdlines.txt').split('\n');
    const of = (network: string): string =>
      lines.find((line) => line.includes(`/dhcp/${idOf(network)}/`)) ?? '';
    expect(of('mixed').match(/--dhcp-range=\S+/g)).toEqual([
      `--dhcp-range=set:subnet-${subnetOf('four')},10.0.0.0,static,255.255.255.0,86400s`,
    ]);
    expect(of('mixed')).toContain('--dhcp-lease-max=256 ');
    expect(of('given').match(/--dhcp-range=\S+/g)).toEqual([
      `--dhcp-range=set:subnet-${subnetOf('given')},2001:db8:3::,static,64,86400s`,
    ]);
    expect(of('given')).toContain('--dhcp-lease-max=16777216 ');
  });
});

describe('the routing table of an IPv6 gateway', () => {
  // Worked out with Python: binascii.crc32 of the text, folded as the agent folds it.
  it.each([
    ['2001:db8:1::1', 64, 1_043_523_879],
    ['fd00::1', 64, 235_685_361],
  ])('of %s/%i has the number %i', (address, length, number) => {
    const parsed = readIp(address);
    if (parsed === undefined) throw new Error('no address');
    expect(tableOf6(parsed, length)).toBe(number);
  });
});
