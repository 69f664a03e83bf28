/** Filters, translation and marks on a router of the running kernel, in topologies of our own. */
import { describe, expect, it } from 'vitest';
import { askKernel, LIVE_MS, missingForLive, play } from '../kernel/live.ts';
import { type Case, type Node, type Step } from './case.ts';

const missing = missingForLive();
if (missing !== null) console.warn(`skipping live cases for netfilter: ${missing}`);

const CLIENT = '02:00:00:00:0a:02';
const SERVER = '02:00:00:00:0b:02';
const INNER = '02:00:00:00:0a:01';
const OUTER = '02:00:00:00:0b:01';

/** A client at 10.10.0.2, a router, and a server at 203.0.113.2. */
function router(iptables: string): Node {
  return {
    sysctl: {
      'net.ipv4.ip_forward': 1,
      'net.ipv4.conf.all.rp_filter': 0,
      'net.ipv4.conf.default.rp_filter': 0,
      'net.ipv4.conf.all.send_redirects': 0,
      'net.ipv4.conf.default.send_redirects': 0,
    },
    links: [
      { name: 'inner', type: 'port', port: 'client', mac: INNER },
      { name: 'outer', type: 'port', port: 'server', mac: OUTER },
    ],
    addrs: [
      ['inner', '10.10.0.1/24'],
      ['outer', '203.0.113.1/24'],
    ],
    neigh: [
      ['10.10.0.2', CLIENT, 'inner'],
      ['203.0.113.2', SERVER, 'outer'],
    ],
    iptables,
  };
}

type Layer4 = Pick<Step, 'tcp' | 'udp' | 'icmp'>;

function fromClient(dst: string, layer4: Layer4, ttl = 64): Step {
  const payload = { len: 20 };
  const ip = { src: '10.10.0.2', dst, ttl, id: 1 };
  return { in: 'client', eth: { src: CLIENT, dst: INNER }, ip, payload, ...layer4 };
}

function fromServer(dst: string, layer4: Layer4): Step {
  const payload = { len: 20 };
  const ip = { src: '203.0.113.2', dst, ttl: 64, id: 2 };
  return { in: 'server', eth: { src: SERVER, dst: OUTER }, ip, payload, ...layer4 };
}

const udp = (sport: number, dport: number): Layer4 => ({ udp: { sport, dport } });
const tcp = (sport: number, dport: number, flags: string, seq = 1, ack = 0): Layer4 => ({
  tcp: { sport, dport, flags, seq, ack },
});
const echo = (type: number, id: number): Layer4 => ({ icmp: { type, code: 0, id, seq: 1 } });

function table(name: string, chains: readonly string[], rules: readonly string[]): string {
  const heads = chains.map((chain) =>
    chain.includes(' ') ? `:${chain} [0:0]` : `:${chain} - [0:0]`,
  );
  return `*${name}\n${[...heads, ...rules].join('\n')}\nCOMMIT\n`;
}

const FILTER = ['INPUT ACCEPT', 'FORWARD ACCEPT', 'OUTPUT ACCEPT'];
const NAT = ['PREROUTING ACCEPT', 'INPUT ACCEPT', 'OUTPUT ACCEPT', 'POSTROUTING ACCEPT'];
const MANGLE = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'].map(
  (c) => `${c} ACCEPT`,
);

const CASES: readonly (readonly [string, string, readonly Step[]])[] = [
  [
    'a stateful filter lets answers back and nothing else',
    table(
      'filter',
      ['INPUT ACCEPT', 'FORWARD DROP', 'OUTPUT ACCEPT'],
      [
        '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        '-A FORWARD -i inner -p udp -m udp --dport 53 -j ACCEPT',
        '-A FORWARD -i inner -p icmp -m icmp --icmp-type 8 -j ACCEPT',
      ],
    ),
    [
      fromServer('10.10.0.2', udp(53, 4000)),
      fromClient('203.0.113.2', udp(4000, 53)),
      fromServer('10.10.0.2', udp(53, 4000)),
      fromServer('10.10.0.2', udp(53, 4001)),
      fromClient('203.0.113.2', udp(4000, 54)),
      fromClient('203.0.113.2', echo(8, 7)),
      fromServer('10.10.0.2', echo(0, 7)),
      fromServer('10.10.0.2', echo(0, 8)),
    ],
  ],
  [
    'sources are translated and answers come back to who asked',
    table('nat', NAT, [
      '-A POSTROUTING -s 10.10.0.0/24 -o outer -p udp -j SNAT --to-source 203.0.113.1',
      '-A POSTROUTING -s 10.10.0.0/24 -o outer -j MASQUERADE',
    ]),
    [
      fromClient('203.0.113.2', udp(4000, 53)),
      fromServer('203.0.113.1', udp(53, 4000)),
      fromClient('203.0.113.2', tcp(4001, 80, 'S', 100)),
      fromServer('203.0.113.1', tcp(80, 4001, 'SA', 900, 121)),
      fromClient('203.0.113.2', tcp(4001, 80, 'A', 121, 921)),
      fromClient('203.0.113.2', echo(8, 5)),
      fromServer('203.0.113.1', echo(0, 5)),
    ],
  ],
  [
    'destinations are translated before the filter and back behind it',
    table('nat', NAT, [
      '-A PREROUTING -d 203.0.113.9/32 -j DNAT --to-destination 10.10.0.2',
      '-A POSTROUTING -s 10.10.0.2/32 -o outer -j SNAT --to-source 203.0.113.9',
    ]) +
      table('filter', FILTER, [
        '-A FORWARD -d 10.10.0.2/32 -p udp -m udp --dport 5000 -j ACCEPT',
        '-A FORWARD -d 203.0.113.9/32 -j DROP',
        '-A FORWARD -i outer -m conntrack --ctstate NEW -j REJECT --reject-with icmp-admin-prohibited',
      ]),
    [
      fromServer('203.0.113.9', udp(1000, 5000)),
      fromClient('203.0.113.2', udp(5000, 1000)),
      fromServer('203.0.113.9', udp(1000, 5001)),
      fromClient('203.0.113.2', udp(6000, 6001)),
    ],
  ],
  [
    'chains are jumped to, left by RETURN and by their end, and gone to without coming back',
    table(
      'filter',
      [...FILTER, 'udp-only', 'ports', 'away'],
      [
        '-A FORWARD -p udp -j udp-only',
        '-A FORWARD -p icmp -g away',
        '-A FORWARD -p tcp -j DROP',
        '-A udp-only -p udp -m multiport --dports 53,67:69 -j ports',
        '-A udp-only -p udp -m udp --dport 100 -j DROP',
        '-A ports -p udp -m udp --dport 53 -j RETURN',
        '-A ports -j ACCEPT',
        '-A away -m ttl --ttl-lt 10',
      ],
    ),
    [
      fromClient('203.0.113.2', udp(1, 53)),
      fromClient('203.0.113.2', udp(1, 68)),
      fromClient('203.0.113.2', udp(1, 100)),
      fromClient('203.0.113.2', udp(1, 101)),
      fromClient('203.0.113.2', echo(8, 1)),
      fromClient('203.0.113.2', echo(8, 1), 5),
      fromClient('203.0.113.2', tcp(1, 2, 'S')),
    ],
  ],
  [
    'marks, labels and counters of connections are seen by later packets',
    table('mangle', MANGLE, [
      '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff',
      '-A PREROUTING -m mark --mark 0x7/0xff',
      '-A FORWARD -p udp -m udp --dport 53 -j MARK --set-xmark 0x7/0xff',
      '-A FORWARD -m mark --mark 0x7/0xff -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff',
      '-A POSTROUTING -m connbytes --connbytes 3: --connbytes-mode packets --connbytes-dir both',
      '-A POSTROUTING -p udp -m udp --sport 53 -m connlabel --label "4" --set',
      '-A POSTROUTING -m connlabel --label "4"',
    ]),
    [
      fromClient('203.0.113.2', udp(4000, 53)),
      fromServer('10.10.0.2', udp(53, 4000)),
      fromClient('203.0.113.2', udp(4000, 53)),
      fromClient('203.0.113.2', udp(4001, 99)),
      fromServer('10.10.0.2', udp(99, 4001)),
    ],
  ],
];

describe.skipIf(missing !== null)('rules on a router of the running kernel', () => {
  it.each(CASES)(
    '%s',
    (_, iptables, packets) => {
      const one: Case = { id: 'live', nodes: { r: router(iptables) }, packets };
      const kernel = askKernel(one);
      expect(kernel.frames.length).toBe(packets.length);
      expect(Object.keys(kernel.hits).length).toBeGreaterThan(0);
      expect(play(one)).toEqual(kernel);
    },
    LIVE_MS,
  );
});
