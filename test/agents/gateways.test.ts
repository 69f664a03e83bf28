/** Gateways of routers with several addresses, and interfaces with several IPv6 prefixes. */
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { readExpectations } from '../../src/verify/scenarios/expectations.ts';
import { compileCloud, runScenario } from '../../src/verify/scenarios/run.ts';
import { cloudOf, computeHost, textOf } from './clouds.ts';

const EXTRA = '      l3: {mode: legacy}\n      dhcp: {}\n      metadata: {}\n';
const withRouter = (kind: string, external: string): string => `
hosts:${computeHost('net1', 21)}${EXTRA}${computeHost('compute1', 31)}
networks:
  - name: public
    type: flat
    physical_network: external
    external: true
    subnets: [{name: four, cidr: 203.0.113.0/24, dhcp: false}, {name: six, cidr: 'fd00:99::/64', dhcp: false}]
  - name: red
    segmentation_id: 5
    subnets: [{name: red, cidr: 10.0.0.0/24}, {name: red6, cidr: 'fd00:1::/64', ipv6_mode: slaac}, {name: red7, cidr: 'fd00:2::/64', ipv6_mode: slaac}]
security_groups:
  - {name: ping, rules: [{protocol: icmp}, {protocol: icmp, version: 6}]}
servers:
  - {name: a, host: compute1, ports: [{network: red, security_groups: [ping]}]}
routers:
  - {name: edge, kind: ${kind}, external: {network: public${external}}, interfaces: [{subnet: red}, {subnet: red6}, {subnet: red7}]}
`;

/** Addresses on the router's devices whose name begins so, by device. */
function addressesOf(source: string, prefix: string): readonly (readonly string[])[] {
  const cloud = cloudOf(source);
  const id = cloud.neutron.routers[0]?.id ?? '';
  const rows = JSON.parse(textOf(cloud, `hosts/net1/ns/qrouter-${id}/ip-addr.json`)) as {
    ifname: string;
    addr_info: { local: string; prefixlen: number; scope: string }[];
  }[];
  return rows
    .filter(({ ifname }) => ifname.startsWith(prefix))
    .map(({ addr_info: all }) =>
      all.flatMap(({ local, prefixlen, scope }) =>
        scope === 'global' ? [`${local}/${prefixlen}`] : [],
      ),
    );
}

function otherwise(source: string, traces: string): readonly string[] {
  const expected = readExpectations('expect.yaml', `traces:\n${traces}`);
  expect(expected.problems).toEqual([]);
  const cloud = readCloudYaml('cloud.yaml', source);
  expect(cloud.problems).toEqual([]);
  return runScenario(cloud, compileCloud, expected.value).flatMap((each) => each.otherwise);
}

describe('a gateway', () => {
  it('without addresses of its own is given one of each IP version', () => {
    expect(addressesOf(withRouter('legacy', ''), 'qg-')).toEqual([
      ['203.0.113.2/24', 'fd00:99::2/64'],
    ]);
  });

  it.each(['legacy', 'ha'])('of a %s router has all addresses that are named', (kind) => {
    const source = withRouter(kind, ", addresses: [203.0.113.9, 203.0.113.10, 'fd00:99::9']");
    expect(addressesOf(source, 'qg-')).toEqual([
      ['203.0.113.9/24', '203.0.113.10/24', 'fd00:99::9/64'],
    ]);
    // The first of IPv4 is what others see; IPv6 is routed as it is, and every address answers.
    expect(
      otherwise(
        source,
        [
          "  - {from: a, to: 'external:198.51.100.1', icmp: true, is: reachable, seen_from: 203.0.113.9}",
          "  - {from: 'external:203.0.113.77', to: 203.0.113.10, icmp: true, is: reachable, answer_from: 203.0.113.10}",
          "  - {from: 'external:fd00:99::77', to: 'fd00:99::9', icmp: true, is: reachable}",
          '  - {from: a, to: slaac, is: reachable}',
          '',
        ].join('\n'),
      ),
    ).toEqual([]);
  });

  it.each([
    [', address: 203.0.113.9, addresses: [203.0.113.10]', '46:69 Either address or addresses'],
    [', addresses: [192.0.2.1]', '46:72 No subnet of network "public" has this address'],
    [
      ', addresses: [203.0.113.9, 203.0.113.9]',
      '46:85 203.0.113.9 belongs to router edge already and cannot be of router edge',
    ],
  ])('with%s is refused', (external, expected) => {
    const { problems } = readCloudYaml('c.yaml', withRouter('legacy', external));
    expect(problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toContain(
      expected,
    );
  });
});

describe('an interface', () => {
  it('holds all IPv6 prefixes of its network, and IPv4 has one of its own', () => {
    expect(addressesOf(withRouter('legacy', ''), 'qr-')).toEqual([
      ['10.0.0.1/24'],
      ['fd00:1::1/64', 'fd00:2::1/64'],
    ]);
  });
});
