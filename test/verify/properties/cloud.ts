/** A small cloud of two projects for questions about properties, and how they are asked. */
import { type Network } from '../../../src/dataplane/network.ts';
import { type Cloud } from '../../../src/model/cloud.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { compileFiles, compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { readProperties } from '../../../src/verify/properties/read.ts';
import { type Checked } from '../../../src/verify/properties/types.ts';

const AGENT = (last: number, firewall: string): string =>
  `{openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, tunnel_types: [vxlan], local_ip: 172.30.20.${last}, l2_population: true, arp_responder: true, firewall: ${firewall}}`;

/** web lets tcp 443 in from everybody and icmp, db tcp 3306 from members of web. */
export function cloudText(firewall = 'openvswitch', vni = 101, dbHost = 'compute2'): string {
  return `hosts:
  - {name: net1, nics: [{name: eth1, addresses: [172.30.20.21/24]}, {name: eth2}], agents: ${AGENT(21, firewall)}, l3: {mode: legacy}, dhcp: {}}}
  - {name: compute1, nics: [{name: eth1, addresses: [172.30.20.22/24]}, {name: eth2}], agents: ${AGENT(22, firewall)}}}
  - {name: compute2, nics: [{name: eth1, addresses: [172.30.20.23/24]}, {name: eth2}], agents: ${AGENT(23, firewall)}}}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: blue, project: blue, segmentation_id: ${vni}, subnets: [{name: blue, cidr: 10.1.0.0/24}]}
  - {name: green, project: green, segmentation_id: ${vni + 1}, subnets: [{name: green, cidr: 10.2.0.0/24}]}
security_groups:
  - {name: web, project: blue, rules: [{protocol: icmp}, {protocol: tcp, ports: 443}]}
  - {name: db, project: blue, rules: [{protocol: tcp, ports: 3306, remote: {group: web}}]}
  - {name: open, project: green, rules: [{protocol: icmp}, {protocol: tcp}]}
servers:
  - {name: web-1, host: compute1, project: blue, ports: [{network: blue, addresses: [10.1.0.11], security_groups: [web]}]}
  - {name: web-2, host: compute2, project: blue, ports: [{network: blue, addresses: [10.1.0.12], security_groups: [web]}]}
  - {name: db-1, host: ${dbHost}, project: blue, ports: [{network: blue, addresses: [10.1.0.13], security_groups: [db]}]}
  - {name: green-1, host: compute1, project: green, ports: [{network: green, addresses: [10.2.0.11], security_groups: [open]}]}
routers:
  - {name: edge, project: blue, external: {network: public, address: 203.0.113.50}, interfaces: [{subnet: blue}]}
floating_ips:
  - {network: public, address: 203.0.113.60, port: web-1}
`;
}

export function cloudOf(text: string): Cloud {
  const { value, problems } = readCloudYaml('cloud.yaml', text);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems, null, 1));
  return value;
}

/** Checks properties in YAML over a cloud; what is wrong with the words is an error. */
export function checkedIn(cloud: Cloud, yaml: string, before?: Cloud): readonly Checked[] {
  const { value, problems } = readProperties('properties.yaml', yaml);
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 1));
  const open = (word: string) =>
    before === undefined ? `there is no ${word}` : compileNetworkOf(before);
  return [...checkProperties(compileNetworkOf(cloud), value, { open })];
}

/** The network of a cloud whose hosts' files somebody tampered with. */
export function tampered(
  cloud: Cloud,
  edit: (path: string, text: string) => string,
  more: ReadonlyMap<string, string> = new Map(),
): Network {
  const files = new Map([
    ...[...compileFiles(cloud)].map(([path, read]) => [path, () => edit(path, read())] as const),
    ...[...more].map(([path, text]) => [path, () => text] as const),
  ]);
  return openSnapshot(memoryFolder(files));
}

/** Checks a list of properties in YAML over a network. */
export function checkedOver(network: Network, list: string): readonly Checked[] {
  const { value, problems } = readProperties('p.yaml', `properties:\n${list}`);
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 1));
  return [...checkProperties(network, value)];
}

/** `web-1 → db-1 holds`, sorted. */
export function answersOf(checked: readonly Checked[]): readonly string[] {
  return checked.map(({ subject, holds }) => `${subject} ${holds}`).sort();
}
