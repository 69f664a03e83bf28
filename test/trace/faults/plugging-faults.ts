/** Faults of hybrid hosts that are felt by calls for an address as well. */
import { changedDatabase, changedRows, type Edit, lostPort, lostRule, rewrite } from './edits.ts';
import { type Asked, type Fault, tcp } from './expect-blame.ts';
import { changedApi, lostNamespace, setDown, setMtu, stopped } from './whole-edits.ts';

/** v1 and v5 are on compute1, v2 on compute2, and all on one VLAN; its router is on net1. */
const V2_TO_V1: Asked = ['v2', '10.100.0.48'];
const V1_TO_V2: Asked = ['v1', '10.100.0.142', tcp(5000)];
const V1_TO_V4: Asked = ['v1', '10.101.0.178'];
const V1_LEASE: Asked = ['v1', 'dhcp'];
const V2_LEASE: Asked = ['v2', 'dhcp'];
const V1_WHO: Asked = ['v1', 'metadata'];
const ALL_OF_V2: readonly Asked[] = [V2_TO_V1, V1_TO_V2, V2_LEASE];
const ROUTER = /qrouter-.*/;
const LARGE = { size: 1440, dontFragment: true } as const;

const someFlow = (host: string, bridge: string, line: string): Edit =>
  rewrite(new RegExp(`^hosts/${host}/ovs/${bridge}\\.flows\\.txt$`), (text) => `${text}${line}\n`);

/** A line of dnsmasq's host file in which the address is another one. */
const hostLine = (from: string, to: string): Edit =>
  rewrite(/^hosts\/net1\/files\/dhcp\/.*\/host$/, (text) =>
    text.replace(new RegExp(`,${from.replaceAll('.', '\\.')}$`, 'm'), `,${to}`),
  );

const dead = { code: 'VLAN_LOCAL_DEAD_4095', host: 'compute2', component: /qvoea718713-73/ };
const down = (component: RegExp): Fault['blames'] => ({
  code: 'INTERFACE_DOWN',
  host: 'compute2',
  component,
});

export const PLUGGING: readonly Fault[] = [
  {
    name: 'nothing at all',
    edits: [],
    asked: [...ALL_OF_V2, V1_TO_V4, V1_LEASE, V1_WHO],
    blames: null,
  },
  {
    name: 'a port without a tag',
    edits: [changedDatabase('compute2', 'Port', 'qvoea718713-73', 'tag', ['set', []])],
    asked: ALL_OF_V2,
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute2', component: /qvoea718713-73$/ },
  },
  {
    name: 'a port on the dead VLAN',
    edits: [changedDatabase('compute2', 'Port', 'qvoea718713-73', 'tag', 4095)],
    asked: ALL_OF_V2,
    blames: dead,
  },
  {
    name: 'a port that Neutron has disabled',
    edits: [
      changedApi('ports', /^ea718713/, (row) => ({
        ...row,
        admin_state_up: false,
        status: 'DOWN',
      })),
      changedDatabase('compute2', 'Port', 'qvoea718713-73', 'tag', 4095),
    ],
    asked: ALL_OF_V2,
    blames: dead,
  },
  {
    name: 'a port that br-int has not',
    edits: [lostPort('compute2', 'br-int', 'qvoea718713-73')],
    asked: [V2_TO_V1, V1_TO_V2],
    blames: down(/^br-int port of ea718713/),
  },
  {
    name: 'the switch’s end of the veth pair that is down',
    edits: [setDown('compute2', 'root', 'qvoea718713-73')],
    asked: ALL_OF_V2,
    blames: down(/qvoea718713-73$/),
  },
  {
    name: 'the firewall bridge’s end of the veth pair that is down',
    edits: [setDown('compute2', 'root', 'qvbea718713-73')],
    asked: ALL_OF_V2,
    blames: down(/qvbea718713-73$/),
  },
  {
    name: 'a firewall bridge that is down',
    edits: [setDown('compute2', 'root', 'qbrea718713-73')],
    asked: ALL_OF_V2,
    blames: down(/qbrea718713-73$/),
  },
  {
    name: 'a physical NIC that is down, for calls as well',
    edits: [setDown('compute2', 'root', 'eth2')],
    asked: ALL_OF_V2,
    blames: down(/^eth2$/),
  },
  {
    name: 'a lost patch port, for calls as well',
    edits: [lostPort('compute2', 'br-int', 'int-br-physnet1')],
    asked: ALL_OF_V2,
    blames: { code: 'PATCH_PEER_MISSING', host: 'compute2', component: /int-br-physnet1$/ },
  },
  {
    name: 'a flow of somebody else that drops ARP',
    edits: [someFlow('compute2', 'br-int', ' cookie=0x0, table=0, priority=999,arp actions=drop')],
    asked: [V2_TO_V1, V1_TO_V2],
    blames: { code: 'OF_EXPLICIT_DROP', host: 'compute2', component: /^br-int table 0$/ },
  },
  {
    name: 'a DHCP server that does not run',
    edits: [stopped('net1', 'dnsmasq', /qdhcp-.*/, /^dnsmasq/)],
    asked: [V1_LEASE, V2_LEASE],
    blames: { code: 'NOT_LISTENING', host: 'net1', component: /^qdhcp-/ },
  },
  {
    name: 'a DHCP server whose namespace is gone',
    edits: [lostNamespace('net1', /qdhcp-.*/)],
    asked: [V1_LEASE, V2_LEASE],
    blames: { code: 'NOT_LISTENING', host: 'net1', component: /^qdhcp-/ },
  },
  {
    name: 'a router whose namespace is gone',
    edits: [lostNamespace('net1', ROUTER)],
    asked: [V1_TO_V4, V1_WHO],
    blames: { code: 'ROUTER_NOT_SCHEDULED', host: 'net1', component: /^qrouter-/ },
  },
  {
    name: 'a metadata address that no rule redirects',
    edits: [lostRule('net1', ROUTER, 'iptables-save', /169\.254\.169\.254/)],
    asked: [V1_WHO],
    blames: { code: 'NAT_MISSING', host: 'net1', component: /^qrouter-\S+ nat PREROUTING$/ },
  },
  {
    name: 'a metadata proxy that does not run',
    edits: [stopped('net1', 'haproxy', /q.*/, /^haproxy/)],
    asked: [V1_WHO],
    blames: { code: 'NOT_LISTENING', host: 'net1', component: /^qrouter-\S+ tcp$/ },
  },
  {
    name: 'a zone that differs between the two sides of the firewall',
    edits: [
      rewrite(/^hosts\/compute2\/ns\/root\/iptables-save/, (text) =>
        text.replace(/(physdev-in tapea718713-73 .*-j CT --zone )\d+/, '$14999'),
      ),
    ],
    asked: [V2_TO_V1],
    blames: { code: 'CT_WRONG_ZONE', host: 'compute2', component: /^root raw neutron-openvswi-/ },
  },
  {
    name: 'a router’s interface with a smaller MTU',
    edits: [setMtu('net1', ROUTER, /^qr-/, 1400)],
    asked: [['v1', '10.101.0.178', LARGE]],
    blames: { code: 'MTU_EXCEEDED_DF', host: 'net1', component: /^qrouter-\S+ qr-/ },
  },
  {
    name: 'a guest that sends by a gateway of nobody',
    edits: [
      changedRows('compute1', /vm-v1/, 'ip-route-v4', (row) =>
        row['dst'] === 'default' ? { ...row, gateway: '10.100.0.250' } : row,
      ),
    ],
    asked: [V1_TO_V4],
    blames: { code: 'ARP_UNANSWERED', host: 'compute1', component: /^vm-v1 neighbours of eth0$/ },
  },
  {
    name: 'a host file of dnsmasq with another address than the port’s',
    edits: [hostLine('10.100.0.48', '10.100.0.77')],
    asked: [V1_LEASE],
    blames: { code: 'DHCP_WRONG_ADDRESS', host: 'net1', component: /^qdhcp-\S+ dnsmasq$/ },
  },
  {
    name: 'a host file of dnsmasq with another address for somebody else',
    edits: [hostLine('10.100.0.48', '10.100.0.77')],
    asked: [V2_LEASE, V2_TO_V1],
    blames: null,
  },
];
