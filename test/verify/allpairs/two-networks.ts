/** A cloud of two networks behind a router, small enough to be followed pair by pair. */

const agents = (last: number, more = ''): string =>
  `agents: {openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth1}, tunnel_types: [vxlan], local_ip: 172.30.20.${last}, l2_population: true, arp_responder: true}${more}}`;

/** Two networks behind a router on three hosts, two groups, some floating addresses. */
export const CLOUD = [
  'hosts:',
  `  - {name: net1, nics: [{name: eth0, addresses: [172.30.20.1/24]}, {name: eth1}], ${agents(1, ', l3: {}, dhcp: {}')}}`,
  ...[2, 3].map(
    (n) =>
      `  - {name: c${n}, nics: [{name: eth0, addresses: [172.30.20.${n}/24]}, {name: eth1}], ${agents(n)}}`,
  ),
  'networks:',
  '  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}',
  '  - {name: a, segmentation_id: 11, subnets: [{name: a, cidr: 10.0.0.0/24}]}',
  '  - {name: b, segmentation_id: 12, subnets: [{name: b, cidr: 10.0.1.0/24}]}',
  'security_groups:',
  '  - {name: web, rules: [{protocol: tcp, ports: 443}, {remote: {group: web}}]}',
  '  - {name: app, rules: [{protocol: icmp}, {protocol: udp, ports: 53, remote: {group: web}}]}',
  'servers:',
  ...Array.from(
    { length: 12 },
    (_, i) =>
      `  - {name: v${i}, host: c${2 + (i % 2)}, ports: [{network: ${i % 4 < 2 ? 'a' : 'b'}, security_groups: [${i % 3 === 0 ? 'app' : 'web'}]}]}`,
  ),
  'routers:',
  '  - {name: edge, hosts: [net1], external: {network: public}, interfaces: [{subnet: a}, {subnet: b}]}',
  'floating_ips:',
  '  - {network: public, port: v0}',
  '  - {network: public, port: v3}',
].join('\n');
