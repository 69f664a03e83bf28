/** Faults of a VXLAN deployment with the Open vSwitch firewall: the cause is named first. */
import {
  changedDatabase,
  changedFlow,
  linkDown,
  lostAddress,
  lostFlow,
  lostPort,
  lostRoute,
  lostRule,
  noCarrier,
  rewrite,
  sysctl,
} from './edits.ts';
import { type Asked, type Fault, tcp } from './expect-blame.ts';

const ROUTER = /qrouter-.*/;
const HOST = /root/;
const A2 = 'fa:16:3e:b2:08:9b';
const OUTSIDE = 'external:203.0.113.1';
const FLOATING = '203.0.113.159';

/** a1 is on compute1; a2, which has the floating IP, and a3 are on compute2. */
const A1_TO_A2: Asked = ['a1', '10.80.0.30'];
const A2_TO_A1: Asked = ['a2', '10.80.0.51'];
const A1_TO_A3: Asked = ['a1', '10.81.0.109'];
const A3_TO_A1: Asked = ['a3', '10.80.0.51'];
const A1_OUT: Asked = ['a1', 'external:198.51.100.10'];
const A2_OUT: Asked = ['a2', 'external:198.51.100.10'];
const INWARD: Asked = [OUTSIDE, FLOATING];
const INWARD_TCP: Asked = [OUTSIDE, FLOATING, tcp(22)];

const options = (remote: string): unknown => [
  'map',
  [
    ['df_default', 'true'],
    ['egress_pkt_mark', '0'],
    ['in_key', 'flow'],
    ['local_ip', '172.30.20.31'],
    ['out_key', 'flow'],
    ['remote_ip', remote],
  ],
];

export const FAULTS: readonly Fault[] = [
  {
    name: 'nothing at all',
    edits: [],
    asked: [A1_TO_A2, A2_TO_A1, A1_TO_A3, A1_OUT, A2_OUT, INWARD, INWARD_TCP],
    blames: null,
  },
  {
    name: 'tunnels that nobody has used yet',
    edits: [
      rewrite(/^hosts\/compute\d\/ovs\/tnl-neigh/, (text) =>
        text.split('\n').slice(0, 2).join('\n'),
      ),
    ],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: null,
  },
  {
    name: 'a port with the tag of another network',
    edits: [changedDatabase('compute2', 'Port', 'tap968fd504-a7', 'tag', 7)],
    asked: [A1_TO_A2, A2_TO_A1, A2_OUT, INWARD, INWARD_TCP],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute2', component: /tap968fd504-a7/ },
  },
  {
    name: 'a port on the dead VLAN',
    edits: [changedDatabase('compute2', 'Port', 'tap968fd504-a7', 'tag', 4095)],
    asked: [A1_TO_A2, A2_TO_A1, A2_OUT, INWARD],
    blames: { code: 'VLAN_LOCAL_DEAD_4095', host: 'compute2', component: /tap968fd504-a7/ },
  },
  {
    name: 'a lost unicast entry, which flooding makes up for',
    edits: [lostFlow('compute1', 'br-tun', new RegExp(`table=20.*dl_dst=${A2}`))],
    asked: [A1_TO_A2, A2_TO_A1, INWARD],
    blames: null,
  },
  {
    name: 'a unicast entry that leads to another host',
    edits: [
      changedFlow(
        'compute1',
        'br-tun',
        new RegExp(`table=20.*priority=2.*${A2}`),
        'output:3',
        'output:2',
      ),
    ],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'FDB_STALE', host: 'compute1', component: /^br-tun table 20$/ },
  },
  {
    name: 'a tunnel port with the wrong remote address',
    edits: [
      changedDatabase(
        'compute1',
        'Interface',
        'vxlan-ac1e1420',
        'options',
        options('172.30.20.99'),
      ),
    ],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'TUNNEL_ENDPOINT_MISSING', host: 'compute1', component: /^br-tun/ },
  },
  {
    name: 'a lost tunnel port',
    edits: [lostPort('compute1', 'br-tun', 'vxlan-ac1e1420')],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'TUNNEL_ENDPOINT_MISSING', host: 'compute1', component: /^br-tun/ },
  },
  {
    name: 'no flow for the tunnel key',
    edits: [lostFlow('compute1', 'br-tun', /table=4.*tun_id=0x3d5/)],
    asked: [A1_TO_A2, A2_TO_A1, A1_OUT],
    blames: { code: 'VNI_MAP_MISSING', host: 'compute1', component: /^br-tun table 4$/ },
  },
  {
    name: 'a tunnel key that leads to another local VLAN',
    edits: [
      changedFlow(
        'compute2',
        'br-tun',
        /table=4.*tun_id=0x3d5/,
        'set_field:4097->vlan_vid',
        'set_field:4103->vlan_vid',
      ),
    ],
    asked: [A1_TO_A2, A2_TO_A1, A2_OUT, INWARD],
    blames: { code: 'VNI_MAP_MISMATCH', host: 'compute2', component: /^br-tun table 4$/ },
  },
  {
    name: 'tunnel ports that br-tun does not know',
    edits: [lostFlow('compute2', 'br-tun', /table=0.*in_port=[2-9]/)],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'TUNNEL_ENDPOINT_MISSING', host: 'compute2', component: /^br-tun table 0$/ },
  },
  {
    name: 'a port of br-int that br-tun does not know',
    edits: [lostFlow('compute2', 'br-tun', /table=0.*in_port=1 /)],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'OF_TABLE_MISS', host: 'compute2', component: /^br-tun table 0$/ },
  },
  {
    name: 'an underlay NIC that is down',
    edits: [linkDown('compute1', HOST, /^eth1$/)],
    asked: [A1_TO_A2, A2_TO_A1, A1_OUT, A3_TO_A1],
    blames: { code: 'INTERFACE_DOWN', host: 'compute1', component: /^eth1$/ },
  },
  {
    name: 'an underlay NIC without carrier',
    edits: [noCarrier('compute1', HOST, /^eth1$/)],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'INTERFACE_DOWN', host: 'compute1', component: /^eth1$/ },
  },
  {
    name: 'a router interface that is down',
    edits: [
      linkDown('net1', ROUTER, /^qr-2b5fa767-60$/),
      lostRoute('net1', ROUTER, /^10\.80\.0\.0/),
    ],
    asked: [A1_TO_A3, A1_OUT, A3_TO_A1, INWARD, INWARD_TCP],
    blames: { code: 'INTERFACE_DOWN', host: 'net1', component: /^qrouter-\S+ qr-2b5fa767-60$/ },
  },
  {
    name: 'a router interface without its address',
    edits: [lostAddress('net1', ROUTER, /^10\.80\.0\.1$/)],
    asked: [A1_TO_A3, A1_OUT, A3_TO_A1, INWARD],
    blames: { code: 'GATEWAY_DOWN', host: 'net1', component: /^qrouter-\S+ qr-2b5fa767-60$/ },
  },
  {
    name: 'a gateway interface without its address',
    edits: [
      lostAddress('net1', ROUTER, /^203\.0\.113\.127$/),
      lostRoute('net1', ROUTER, /^default$/),
    ],
    asked: [A1_OUT, A2_OUT, INWARD],
    blames: { code: 'GATEWAY_DOWN', host: 'net1', component: /^qrouter-\S+ qg-/ },
  },
  {
    name: 'a floating IP that is on no interface',
    edits: [lostAddress('net1', ROUTER, /^203\.0\.113\.159$/)],
    asked: [INWARD, INWARD_TCP],
    blames: { code: 'FIP_NOT_BOUND', host: 'net1', component: /^qrouter-/ },
  },
  {
    name: 'forwarding switched off',
    edits: [sysctl('net1', ROUTER, 'net.ipv4.ip_forward', '0')],
    asked: [A1_TO_A3, A1_OUT, INWARD_TCP],
    blames: { code: 'IP_FORWARD_OFF', host: 'net1', component: /^qrouter-/ },
  },
  {
    name: 'a lost default route',
    edits: [lostRoute('net1', ROUTER, /^default$/)],
    asked: [A1_OUT, A2_OUT],
    blames: { code: 'NO_ROUTE', host: 'net1', component: /^qrouter-/ },
  },
  {
    name: 'a lost DNAT rule, which an echo does not feel because the router answers',
    edits: [lostRule('net1', ROUTER, 'iptables-save', /-j DNAT/)],
    asked: [INWARD_TCP],
    blames: { code: 'NAT_MISSING', host: 'net1', component: /^qrouter-\S+ nat PREROUTING$/ },
  },
  {
    name: 'lost SNAT rules',
    edits: [lostRule('net1', ROUTER, 'iptables-save', /-j SNAT/)],
    asked: [A1_OUT, A2_OUT],
    blames: { code: 'NAT_MISSING', host: 'net1', component: /^qrouter-\S+ nat POSTROUTING$/ },
  },
  {
    name: 'an external NIC taken out of its bridge',
    edits: [lostPort('net1', 'br-ex', 'eth3')],
    asked: [A1_OUT, A2_OUT, INWARD],
    blames: { code: 'FLOOD_BLOCKED', host: 'net1', component: /^br-ex$/ },
  },
  {
    name: 'no flow to the physical network',
    edits: [lostFlow('net1', 'br-ex', /dl_vlan/)],
    asked: [A1_OUT, INWARD],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'net1', component: /^br-ex table/ },
  },
  {
    name: 'no flow from the physical network',
    edits: [lostFlow('net1', 'br-int', /table=0.*vlan_tci=0x0000/)],
    asked: [A1_OUT, INWARD],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'net1', component: /^br-int table 0$/ },
  },
  {
    name: 'a lost patch port',
    edits: [lostPort('compute2', 'br-int', 'patch-tun')],
    asked: [A1_TO_A2, A2_TO_A1, A2_OUT, A3_TO_A1, INWARD],
    blames: { code: 'PATCH_PEER_MISSING', host: 'compute2', component: /^br-int patch-tun$/ },
  },
  {
    name: 'an integration bridge without flows',
    edits: [rewrite(/^hosts\/compute2\/ovs\/br-int\.flows/, () => '')],
    asked: [A1_TO_A2, A2_TO_A1, A2_OUT, INWARD],
    blames: { code: 'OF_TABLE_MISS', host: 'compute2', component: /^br-int table 0$/ },
  },
  {
    name: 'a firewall table without flows',
    edits: [lostFlow('compute2', 'br-int', /table=60,/)],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'OF_TABLE_MISS', host: 'compute2', component: /^br-int table 60$/ },
  },
  {
    name: 'a lost security group rule',
    edits: [lostFlow('compute2', 'br-int', /table=82.*tp_dst=22/)],
    asked: [['a1', '10.80.0.30', tcp(22)], INWARD_TCP],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'compute2', component: /^br-int table 82$/ },
  },
  {
    name: 'lost flows for answers',
    edits: [lostFlow('compute1', 'br-int', /table=82.*\+est/)],
    asked: [A1_TO_A2, A1_OUT],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'compute1', component: /^br-int table 82$/ },
  },
];
