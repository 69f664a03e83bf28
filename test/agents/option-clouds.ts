/**
 * One small cloud under every combination of options: three hosts, two tenants' networks, groups, a
 * router of each kind. What is asked of it follows from what is wanted alone (who shares a network,
 * what a group lets in, whether a router joins), never from how the options work.
 */

/** Who filters, and which agent connects. */
export const FIREWALLS = [
  { agent: 'openvswitch', firewall: 'openvswitch' },
  { agent: 'openvswitch', firewall: 'iptables_hybrid' },
  { agent: 'openvswitch', firewall: 'noop' },
  { agent: 'linuxbridge', firewall: 'iptables' },
  { agent: 'linuxbridge', firewall: 'noop' },
] as const;

/** How a tenant's frames cross between hosts, and who tells hosts of each other. */
export const TRANSPORTS = [
  { type: 'vlan', l2pop: false, responder: false },
  ...(['vxlan', 'gre', 'geneve'] as const).flatMap((type) => [
    { type, l2pop: false, responder: false },
    { type, l2pop: true, responder: false },
    { type, l2pop: true, responder: true },
  ]),
] as const;

export const ROUTERS = ['none', 'legacy', 'ha', 'distributed', 'distributed-ha'] as const;

export interface Options {
  readonly filter: (typeof FIREWALLS)[number];
  readonly transport: (typeof TRANSPORTS)[number];
  readonly router: (typeof ROUTERS)[number];
  readonly dialect: 'zed' | 'pike';
}

export function nameOf({ filter, transport, router, dialect }: Options): string {
  const { agent, firewall } = filter;
  const told = transport.l2pop ? (transport.responder ? ' l2pop arp' : ' l2pop') : '';
  return `${dialect} ${agent}/${firewall} ${transport.type}${told} router ${router}`;
}

/** Every combination that some deployment could run. */
export function allOptions(): readonly Options[] {
  return (['zed', 'pike'] as const).flatMap((dialect) =>
    FIREWALLS.flatMap((filter) =>
      TRANSPORTS.flatMap((transport) =>
        ROUTERS.map((router) => ({ filter, transport, router, dialect })),
      ),
    ).filter(isPossible),
  );
}

function isPossible({ filter, transport, router }: Options): boolean {
  const tunnels = transport.type !== 'vlan';
  const distributed = router === 'distributed' || router === 'distributed-ha';
  if (filter.agent === 'linuxbridge') {
    // It knows VXLAN alone, no responder of its own, and routes nothing distributed.
    return !distributed && !transport.responder && (!tunnels || transport.type === 'vxlan');
  }
  return !distributed || !tunnels || transport.l2pop;
}

const EXTERNAL = 'external';
const TENANT = 'tenant';

export function cloudText(options: Options): string {
  const { router, dialect, transport } = options;
  const segment = (id: number): string =>
    transport.type === 'vlan'
      ? `type: vlan, physical_network: ${TENANT}, segmentation_id: ${id}`
      : `type: ${transport.type}, segmentation_id: ${id}`;
  return [
    `settings: {dialect: ${dialect}${transport.type === 'vlan' ? `, tenant_network_types: [vlan], network_vlan_ranges: {${TENANT}: 101-199}` : ''}}`,
    'hosts:',
    ...['net1', 'net2', 'compute1', 'compute2'].flatMap((name, i) => hostText(options, name, i)),
    'networks:',
    `  - {name: public, type: flat, physical_network: ${EXTERNAL}, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}`,
    `  - {name: red, ${segment(101)}, subnets: [{name: red, cidr: 10.1.0.0/24}, {name: red6, cidr: 'fd00:1::/64', ipv6_mode: slaac}]}`,
    `  - {name: blue, ${segment(102)}, subnets: [{name: blue, cidr: 10.2.0.0/24}, {name: blue6, cidr: 'fd00:2::/64', ipv6_mode: slaac}]}`,
    'security_groups:',
    '  - {name: open, rules: [{protocol: icmp}, {protocol: icmp, version: 6}, {protocol: tcp, ports: 80}]}',
    '  - {name: own, rules: [{remote: {group: own}}]}',
    'servers:',
    '  - {name: r1, host: compute1, ports: [{network: red, security_groups: [open]}]}',
    '  - {name: r2, host: compute2, ports: [{network: red, security_groups: [open]}]}',
    '  - {name: r3, host: compute1, ports: [{network: red, security_groups: [own]}]}',
    '  - {name: r4, host: compute2, ports: [{network: red, security_groups: [own]}]}',
    '  - {name: b1, host: compute2, ports: [{network: blue, security_groups: [open]}]}',
    ...(router === 'none'
      ? []
      : [
          `routers: [{name: edge, kind: ${router}, external: {network: public, address: 203.0.113.9}, interfaces: [{subnet: red}, {subnet: red6}, {subnet: blue}, {subnet: blue6}]}]`,
          'floating_ips: [{network: public, address: 203.0.113.50, port: r2}]',
        ]),
    '',
  ].join('\n');
}

function hostText({ filter, transport, router }: Options, name: string, i: number): string[] {
  const distributed = router.startsWith('distributed');
  const { agent, firewall } = filter;
  const mapping =
    agent === 'openvswitch'
      ? `bridge_mappings: {${EXTERNAL}: br-ex, ${TENANT}: br-vlan}, bridges: {br-ex: eth2, br-vlan: eth3}`
      : `interface_mappings: {${EXTERNAL}: eth2, ${TENANT}: eth3}`;
  const tunnels =
    transport.type === 'vlan' ? '' : `, tunnel_types: [${transport.type}], tunnel_device: eth1`;
  const told = `l2_population: ${transport.l2pop}, arp_responder: ${transport.responder}`;
  const mode = name.startsWith('net') ? (distributed ? 'dvr_snat' : 'legacy') : 'dvr';
  const routes = name.startsWith('net') || distributed;
  return [
    `  - name: ${name}`,
    `    nics: [{name: eth1, addresses: [172.30.20.${21 + i}/24]}, {name: eth2}, {name: eth3}]`,
    '    agents:',
    `      ${agent}: {${mapping}${tunnels}, ${told}, distributed_routing: ${distributed}, firewall: ${firewall}}`,
    ...(routes ? [`      l3: {mode: ${mode}}`, '      metadata: {}'] : []),
    ...(name === 'net1' ? ['      dhcp: {}', ...(routes ? [] : ['      metadata: {}'])] : []),
  ];
}

/** What is to be asked, as an expect.yaml. */
export function expectText({ filter, router, transport }: Options): string {
  const open = filter.firewall === 'noop';
  const joined = router !== 'none';
  // On a physical network a router that is none of the cloud's may stand at the gateway's address.
  const alone = !joined && transport.type === 'vlan';
  const is = (yes: boolean): string => `is: ${yes ? 'reachable' : 'unreachable'}`;
  const refused = open ? is(true) : `${is(false)}, because: SG_NO_MATCHING_RULE`;
  return [
    'traces:',
    '  - {from: r1, to: dhcp, is: reachable, gives: [<ip:r1>]}',
    '  - {from: b1, to: dhcp, is: reachable, gives: [<ip:b1>]}',
    '  - {from: r1, to: metadata, is: reachable}',
    '  - {from: r1, to: r2, icmp: true, is: reachable}',
    '  - {from: r3, to: r1, tcp: 80, is: reachable}',
    '  - {from: r3, to: r4, tcp: 443, is: reachable}',
    `  - {from: r1, to: r2, tcp: 81, ${refused}}`,
    `  - {from: r1, to: r4, icmp: true, ${refused}}`,
    `  - {from: r1, to: r3, icmp: true, ${refused}}`,
    '  - {from: r1, to: r2, icmp: true, ipv6: true, is: reachable}',
    ...(alone
      ? []
      : [
          `  - {from: r1, to: b1, icmp: true, ${is(joined)}}`,
          `  - {from: b1, to: r2, tcp: 80, ${is(joined)}}`,
          `  - {from: b1, to: r1, icmp: true, ipv6: true, ${is(joined)}}`,
          `  - {from: r1, to: slaac, ${is(joined)}}`,
          `  - {from: r1, to: 'external:198.51.100.10', tcp: 443, ${is(joined)}${joined ? ', seen_from: 203.0.113.9' : ''}}`,
        ]),
    ...(joined
      ? [
          `  - {from: b1, to: r4, tcp: 80, ${refused}}`,
          "  - {from: r2, to: 'external:198.51.100.10', icmp: true, is: reachable, seen_from: 203.0.113.50}",
          "  - {from: 'external:198.51.100.10', to: 203.0.113.50, tcp: 80, is: reachable, seen_to: <ip:r2>, seen_from: 198.51.100.10}",
          `  - {from: 'external:198.51.100.10', to: 203.0.113.50, tcp: 81, ${refused}}`,
          '  - {from: b1, to: 203.0.113.50, tcp: 80, is: reachable, received_by: r2}',
          '  - {from: r1, to: 203.0.113.50, tcp: 80, is: reachable, received_by: r2}',
        ]
      : []),
    '',
  ].join('\n');
}
