/** Faults of namespaces, translations, zones and tunnel ends over several deployments. */
import {
  changedFlow,
  changedRows,
  lostAddress,
  lostFlow,
  lostLines,
  lostPort,
  rewrite,
} from './edits.ts';
import { type Asked, type Fault, tcp } from './expect-blame.ts';
import { lostNamespace, setDown, stopped } from './whole-edits.ts';

const SNAT = /snat-.*/;
const FLOATING = /fip-.*/;
const ROUTER = /qrouter-.*/;
const HOST = /root/;

/** d1 on compute1 has a floating IP; d2 on compute2 has none and leaves by net1. */
const D2_OUT: Asked = ['d2', 'external:198.51.100.10'];
const INWARD: Asked = ['external:203.0.113.1', '203.0.113.105', tcp(22)];
const sideways: Asked = ['d2', '203.0.113.105'];

export const CENTRAL: readonly Fault[] = [
  {
    name: 'a central part whose namespace is gone',
    edits: [lostNamespace('net1', SNAT)],
    asked: [D2_OUT, sideways],
    blames: { code: 'ROUTER_NOT_SCHEDULED', host: 'net1', component: /^snat-/ },
  },
  {
    name: 'a central part without its inner address',
    edits: [lostAddress('net1', SNAT, /^10\.1\./)],
    asked: [D2_OUT, sideways],
    blames: { code: 'GATEWAY_DOWN', host: 'net1', component: /^snat-\S+ sg-/ },
  },
  {
    name: 'a central part without its outer address',
    edits: [
      changedRows('net1', SNAT, 'ip-addr', (row) =>
        String(row['ifname']).startsWith('qg-') ? { ...row, addr_info: [] } : row,
      ),
      changedRows('net1', SNAT, 'ip-route-v4', (row) =>
        String(row['dev']).startsWith('qg-') ? undefined : row,
      ),
    ],
    asked: [D2_OUT],
    blames: { code: 'GATEWAY_DOWN', host: 'net1', component: /^snat-\S+ qg-/ },
  },
  {
    name: 'a floating namespace that checks sources strictly',
    edits: [
      rewrite(/^hosts\/compute1\/ns\/fip-.*\/sysctl/, (text) =>
        text.replace(/(conf\.\S+\.rp_filter = )\d/g, '$11'),
      ),
    ],
    asked: [['d1', 'external:198.51.100.10']],
    blames: { code: 'RP_FILTER', host: 'compute1', component: /^fip-/ },
  },
  {
    name: 'a floating namespace that does not forward, and so answers no ARP',
    edits: [
      rewrite(/^hosts\/compute1\/ns\/fip-.*\/sysctl/, (text) =>
        text.replace(/(ipv4\.(?:ip_forward|conf\.\S+\.forwarding) = )1/g, '$10'),
      ),
    ],
    asked: [['d1', 'external:198.51.100.10'], INWARD, sideways],
    blames: { code: 'IP_FORWARD_OFF', host: 'compute1', component: /^fip-/ },
  },
  {
    name: 'an external bridge of the server’s host without its NIC',
    edits: [lostPort('compute1', 'br-ex', 'eth3')],
    asked: [['d1', 'external:198.51.100.10'], INWARD, sideways],
    blames: { code: 'FLOOD_BLOCKED', host: 'compute1', component: /^br-ex$/ },
  },
  {
    name: 'a neighbour that the agent wrote down with a MAC of nobody',
    edits: [
      rewrite(/^hosts\/compute1\/ns\/qrouter-.*\/ip-neigh-v4/, (text) =>
        text.replaceAll('fa:16:3e:10:3a:4f', 'fa:16:3e:00:00:99'),
      ),
    ],
    asked: [['d1', '10.2.0.190']],
    blames: { code: 'NO_NEIGHBOR', host: 'compute1', component: /^qrouter-\S+ neighbours of qr-/ },
  },
  {
    name: 'a floating namespace that is gone',
    edits: [lostNamespace('compute1', FLOATING)],
    asked: [INWARD, sideways],
    blames: { code: 'FIP_AGENT_GW_MISSING', host: 'compute1', component: /^fip-/ },
  },
];

/** a1 on compute1 and a2 on compute2 share a network; a1 has a floating IP. */
const A1_TO_A2: Asked = ['a1', '10.0.0.7', tcp(5000)];
const A2_TO_A1: Asked = ['a2', '10.0.0.81', tcp(80)];
const A2_MAC = 'fa:16:3e:76:61:fe';

export const FIREWALL: readonly Fault[] = [
  {
    name: 'a zone that differs between what a port sends and what it gets',
    edits: [
      changedFlow(
        'compute2',
        'br-int',
        /table=60.*in_port=/,
        /set_field:0x\w+->reg6/,
        'set_field:0x77->reg6',
      ),
    ],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'CT_WRONG_ZONE', host: 'compute2', component: /^br-int table 60$/ },
  },
  {
    name: 'a zone that differs between what a port gets and what it sends',
    edits: [
      changedFlow(
        'compute2',
        'br-int',
        new RegExp(`table=60.*dl_vlan=.*dl_dst=${A2_MAC}`),
        /set_field:0x\w+->reg6/,
        'set_field:0x77->reg6',
      ),
    ],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'CT_WRONG_ZONE', host: 'compute2', component: /^br-int table 60$/ },
  },
  {
    name: 'a number of a port that is another one’s where frames come in for it',
    edits: [
      changedFlow(
        'compute2',
        'br-int',
        new RegExp(`table=60.*dl_vlan=.*dl_dst=${A2_MAC}`),
        /set_field:0x\w+->reg5/,
        'set_field:0x77->reg5',
      ),
    ],
    asked: [A1_TO_A2],
    blames: { code: 'OF_NO_SUCH_PORT', host: 'compute2', component: /^br-int table 60$/ },
  },
  {
    name: 'a bridge of the tunnels that has lost its address',
    edits: [
      lostAddress('compute1', HOST, /^172\.30\.20\.31$/),
      // What ovs-vswitchd knows of the kernel's routes follows them (lib/ovs-router.c).
      lostLines(/^hosts\/compute1\/ovs\/ovs-route\.txt$/, / br-vtep /),
    ],
    asked: [A1_TO_A2, A2_TO_A1],
    blames: { code: 'TUNNEL_LOCAL_IP_MISMATCH', host: 'compute1', component: /^tunnel address/ },
  },
  {
    name: 'a lost flow by which frames for a port come to the firewall',
    edits: [lostFlow('compute2', 'br-int', new RegExp(`table=60.*dl_dst=${A2_MAC}`))],
    asked: [A1_TO_A2],
    blames: { code: 'CT_ASYMMETRIC', host: 'compute2', component: /^br-int table 60$/ },
  },
  {
    name: 'an ARP responder that answers with a MAC of nobody',
    edits: [
      rewrite(/^hosts\/compute1\/ovs\/br-tun\.flows\.txt$/, (text) =>
        text.replace(/^.*table=21,.*arp_tpa=10\.0\.0\.7 .*$/gm, (line) =>
          line.replaceAll('fa163e7661fe', 'fa163e000099').replaceAll(A2_MAC, 'fa:16:3e:00:00:99'),
        ),
      ),
    ],
    asked: [A1_TO_A2],
    blames: { code: 'FDB_STALE', host: 'compute1', component: /^br-tun table 21$/ },
  },
  {
    name: 'a floating IP that leads to another address',
    edits: [
      rewrite(/^hosts\/net1\/ns\/qrouter-.*\/iptables-save/, (text) =>
        text.replaceAll('--to-destination 10.0.0.81', '--to-destination 10.0.0.99'),
      ),
    ],
    asked: [['external:203.0.113.1', '203.0.113.175', tcp(80)]],
    blames: { code: 'NAT_MISSING', host: 'net1', component: /^qrouter-\S+ nat PREROUTING$/ },
  },
  {
    name: 'a source that is translated to an address of nobody',
    edits: [
      rewrite(/^hosts\/net1\/ns\/qrouter-.*\/iptables-save/, (text) =>
        text.replaceAll('--to-source 203.0.113.175', '--to-source 203.0.113.250'),
      ),
    ],
    asked: [['a1', 'external:198.51.100.10']],
    blames: { code: 'NAT_MISSING', host: 'net1', component: /^qrouter-\S+ nat POSTROUTING$/ },
  },
];

/** l1 on compute1 and l2 on compute2 share a VXLAN network. */
const L2_TO_L1: Asked = ['l2', '10.0.0.44'];
const L1_TO_L2: Asked = ['l1', '10.0.0.119', tcp(80)];
const L2_LEASE: Asked = ['l2', 'dhcp'];

export const STANDING: readonly Fault[] = [
  {
    name: 'nothing at all',
    edits: [],
    asked: [L2_TO_L1, L1_TO_L2, L2_LEASE, ['l1', 'metadata'], ['l2', 'arp:10.0.0.44']],
    blames: null,
  },
  {
    name: 'a VXLAN device that uses another UDP port',
    edits: [
      changedRows('compute2', HOST, 'ip-link', (row) => {
        if (row['ifname'] !== 'vxlan-515') return row;
        const info = row['linkinfo'] as Record<string, Record<string, unknown>>;
        return { ...row, linkinfo: { ...info, info_data: { ...info['info_data'], port: 4790 } } };
      }),
    ],
    asked: [L2_TO_L1, L1_TO_L2],
    blames: { code: 'TUNNEL_ENDPOINT_MISSING', host: 'compute2', component: /^vxlan-515$/ },
  },
  {
    name: 'an ARP proxy that answers with a MAC of nobody',
    edits: [
      rewrite(/^hosts\/compute2\/ns\/root\/ip-neigh-(?:v4|proxy)\.json/, (text) =>
        text.replaceAll('fa:16:3e:6c:6e:c4', 'fa:16:3e:00:00:99'),
      ),
    ],
    asked: [L2_TO_L1],
    blames: { code: 'FDB_STALE', host: 'compute2', component: /^vxlan-515$/ },
  },
  {
    name: 'a host without its tunnel address',
    edits: [lostAddress('compute2', HOST, /^172\.30\.20/)],
    asked: [L1_TO_L2, L2_LEASE],
    blames: { code: 'TUNNEL_LOCAL_IP_MISMATCH', host: 'compute2', component: /172\.30\.20\.32$/ },
  },
  {
    name: 'a network’s bridge that is down',
    edits: [setDown('compute2', 'root', 'brq5afcf53b-7d')],
    asked: [L2_TO_L1, L1_TO_L2, L2_LEASE],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /brq5afcf53b-7d$/ },
  },
  {
    name: 'a DHCP server that does not run, beside a router that hears the call',
    edits: [stopped('net1', 'dnsmasq', /qdhcp-.*/, /^dnsmasq/)],
    asked: [L2_LEASE],
    blames: { code: 'NOT_LISTENING', host: 'net1', component: /^qdhcp-/ },
  },
  {
    name: 'a metadata address that no rule redirects',
    edits: [
      rewrite(/^hosts\/net1\/ns\/qrouter-.*\/iptables-save/, (text) =>
        text.replaceAll(/^.*169\.254\.169\.254.*REDIRECT.*\n/gm, ''),
      ),
    ],
    asked: [['l1', 'metadata']],
    blames: { code: 'NAT_MISSING', host: 'net1', component: ROUTER },
  },
  {
    name: 'a chain against forged MACs that names another one',
    edits: [
      rewrite(/^hosts\/compute1\/ns\/root\/ebtables-save/, (text) =>
        text.replace(/(neutronMAC-tapad08305f-ea .*)fa:16:3e:6c:6e:c4/i, '$1fa:16:3e:aa:aa:aa'),
      ),
    ],
    asked: [L1_TO_L2],
    blames: { code: 'MAC_SPOOF_BLOCKED', host: 'compute1', component: /tapad08305f-ea$/ },
  },
];
