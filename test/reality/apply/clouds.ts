/** Small clouds for the emulated hosts. */

const HOST = (name: string, vtep: string, more: string): string => `
  - name: ${name}
    nics: [{name: eth0}, {name: eth1}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2, br-vtep: eth1}, tunnel_types: [vxlan], tunnel_device: br-vtep, local_ip: ${vtep}, l2_population: true, arp_responder: true, datapath: userspace}
${more}`;

/** Three hosts, a router with SNAT and a floating IP, security groups as flows. */
export const VXLAN_ROUTER = `hosts:${HOST('net1', '172.30.20.21', '      l3: {mode: legacy}')}${HOST('compute1', '172.30.20.31', '')}${HOST('compute2', '172.30.20.32', '')}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: blue, project: blue, segmentation_id: 101, subnets: [{name: blue, cidr: 10.0.0.0/24, dhcp: false}]}
security_groups:
  - {name: web, project: blue, rules: [{protocol: tcp, ports: 80}, {protocol: udp, ports: 5000}]}
  - {name: inner, project: blue, rules: [{remote: {group: inner}}]}
servers:
  - {name: b1, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.11], security_groups: [web]}]}
  - {name: b2, host: compute2, project: blue, ports: [{network: blue, addresses: [10.0.0.12], security_groups: [inner]}]}
routers:
  - {name: edge, project: blue, external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: blue}]}
floating_ips:
  - {network: public, address: 203.0.113.50, port: b1}
`;

/** Two hosts whose tunnels learn from traffic; the key of the network is to be changed. */
export const learning = (key: number): string => `hosts:
  - name: h1
    nics: [{name: eth0}, {name: eth1}]
    agents: {openvswitch: {bridges: {br-vtep: eth1}, tunnel_types: [vxlan], tunnel_device: br-vtep, local_ip: 10.20.0.1, l2_population: false, datapath: userspace}}
  - name: h2
    nics: [{name: eth0}, {name: eth1}]
    agents: {openvswitch: {bridges: {br-vtep: eth1}, tunnel_types: [vxlan], tunnel_device: br-vtep, local_ip: 10.20.0.2, l2_population: false, datapath: userspace}}
networks:
  - {name: net, segmentation_id: ${key}, subnets: [{name: net, cidr: 10.5.0.0/24, dhcp: false}]}
security_groups:
  - {name: open, rules: [{protocol: icmp}, {protocol: udp}, {protocol: tcp}]}
servers:
  - {name: a, host: h1, ports: [{network: net, addresses: [10.5.0.11], security_groups: [open]}]}
  - {name: b, host: h2, ports: [{network: net, addresses: [10.5.0.12], security_groups: [open]}]}
`;

const BLUE = `  - {name: blue, project: blue, segmentation_id: 101, subnets: [{name: blue, cidr: 10.0.0.0/24, dhcp: false}]}`;
const PAIR = `security_groups:
  - {name: web, project: blue, rules: [{protocol: tcp, ports: 80}, {protocol: udp, ports: 5000}]}
  - {name: inner, project: blue, rules: [{remote: {group: inner}}]}
servers:
  - {name: b1, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.11], security_groups: [web]}]}
  - {name: b2, host: compute2, project: blue, ports: [{network: blue, addresses: [10.0.0.12], security_groups: [inner]}]}
`;
const GUESTS = `${PAIR}  - {name: b3, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.13], security_groups: [inner]}]}
`;
const FIP = `floating_ips:
  - {network: public, address: 203.0.113.50, port: b1}
`;
const ROUTER = `routers:
  - {name: edge, project: blue, external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: blue}]}
`;
const PUBLIC = `  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}`;

const lbHost = (name: string, vtep: string, more: string): string => `
  - name: ${name}
    nics: [{name: eth0}, {name: eth1, addresses: [${vtep}/24]}, {name: eth2}]
    agents:
      linuxbridge: {interface_mappings: {external: eth2}, tunnel_types: [vxlan], tunnel_device: eth1, local_ip: ${vtep}, l2_population: true, arp_responder: true}
${more}`;
/** Linux bridges with VXLAN devices, ebtables and iptables at the bridges. */
export const LB_VXLAN = `hosts:${lbHost('net1', '172.30.20.21', '      l3: {mode: legacy}')}${lbHost('compute1', '172.30.20.31', '')}${lbHost('compute2', '172.30.20.32', '')}
networks:
${PUBLIC}
${BLUE}
${GUESTS}${ROUTER}${FIP}`;

const hyHost = (name: string, more: string): string => `
  - name: ${name}
    nics: [{name: eth0}, {name: eth1}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {external: br-ex, vlans: br-vlan}, bridges: {br-ex: eth2, br-vlan: eth1}, firewall: iptables_hybrid, datapath: userspace}
${more}`;
/** VLANs through provider bridges, a Linux bridge with iptables between each guest and br-int. */
export const VLAN_HYBRID = `hosts:${hyHost('net1', '      l3: {mode: legacy}')}${hyHost('compute1', '')}${hyHost('compute2', '')}
networks:
${PUBLIC}
  - {name: blue, project: blue, type: vlan, physical_network: vlans, segmentation_id: 101, subnets: [{name: blue, cidr: 10.0.0.0/24, dhcp: false}]}
${GUESTS}${ROUTER}${FIP}`;

const ovsHost = (name: string, vtep: string, more: string, dvr = ''): string => `
  - name: ${name}
    nics: [{name: eth0}, {name: eth1}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2, br-vtep: eth1}, tunnel_types: [vxlan], tunnel_device: br-vtep, local_ip: ${vtep}, l2_population: true, arp_responder: true, datapath: userspace${dvr}}
${more}`;
/** A router on two hosts, of which keepalived elects one. */
export const HA_PAIR = `hosts:${ovsHost('net1', '172.30.20.21', '      l3: {mode: legacy}')}${ovsHost('net2', '172.30.20.22', '      l3: {mode: legacy}')}${ovsHost('compute1', '172.30.20.31', '')}${ovsHost('compute2', '172.30.20.32', '')}
networks:
${PUBLIC}
${BLUE}
${PAIR}routers:
  - {name: edge, project: blue, kind: ha, hosts: [net1, net2], external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: blue}]}
${FIP}`;
const D = ', distributed_routing: true';
/** A router on every host; SNAT on one of them, the floating IP where its guest is. */
export const DVR = `hosts:${ovsHost('net1', '172.30.20.21', '      l3: {mode: dvr_snat}', D)}${ovsHost('compute1', '172.30.20.31', '      l3: {mode: dvr}', D)}${ovsHost('compute2', '172.30.20.32', '      l3: {mode: dvr}', D)}
networks:
${PUBLIC}
${BLUE}
  - {name: red, project: blue, segmentation_id: 102, subnets: [{name: red, cidr: 10.1.0.0/24, dhcp: false}]}
${PAIR}  - {name: r1, host: compute2, project: blue, ports: [{network: red, addresses: [10.1.0.11], security_groups: [web]}]}
routers:
  - {name: edge, project: blue, kind: distributed, external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: blue}, {subnet: red}]}
${FIP}`;

/** A network with DHCP, which tells `b1` what to boot, a metadata proxy and a balancer. */
export const services = (
  members: readonly string[],
  boot: string,
): string => `hosts:${HOST('net1', '172.30.20.21', '      l3: {mode: legacy}\n      dhcp: {}')}${HOST('compute1', '172.30.20.31', '')}
networks:
${PUBLIC}
  - {name: blue, project: blue, segmentation_id: 101, subnets: [{name: blue, cidr: 10.0.0.0/24}]}
security_groups:
  - {name: web, project: blue, rules: [{protocol: tcp, ports: 80}]}
servers:
  - {name: b1, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.11], security_groups: [web], dhcp_options: [{name: bootfile-name, value: ${boot}}]}]}
  - {name: b2, host: compute1, project: blue, ports: [{network: blue, addresses: [10.0.0.12], security_groups: [web]}]}
routers:
  - {name: edge, project: blue, external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: blue}]}
load_balancers:
  - name: lb
    vip: {network: blue, addresses: [10.0.0.20], security_groups: [web]}
    listeners: [{port: 80, protocol: TCP, pool: pool}]
    pools: [{name: pool, protocol: TCP, members: [${members.map((port) => `{port: ${port}}`).join(', ')}]}]
`;

/** A host whose bridge to the outside takes a NIC. */
export const bridged = (nic: string): string => `hosts:
  - name: one
    nics: [{name: ${nic}}]
    agents:
      linuxbridge: {interface_mappings: {external: ${nic}}}
      l3: {mode: legacy}
networks:
${PUBLIC}
routers:
  - {name: edge, external: {network: public}}
`;

/** Routers of one host, each with a network of its own: two steps more for each. */
export const routers = (count: number): string => {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  return `hosts:
  - name: one
    nics: [{name: eth0}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, datapath: userspace}
      l3: {mode: legacy}
networks:
${PUBLIC}
${all.map((i) => `  - {name: n${i}, type: vlan, physical_network: external, segmentation_id: ${100 + i}, subnets: [{name: n${i}, cidr: 10.${i}.0.0/24, dhcp: false}]}`).join('\n')}
security_groups:
  - {name: web, rules: [{protocol: tcp, ports: 80}]}
routers:
${all.map((i) => `  - {name: r${i}, external: {network: public}, interfaces: [{subnet: n${i}}]}`).join('\n')}
`;
};
