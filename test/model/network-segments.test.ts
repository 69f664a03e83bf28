/** Networks of several segments: in a cloud.yaml, in Neutron's API, and on every host. */
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { cloudOf, compiled, flowsOf, textOf } from '../agents/clouds.ts';
import { folderOf } from '../captured.ts';

const HOSTS = `hosts:
  - {name: h1, nics: [{name: e}], agents: {openvswitch: {bridge_mappings: {p1: br-p}, bridges: {br-p: e}}, dhcp: {}}}
  - {name: h2, nics: [{name: e}], agents: {openvswitch: {bridge_mappings: {p2: br-p}, bridges: {br-p: e}}, dhcp: {}}}
  - {name: both, nics: [{name: e}, {name: f}], agents: {openvswitch: {bridge_mappings: {p1: br-p, p2: br-q}, bridges: {br-p: e, br-q: f}}}}
  - {name: none, nics: [{name: e, addresses: [10.9.0.1/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.1}}}
`;
const SEGMENTS =
  'segments: [{name: one, type: vlan, physical_network: p1, segmentation_id: 101}, {name: two, type: flat, physical_network: p2}]';
const ROUTED = `${HOSTS}networks:
  - name: net
    ${SEGMENTS}
    subnets: [{name: s1, segment: one, cidr: 10.1.0.0/24}, {name: s2, segment: two, cidr: 10.2.0.0/24}]
`;
const PLAIN = `${HOSTS}networks:
  - {name: net, ${SEGMENTS}, subnets: [{name: s, cidr: 10.1.0.0/24}]}
`;
const server = (name: string, host: string, more = ''): string =>
  `  - {name: ${name}, host: ${host}, ports: [{network: net${more}}]}\n`;

function problemsOf(text: string): readonly string[] {
  return readCloudYaml('c.yaml', text).problems.map(
    ({ line, message, didYouMean }) =>
      `${line} ${message}${didYouMean === undefined ? '' : ` (${didYouMean}?)`}`,
  );
}

describe('a network of several segments', () => {
  it('is on each host the first segment that its agent carries', () => {
    const cloud = cloudOf(
      `${PLAIN}servers:\n${server('a', 'h1')}${server('b', 'h2')}${server('c', 'both')}`,
    );
    const outward = (host: string, bridge: string): readonly string[] =>
      flowsOf(cloud, host, bridge).filter((flow) => flow.includes('priority=4'));
    // VLAN 101 is 4096 + 101 with the bit that says there is a tag.
    expect(outward('h1', 'br-p')).toEqual([
      expect.stringMatching(/dl_vlan=1 actions=set_field:4197->vlan_vid,NORMAL$/),
    ]);
    expect(outward('h2', 'br-p')).toEqual([
      expect.stringMatching(/dl_vlan=1 actions=pop_vlan,NORMAL$/),
    ]);
    expect(outward('both', 'br-p')).toHaveLength(1);
    expect(outward('both', 'br-q')).toEqual([]);
  });

  it('gives routed ports addresses of their host’s segment, and every segment a DHCP server', () => {
    const { neutron } = cloudOf(`${ROUTED}servers:\n${server('a', 'h1')}${server('b', 'h2')}`);
    const at = (name: string): readonly bigint[] =>
      neutron.ports
        .filter((port) => port.name === name)[0]
        ?.fixedIps.map(({ address }) => address.value) ?? [];
    expect(at('a')).toEqual([0x0a01_0002n]);
    expect(at('b')).toEqual([0x0a02_0002n]);
    const servers = neutron.ports.filter(({ deviceOwner }) => deviceOwner === 'network:dhcp');
    expect(servers.map(({ host, fixedIps }) => [host, fixedIps.length])).toEqual([
      ['h1', 1],
      ['h2', 1],
    ]);
  });

  it('is shown by the API as Neutron does, and read back the same', () => {
    const cloud = cloudOf(`${ROUTED}servers:\n${server('a', 'h1')}`);
    const shown = JSON.parse(textOf(cloud, 'api/networks.json')) as { networks: object[] };
    expect(shown.networks[0]).not.toHaveProperty('provider:network_type');
    expect(shown.networks[0]).toHaveProperty('segments', [
      {
        'provider:network_type': 'vlan',
        'provider:physical_network': 'p1',
        'provider:segmentation_id': 101,
      },
      {
        'provider:network_type': 'flat',
        'provider:physical_network': 'p2',
        'provider:segmentation_id': null,
      },
    ]);
    const { neutron } = compiled(`${ROUTED}servers:\n${server('a', 'h1')}`);
    expect(neutron.networks).toEqual(cloud.neutron.networks);
    expect(neutron.subnets.map(({ segmentId }) => segmentId)).toEqual(
      cloud.neutron.networks[0]?.segments.map(({ id }) => id),
    );
  });

  it('is read of the client’s list of segments, when networks show none', () => {
    const files = {
      'hosts/h/date.txt': '1',
      'api/networks.json': JSON.stringify([{ ID: 'n', Name: 'net', Subnets: ['s'] }]),
      'api/segments.json': JSON.stringify([
        { ID: 'x', Name: 'one', Network: 'n', 'Network Type': 'vlan', Segment: 101 },
        { ID: 'y', Name: null, Network: 'n', 'Network Type': 'vlan', Segment: 102 },
      ]),
    };
    const { neutron } = openSnapshot(folderOf(new Map(Object.entries(files)), '.'));
    expect(neutron.networks[0]?.segments).toMatchObject([
      { id: 'x', name: 'one', type: 'vlan', segmentationId: 101 },
      { id: 'y', name: '', segmentationId: 102 },
    ]);
    expect(neutron.networks[0]?.provider).toMatchObject({ type: 'vlan', segmentationId: 101 });
  });

  it.each([
    [
      'a host without any',
      `${PLAIN}servers:\n${server('a', 'none')}`,
      '9 Port "a" of network "net" needs one of its segments, and host "none" has none of them',
    ],
    [
      'a routed host without any',
      `${ROUTED}servers:\n${server('a', 'none')}`,
      '11 Port "a": host "none" is connected to no segment of network "net"',
    ],
    [
      'a routed host with two',
      `${ROUTED}servers:\n${server('a', 'both')}`,
      '11 Port "a": host "both" is connected to several segments of network "net"',
    ],
    [
      'an address of another segment',
      `${ROUTED}servers:\n${server('a', 'h1', ', addresses: [10.2.0.9]')}`,
      '11 No subnet of network "net" on a segment of this host has this address',
    ],
    [
      'a segment that is not there',
      PLAIN.replace('name: s,', 'name: s, segment: ones,'),
      '7 Network "net" has no segment called "ones" (one?)',
    ],
    [
      'one subnet without a segment',
      ROUTED.replace('segment: two, ', ''),
      '9 Either all subnets of a network name a segment, or none does',
    ],
    [
      'a segment and a type',
      PLAIN.replace('name: net,', 'name: net, type: vlan,'),
      '7 A network has either segments or a type of its own',
    ],
    [
      'no segment at all',
      PLAIN.replace(SEGMENTS, 'segments: []'),
      '7 A network has at least one segment',
    ],
    [
      'a segment of another network',
      `${PLAIN}  - {name: other, type: vlan, physical_network: p1, segmentation_id: 101}\n`,
      '8 Network "net" is already vlan 101 on p1, and "other" cannot be as well',
    ],
  ])('is refused with %s', (_, text, expected) => {
    expect(problemsOf(text)).toContain(expected);
  });

  it('needs a place in each dump: every file of the compiled cloud can be read', () => {
    const files = compileFiles(cloudOf(`${ROUTED}servers:\n${server('a', 'h1')}`));
    expect(files.has('api/segments.json')).toBe(true);
    expect(compiled(`${ROUTED}servers:\n${server('a', 'h1')}`).problems).toEqual([]);
  });
});

describe('an agent of DHCP', () => {
  const TWO = `${HOSTS.split('\n').slice(0, 2).join('\n')}
  - {name: other, nics: [{name: e}], agents: {openvswitch: {bridge_mappings: {p1: br-p}, bridges: {br-p: e}}, dhcp: {}}}
networks:
`;
  const network = (i: number, more = ''): string =>
    `  - {name: n${i}, type: vlan, physical_network: p1, segmentation_id: ${i}, subnets: [{name: n${i}, cidr: 10.${i}.0.0/24}]${more}}\n`;
  const serving = (text: string): readonly string[] =>
    cloudOf(text)
      .neutron.ports.filter(({ deviceOwner }) => deviceOwner === 'network:dhcp')
      .map(({ host }) => host);

  it('is given a network when it has the fewest', () => {
    expect(serving(TWO + network(1) + network(2) + network(3))).toEqual(['h1', 'other', 'h1']);
  });

  it('serves what names it', () => {
    expect(serving(TWO + network(1, ', dhcp_agents: [other]') + network(2))).toEqual([
      'other',
      'h1',
    ]);
    expect(problemsOf(TWO + network(1, ', dhcp_agents: [othr]'))).toEqual([
      '5 There is no host called "othr" (other?)',
    ]);
  });

  it('is not asked for a network that its host does not carry', () => {
    expect(
      serving(
        TWO.replace(
          'p1: br-p}, bridges: {br-p: e}}, dhcp',
          'p2: br-p}, bridges: {br-p: e}}, dhcp',
        ) + network(1),
      ),
    ).toEqual(['other']);
  });
});
