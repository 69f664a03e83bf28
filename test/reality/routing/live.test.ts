/** Routes, policy rules, source checks and ICMP errors of the running kernel, in topologies of our own. */
import { describe, expect, it } from 'vitest';
import { askKernel, LIVE_MS, missingForLive, play } from '../kernel/live.ts';
import { type Case, type Node, type Step } from '../netfilter/case.ts';

const missing = missingForLive();
if (missing !== null) console.warn(`skipping live cases for routing: ${missing}`);

const HOSTS = {
  left: { mac: '02:00:00:00:01:02', router: '02:00:00:00:01:01' },
  right: { mac: '02:00:00:00:02:02', router: '02:00:00:00:02:01' },
  up: { mac: '02:00:00:00:03:02', router: '02:00:00:00:03:01' },
} as const;

type Side = keyof typeof HOSTS;

/** Three networks around one router: 10.1.0.0/24 left, 10.2.0.0/24 right, 10.3.0.0/24 up. */
function router(more: Partial<Node>): Node {
  return {
    links: [
      { name: 'l', type: 'port', port: 'left', mac: HOSTS.left.router },
      { name: 'r', type: 'port', port: 'right', mac: HOSTS.right.router, mtu: 1400 },
      { name: 'u', type: 'port', port: 'up', mac: HOSTS.up.router },
    ],
    addrs: [
      ['l', '10.1.0.1/24'],
      ['r', '10.2.0.1/24'],
      ['u', '10.3.0.1/24'],
    ],
    neigh: [
      ['10.1.0.2', HOSTS.left.mac, 'l'],
      ['10.2.0.2', HOSTS.right.mac, 'r'],
      ['10.3.0.2', HOSTS.up.mac, 'u'],
    ],
    ...more,
    sysctl: {
      'net.ipv4.ip_forward': 1,
      'net.ipv4.conf.all.rp_filter': 0,
      'net.ipv4.conf.default.rp_filter': 0,
      'net.ipv4.conf.all.send_redirects': 0,
      'net.ipv4.conf.default.send_redirects': 0,
      ...more.sysctl,
    },
  };
}

interface Wish {
  readonly ttl?: number;
  readonly tos?: number;
  readonly df?: number;
  readonly len?: number;
}

function sent(side: Side, src: string, dst: string, { len = 20, ...ip }: Wish = {}): Step {
  const { mac, router: to } = HOSTS[side];
  return {
    in: side,
    eth: { src: mac, dst: to },
    ip: { src, dst, ttl: 64, id: 1, ...ip },
    udp: { sport: 1000, dport: 2000 },
    payload: { len },
  };
}

const CASES: readonly (readonly [string, Partial<Node>, readonly Step[]])[] = [
  [
    'the longest prefix wins, then the lower metric, and refusing routes answer as they should',
    {
      routes: [
        'default via 10.3.0.2 dev u',
        '172.16.0.0/12 via 10.2.0.2 dev r',
        '172.16.5.0/24 via 10.3.0.2 dev u',
        '172.16.6.0/24 via 10.2.0.2 dev r metric 5',
        '172.16.6.0/24 via 10.3.0.2 dev u metric 9',
        'blackhole 192.0.2.0/26',
        'unreachable 192.0.2.64/26',
        'prohibit 192.0.2.128/26',
      ],
    },
    [
      sent('left', '10.1.0.2', '172.16.1.1'),
      sent('left', '10.1.0.2', '172.16.5.1'),
      sent('left', '10.1.0.2', '172.16.6.1'),
      sent('left', '10.1.0.2', '198.51.100.1'),
      sent('left', '10.1.0.2', '192.0.2.1'),
      sent('left', '10.1.0.2', '192.0.2.65'),
      sent('left', '10.1.0.2', '192.0.2.129'),
      sent('left', '10.1.0.2', '10.1.0.1'),
    ],
  ],
  [
    'policy rules choose the table by source, service and interface, and fall through',
    {
      routes: [
        'default via 10.3.0.2 dev u',
        'default via 10.2.0.2 dev r table 50',
        '198.51.100.0/24 via 10.2.0.2 dev r table 60',
        'throw 198.51.100.128/25 table 60',
      ],
      rules: [
        'from 10.1.0.9 pref 100 lookup 50',
        'from all tos 0x10 pref 110 lookup 50',
        'iif l pref 120 lookup 60',
        'to 203.0.113.7 pref 130 unreachable',
      ],
    },
    [
      sent('left', '10.1.0.9', '8.8.8.8'),
      sent('left', '10.1.0.2', '8.8.8.8'),
      sent('left', '10.1.0.2', '8.8.8.8', { tos: 0x10 }),
      sent('left', '10.1.0.2', '198.51.100.1'),
      sent('left', '10.1.0.2', '198.51.100.200'),
      sent('up', '10.3.0.2', '198.51.100.1'),
      sent('left', '10.1.0.2', '203.0.113.7'),
    ],
  ],
  [
    'sources are checked strictly on one interface and loosely on another',
    {
      sysctl: { 'net.ipv4.conf.l.rp_filter': 1, 'net.ipv4.conf.u.rp_filter': 2 },
      routes: ['198.51.100.0/24 via 10.3.0.2 dev u'],
    },
    [
      sent('left', '10.1.0.2', '10.2.0.2'),
      sent('left', '10.3.0.77', '10.2.0.2'),
      sent('up', '10.1.0.2', '10.2.0.2'),
      sent('up', '192.0.2.1', '10.2.0.2'),
      sent('left', '127.0.0.1', '10.2.0.2'),
      sent('left', '10.1.0.1', '10.2.0.2'),
      sent('right', '192.0.2.1', '10.1.0.2'),
    ],
  ],
  [
    'what is too long is cut or refused, and what has lived too long is told so',
    {},
    [
      sent('left', '10.1.0.2', '10.2.0.2', { len: 1440 }),
      sent('left', '10.1.0.2', '10.2.0.2', { len: 1440, df: 1 }),
      sent('left', '10.1.0.2', '10.2.0.2', { len: 1372, df: 1 }),
      sent('left', '10.1.0.2', '10.2.0.2', { ttl: 1 }),
      sent('left', '10.1.0.2', '10.2.0.2', { ttl: 2 }),
    ],
  ],
  [
    'neighbours are asked for by the kernel, and answers about its addresses follow arp_ignore',
    { sysctl: { 'net.ipv4.conf.l.arp_ignore': 1 } },
    [
      sent('left', '10.1.0.2', '10.2.0.50'),
      arp('left', '10.1.0.2', '10.1.0.1'),
      arp('left', '10.1.0.2', '10.2.0.1'),
      arp('up', '10.3.0.2', '10.2.0.1'),
      arp('up', '10.3.0.2', '10.3.0.99'),
    ],
  ],
];

function arp(side: Side, spa: string, tpa: string): Step {
  const { mac } = HOSTS[side];
  return {
    in: side,
    eth: { src: mac, dst: 'ff:ff:ff:ff:ff:ff' },
    arp: { op: 1, sha: mac, spa, tpa },
  };
}

describe.skipIf(missing !== null)('routes of the running kernel', () => {
  it.each(CASES)(
    '%s',
    (_, node, packets) => {
      const one: Case = { id: 'live', nodes: { r: router(node) }, packets };
      const kernel = askKernel(one);
      expect(kernel.frames.flat().length).toBeGreaterThan(0);
      expect(play(one)).toEqual(kernel);
    },
    LIVE_MS,
  );
});
