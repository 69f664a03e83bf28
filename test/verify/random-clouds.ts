/** Small random clouds: two or three computes of one kind, some networks, groups and routers. */
import { type Draw, drawFrom } from '../traffic/random-rules.ts';

const AGENTS = [
  (last: number) =>
    `openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, tunnel_types: [vxlan], local_ip: 172.30.20.${last}, l2_population: true, arp_responder: true, firewall: openvswitch}`,
  (last: number) =>
    `openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, tunnel_types: [vxlan], local_ip: 172.30.20.${last}, l2_population: true, arp_responder: true, firewall: iptables_hybrid}`,
  (last: number) =>
    `linuxbridge: {interface_mappings: {external: eth2}, tunnel_types: [vxlan], local_ip: 172.30.20.${last}, l2_population: true}`,
] as const;

const RULES: readonly ((draw: Draw) => string)[] = [
  () => '{protocol: icmp}',
  (draw) => `{protocol: tcp, ports: ${1 + draw(1023)}}`,
  (draw) => {
    const low = 1 + draw(60_000);
    return `{protocol: ${draw(2) === 0 ? 'tcp' : 'udp'}, ports: ${low}-${low + draw(4000)}}`;
  },
  (draw) => `{remote: {group: g${draw(3)}}}`,
  (draw) => `{protocol: tcp, remote: 10.${draw(2)}.0.${8 * draw(4)}/29}`,
  (draw) => `{protocol: udp, remote: {group: g${draw(3)}}, ports: ${1 + draw(65_000)}}`,
];

/** The cloud.yaml of a seed. */
export function randomCloud(seed: number): string {
  const draw = drawFrom(seed);
  const kind = draw(AGENTS.length);
  const agent = (last: number): string => AGENTS[kind]!(last);
  const computes = 2 + draw(2);
  const networks = 1 + draw(2);
  const routed = draw(4) !== 0;
  const hosts = ['net1', ...Array.from({ length: computes }, (_, i) => `compute${i + 1}`)];
  const servers = Array.from({ length: 4 + draw(3) }, (_, i) => {
    const groups = [...new Set(Array.from({ length: 1 + draw(2) }, () => `g${draw(3)}`))];
    const secured =
      draw(8) === 0 ? 'port_security: false' : `security_groups: [${groups.join(', ')}]`;
    return `  - {name: v${i}, host: compute${1 + draw(computes)}, ports: [{network: n${draw(networks)}, ${secured}}]}`;
  });
  const floating =
    routed && draw(2) === 0 ? ['floating_ips:', '  - {network: public, port: v0}'] : [];
  const interfaces = Array.from({ length: networks }, (_, i) => `{subnet: n${i}}`);
  const router = [
    'routers:',
    `  - {name: edge, external: {network: public}, interfaces: [${interfaces.join(', ')}]}`,
  ];
  return [
    'hosts:',
    ...hosts.flatMap((name, i) => [
      `  - name: ${name}`,
      `    nics: [{name: eth1, addresses: [172.30.20.${21 + i}/24]}, {name: eth2}]`,
      '    agents:',
      `      ${agent(21 + i)}`,
      ...(i === 0 ? ['      l3: {mode: legacy}', '      dhcp: {}', '      metadata: {}'] : []),
    ]),
    'networks:',
    '  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}',
    ...Array.from(
      { length: networks },
      (_, i) =>
        `  - {name: n${i}, segmentation_id: ${10 + draw(90) + 100 * i}, subnets: [{name: n${i}, cidr: 10.${i}.0.0/24}]}`,
    ),
    'security_groups:',
    ...Array.from({ length: 3 }, (_, i) => {
      const rules = Array.from({ length: 1 + draw(3) }, () => RULES[draw(RULES.length)]!(draw));
      return `  - {name: g${i}, rules: [${rules.join(', ')}]}`;
    }),
    'servers:',
    ...servers,
    ...(routed ? router : []),
    ...floating,
    '',
  ].join('\n');
}
