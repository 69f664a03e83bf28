/**
 * Hosts that an agent left half programmed, or somebody changed by hand, edited into captures: the
 * host is blamed, and not what its guests do.
 */
import { describe, expect, it } from 'vitest';
import { captured } from '../../captured.ts';
import { askOf } from '../asked.ts';
import { changedFlow, changedRows, type Edit, injure, lostFlow, rewrite } from './edits.ts';
import { addedRow } from './whole-edits.ts';

interface Row {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly asked: readonly [from: string, to: string];
  readonly code: string;
  readonly host: string;
  /** What the first sentence must say. */
  readonly because: RegExp;
}

const ROUTER = /qrouter-.*/;
const OUT = 'external:198.51.100.10';
const UNPROGRAMMED = /is (\S+)’s own by Neutron, but (\S+) was not programmed/;

const OPENFLOW: readonly Row[] = [
  {
    name: 'a firewall flow with another address than the port’s',
    edits: [changedFlow('compute1', 'br-int', /table=71.*nw_src=10\.80\.0\.51/, /\.51/g, '.52')],
    asked: ['a1', '10.80.0.30'],
    code: 'SG_PORT_SECURITY_BLOCKED',
    host: 'compute1',
    because: UNPROGRAMMED,
  },
  {
    name: 'a firewall flow for ARP with another address than the port’s',
    edits: [changedFlow('compute1', 'br-int', /table=71.*arp_spa=10\.80\.0\.51/, /\.51/g, '.52')],
    asked: ['a1', '10.80.0.30'],
    code: 'SG_PORT_SECURITY_BLOCKED',
    host: 'compute1',
    because: UNPROGRAMMED,
  },
  {
    name: 'a bridge that takes nothing from its NIC',
    edits: [lostFlow('net1', 'br-ex', / actions=NORMAL$/)],
    asked: ['a1', OUT],
    code: 'VLAN_MAP_MISMATCH',
    host: 'net1',
    because: /br-ex of net1 has no flow that takes ext-net from the physical network/,
  },
  {
    name: 'a tunnel key that is wrong in one direction',
    edits: [changedFlow('compute2', 'br-tun', /table=20/, /0x3d5/g, '0x7')],
    asked: ['a1', '10.80.0.30'],
    code: 'VNI_MAP_MISMATCH',
    host: 'compute2',
    because: /compute2 sends net-f1 with tunnel key 7 .* instead of 981/,
  },
  {
    name: 'a default route by a gateway of nobody',
    edits: [
      changedRows('net1', ROUTER, 'ip-route-v4', (row) =>
        row['dst'] === 'default' ? { ...row, gateway: '203.0.113.250' } : row,
      ),
    ],
    asked: ['a1', OUT],
    code: 'ARP_UNANSWERED',
    host: 'net1',
    because: /203\.0\.113\.250 lies in external network ext-net/,
  },
  {
    name: 'a blackhole for one server',
    edits: [
      addedRow('net1', ROUTER, 'ip-route-v4', {
        type: 'blackhole',
        dst: '10.81.0.109',
        protocol: 'static',
        flags: [],
      }),
    ],
    asked: ['a1', '10.81.0.109'],
    code: 'ROUTE_REFUSES',
    host: 'net1',
    because: /refuses packets to 10\.81\.0\.109 \(a3\): route of type blackhole/,
  },
  {
    name: 'a mask of an interface that is too long',
    edits: [
      changedRows('net1', ROUTER, 'ip-addr', (row) => {
        const all = row['addr_info'] as Record<string, unknown>[];
        const longer = (one: Record<string, unknown>): Record<string, unknown> =>
          one['local'] === '10.80.0.1' ? { ...one, prefixlen: 32 } : one;
        return { ...row, addr_info: all.map(longer) };
      }),
      changedRows('net1', ROUTER, 'ip-route-v4', (row) =>
        row['dst'] === '10.80.0.0/24' ? undefined : row,
      ),
    ],
    asked: ['a1', OUT],
    code: 'NO_ROUTE',
    host: 'net1',
    because: /router-f has 10\.80\.0\.1\/32 on qr-\S+, but the subnet is 10\.80\.0\.0\/24/,
  },
];

const BRIDGES: readonly (readonly [capture: string, row: Row])[] = [
  [
    'linuxbridge-vxlan-flat',
    {
      name: 'a chain against forged ARP with another address',
      edits: [
        rewrite(/^hosts\/compute1\/ns\/root\/ebtables-save\.txt$/, (text) =>
          text.replace(/--arp-ip-src (\d+\.\d+\.\d+)\.\d+/g, '--arp-ip-src $1.250'),
        ),
      ],
      asked: ['l1', 'l4'],
      code: 'ARP_SPOOF_BLOCKED',
      host: 'compute1',
      because: UNPROGRAMMED,
    },
  ],
  [
    'ovs-vlan-hybrid',
    {
      name: 'a chain against forged sources with another address',
      edits: [
        rewrite(/^hosts\/compute1\/ns\/root\/iptables-save\.txt$/, (text) =>
          text.replace(/(-A neutron-openvswi-s\S+ -s \d+\.\d+\.\d+)\.\d+/g, '$1.249'),
        ),
      ],
      asked: ['v1', 'v4'],
      code: 'MAC_SPOOF_BLOCKED',
      host: 'compute1',
      because: UNPROGRAMMED,
    },
  ],
];

function expectBlamed(capture: string, phase: string, row: Row): void {
  const { edits, asked, code, host, because } = row;
  const trace = askOf(injure(captured(capture), phase, edits))(...asked);
  const [first] = trace.blockers;
  expect([trace.verdict, first?.code, first?.host]).toEqual(['UNREACHABLE', code, host]);
  expect(first?.because[0]).toMatch(because);
}

describe('hosts that were left half programmed', () => {
  it.each(OPENFLOW)('$name', (row) => expectBlamed('ovs-faults', 'baseline', row));
  it.each(BRIDGES)('%s', (capture, row) => expectBlamed(capture, 'matrix', row));
});
