/**
 * Faults of IPv6 alone: addresses from router advertisements and from DHCPv6, neighbour discovery
 * through the firewall of Open vSwitch, and a router that forwards between them.
 */
import {
  changedFlow,
  changedRows,
  type Edit,
  lostFlow,
  lostLines,
  lostRule,
  rewrite,
  sysctl,
} from './edits.ts';
import { type Asked, type Fault, tcp } from './expect-blame.ts';
import { setDown, stopped } from './whole-edits.ts';

export const SIX_CLOUD = `
hosts:
  - {name: net, nics: [{name: eth1, addresses: [10.20.0.1/24]}, {name: eth2}], agents: {openvswitch: &ovs {tunnel_types: [vxlan], tunnel_device: eth1, bridge_mappings: {ext: br-ex}, bridges: {br-ex: eth2}, l2_population: true, arp_responder: true}, l3: {}, dhcp: {}, metadata: {}}}
  - {name: node, nics: [{name: eth1, addresses: [10.20.0.2/24]}, {name: eth2}], agents: {openvswitch: *ovs}}
  - {name: far, nics: [{name: eth1, addresses: [10.20.0.3/24]}, {name: eth2}], agents: {openvswitch: *ovs}}
networks:
  - {name: out, type: flat, physical_network: ext, external: true, subnets: [{name: out6, cidr: 'fd00:ff::/64', dhcp: false}]}
  - {name: one, segmentation_id: 1, subnets: [{name: one, cidr: 'fd00:1::/64', ipv6_mode: slaac}]}
  - {name: three, segmentation_id: 3, subnets: [{name: three, cidr: 'fd00:3::/64', ipv6_mode: dhcpv6-stateful}]}
security_groups:
  - {name: ping, rules: [{protocol: icmpv6, version: 6}, {protocol: tcp, version: 6, ports: 22}]}
servers:
  - {name: a, host: node, ports: [{network: one, mac: 'fa:16:3e:00:00:0a', security_groups: [ping]}]}
  - {name: b, host: far, ports: [{network: one, mac: 'fa:16:3e:00:00:0b', security_groups: [ping]}]}
  - {name: c, host: node, ports: [{network: three, mac: 'fa:16:3e:00:00:0c', addresses: ['fd00:3::c'], security_groups: [ping]}]}
routers:
  - {name: r, external: {network: out, address: 'fd00:ff::10'}, interfaces: [{subnet: one}, {subnet: three}]}
`;

const ROUTER = /qrouter-.*/;
const A = 'fd00:1::f816:3eff:fe00:a';
const B = 'fd00:1::f816:3eff:fe00:b';
const A_TO_B: Asked = ['a', B];
const B_TO_A: Asked = ['b', A];
const A_TO_C: Asked = ['a', 'fd00:3::c'];
const A_OUT: Asked = ['a', 'external:2001:db8::1'];
const A_FORMS: Asked = ['a', 'slaac'];
const C_LEASE: Asked = ['c', 'dhcp6'];

/** A row of the router's addresses or routes that is gone. */
const lostRouterAddress = (device: RegExp, address: RegExp): Edit =>
  changedRows('net', ROUTER, 'ip-addr', (row) => {
    if (!device.test(String(row['ifname']))) return row;
    const info = row['addr_info'] as Record<string, unknown>[];
    return { ...row, addr_info: info.filter(({ local }) => !address.test(String(local))) };
  });
const lostLocalRoute = (address: RegExp): Edit =>
  changedRows('net', ROUTER, 'ip-route-v6', (row) =>
    address.test(String(row['dst'])) ? undefined : row,
  );
const radvd = (from: string | RegExp, to: string): Edit =>
  rewrite(/^hosts\/net\/files\/ra\/.*radvd\.conf$/, (text) => text.replace(from, to));
const rule = (line: string): Edit =>
  rewrite(/^hosts\/net\/ns\/qrouter-.*\/ip6tables-save/, (text) =>
    text.replace(/(\*filter[\s\S]*?)\nCOMMIT/, `$1\n${line}\nCOMMIT`),
  );

export const SIX: readonly Fault[] = [
  {
    name: 'nothing at all',
    edits: [],
    asked: [A_TO_B, B_TO_A, A_TO_C, A_FORMS, C_LEASE, ['a', B, tcp(22)]],
    blames: null,
  },
  {
    name: 'a tenant network that nobody outside knows',
    edits: [],
    asked: [A_OUT],
    blames: { code: 'NO_ROUTE', host: 'net', component: /^qrouter-\S+ qg-/ },
  },
  {
    name: 'a lost group rule',
    edits: [lostFlow('far', 'br-int', /table=82.*\+new-est,icmp6/)],
    asked: [A_TO_B],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'far', component: /^br-int table 82$/ },
  },
  {
    name: 'a lost group rule of TCP',
    edits: [lostFlow('far', 'br-int', /table=82.*\+new-est,tcp6/)],
    asked: [['a', B, tcp(22)]],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'far', component: /^br-int table 82$/ },
  },
  {
    name: 'lost flows for answers',
    edits: [lostFlow('node', 'br-int', /table=82.*\+est-rel.rpl/)],
    asked: [A_TO_B, A_TO_C],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'node', component: /^br-int table 82$/ },
  },
  {
    name: 'advertisements of a neighbour that are refused',
    edits: [lostFlow('far', 'br-int', new RegExp(`table=71.*icmp_type=136,nd_target=${B}`))],
    asked: [A_TO_B],
    blames: { code: 'ARP_SPOOF_BLOCKED', host: 'far', component: /^br-int table 71$/ },
  },
  {
    name: 'solicitations of the sender that are refused',
    edits: [lostFlow('node', 'br-int', /table=71.*fe00:a,icmp_type=135/)],
    asked: [A_TO_B, A_TO_C, A_OUT],
    blames: { code: 'ARP_SPOOF_BLOCKED', host: 'node', component: /^br-int table 71$/ },
  },
  {
    name: 'a lost flow for the address of a port',
    edits: [lostFlow('node', 'br-int', new RegExp(`table=71.*priority=65.*ipv6_src=${A} `))],
    asked: [A_TO_B, A_TO_C],
    blames: { code: 'SG_PORT_SECURITY_BLOCKED', host: 'node', component: /^br-int table 71$/ },
  },
  {
    name: 'solicitations to a group, which the firewall does not ask about, without their flow',
    edits: [lostFlow('far', 'br-int', /table=81.*icmp_type=135/)],
    asked: [A_TO_B],
    blames: null,
  },
  {
    name: 'advertisements that do not come in',
    edits: [lostFlow('node', 'br-int', /table=81.*icmp_type=136/)],
    asked: [A_TO_B, A_TO_C],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'node', component: /^br-int table 8[12]$/ },
  },
  {
    name: 'a radvd that does not run',
    edits: [lostLines(/^hosts\/net\/daemon-cmdlines/, /radvd/)],
    asked: [A_FORMS],
    blames: { code: 'NOT_LISTENING', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a radvd that does not know the interface',
    edits: [radvd(/interface qr-c9797507-3a/, 'interface qr-gone')],
    asked: [A_FORMS],
    blames: { code: 'NOT_LISTENING', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a radvd that sends no advertisements',
    edits: [radvd('AdvSendAdvert on', 'AdvSendAdvert off')],
    asked: [A_FORMS],
    blames: { code: 'NOT_LISTENING', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a radvd whose prefix is not for autonomous addresses',
    edits: [radvd('AdvAutonomous on', 'AdvAutonomous off')],
    asked: [A_FORMS],
    blames: { code: 'RA_NO_PREFIX', host: 'net', component: /^qrouter-\S+ radvd$/ },
  },
  {
    name: 'router advertisements that do not come in',
    edits: [lostFlow('node', 'br-int', /table=81.*icmp_type=134/)],
    asked: [A_FORMS],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'node', component: /^br-int table 8[12]$/ },
  },
  {
    name: 'router solicitations that are refused',
    edits: [lostFlow('node', 'br-int', /table=71.*icmp_type=133/)],
    asked: [A_FORMS],
    blames: { code: 'ARP_SPOOF_BLOCKED', host: 'node', component: /^br-int table 71$/ },
  },
  {
    name: 'a router without its link-local address',
    edits: [lostRouterAddress(/^qr-c979/, /^fe80/), lostLocalRoute(/^fe80::f816:3eff:fe07:1dc1$/)],
    asked: [A_FORMS],
    blames: { code: 'NOT_LISTENING', host: 'net', component: /^qrouter-\S+ radvd$/ },
  },
  {
    name: 'a router without its address',
    edits: [lostRouterAddress(/^qr-afc/, /^fd00:3::1/), lostLocalRoute(/^fd00:3::1?(\/64)?$/)],
    asked: [A_TO_C],
    blames: { code: 'GATEWAY_DOWN', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a router without its outer address',
    edits: [lostRouterAddress(/^qg-/, /^fd00:ff/), lostLocalRoute(/^(fd00:ff.*|default)$/)],
    asked: [A_OUT],
    blames: { code: 'GATEWAY_DOWN', host: 'net', component: /^qrouter-\S+ qg-/ },
  },
  {
    name: 'forwarding switched off',
    edits: [
      sysctl('net', ROUTER, 'net.ipv6.conf.all.forwarding', '0'),
      rewrite(/^hosts\/net\/ns\/qrouter-.*\/sysctl/, (text) =>
        text.replace(/(ipv6\.conf\.\S+\.forwarding = )1/g, '$10'),
      ),
    ],
    asked: [A_TO_C, A_OUT],
    blames: { code: 'IP_FORWARD_OFF', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a lost default route',
    edits: [lostLocalRoute(/^default$/)],
    asked: [A_OUT],
    blames: { code: 'NO_ROUTE', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a lost route of a network',
    edits: [lostLocalRoute(/^fd00:3::\/64$/), lostLocalRoute(/^default$/)],
    asked: [A_TO_C],
    blames: { code: 'NO_ROUTE', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a lost route of a network beside a default route',
    edits: [lostLocalRoute(/^fd00:3::\/64$/)],
    asked: [A_TO_C],
    blames: { code: 'NO_ROUTE', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a route that refuses',
    edits: [
      changedRows('net', ROUTER, 'ip-route-v6', (row) =>
        row['dst'] === 'default'
          ? [row, { type: 'unreachable', dst: 'fd00:3::c', dev: 'lo', metric: 1, flags: [] }]
          : row,
      ),
    ],
    asked: [A_TO_C],
    blames: { code: 'ROUTE_REFUSES', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'a rule of the router that drops',
    edits: [rule('-A FORWARD -p ipv6-icmp -j DROP')],
    asked: [A_TO_C, A_OUT],
    blames: { code: 'IPT_RULE_DROP', host: 'net', component: /FORWARD$/ },
  },
  {
    name: 'a rule of the router that rejects',
    edits: [rule('-A FORWARD -p ipv6-icmp -j REJECT --reject-with icmp6-adm-prohibited')],
    asked: [A_TO_C],
    blames: { code: 'IPT_REJECT', host: 'net', component: /FORWARD$/ },
  },
  {
    name: 'an address scope that differs',
    edits: [
      rewrite(/^hosts\/net\/ns\/qrouter-.*\/ip6tables-save/, (text) =>
        text.replace(/(-i qr-c9797507-3a -j MARK --set-xmark )0x4000000/, '$10x5000000'),
      ),
    ],
    asked: [A_TO_C],
    blames: { code: 'IPT_RULE_DROP', host: 'net', component: /scope$/ },
  },
  {
    name: 'a router interface that is down',
    edits: [
      (texts) => {
        const name =
          [...texts.keys()].find((path) => /^hosts\/net\/ns\/qrouter-/.test(path))?.split('/')[3] ??
          '';
        setDown('net', name, 'qr-c9797507-3a')(texts);
      },
    ],
    asked: [A_TO_C, A_FORMS],
    blames: { code: 'OF_PORT_DOWN', host: 'net', component: /qr-c9797507-3a/ },
  },
  {
    name: 'a host file of dnsmasq without the port',
    edits: [lostLines(/^hosts\/net\/files\/dhcp\/.*\/host$/, /fa:16:3e:00:00:0c/)],
    asked: [C_LEASE],
    blames: { code: 'DHCP_NO_ADDRESS', host: 'net', component: /^qdhcp-/ },
  },
  {
    name: 'a host file of dnsmasq with another address',
    edits: [
      rewrite(/^hosts\/net\/files\/dhcp\/.*\/host$/, (text) =>
        text.replace('[fd00:3::c]', '[fd00:3::77]'),
      ),
    ],
    asked: [C_LEASE],
    blames: { code: 'DHCP_WRONG_ADDRESS', host: 'net', component: /^qdhcp-\S+ dnsmasq$/ },
  },
  {
    name: 'a dnsmasq that does not run',
    edits: [stopped('net', 'dnsmasq', /qdhcp-.*/, /dnsmasq/)],
    asked: [C_LEASE],
    blames: { code: 'NOT_LISTENING', host: 'net', component: /^qdhcp-/ },
  },
  {
    name: 'calls for an address that are refused',
    edits: [
      lostFlow('node', 'br-int', /table=71.*udp6.*fe00:c,tp_src=546/),
      lostFlow('node', 'br-int', /table=71.*ipv6_src=fe80::f816:3eff:fe00:c /),
    ],
    asked: [C_LEASE],
    blames: { code: 'SG_PORT_SECURITY_BLOCKED', host: 'node', component: /^br-int table 71$/ },
  },
  {
    name: 'answers of DHCPv6 that do not come in',
    edits: [lostFlow('node', 'br-int', /table=81.*udp6/)],
    asked: [C_LEASE],
    blames: { code: 'SG_NO_MATCHING_RULE', host: 'node', component: /^br-int table 8[12]$/ },
  },
  {
    name: 'a lost unicast entry',
    edits: [
      lostFlow('node', 'br-tun', /table=20.*fa:16:3e:00:00:0b/),
      lostFlow('node', 'br-tun', /table=22,/),
    ],
    asked: [A_TO_B],
    blames: { code: 'FLOOD_BLOCKED', host: 'node', component: /^br-tun/ },
  },
  {
    name: 'a tunnel key that leads to no VLAN',
    edits: [lostFlow('far', 'br-tun', /table=4.*tun_id=0x1 /)],
    asked: [A_TO_B, B_TO_A],
    blames: { code: 'VNI_MAP_MISSING', host: 'far', component: /^br-tun table 4$/ },
  },
  {
    name: 'a zone that differs between what a port sends and what it gets',
    edits: [
      changedFlow(
        'far',
        'br-int',
        /table=60.*in_port=/,
        /set_field:0x\w+->reg6|load:0x\w+->NXM_NX_REG6\[\]/,
        'set_field:0x77->reg6',
      ),
    ],
    asked: [A_TO_B, B_TO_A],
    blames: { code: 'CT_WRONG_ZONE', host: 'far', component: /^br-int table 60$/ },
  },
  {
    name: 'a route back that is lost',
    edits: [lostLocalRoute(/^fd00:1::\/64$/), lostLocalRoute(/^default$/)],
    asked: [['c', A]],
    blames: { code: 'NO_ROUTE', host: 'net', component: /^qrouter-/ },
  },
  {
    name: 'ip6tables rules of the metadata that are lost',
    edits: [lostRule('net', ROUTER, 'ip6tables-save', /a9fe:a9fe/)],
    asked: [A_TO_C],
    blames: null,
  },
];
