/** Small clouds written out for the tests of agents. */
import { type Network } from '../../src/dataplane/network.ts';
import { type Cloud } from '../../src/model/cloud.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles, compileNetworkOf } from '../../src/snapshot/read/compiled.ts';

/** The cloud of a text; any problem in it is an error of the test. */
export function cloudOf(source: string): Cloud {
  const { value, problems } = readCloudYaml('cloud.yaml', source);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  return value;
}

/** A compute host with the Open vSwitch agent and VXLAN; `more` are further lines of the agent. */
export function computeHost(name: string, last: number, more = ''): string {
  return `
  - name: ${name}
    nics:
      - {name: eth1, addresses: [172.30.20.${last}/24]}
      - {name: eth2}
    agents:
      openvswitch:
        bridge_mappings: {external: br-ex}
        bridges: {br-ex: eth2}
        tunnel_types: [vxlan]
        local_ip: 172.30.20.${last}
        l2_population: true
        arp_responder: true
${more}`;
}

/** Flows of a bridge of a compiled host, each without its cookie. */
export function flowsOf(cloud: Cloud, host: string, bridge: string): readonly string[] {
  return textOf(cloud, `hosts/${host}/ovs/${bridge}.flows.txt`)
    .split('\n')
    .filter((line) => line.includes('actions='))
    .map((line) => line.replace(/^ cookie=0x[0-9a-f]+, /, ''));
}

/** A file of the compiled dump folder. */
export function textOf(cloud: Cloud, path: string): string {
  const file = compileFiles(cloud).get(path);
  if (file === undefined) throw new Error(`no file ${path}`);
  return file();
}

/** Ports of a bridge of a compiled host: name, type, VLAN and the patch port at the other end. */
export function portsOf(network: Network, host: string, bridge: string): readonly string[] {
  const found = network.hosts.get(host)?.switch?.bridges.find(({ name }) => name === bridge);
  return (found?.ports ?? []).map(({ name, type, vlan, peer }) =>
    [
      name,
      type || 'system',
      vlan.tag === null ? '' : `tag ${vlan.tag}`,
      peer === null ? '' : `to ${peer}`,
    ]
      .filter((word) => word !== '')
      .join(' '),
  );
}

export function compiled(source: string): Network {
  return compileNetworkOf(cloudOf(source));
}
