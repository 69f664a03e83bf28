/** Bonds: read from `ip -d link` and the switch's database, written for a cloud, walked. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { readInterfaces } from '../../src/dataplane/routing/text/interface.ts';
import { type Interface } from '../../src/dataplane/routing/types.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { bondAt, hears, leavesBy } from '../../src/trace/bonds.ts';
import { compiled } from '../agents/clouds.ts';

const TEXT = `2: e1: <BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP> mtu 1500 qdisc fq_codel master bond0 state UP mode DEFAULT group default qlen 1000
    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bond_slave state ACTIVE mii_status UP link_failure_count 0 perm_hwaddr 52:54:00:00:00:01 queue_id 0 ad_aggregator_id 1
3: e2: <BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP> mtu 1500 qdisc fq_codel master bond0 state UP mode DEFAULT group default qlen 1000
    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bond_slave state ACTIVE mii_status UP link_failure_count 0 perm_hwaddr 52:54:00:00:00:02 queue_id 0 ad_aggregator_id 2
4: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bond mode 802.3ad miimon 100 updelay 0 xmit_hash_policy layer3+4 ad_aggregator 1 ad_num_ports 2
`;

const JSON_TEXT = JSON.stringify([
  member(2, 'e1', 'UP', 1),
  member(3, 'e2', 'UP', 2),
  {
    ...{ ifindex: 4, ifname: 'bond0', flags: ['BROADCAST', 'MASTER', 'UP', 'LOWER_UP'] },
    ...{ mtu: 1500, link_type: 'ether', address: '52:54:00:00:00:01' },
    linkinfo: { info_kind: 'bond', info_data: { mode: '802.3ad', ad_info: { aggregator: 1 } } },
  },
]);

function member(ifindex: number, ifname: string, status: string, aggregator: number): object {
  return {
    ...{ ifindex, ifname, flags: ['BROADCAST', 'SLAVE', 'UP', 'LOWER_UP'], mtu: 1500 },
    ...{ master: 'bond0', link_type: 'ether', address: '52:54:00:00:00:01' },
    linkinfo: {
      info_slave_kind: 'bond',
      info_slave_data: { state: 'ACTIVE', mii_status: status, ad_aggregator_id: aggregator },
    },
  };
}

function networkOf(interfaces: readonly Interface[]): Network {
  return { namespace: () => ({ state: { interfaces } }) } as unknown as Network;
}

const AT = { host: 'h', namespace: 'root', name: 'bond0' };

describe('a bond', () => {
  it.each([
    ['text', TEXT],
    ['JSON', JSON_TEXT],
  ])('of 802.3ad uses the members of its aggregator (%s)', (_, source) => {
    const { value, problems } = readInterfaces('ip-link', source);
    expect(problems).toEqual([]);
    expect(bondAt(networkOf(value), AT)).toEqual({ at: AT, mode: '802.3ad', usable: ['e1'] });
  });

  it('with active-backup leaves by the active member and hears no other', () => {
    const { value } = readInterfaces(
      'ip-link',
      TEXT.replace('mode 802.3ad', 'mode active-backup active_slave e2'),
    );
    const bond = bondAt(networkOf(value), AT);
    expect(bond?.usable).toEqual(['e2', 'e1']);
    expect(bond && [leavesBy(bond), hears(bond, 'e2'), hears(bond, 'e1')]).toEqual([
      'one',
      true,
      false,
    ]);
  });

  it('does not use a member that its monitor found down', () => {
    const text = TEXT.replace('802.3ad', 'balance-xor').replace('mii_status UP', 'mii_status DOWN');
    const { value } = readInterfaces('ip-link', text);
    expect(bondAt(networkOf(value), AT)?.usable).toEqual(['e2']);
  });

  it('balances by a hash over all members that are up, or sends by each', () => {
    const usable = ['e1', 'e2'];
    expect(leavesBy({ at: AT, mode: 'balance-xor', usable })).toBe('hash');
    expect(leavesBy({ at: AT, mode: 'broadcast', usable })).toBe('all');
    expect(leavesBy({ at: AT, mode: 'balance-xor', usable: ['e1'] })).toBe('one');
  });

  it('of a compiled host is read back as it was written', () => {
    const network = compiled(`hosts:
  - name: kernel
    nics: [{name: e1}, {name: e2}, {name: bond0, addresses: [10.9.0.1/24], bond: {members: [e1, e2], mode: balance-xor}}]
    agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 10.9.0.1}}
  - name: switch
    nics: [{name: e1}, {name: e2}, {name: bond1, bond: {members: [e1, e2], by: openvswitch, active: e2}}]
    agents: {openvswitch: {bridge_mappings: {p: br-p}, bridges: {br-p: bond1}}}
`);
    const bondsOn = (host: string): unknown =>
      cloudOfNetwork(network)
        .hosts.find(({ name }) => name === host)
        ?.nics.flatMap(({ name, bond }) => (bond === null ? [] : [{ name, ...bond }]));
    expect(bondsOn('kernel')).toEqual([
      { name: 'bond0', by: 'linux', mode: 'balance-xor', members: ['e1', 'e2'], active: null },
    ]);
    expect(bondsOn('switch')).toEqual([
      {
        ...{ name: 'bond1', by: 'openvswitch', mode: 'active-backup' },
        ...{ members: ['e1', 'e2'], active: 'e2' },
      },
    ]);
    const ports = network.hosts.get('switch')?.switch?.bridges.find(({ name }) => name === 'br-p');
    expect(
      ports?.ports.filter(({ bond }) => bond !== null).map(({ name, bundle }) => [name, bundle]),
    ).toEqual([
      ['e1', 'bond1'],
      ['e2', 'bond1'],
    ]);
    expect(network.problems).toEqual([]);
  });

  const host = (nics: string, more = ''): string =>
    `hosts:\n  - name: h\n    nics: [${nics}]\n    agents: {openvswitch: {bridge_mappings: {p: br-p}${more}}}\n`;
  it.each([
    [
      'a member that is not there',
      host('{name: e1}, {name: b, bond: [e1, e3]}'),
      'Bond "b" uses the NIC "e3", which the host has not (e1?)',
    ],
    [
      'a NIC in two bonds',
      host('{name: e1}, {name: b, bond: [e1]}, {name: c, bond: [e1]}'),
      'NIC "e1" is a member of bond "b" already',
    ],
    [
      'a bond of bonds',
      host('{name: e1}, {name: b, bond: [e1]}, {name: c, bond: [b]}'),
      'Bond "c" has the bond "b" as a member',
    ],
    [
      'a member with an address',
      host('{name: e1, addresses: [10.0.0.1/24]}, {name: b, bond: [e1]}'),
      'NIC "e1" has an address of its own and is a member of bond "b"',
    ],
    [
      'a member in a bridge',
      host('{name: e1}, {name: b, bond: [e1]}', ', bridges: {br-p: e1}'),
      '"br-p" uses the NIC "e1", a member of bond "b"',
    ],
    [
      'a mode of the other',
      host('{name: e1}, {name: b, bond: {members: [e1], mode: balance-tcp}}'),
      'A bond by linux has no mode balance-tcp',
    ],
    ['no members', host('{name: b, bond: []}'), 'Bond "b" has no members'],
    [
      'an active member elsewhere',
      host('{name: e1}, {name: b, bond: {members: [e1], active: e2}}'),
      'The active member is none of the members (e1?)',
    ],
    [
      'a switch’s bond in no bridge',
      host('{name: e1}, {name: b, bond: {members: [e1], by: openvswitch}}'),
      'Bond "b" by openvswitch is a port of no bridge',
    ],
  ])('is refused: %s', (_, text, expected) => {
    const said = readCloudYaml('c.yaml', text).problems.map(
      ({ message, didYouMean }) => message + (didYouMean === undefined ? '' : ` (${didYouMean}?)`),
    );
    expect(said).toContain(expected);
  });
});
