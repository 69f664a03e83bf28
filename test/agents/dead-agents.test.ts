/** Agents that are dead: nothing new goes to their host, and what is there stays as it was built. */
import { describe, expect, it } from 'vitest';
import { type Cloud } from '../../src/model/cloud.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { writeMac } from '../../src/text/address-text.ts';

const host = (name: string, last: number, more: string): string =>
  `  - {name: ${name}, nics: [{name: e, addresses: [10.9.0.${last}/24]}], agents: {openvswitch: {tunnel_types: [vxlan], tunnel_device: e, l2_population: true}, l3: {}, dhcp: {}}${more}}\n`;

function cloudOf(first: string, router = ''): Cloud {
  const text = `hosts:
${host('n1', 1, first)}${host('n2', 2, '')}networks:
  - {name: red, segmentation_id: 1, subnets: [{name: red, cidr: 10.1.0.0/24}]}
servers:
  - {name: a, host: n1, ports: [{network: red}]}
  - {name: b, host: n2, ports: [{network: red}]}
routers: [{name: r, interfaces: [{subnet: red}]${router}}]
`;
  const { value, problems } = readCloudYaml('c.yaml', text);
  expect(problems).toEqual([]);
  if (value === null) throw new Error('no cloud');
  return value;
}

/** Namespaces of a host, by what they begin with. */
function namespacesOf(cloud: Cloud, name: string): readonly string[] {
  const start = `hosts/${name}/ns/`;
  const found = [...compileFiles(cloud).keys()].flatMap((path) =>
    path.startsWith(start) ? [path.slice(start.length).split('/')[0] ?? ''] : [],
  );
  return [...new Set(found.map((each) => each.split('-')[0] ?? ''))].sort();
}

function flowsOf(cloud: Cloud, path: string): string {
  return compileFiles(cloud).get(path)?.() ?? '';
}

/** The MAC of server a. */
function macOf({ neutron }: Cloud): string {
  return writeMac(neutron.ports.find(({ name }) => name === 'a')?.mac ?? 0n);
}

describe('a host whose agents are dead', () => {
  it('is given no router and no DHCP server', () => {
    expect(namespacesOf(cloudOf(''), 'n1')).toEqual(['qdhcp', 'qrouter', 'root']);
    const dead = cloudOf(', alive: false');
    expect(namespacesOf(dead, 'n1')).toEqual(['root']);
    expect(namespacesOf(dead, 'n2')).toEqual(['qdhcp', 'qrouter', 'root']);
  });

  it('keeps the router that was there', () => {
    const dead = cloudOf(', alive: false', ', hosts: [n1]');
    expect(namespacesOf(dead, 'n1')).toEqual(['qrouter', 'root']);
  });

  it('keeps its servers, and others their tunnel entries for them', () => {
    const dead = cloudOf(', alive: false');
    const text = macOf(dead);
    expect(flowsOf(dead, 'hosts/n2/ovs/br-tun.flows.txt')).toContain(`dl_dst=${text}`);
    expect(flowsOf(dead, 'hosts/n1/ovs/br-int.flows.txt')).toContain(`dl_src=${text}`);
  });

  it('has no tap for a port that the server refused to bind there', () => {
    const cloud = cloudOf(', alive: false');
    const ports = cloud.neutron.ports.map((port) =>
      port.name === 'a' ? { ...port, vifType: 'binding_failed' } : port,
    );
    const refused = { ...cloud, neutron: { ...cloud.neutron, ports } };
    expect(flowsOf(refused, 'hosts/n1/ovs/br-int.flows.txt')).not.toContain(macOf(refused));
  });
});
