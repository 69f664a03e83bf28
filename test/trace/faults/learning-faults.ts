/** Faults of a VXLAN deployment that floods and learns, without l2population. */
import { changedDatabase, changedFlow, lostAddress, lostFlow, lostPort, rewrite } from './edits.ts';
import { type Asked, type Fault, tcp } from './expect-blame.ts';
import { setDown, tunnelOption } from './whole-edits.ts';

/** k1 is on compute1, k2 on compute2, router and DHCP server on net1. */
const K1_TO_K2: Asked = ['k1', '10.70.0.58'];
const K2_TO_K1: Asked = ['k2', '10.70.0.196'];
const K1_OUT: Asked = ['k1', 'external:198.51.100.10'];
const K1_LEASE: Asked = ['k1', 'dhcp'];
const K2_LEASE: Asked = ['k2', 'dhcp'];
const K1_WHO: Asked = ['k1', 'metadata'];
const EMPTY = 'OFPST_FLOW reply (OF1.3) (xid=0x2):\n';

const toward = (host: string, bridge: string, line: string) =>
  rewrite(new RegExp(`^hosts/${host}/ovs/${bridge}\\.flows\\.txt$`), (text) => `${text}${line}\n`);

export const LEARNING: readonly Fault[] = [
  {
    name: 'nothing at all',
    edits: [],
    asked: [K1_TO_K2, K2_TO_K1, K1_OUT, K1_LEASE, K2_LEASE, K1_WHO, ['k3', '10.71.0.74']],
    blames: null,
  },
  {
    name: 'a tunnel that uses another UDP port',
    edits: [
      tunnelOption('compute1', 'vxlan-ac1e1420', 'dst_port', '8472'),
      tunnelOption('compute1', 'vxlan-ac1e1415', 'dst_port', '8472'),
    ],
    asked: [K1_TO_K2, K2_TO_K1, K1_OUT, K1_WHO],
    blames: { code: 'TUNNEL_ENDPOINT_MISSING', host: 'compute1', component: /^br-tun vxlan-/ },
  },
  {
    name: 'tunnels that send from an address of nobody',
    edits: [
      tunnelOption('compute1', 'vxlan-ac1e1420', 'local_ip', '172.30.20.99'),
      tunnelOption('compute1', 'vxlan-ac1e1415', 'local_ip', '172.30.20.99'),
    ],
    asked: [K1_TO_K2, K2_TO_K1, K1_OUT, K1_LEASE, K1_WHO],
    blames: { code: 'TUNNEL_LOCAL_IP_MISMATCH', host: 'compute1', component: /^br-tun vxlan-/ },
  },
  {
    name: 'tunnels whose bridge has no NIC',
    edits: [lostPort('compute2', 'br-vtep', 'eth1')],
    asked: [K1_TO_K2, K2_TO_K1, K2_LEASE],
    blames: { code: 'FLOOD_BLOCKED', host: 'compute2', component: /^br-vtep$/ },
  },
  {
    name: 'an underlay NIC that is down, as the switch says too',
    edits: [setDown('compute2', 'root', 'eth1')],
    asked: [K1_TO_K2, K2_TO_K1, K2_LEASE],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /^eth1$/ },
  },
  {
    name: 'a flow of somebody else that drops all of br-tun',
    edits: [toward('compute1', 'br-tun', ' cookie=0x0, table=0, priority=65535 actions=drop')],
    asked: [K1_TO_K2, K2_TO_K1, K1_OUT, K1_LEASE],
    blames: { code: 'OF_EXPLICIT_DROP', host: 'compute1', component: /^br-tun table 0$/ },
  },
  {
    name: 'a flow of somebody else that drops pings where tunnels are learned from',
    edits: [toward('compute2', 'br-tun', ' cookie=0x0, table=10, priority=99,icmp actions=drop')],
    asked: [K1_TO_K2, K2_TO_K1],
    blames: { code: 'OF_EXPLICIT_DROP', host: 'compute2', component: /^br-tun table 10$/ },
  },
  {
    name: 'an external bridge without flows',
    edits: [rewrite(/^hosts\/net1\/ovs\/br-ex\.flows\.txt$/, () => EMPTY)],
    asked: [K1_OUT, ['external:203.0.113.1', '203.0.113.153', tcp(22)]],
    blames: { code: 'OF_TABLE_MISS', host: 'net1', component: /^br-ex table 0$/ },
  },
  {
    name: 'flooding that leaves one host out',
    edits: [changedFlow('compute1', 'br-tun', /table=22.*dl_vlan=/, /output:3,?/, '')],
    asked: [K1_TO_K2],
    blames: { code: 'FLOOD_BLOCKED', host: 'compute1', component: /^br-tun table 22$/ },
  },
  {
    name: 'no flooding',
    edits: [lostFlow('compute1', 'br-tun', /table=22, .*dl_vlan/)],
    asked: [K1_TO_K2, K1_OUT, K1_LEASE, K1_WHO],
    blames: { code: 'FLOOD_BLOCKED', host: 'compute1', component: /^br-tun table 22$/ },
  },
  {
    name: 'a port without a tag',
    edits: [changedDatabase('compute2', 'Port', 'tapc578aeb1-aa', 'tag', ['set', []])],
    asked: [K1_TO_K2, K2_TO_K1, K2_LEASE],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute2', component: /tapc578aeb1-aa$/ },
  },
  {
    name: 'a tap that is down, whose other end has no carrier then',
    edits: [setDown('compute2', 'root', 'tapc578aeb1-aa')],
    asked: [K1_TO_K2, K2_TO_K1, K2_LEASE],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /^tapc578aeb1-aa$/ },
  },
  {
    name: 'a guest’s interface that is down, whose tap has no carrier then',
    edits: [setDown('compute2', 'vm-k2', 'eth0')],
    asked: [K1_TO_K2, K2_TO_K1, K2_LEASE],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /^vm-k2 eth0$/ },
  },
  {
    name: 'a guest that answers no ARP for want of its address',
    edits: [lostAddress('compute2', /vm-k2/, /10\.70\.0\.58/)],
    asked: [K1_TO_K2],
    blames: { code: 'NOT_FOR_ME', host: 'compute2', component: /^vm-k2 addresses$/ },
  },
];
