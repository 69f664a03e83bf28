/** Bridges of the running kernel with and without rules, in topologies of our own. */
import { describe, expect, it } from 'vitest';
import { askKernel, LIVE_MS, missingForLive, play } from '../kernel/live.ts';
import { type Case, type Link, type Node, type Step } from '../netfilter/case.ts';

const missing = missingForLive();
if (missing !== null) console.warn(`skipping live cases for bridges: ${missing}`);

const A: Host = { port: 'a', mac: '02:00:00:00:0a:0a', ip: '10.9.0.10' };
const B: Host = { port: 'b', mac: '02:00:00:00:0b:0b', ip: '10.9.0.11' };
const C: Host = { port: 'c', mac: '02:00:00:00:0c:0c', ip: '10.9.0.12' };
const BRIDGE = '02:00:00:00:00:99';
const EVERYBODY = 'ff:ff:ff:ff:ff:ff';

interface Host {
  readonly port: string;
  readonly mac: string;
  readonly ip: string;
}

/** Three guests on one bridge; the host has 10.9.0.1 on it. */
function bridge(more: Partial<Node>, ofC: Partial<Link> = {}): Node {
  return {
    links: [
      { name: 'br', type: 'bridge', mac: BRIDGE },
      { name: 'tapa', type: 'port', port: 'a', master: 'br' },
      { name: 'tapb', type: 'port', port: 'b', master: 'br' },
      { name: 'tapc', type: 'port', port: 'c', master: 'br', ...ofC },
    ],
    addrs: [['br', '10.9.0.1/24']],
    neigh: [A, B, C].map(({ ip, mac }) => [ip, mac, 'br'] as const),
    ...more,
    sysctl: { 'net.ipv4.ip_forward': 0, ...more.sysctl },
  };
}

const RULED = { 'net.bridge.bridge-nf-call-iptables': 1 } as const;

function frame(from: Host, dst: string, to: string, len = 20): Step {
  return {
    in: from.port,
    eth: { src: from.mac, dst },
    ip: { src: from.ip, dst: to, ttl: 64, id: 1 },
    udp: { sport: 1000, dport: 2000 },
    payload: { len },
  };
}

const CASES: readonly (readonly [string, Node, readonly Step[]])[] = [
  [
    'what is not known is flooded, what was learned goes to its port alone',
    bridge({ sysctl: { 'net.bridge.bridge-nf-call-iptables': 0 } }),
    [
      frame(A, B.mac, B.ip),
      frame(B, A.mac, A.ip),
      frame(A, B.mac, B.ip),
      frame(C, EVERYBODY, '10.9.0.255'),
      frame(A, C.mac, C.ip),
      frame(A, A.mac, A.ip),
      frame({ ...A, port: 'c' }, B.mac, B.ip),
      frame(B, A.mac, A.ip),
      frame(A, BRIDGE, '10.9.0.1'),
    ],
  ],
  [
    'a port turns frames back where it may, and a short one loses the long without a word',
    bridge({}, { hairpin: true, mtu: 1000 }),
    [
      frame(C, B.mac, B.ip),
      frame(A, C.mac, C.ip, 1200),
      frame(A, C.mac, C.ip, 900),
      frame(C, EVERYBODY, '10.9.0.255'),
    ],
  ],
  [
    'rules see the ports of bridged packets, and packets to the host are not bridged',
    bridge({
      sysctl: RULED,
      iptables: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:from-a - [0:0]
-A INPUT -m physdev --physdev-in tapa --physdev-is-bridged -j DROP
-A INPUT -m physdev --physdev-in tapa
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m physdev --physdev-in tapa --physdev-is-bridged -j from-a
-A FORWARD -m physdev --physdev-out tapc --physdev-is-bridged -j REJECT --reject-with icmp-port-unreachable
-A from-a -m mac ! --mac-source 02:00:00:00:0a:0a -j DROP
-A from-a ! -s 10.9.0.10/32 -j DROP
-A from-a -m physdev --physdev-out tapb -j ACCEPT
COMMIT
`,
    }),
    [
      frame(B, A.mac, A.ip),
      frame(A, B.mac, B.ip),
      frame(B, A.mac, A.ip),
      frame({ ...A, ip: '10.9.0.66' }, B.mac, B.ip),
      frame({ ...A, mac: '02:00:00:00:0a:66' }, B.mac, B.ip),
      frame(B, C.mac, C.ip),
      frame(A, BRIDGE, '10.9.0.1'),
    ],
  ],
  [
    'a zone for each port keeps connections of the same addresses apart',
    bridge({
      sysctl: RULED,
      iptables: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -m physdev --physdev-in tapa -j CT --zone 7
-A PREROUTING -m physdev --physdev-in tapb -j CT --zone 8
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate NEW
-A FORWARD -m conntrack --ctstate ESTABLISHED
COMMIT
`,
    }),
    [frame(A, B.mac, B.ip), frame(B, A.mac, A.ip), frame(A, B.mac, B.ip), frame(C, A.mac, A.ip)],
  ],
];

describe.skipIf(missing !== null)('bridges of the running kernel', () => {
  it.each(CASES)(
    '%s',
    (_, node, packets) => {
      const one: Case = { id: 'live', nodes: { r: node }, packets };
      const kernel = askKernel(one);
      expect(kernel.frames.flat().length).toBeGreaterThan(0);
      expect(play(one)).toEqual(kernel);
    },
    LIVE_MS,
  );
});
