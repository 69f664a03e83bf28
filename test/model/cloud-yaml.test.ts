/** A cloud.yaml: what follows from it, and what is refused with its place. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { ROOT } from '../sources.ts';

const HOST = `hosts:
  - name: c1
    nics: [{name: eth0, addresses: [10.9.0.1/24]}]
    agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.1}, l3: {}, dhcp: {}}
`;
const NETWORK = `networks:
  - {name: net, segmentation_id: 5, subnets: [{name: sub, cidr: 10.0.0.0/29}]}
`;

function problemsOf(text: string): readonly string[] {
  return readCloudYaml('c.yaml', text).problems.map(
    ({ line, column, message, didYouMean }) =>
      `${line}:${column} ${message}${didYouMean === undefined ? '' : ` (${didYouMean}?)`}`,
  );
}

describe('a cloud.yaml', () => {
  it('gives every port an address, a MAC and an id, the same each time', () => {
    const text = `${HOST}${NETWORK}servers: [{name: a, host: c1, ports: [{network: net}]}]\n`;
    const [one, two] = [readCloudYaml('c.yaml', text), readCloudYaml('c.yaml', text)];
    expect(one.problems).toEqual([]);
    expect(one.value?.neutron.ports).toEqual(two.value?.neutron.ports);
    const port = one.value?.neutron.ports.find(({ name }) => name === 'a');
    expect(port?.fixedIps[0]?.address.value).toBe(0x0a00_0002n);
    expect((port?.mac ?? 0n) >> 24n).toBe(0xfa163en);
    expect(one.value?.neutron.ports.map(({ deviceOwner }) => deviceOwner)).toContain(
      'network:dhcp',
    );
  });

  it.each([
    ['an unknown key', 'hosst: []\n', ['1:1 Nothing here is called "hosst" (hosts?)']],
    [
      'a network that is nowhere',
      `${HOST}${NETWORK}servers: [{name: a, host: c1, ports: [{network: nte}]}]\n`,
      ['7:49 There is no network called "nte" (net?)'],
    ],
    [
      'an address of two ports',
      `${HOST}${NETWORK}servers:
  - {name: a, host: c1, ports: [{network: net, addresses: [10.0.0.4]}]}
  - {name: b, host: c1, ports: [{network: net, addresses: [10.0.0.4]}]}
`,
      ['9:60 This address belongs to port a already'],
    ],
    [
      'one VXLAN key for two networks',
      `${HOST}${NETWORK}  - {name: other, segmentation_id: 5}\n`,
      ['7:5 Network "net" is already vxlan 5'],
    ],
    [
      'subnets that overlap',
      `networks:
  - {name: n, segmentation_id: 1, subnets: [{name: a, cidr: 10.0.0.0/16}, {name: b, cidr: 10.0.3.0/24}]}
`,
      ['2:75 Overlaps subnet "a" of its network'],
    ],
    [
      'an address on two routers',
      `${HOST}${NETWORK}routers:
  - {name: r1, interfaces: [{subnet: sub}]}
  - {name: r2, interfaces: [{subnet: sub}]}
`,
      ['9:29 This address belongs to router r1 already'],
    ],
    [
      'a VLAN network without its physical network',
      'networks: [{name: n, type: vlan, segmentation_id: 4095}]\n',
      [
        '1:51 Expected a whole number from 1 to 4094',
        '1:12 A vlan network needs a physical_network',
        '1:12 A vlan network needs a segmentation_id',
      ],
    ],
    [
      'a NIC that a host does not have',
      'hosts: [{name: c, agents: {openvswitch: {bridges: {br-ex: eth9}}}}]\n',
      ['1:41 "br-ex" uses the NIC "eth9", which the host has not'],
    ],
    [
      'a subnet that is used up',
      `${HOST}networks:
  - {name: net, segmentation_id: 5, subnets: [{name: s, cidr: 10.0.0.0/30, dhcp: false}]}
servers: [{name: a, host: c1, ports: [{network: net}, {network: net}]}]
`,
      ['7:55 Subnet "s" has no free address'],
    ],
    [
      'ports of a protocol without ports',
      'security_groups: [{name: g, rules: [{protocol: gre, ports: 80}]}]\n',
      ['1:60 Only tcp, udp and sctp have ports'],
    ],
  ])('refuses %s where it stands', (_what, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  it('never throws and never passes over what was damaged, whatever is changed', () => {
    const whole = readFileSync(join(ROOT, 'scenarios/vxlan-two-tenants/cloud.yaml'), 'utf8');
    const lines = whole.split('\n');
    // Fixed seed (a linear congruence), so that a failure can be repeated.
    let state = 20_261_121;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const pieces = [
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
    let refused = 0;
    for (let round = 0; round < 200; round++) {
      const changed = [...lines];
      const at = random(changed.length);
      const line = changed[at] ?? '';
      const piece = pieces[random(pieces.length)] ?? '';
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
    expect(refused).toBeGreaterThan(60);
  });
});
