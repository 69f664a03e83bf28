/** Clouds that are damaged or absurd: each is refused at a place, or built to its last file. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { ROOT } from '../sources.ts';

/** Clouds with every section between them. */
const CLOUDS = [
  'clouds/book-linuxbridge.yaml',
  'clouds/book-lbaas.yaml',
  'clouds/octavia.yaml',
  'clouds/book-trunk.yaml',
  'clouds/book-dvr.yaml',
  'clouds/book-ha.yaml',
  'clouds/security-flows.yaml',
  'bgp-next-hops/cloud.yaml',
  'port-forwarding/cloud.yaml',
  'vxlan-two-tenants/cloud.yaml',
];
const ROUNDS = 20;
const PIECES = [
  'null',
  '[]',
  '{}',
  '-1',
  '999999999999',
  '0.0.0.0/99',
  '*a',
  '!!bin x',
  '"',
  ': :',
];

const HOST = `hosts:
  - name: c1
    nics: [{name: eth0, addresses: [10.9.0.1/24]}, {name: eth1}]
    agents: {openvswitch: {bridge_mappings: {p: br-p}, bridges: {br-p: eth1}, tunnel_types: [vxlan], tunnel_device: eth0}, l3: {}, dhcp: {}}
`;
const NETWORK = `networks:
  - {name: net, segmentation_id: 5, subnets: [{name: sub, cidr: 10.0.0.0/24}]}
`;

function problemsOf(text: string): readonly string[] {
  return readCloudYaml('c.yaml', text).problems.map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
}

/** A network with one subnet, and servers on it. */
function withSubnet(subnet: string, servers = 0): string {
  const names = Array.from({ length: servers }, (_, i) => `v${i}`);
  const rows = names.map((name) => `  - {name: ${name}, host: c1, ports: [{network: n}]}\n`);
  return `${HOST}networks: [{name: n, segmentation_id: 5, subnets: [{name: s, ${subnet}}]}]\nservers:\n${rows.join('')}`;
}

describe('a damaged cloud.yaml', () => {
  it.each(CLOUDS)('of %s never throws and never passes over what was damaged', (name) => {
    const whole = readFileSync(join(ROOT, 'scenarios', name), 'utf8');
    const lines = whole.split('\n');
    // Fixed seed (a linear congruence), so that a failure can be repeated.
    let state = 20_261_121 + name.length;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const changed = [...lines];
      const at = random(changed.length);
      const line = changed[at] ?? '';
      const piece = PIECES[random(PIECES.length)] ?? '';
      switch (random(4)) {
        case 0:
          changed[at] = line.replace(/:\s*[^,{}[\]]+/, `: ${piece}`);
          break;
        case 1:
          changed[at] = line.slice(0, random(line.length + 1));
          break;
        case 2:
          changed.splice(at, 1);
          break;
        default:
          changed[at] = line.replace(/\d+/, piece);
      }
      const { value, problems } = readCloudYaml('c.yaml', changed.join('\n'));
      if (problems.length > 0) refused++;
      for (const { line: where, column } of problems) {
        expect(where).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
      }
      expect(value !== null || problems.length > 0).toBe(true);
      // What is accepted can be built to the last file.
      if (value !== null && problems.length === 0) {
        for (const text of compileFiles(value).values()) expect(typeof text()).toBe('string');
      }
    }
    expect(refused).toBeGreaterThan(ROUNDS / 5);
  });

  it.each([
    ['a prefix of 33 bits', withSubnet('cidr: 10.0.0.0/33'), /^5:.* not a prefix/],
    ['a negative length', withSubnet('cidr: 10.0.0.0/-1'), /^5:.* not a prefix/],
    ['an octet of 999', withSubnet('cidr: 999.0.0.0/8'), /^5:.* not a prefix/],
    ['bits behind the length', withSubnet('cidr: 10.0.0.7/24'), /^5:.* bits behind/],
    [
      'a full subnet',
      withSubnet('cidr: fd00::1/128, gateway: none, dhcp: false', 2),
      /^8:.* no free address/,
    ],
    ['a circle of aliases', 'hosts: &h [*h]\n', /^1:12 Expected an object/],
    ['a circle of merges', 'a: &a {<<: *a}\n', /^1:1 /],
    [
      'three thousand brackets',
      `hosts: ${'['.repeat(3000)}${']'.repeat(3000)}\n`,
      /^1:\d+ This is not YAML/,
    ],
    ['a key twice', 'hosts: []\nhosts: []\n', /^2:1 .*unique/],
    ['a host twice', HOST + HOST.replace('hosts:\n', ''), /^5:5 There is another host called "c1"/],
    ['a path as a name', 'hosts: [{name: a/../b}]\n', /^1:16 A host name has/],
    ['an empty text', '', /^1:1 Expected an object/],
    ['a number', '7\n', /^1:1 Expected an object/],
    ['nothing but sections', 'hosts: []\n', /^1:1 A cloud needs hosts/],
    ['a section of another type', `${HOST}networks: 5\n`, /^5:11 Expected a list/],
    [
      'an agent of another type',
      'hosts: [{name: a, agents: {l3: 5}}]\n',
      /^1:32 Expected an object with mode/,
    ],
    ['two documents', 'hosts: []\n---\nhosts: []\n', /^2:1 .*multiple documents/],
    [
      'a trunk in itself',
      `${HOST}${NETWORK}servers: [{name: a, host: c1, ports: [{network: net}]}]\ntrunks: [{name: t, port: a, sub_ports: [{port: a, vlan: 5}]}]\n`,
      /^8:41 Port "a" is part of trunk "t"/,
    ],
    [
      'a MAC twice',
      `${HOST}${NETWORK}servers: [{name: a, host: c1, ports: [{network: net, mac: 'fa:16:3e:00:00:01'}]}, {name: b, host: c1, ports: [{network: net, mac: 'fa:16:3e:00:00:01'}]}]\n`,
      /^7:111 Port "a" of the same network has the MAC of port "b"/,
    ],
    [
      'a floating IP that no router leads to',
      `${HOST}${NETWORK}  - {name: ext, type: flat, physical_network: p, external: true, subnets: [{name: e, cidr: 203.0.113.0/24}]}\nservers: [{name: a, host: c1, ports: [{network: net}]}]\nfloating_ips: [{network: ext, port: a}]\n`,
      /^9:16 No router leads from "a" to "ext"/,
    ],
  ])('with %s is refused at its place', (_what, text, expected) => {
    expect(problemsOf(text)[0]).toMatch(expected);
  });

  it.each([
    ['the whole of IPv4', 'cidr: 0.0.0.0/0', '0.0.0.2'],
    ['two addresses', 'cidr: 10.0.0.0/31, gateway: none, dhcp: false', '10.0.0.0'],
  ])('with %s as a subnet is built', (_what, subnet, first) => {
    const { value, problems } = readCloudYaml('c.yaml', withSubnet(subnet, 1));
    expect(problems).toEqual([]);
    const port = value?.neutron.ports.find(({ name }) => name === 'v0');
    const octets = first.split('.').reduce((sum, each) => sum * 256 + Number(each), 0);
    expect(port?.fixedIps[0]?.address.value).toBe(BigInt(octets));
  });

  it('gives nobody an address that somebody else names further down', () => {
    const text = `${HOST}${NETWORK}servers:
  - {name: a, host: c1, ports: [{network: net}]}
  - {name: b, host: c1, ports: [{network: net, addresses: [10.0.0.2]}]}
`;
    const { value, problems } = readCloudYaml('c.yaml', text);
    expect(problems).toEqual([]);
    const address = (name: string): bigint | undefined =>
      value?.neutron.ports.find((each) => each.name === name)?.fixedIps[0]?.address.value;
    expect(address('b')).toBe(0x0a00_0002n);
    expect(address('a')).toBe(0x0a00_0003n);
  });

  const many = existsSync(join(ROOT, '../shared')) ? 100_000 : 5_000;
  it(`with ${many} ports is read`, { timeout: 300_000 }, () => {
    const rows = Array.from({ length: many }, (_, i) => {
      return `  - {name: v${i}, host: c1, ports: [{network: n${i % 10}}]}\n`;
    });
    const networks = Array.from({ length: 10 }, (_, i) => {
      return `  - {name: n${i}, segmentation_id: ${i + 1}, subnets: [{name: s${i}, cidr: 10.${i}.0.0/16}]}\n`;
    });
    const text = `${HOST}networks:\n${networks.join('')}servers:\n${rows.join('')}`;
    const { value, problems } = readCloudYaml('c.yaml', text);
    expect(problems).toEqual([]);
    expect(value?.neutron.servers.length).toBe(many);
    const addresses = value?.neutron.ports.flatMap(({ fixedIps }) =>
      fixedIps.map(({ address }) => address.value),
    );
    expect(new Set(addresses).size).toBe(addresses?.length);
  });
});
