/**
 * Cases that mix what deployments mix: policy routing by marks, connection marks, sets,
 * translation, bridges with rules, filters by reverse path that differ per interface, narrow
 * links, fragments and errors. The same seed gives the same case.
 */
import { Rng } from '../../ovs/live/rng.ts';
import { type Case, type Node, type Step } from '../case.ts';
import { hostMac, packetsOf, type Side } from './packets.ts';
import { rulesText } from './rules.ts';

export type MixtureKind = 'mixed' | 'bridged' | 'six' | 'six-bridged';

const MACS = { a: '02:00:00:00:00:01', b: '02:00:00:00:00:02', c: '02:00:00:00:00:03' } as const;
const BRIDGE_MAC = '02:00:00:00:00:0f';

/** What errors told of paths would outlive a case: the kernel forgets it at the end of each. */
const FORGET: Step = { node: 'r', exec: 'ip route flush cache' };

/** Cases of one topology share everything but rules, sets and packets. */
const PER_TOPOLOGY = 20;

/** The case of a seed. */
export function mixtureCase(kind: MixtureKind, seed: number, steps = 20): Case {
  const place = new Rng(Math.floor(seed / PER_TOPOLOGY) * 7919 + kind.length);
  const rng = new Rng(seed * 2 + 1);
  const id = `${kind}-${seed}`;
  if (kind === 'six') return six(id, place, rng, steps);
  if (kind === 'six-bridged') return sixBridged(id, place, rng, steps);
  return four(id, kind === 'bridged', place, rng, steps);
}

function four(id: string, bridged: boolean, place: Rng, rng: Rng, count: number): Case {
  const topology = bridged ? bridgeTopology(place) : routerTopology(place);
  const mtu = mtuOf(topology, 'b');
  const sides: readonly Side[] = [
    { port: 'a', mac: bridged ? BRIDGE_MAC : MACS.a, hosts: ['10.0.0.2', '10.0.0.3'], mtu: 1500 },
    {
      port: 'b',
      mac: bridged ? BRIDGE_MAC : MACS.b,
      hosts: bridged ? ['10.0.0.20', '10.0.0.21'] : ['10.1.0.2', '10.1.0.9'],
      mtu,
    },
    { port: 'c', mac: MACS.c, hosts: ['192.0.2.2', '192.0.2.9'], mtu: 1500 },
  ];
  const longest = bridged ? 928 : rng.pick([1008, 1288]);
  const own = bridged ? ['10.0.0.1', '192.0.2.1'] : ['10.0.0.1', '10.1.0.1', '192.0.2.1'];
  const far = ['198.51.100.7', '8.8.8.8'];
  const packets = packetsOf(rng, { version: 4, sides, far, own, node: 'r', longest, count }).map(
    (step) =>
      bridged && step.eth !== undefined && (step.in === 'a' || step.in === 'b') && rng.chance(0.6)
        ? { ...step, eth: { ...step.eth, dst: hostMac(step.ip?.dst ?? '10.0.0.2') } }
        : step,
  );
  const devices = bridged ? ['br0', 'c'] : ['a', 'b', 'c'];
  const sets = setsOf(rng, devices);
  const iptables = rulesText({
    version: 4,
    rng,
    name: id.replaceAll('-', ''),
    packets,
    devices,
    ports: bridged ? ['pa', 'pb'] : [],
    sets: sets.names,
    addresses: [...sides.flatMap(({ hosts }) => hosts), ...own, '192.0.2.200'],
  });
  const node: Node = {
    ...topology,
    neigh: sides.flatMap(({ port, hosts }) =>
      [...hosts, ...(port === 'c' ? ['192.0.2.200'] : [])].map(
        (ip) => [ip, hostMac(ip), bridged && port !== 'c' ? 'br0' : port] as const,
      ),
    ),
    listen: [['tcp', 9697]],
    iptables,
    ipset: sets.text,
  };
  return { id, fuzzy_ports: true, nodes: { r: node }, packets: [...packets, FORGET] };
}

function mtuOf({ links = [] }: Topology, port: string): number {
  return links.find((link) => link.port === port)?.mtu ?? 1500;
}

function setsOf(
  rng: Rng,
  devices: readonly string[],
): { readonly text: string; readonly names: readonly (readonly [string, number])[] } {
  const lines = [
    'create n hash:net family inet hashsize 1024 maxelem 65536',
    'create ipp hash:ip,port family inet hashsize 1024 maxelem 65536',
    'create ni hash:net,iface family inet hashsize 1024 maxelem 65536',
  ];
  for (const net of ['10.0.0.0/24', '192.0.2.0/28', '8.0.0.0/7']) {
    if (rng.chance(0.6)) lines.push(`add n ${net}`);
  }
  if (rng.chance(0.5)) lines.push('add n 10.0.0.2 nomatch');
  for (const one of ['10.0.0.2,tcp:80', '10.1.0.2,udp:53', '192.0.2.9,tcp:22']) {
    if (rng.chance(0.6)) lines.push(`add ipp ${one}`);
  }
  if (rng.chance(0.7)) lines.push(`add ni 10.0.0.0/8,${rng.pick(devices)}`);
  const names = [['n', 1] as const, ['ipp', 2] as const, ['ni', 2] as const];
  return { text: `${lines.join('\n')}\n`, names };
}

type Topology = Pick<Node, 'sysctl' | 'links' | 'addrs' | 'routes' | 'rules'>;

function routerTopology(place: Rng): Topology {
  const mtu = place.pick([1500, 1500, 1280, 700]);
  const sysctl: Record<string, number> = {
    'net.ipv4.ip_forward': 1,
    'net.ipv4.conf.all.send_redirects': 0,
    'net.ipv4.conf.default.send_redirects': 0,
    'net.netfilter.nf_conntrack_tcp_loose': place.pick([1, 1, 0]),
    'net.netfilter.nf_conntrack_tcp_be_liberal': place.pick([0, 0, 1]),
    'net.ipv4.conf.all.src_valid_mark': place.pick([0, 0, 1]),
  };
  for (const name of ['a', 'b', 'c']) {
    sysctl[`net.ipv4.conf.${name}.rp_filter`] = place.pick([0, 0, 1, 2]);
    if (place.chance(0.15)) sysctl[`net.ipv4.conf.${name}.accept_local`] = 1;
    if (place.chance(0.1)) sysctl[`net.ipv4.conf.${name}.route_localnet`] = 1;
  }
  return {
    sysctl,
    links: (['a', 'b', 'c'] as const).map((name) => ({
      name,
      type: 'port',
      port: name,
      mac: MACS[name],
      ...(name === 'b' ? { mtu } : {}),
    })),
    addrs: [
      ['a', '10.0.0.1/24'],
      ['b', '10.1.0.1/24'],
      ['c', '192.0.2.1/24'],
    ],
    routes: routesOf(place),
    rules: policyOf(place),
  };
}

function routesOf(place: Rng): readonly string[] {
  const ways = ['via 10.0.0.2 dev a', 'via 10.1.0.2 dev b', 'via 192.0.2.2 dev c'];
  const routes = new Map<string, string>([['default ', 'default via 192.0.2.9 dev c']]);
  for (let n = place.int(0, 5); n > 0; n--) {
    const to = place.pick(['198.51.100.0/24', '8.8.8.8', '10.1.0.0/16', 'default']);
    const table = place.pick(['', 'table 16', 'table 77']);
    const key = `${to} ${table}`;
    if (routes.has(key)) continue;
    const type = place.pick(['', '', '', 'unreachable', 'prohibit', 'blackhole', 'throw']);
    const way = type === '' ? place.pick(ways) : '';
    const mtu = way !== '' && place.chance(0.2) ? 'mtu 900' : '';
    const words = [type, to, way, table, mtu].filter((word) => word !== '');
    routes.set(key, words.join(' '));
  }
  return [...routes.values()];
}

function policyOf(place: Rng): readonly string[] {
  const rules: string[] = [];
  for (let n = place.int(0, 4), preference = 100; n > 0; n--, preference += 100) {
    const selector = place.pick([
      'from 10.0.0.0/24',
      'from 10.1.0.9',
      'to 198.51.100.0/24',
      'fwmark 0x1',
      'fwmark 0x300/0xff00',
      'iif a',
      'iif lo',
      'ipproto udp dport 53',
      'ipproto tcp',
      'tos 0x10',
      'not fwmark 0x2/0xff',
      'not from 10.0.0.0/24',
    ]);
    const action = place.pick(['lookup 16', 'lookup 77', 'lookup 77', 'unreachable', 'prohibit']);
    rules.push(`${selector} pref ${preference} ${action}`);
  }
  return rules;
}

function bridgeTopology(place: Rng): Topology {
  return {
    sysctl: {
      'net.ipv4.ip_forward': place.pick([0, 1, 1]),
      'net.ipv4.conf.all.send_redirects': 0,
      'net.ipv4.conf.default.send_redirects': 0,
      'net.ipv4.conf.all.rp_filter': place.pick([0, 0, 1]),
      'net.bridge.bridge-nf-call-iptables': place.pick([1, 1, 1, 0]),
    },
    links: [
      { name: 'br0', type: 'bridge', mac: BRIDGE_MAC },
      { name: 'pa', type: 'port', port: 'a', master: 'br0', hairpin: place.chance(0.2) },
      { name: 'pb', type: 'port', port: 'b', master: 'br0', mtu: place.pick([1500, 1500, 1000]) },
      { name: 'c', type: 'port', port: 'c', mac: MACS.c },
    ],
    addrs: [
      ['br0', '10.0.0.1/24'],
      ['c', '192.0.2.1/24'],
    ],
    routes: ['default via 192.0.2.9 dev c'],
    rules: [],
  };
}

function six(id: string, place: Rng, rng: Rng, count: number): Case {
  const mtu = place.pick([1500, 1280]);
  const sides: readonly Side[] = [
    { port: 'a', mac: MACS.a, hosts: ['fd00:a::2', 'fd00:a::3'], mtu: 1500 },
    { port: 'b', mac: MACS.b, hosts: ['fd00:b::4', 'fd00:b::9'], mtu },
  ];
  const own = ['fd00:a::1', 'fd00:b::1'];
  const far = ['fd00:c::7', 'fd00:d::8'];
  const packets = packetsOf(rng, { version: 6, sides, far, own, node: 'r', longest: 0, count });
  const ip6tables = rulesText({
    version: 6,
    rng,
    name: id.replaceAll('-', ''),
    packets,
    devices: ['a', 'b'],
    ports: [],
    sets: [],
    addresses: [...sides.flatMap(({ hosts }) => hosts), ...own],
  });
  const node: Node = {
    ipv6: true,
    sysctl: { 'net.ipv6.conf.all.forwarding': place.pick([1, 1, 1, 0]) },
    links: [
      { name: 'a', type: 'port', port: 'a', mac: MACS.a },
      { name: 'b', type: 'port', port: 'b', mac: MACS.b, mtu },
    ],
    addrs: [
      ['a', 'fd00:a::1/64'],
      ['b', 'fd00:b::1/64'],
    ],
    routes: ['fd00:c::/64 via fd00:b::4 dev b', 'unreachable fd00:e::/64'],
    neigh: sides.flatMap(({ port, hosts }) => hosts.map((ip) => [ip, hostMac(ip), port] as const)),
    ip6tables,
  };
  return { id, fuzzy_ports: true, nodes: { r: node }, packets };
}

/** IPv6 over a bridge with rules, and routed from it to a link beside it. */
function sixBridged(id: string, place: Rng, rng: Rng, count: number): Case {
  const sides: readonly Side[] = [
    { port: 'a', mac: BRIDGE_MAC, hosts: ['fd00:a::2', 'fd00:a::3'], mtu: 1500 },
    { port: 'b', mac: BRIDGE_MAC, hosts: ['fd00:a::14', 'fd00:a::15'], mtu: 1500 },
    { port: 'c', mac: MACS.c, hosts: ['fd00:b::4', 'fd00:b::9'], mtu: 1500 },
  ];
  const own = ['fd00:a::1', 'fd00:b::1'];
  const far = ['fd00:c::7', 'fd00:d::8'];
  const plan = { version: 6, sides, far, own, node: 'r', longest: 0, count } as const;
  // Most frames go straight to their receiver, as those of neighbours do.
  const packets = packetsOf(rng, plan).map((step) =>
    step.eth !== undefined && (step.in === 'a' || step.in === 'b') && rng.chance(0.6)
      ? { ...step, eth: { ...step.eth, dst: hostMac(step.ip6?.dst ?? 'fd00:a::2') } }
      : step,
  );
  const drawn = rulesText({
    version: 6,
    rng,
    name: id.replaceAll('-', ''),
    packets,
    devices: ['br0', 'c'],
    ports: ['pa', 'pb'],
    sets: [],
    addresses: [...sides.flatMap(({ hosts }) => hosts), ...own],
  });
  const node: Node = {
    ipv6: true,
    sysctl: {
      'net.ipv6.conf.all.forwarding': place.pick([0, 1, 1]),
      'net.bridge.bridge-nf-call-ip6tables': place.pick([1, 1, 1, 0]),
    },
    links: [
      { name: 'br0', type: 'bridge', mac: BRIDGE_MAC },
      { name: 'pa', type: 'port', port: 'a', master: 'br0', hairpin: place.chance(0.2) },
      { name: 'pb', type: 'port', port: 'b', master: 'br0' },
      { name: 'c', type: 'port', port: 'c', mac: MACS.c },
    ],
    addrs: [
      ['br0', 'fd00:a::1/64'],
      ['c', 'fd00:b::1/64'],
    ],
    routes: ['fd00:c::/64 via fd00:b::4 dev c', 'unreachable fd00:e::/64'],
    neigh: sides.flatMap(({ port, hosts }) =>
      hosts.map((ip) => [ip, hostMac(ip), port === 'c' ? 'c' : 'br0'] as const),
    ),
    ip6tables: withoutReports(drawn),
  };
  return { id, fuzzy_ports: true, nodes: { r: node }, packets };
}

/**
 * The kernel reports its groups by bridges at moments of its own (RFC 3810 §6.1); the first rule of
 * all stops that, before the reports count for any other rule.
 */
function withoutReports(rules: string): string {
  const stop = '-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j DROP\n';
  const raw = /^\*raw\n(:.*\n)*/.exec(rules)?.[0];
  if (raw !== undefined) return rules.replace(raw, `${raw}${stop}`);
  return `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${stop}COMMIT\n${rules}`;
}

/** Whether an entry of the kernel's list is that stopped report (and nothing else can be). */
export function isStoppedReport([table, chain, what, number]: readonly unknown[]): boolean {
  return table === 'raw' && chain === 'OUTPUT' && what === 'rule' && number === 1;
}
