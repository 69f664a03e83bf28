/** One thing is changed in the dumps of a real deployment: exactly that is told, and nothing else. */
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compareNetworks } from '../../../src/verify/configuration/compare.ts';
import { type Comparison, type Difference } from '../../../src/verify/configuration/types.ts';
import { captured, folderOf } from '../../captured.ts';

type Files = Map<string, string>;
type Edit = (files: Files) => void;

/** A change of one file; fails when the text to be changed does not stand there. */
function change(
  path: string,
  from: string | RegExp,
  to: string | ((...parts: string[]) => string),
): Edit {
  return (files) => {
    const text = files.get(path) ?? '';
    const changed = typeof to === 'string' ? text.replace(from, to) : text.replace(from, to);
    if (changed === text) throw new Error(`${path} has no ${from}`);
    files.set(path, changed);
  };
}

/** Two lines change places. */
function swap(path: string, first: string, second: string): Edit {
  return (files) => {
    const lines = (files.get(path) ?? '').split('\n');
    const [i, j] = [first, second].map((words) => lines.findIndex((line) => line.includes(words)));
    if (i === undefined || j === undefined || i < 0 || j < 0) throw new Error(`not in ${path}`);
    [lines[i], lines[j]] = [lines[j] ?? '', lines[i] ?? ''];
    files.set(path, lines.join('\n'));
  };
}

function compared(capture: string, folder: string, edit: Edit): Comparison {
  const { files } = captured(capture);
  const edited = new Map(files);
  edit(edited);
  const open = (of: ReadonlyMap<string, string>) => openSnapshot(folderOf(of, folder));
  return compareNetworks(open(files), open(edited));
}

/** What is told of a difference: kind and place, A, B, the Neutron object. */
function told({ kind, host, device, part, a, b, about }: Difference): readonly string[] {
  const texts = [a, b].map((side) => side?.text ?? '-');
  return [`${kind} ${host} ${device} ${part}`, ...texts, about?.name ?? '-'];
}

interface Case {
  readonly what: string;
  readonly capture: string;
  readonly folder?: string;
  readonly edit: Edit;
  readonly expected: readonly (readonly string[])[];
}

const TUN_FLOW =
  'table=4, priority=1,tun_id=0x34e actions=push_vlan:0x8100,set_field:4097->vlan_vid,goto_table:10';
const ROUTER = 'qrouter-796e7630-605d-4331-bc1d-eda19597c455';
const DVR = 'qrouter-5b7e2942-a074-4b73-a49b-76af2ab1cdd9';
const HA = '602b6b87-62ce-4ff6-bb20-b845e6488c97';
const TAP_CHAIN = 'neutron-openvswi-iea718713-7';
const ZONED =
  '-A neutron-openvswi-PREROUTING -m physdev --physdev-in tap4ffd3841-48 -m comment --comment ' +
  '"Set zone for 4ffd3841-48cf-4e79-b352-299d8ef9fe7b" -j CT --zone';
const HYBRID = 'hosts/compute2/ns/root';

const CASES: readonly Case[] = [
  {
    what: 'a flow is gone',
    capture: 'ovs-vxlan-ovsfw',
    edit: change('hosts/compute1/ovs/br-tun.flows.txt', /^.*table=4, .*tun_id=0x34e.*\n/m, ''),
    expected: [['missing compute1 br-tun table 4', TUN_FLOW, '-', 'net-a']],
  },
  {
    what: 'frames of one network end in the local VLAN of another',
    capture: 'ovs-vxlan-ovsfw',
    edit: change(
      'hosts/compute1/ovs/br-tun.flows.txt',
      /(tun_id=0x34e actions=.*?)set_field:4097/,
      '$1set_field:4098',
    ),
    expected: [
      ['different compute1 br-tun table 4', TUN_FLOW, TUN_FLOW.replace('4097', '4098'), 'net-a'],
    ],
  },
  {
    what: 'an address of a remote group is not let in: one flow, not all of its conjunction',
    capture: 'ovs-vxlan-ovsfw',
    edit: change(
      'hosts/compute1/ovs/br-int.flows.txt',
      /^.*table=82, .*\+new-est,ip,reg6=0x1,nw_src=10.0.0.146 .*\n/m,
      '',
    ),
    expected: [
      [
        'missing compute1 br-int table 82',
        'table=82, priority=70,ct_state=+new-est,ip,reg6=0x1,nw_src=10.0.0.146 actions=conjunction(17,1/2)',
        '-',
        'net-a',
      ],
    ],
  },
  {
    what: 'a tunnel leads to another host',
    capture: 'ovs-vxlan-ovsfw',
    edit: change(
      'hosts/compute1/ovs/ovsdb-dump.json',
      '"remote_ip","172.30.20.21"',
      '"remote_ip","172.30.20.22"',
    ),
    expected: [
      [
        'different compute1 br-tun ports',
        'vxlan-ac1e1415 vxlan local 172.30.20.31 remote 172.30.20.21 key flow/flow port 4789 df',
        'vxlan-ac1e1415 vxlan local 172.30.20.31 remote 172.30.20.22 key flow/flow port 4789 df',
        '-',
      ],
    ],
  },
  {
    what: 'a router loses its default route',
    capture: 'ovs-vxlan-ovsfw',
    edit: change(`hosts/net1/ns/${ROUTER}/ip-route-v4.json`, /\{"dst":"default"[^}]*\},/, ''),
    expected: [
      [
        `missing net1 ${ROUTER} routes`,
        'default via 203.0.113.1 dev qg-e1ed5ef9-1e',
        '-',
        'router-a',
      ],
    ],
  },
  {
    what: 'a route that the kernel made is gone',
    capture: 'ovs-vxlan-ovsfw',
    edit: change(`hosts/net1/ns/${ROUTER}/ip-route-v4.json`, /\{"dst":"10.0.1.0\/24"[^}]*\},/, ''),
    expected: [
      [
        `extra net1 ${ROUTER} routes`,
        '-',
        'no route to 10.0.1.0/24 dev qr-14c17787-30',
        'router-a',
      ],
    ],
  },
  {
    what: 'a router does not forward from one interface',
    capture: 'ovs-vxlan-ovsfw',
    edit: change(
      `hosts/net1/ns/${ROUTER}/sysctl.txt`,
      'net.ipv4.conf.qr-14c17787-30.forwarding = 1',
      'net.ipv4.conf.qr-14c17787-30.forwarding = 0',
    ),
    expected: [
      [
        `different net1 ${ROUTER} settings`,
        'qr-14c17787-30: forwarding, forwarding IPv6, rp_filter 0, arp_ignore 1',
        'qr-14c17787-30: not forwarding, forwarding IPv6, rp_filter 0, arp_ignore 1',
        'router-a',
      ],
    ],
  },
  {
    what: 'a namespace is gone: told once',
    capture: 'ovs-vxlan-ovsfw',
    edit: (files) => {
      for (const path of files.keys()) if (path.includes(`ns/${ROUTER}/`)) files.delete(path);
    },
    expected: [['missing net1 host namespaces', ROUTER, '-', 'router-a']],
  },
  {
    what: 'an address of a router is of another network',
    capture: 'ovs-vxlan-ovsfw',
    edit: (files) => {
      for (const file of ['ip-addr', 'ip-route-v4']) {
        change(`hosts/net1/ns/${ROUTER}/${file}.json`, /10\.0\.1\.1"/g, '10.0.1.9"')(files);
      }
    },
    expected: [
      [`missing net1 ${ROUTER} addresses`, '10.0.1.1/24 on qr-14c17787-30', '-', 'router-a'],
      [`extra net1 ${ROUTER} addresses`, '-', '10.0.1.9/24 on qr-14c17787-30', 'router-a'],
    ],
  },
  {
    what: 'a rule has another target',
    capture: 'ovs-vlan-hybrid',
    edit: change(
      `${HYBRID}/iptables-save.txt`,
      `-A ${TAP_CHAIN} -p udp -m udp --dport 53 -j RETURN`,
      `-A ${TAP_CHAIN} -p udp -m udp --dport 53 -j DROP`,
    ),
    expected: [
      [
        `different compute2 root iptables filter ${TAP_CHAIN}`,
        `-A ${TAP_CHAIN} -p udp -m udp --dport 53 -j RETURN`,
        `-A ${TAP_CHAIN} -p udp -m udp --dport 53 -j DROP`,
        'v2',
      ],
    ],
  },
  {
    what: 'two rules that cannot match the same packet change places: nothing',
    capture: 'ovs-vlan-hybrid',
    edit: swap(
      `${HYBRID}/iptables-save.txt`,
      `-A ${TAP_CHAIN} -p udp -m udp --dport 53`,
      `-A ${TAP_CHAIN} -p tcp -m tcp --dport 80`,
    ),
    expected: [],
  },
  {
    what: 'the rule that drops the rest stands before one that lets in',
    capture: 'ovs-vlan-hybrid',
    edit: swap(
      `${HYBRID}/iptables-save.txt`,
      `-A ${TAP_CHAIN} -p tcp -m tcp --dport 80`,
      `-A ${TAP_CHAIN} -m comment --comment "Send unmatched`,
    ),
    expected: [
      [
        `order compute2 root iptables filter ${TAP_CHAIN}`,
        `-A ${TAP_CHAIN} -p tcp -m tcp --dport 80 -j RETURN`,
        `-A ${TAP_CHAIN} -m state --state INVALID -m comment --comment "Drop packets that appear related to an existing connection (e.g. TCP ACK/FIN) but do not have an entry in conntrack." -j DROP`,
        'v2',
      ],
    ],
  },
  {
    what: 'a set lacks a member',
    capture: 'ovs-vlan-hybrid',
    edit: change(
      `${HYBRID}/ipset-save.txt`,
      /^add NIPv421e3121b-c138-4449-8637- 10.100.0.104\n/m,
      '',
    ),
    expected: [
      ['missing compute2 root set NIPv421e3121b-c138-4449-8637-', '10.100.0.104', '-', 'sg-ssh'],
    ],
  },
  {
    what: 'a network tracks its connections in the zone of another',
    capture: 'ovs-vlan-hybrid',
    edit: change(
      `${HYBRID}/iptables-save.txt`,
      /(physdev-in tap4ffd3841-48 .*--zone) 4098/,
      '$1 4099',
    ),
    expected: [
      [
        'different compute2 root iptables raw neutron-openvswi-PREROUTING',
        `${ZONED} 4098`,
        `${ZONED} 4099`,
        'v4',
      ],
    ],
  },
  {
    what: 'the port of a guest is in a VLAN of no network',
    capture: 'ovs-vlan-hybrid',
    edit: change(
      'hosts/compute2/ovs/ovsdb-dump.json',
      /("qvo4ffd3841-48",\["map",.{0,250}\]\],)2(,\["set")/,
      (_, before: string, after: string) => `${before}77${after}`,
    ),
    expected: [
      [
        'different compute2 br-int ports',
        'qvo4ffd3841-48 system tag 2 iface-id 4ffd3841-48cf-4e79-b352-299d8ef9fe7b',
        'qvo4ffd3841-48 system tag 77 iface-id 4ffd3841-48cf-4e79-b352-299d8ef9fe7b',
        'v4',
      ],
    ],
  },
  {
    what: 'a floating IP has another of the priorities that are drawn: nothing',
    capture: 'ovs-dvr',
    edit: change(
      `hosts/compute1/ns/${DVR}/ip-rule-v4.json`,
      '"priority":41764',
      '"priority":33000',
    ),
    expected: [],
  },
  {
    what: 'a subnet’s rule stands before the floating IPs',
    capture: 'ovs-dvr',
    edit: change(
      `hosts/compute1/ns/${DVR}/ip-rule-v4.json`,
      '"priority":167837697',
      '"priority":32000',
    ),
    expected: [
      [
        `different compute1 ${DVR} rules`,
        '167837697: from 10.1.0.0/24 lookup 167837697',
        '32000: from 10.1.0.0/24 lookup 167837697',
        'router-d',
      ],
    ],
  },
  {
    what: 'a VXLAN device sends a port’s frames to another host',
    capture: 'linuxbridge-vxlan-flat',
    edit: change(
      'hosts/compute1/ns/root/bridge-fdb.json',
      '"mac":"fa:16:3e:44:e3:69","ifname":"vxlan-515","dst":"172.30.20.32"',
      '"mac":"fa:16:3e:44:e3:69","ifname":"vxlan-515","dst":"172.30.20.21"',
    ),
    expected: [
      [
        'different compute1 root fdb',
        'fa:16:3e:44:e3:69 dev vxlan-515 dst 172.30.20.32',
        'fa:16:3e:44:e3:69 dev vxlan-515 dst 172.30.20.21',
        'net-l1',
      ],
    ],
  },
  {
    what: 'a neighbour that an agent wrote is gone',
    capture: 'linuxbridge-vxlan-flat',
    edit: change(
      'hosts/compute1/ns/root/ip-neigh-v4.json',
      /\{"dst":"10.0.1.1","dev":"vxlan-269"[^}]*\},?/,
      '',
    ),
    expected: [
      [
        'missing compute1 root neighbours',
        '10.0.1.1 dev vxlan-269 lladdr fa:16:3e:32:c6:1b permanent',
        '-',
        'net-l2',
      ],
    ],
  },
  {
    what: 'a guest may send ARP from one address less',
    capture: 'linuxbridge-vxlan-flat',
    edit: change(
      'hosts/compute1/ns/root/ebtables-save.txt',
      /^-A neutronARP-tap1cd3ad6e-d6 .*ACCEPT\n/m,
      '',
    ),
    expected: [
      [
        'missing compute1 root ebtables nat neutronARP-tap1cd3ad6e-d6',
        '-A neutronARP-tap1cd3ad6e-d6 -p ARP --arp-ip-src 10.0.0.59 -j ACCEPT',
        '-',
        'm1',
      ],
    ],
  },
  {
    what: 'a VRRP router has another number: nothing; it lacks an address: that',
    capture: 'ovs-ha-router',
    folder: '1-before',
    edit: (files) => {
      const path = `1-before/hosts/net1/files/ha_confs/${HA}/keepalived.conf`;
      files.set(
        path,
        (files.get(path) ?? '').replaceAll('191', '17').replace(/^.*10.0.2.1\/24.*\n/m, ''),
      );
    },
    expected: [
      [
        `missing net1 qrouter-${HA} keepalived`,
        'vrrp_instance VR_191 / virtual_ipaddress_excluded / 10.0.2.1/24 dev qr-e8c668c0-47 no_track',
        '-',
        'router-h',
      ],
    ],
  },
  {
    what: 'a DHCP server does not know a port',
    capture: 'ovs-ha-router',
    folder: '1-before',
    edit: change(
      '1-before/hosts/net1/files/dhcp/d76ced19-052c-4243-8ce1-209a7047c6e9/host',
      /^fa:16:3e:be:ad:8d.*\n/m,
      '',
    ),
    expected: [
      [
        'missing net1 qdhcp-d76ced19-052c-4243-8ce1-209a7047c6e9 dnsmasq',
        'fa:16:3e:be:ad:8d,host-10-0-2-8.openstacklocal,10.0.2.8',
        '-',
        'net-h2',
      ],
    ],
  },
];

describe('two snapshots of one deployment', () => {
  it.each(CASES)('differ where $what', ({ capture, folder = '.', edit, expected }) => {
    const { differences, unknown } = compared(capture, folder, edit);
    expect(differences.map(told)).toEqual(expected);
    expect(unknown).toEqual([]);
  });

  it('cite the lines of both sides', () => {
    const edit = change(
      `${HYBRID}/iptables-save.txt`,
      `-A ${TAP_CHAIN} -p udp -m udp --dport 53 -j RETURN`,
      `-A ${TAP_CHAIN} -p udp -m udp --dport 53 -j DROP`,
    );
    const [{ a, b } = { a: null, b: null }] = compared('ovs-vlan-hybrid', '.', edit).differences;
    const lines = (
      captured('ovs-vlan-hybrid').files.get(`${HYBRID}/iptables-save.txt`) ?? ''
    ).split('\n');
    for (const side of [a, b]) {
      expect(side?.origin.file).toBe(`${HYBRID}/iptables-save.txt`);
      expect(lines[(side?.origin.line ?? 0) - 1]).toContain(
        `-A ${TAP_CHAIN} -p udp -m udp --dport 53`,
      );
    }
  });

  it('are not compared where one has no dump', () => {
    const { differences, unknown } = compared('ovs-vlan-hybrid', '.', (files) =>
      files.delete(`${HYBRID}/iptables-save.txt`),
    );
    expect(differences).toEqual([]);
    expect(unknown.length).toBeGreaterThan(0);
    expect(new Set(unknown.map(({ side, file }) => `${side} ${file}`))).toEqual(
      new Set([`b ${HYBRID}/iptables-save`]),
    );
  });

  it('are none where ebtables prints a MAC without its leading zeros', () => {
    const path = 'hosts/compute1/ns/root/ebtables-save.txt';
    const open = (mac: string) => {
      const files = new Map(captured('linuxbridge-vxlan-flat').files);
      change(path, 'fa:16:3e:56:69:69', mac)(files);
      return openSnapshot(folderOf(files, '.'));
    };
    const differences = (a: string, b: string): readonly Difference[] =>
      compareNetworks(open(a), open(b)).differences;
    expect(differences('fa:16:3e:05:69:0a', 'fa:16:3e:5:69:a')).toEqual([]);
    expect(differences('fa:16:3e:05:69:0a', 'fa:16:3e:50:69:a')).toHaveLength(2);
  });
});
