/**
 * `hosts:` of a cloud.yaml: NICs and the agents that run there.
 *
 * Simplification: a host whose agents are dead is compiled as they left it if they heard of
 * everything that the cloud has now, for no object tells what they heard last. The server gives it no
 * router and no network's DHCP any more (l3_agent_scheduler.py, dhcp_agent_scheduler.py), and what
 * other hosts know of it stays; ports that it refused to bind there (mech_agent.py `bind_port`) are
 * those of the API with `binding_failed`, and are plugged in nowhere.
 */

import { readPrefix, writeIp } from '../../text/address-text.ts';
import {
  items,
  type JsonNode,
  keysOf,
  member,
  readAs,
  reportUnknownKeys,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';
import { nearest } from '../../text/suggest.ts';
import {
  BOND_MODES,
  type CloudHost,
  type DhcpAgent,
  type HostBond,
  type HostNic,
  type Layer2Agent,
  type Layer3Agent,
  type MetadataAgent,
  USUAL_VXLAN_GROUP,
} from '../cloud.ts';
import { type CloudPrefix } from '../neutron.ts';
import {
  address,
  mac,
  macOf,
  type Names,
  nameOf,
  objects,
  oneOf,
  text,
  texts,
  truth,
  whole,
} from './reading.ts';

export const HOST_KEYS = ['name', 'nics', 'agents', 'zone', 'alive'] as const;
export const NIC_KEYS = ['name', 'mac', 'mtu', 'addresses', 'gateway', 'bond'] as const;
export const BOND_KEYS = ['members', 'mode', 'active', 'by'] as const;
export const AGENTS = [
  'openvswitch',
  'linuxbridge',
  'l3',
  'dhcp',
  'metadata',
  'nova_network',
] as const;
/** What both agents of layer 2 know. */
const EITHER_KEYS = [
  'tunnel_types',
  'local_ip',
  'tunnel_device',
  'vxlan_udp_port',
  'l2_population',
  'arp_responder',
  'distributed_routing',
  'firewall',
] as const;
export const OPENVSWITCH_KEYS = [...EITHER_KEYS, 'bridge_mappings', 'bridges', 'datapath'] as const;
export const LINUX_BRIDGE_KEYS = [...EITHER_KEYS, 'interface_mappings', 'vxlan_group'] as const;
const LAYER2_KEYS = new Set<string>([...OPENVSWITCH_KEYS, ...LINUX_BRIDGE_KEYS]);
/** As hostname(7) has it; it is a folder's name in a dump as well. */
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
/** dev_valid_name() of the kernel: IFNAMSIZ with the end, no blank, no slash, no `.` alone. */
export const INTERFACE = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;
const TUNNELS = ['vxlan', 'gre', 'geneve'] as const;

export function readHosts(root: JsonNode, names: Names<CloudHost>): void {
  const ends = new Map<string, string>();
  for (const node of objects(member(root, 'hosts'))) {
    reportUnknownKeys(node, HOST_KEYS);
    const name = nameOf(node);
    if (name !== '' && !HOST_NAME.test(name)) {
      wrong(member(node, 'name') ?? node, 'A host name has letters, digits, dots and dashes');
    }
    const agents = member(node, 'agents');
    reportUnknownKeys(agents, AGENTS);
    const nics = objects(member(node, 'nics')).map((nic) => readNic(nic, name));
    const layer2 = readLayer2(agents, nics);
    reportBonds(node, nics, layer2);
    const host: CloudHost = {
      name,
      nics,
      layer2,
      layer3: readLayer3(member(agents, 'l3')),
      dhcp: readDhcp(member(agents, 'dhcp')),
      metadata: readMetadata(member(agents, 'metadata')),
      novaNetwork: readNovaNetwork(member(agents, 'nova_network'), nics, layer2),
      availabilityZone: text(node, 'zone', 'nova'),
      alive: truth(node, 'alive', true),
    };
    if (name !== '') names.add(name, host, node);
    reportTunnelEnd(node, host, ends);
  }
}

/** Two hosts cannot both be where a tunnel ends (`tunnel_sync` of ml2/drivers/type_tunnel.py). */
function reportTunnelEnd(node: JsonNode, host: CloudHost, ends: Map<string, string>): void {
  const address = host.layer2?.tunnelAddress;
  if (address == null) return;
  const text = writeIp(address);
  const other = ends.get(text);
  if (other === undefined) ends.set(text, host.name);
  else {
    const names = `${JSON.stringify(other)} and ${JSON.stringify(host.name)}`;
    wrong(node, `Tunnels of hosts ${names} end at the same address ${text}`);
  }
}

function readNic(node: JsonNode, host: string): HostNic {
  reportUnknownKeys(node, NIC_KEYS);
  const name = nameOf(node);
  if (!INTERFACE.test(name)) {
    wrong(node, 'An interface name has 1 to 15 characters, no blank and no slash');
  }
  const gateway = address(member(node, 'gateway'));
  return {
    name,
    mac: mac(node, 'mac') ?? (macOf('nic', host, name) & 0xff_ffffn) | 0x52_54_00_00_00_00n,
    mtu: whole(node, 'mtu', 68, 65535) ?? 1500,
    addresses: items(member(node, 'addresses')).flatMap((each) => {
      const found = readAs(each, readPrefix, 'an address with its length, 10.0.0.1/24');
      return found === undefined ? [] : [found];
    }),
    bond: readBond(member(node, 'bond')),
    ...(gateway === null ? {} : { gateway }),
  };
}

/** `bond: [eth1, eth2]`, or with its mode, its active member and who makes it. */
function readBond(node: JsonNode | undefined): HostBond | null {
  if (node === undefined) return null;
  if (Array.isArray(node.value)) {
    const members = items(node).flatMap((each) => textOf(each) ?? []);
    return { by: 'linux', mode: 'active-backup', members, active: null };
  }
  reportUnknownKeys(node, BOND_KEYS);
  const by = oneOf(node, 'by', ['linux', 'openvswitch'], 'linux');
  const mode = oneOf(node, 'mode', BOND_MODES, 'active-backup');
  const ofSwitch = mode === 'balance-slb' || mode === 'balance-tcp';
  if (mode !== 'active-backup' && ofSwitch !== (by === 'openvswitch')) {
    wrong(member(node, 'mode') ?? node, `A bond by ${by} has no mode ${mode}`);
  }
  const members = texts(node, 'members');
  const active = text(node, 'active') || null;
  if (active !== null && !members.includes(active)) {
    const near = nearest(active, members);
    wrong(member(node, 'active') ?? node, 'The active member is none of the members', near);
  }
  return { by, mode, members, active };
}

/** Members are NICs of the host that nothing else uses. */
function reportBonds(node: JsonNode, nics: readonly HostNic[], layer2: Layer2Agent | null): void {
  const owners = new Map<string, string>();
  for (const [i, row] of objects(member(node, 'nics')).entries()) {
    const nic = nics[i];
    if (nic?.bond == null) continue;
    const at = member(row, 'bond') ?? row;
    const name = JSON.stringify(nic.name);
    if (nic.bond.members.length === 0) wrong(at, `Bond ${name} has no members`);
    for (const own of nic.bond.members) {
      const found = nics.find((each) => each.name === own);
      const other = owners.get(own);
      const what = JSON.stringify(own);
      if (found === undefined) {
        const near = nearest(
          own,
          nics.map((each) => each.name),
        );
        wrong(at, `Bond ${name} uses the NIC ${what}, which the host has not`, near);
      } else if (found.bond !== null) wrong(at, `Bond ${name} has the bond ${what} as a member`);
      else if (found.addresses.length > 0) {
        wrong(at, `NIC ${what} has an address of its own and is a member of bond ${name}`);
      }
      if (other !== undefined) wrong(at, `NIC ${what} is a member of bond ${other} already`);
      owners.set(own, name);
    }
    const inBridge = [...(layer2?.bridgeNics.values() ?? [])].includes(nic.name);
    if (nic.bond.by === 'openvswitch' && !inBridge) {
      wrong(at, `Bond ${name} by openvswitch is a port of no bridge`);
    }
    if (nic.bond.by === 'openvswitch' && nic.addresses.length > 0) {
      wrong(at, `Bond ${name} by openvswitch is no device that could have an address`);
    }
  }
  const used = [
    ...(layer2?.bridgeNics ?? []),
    ...(layer2?.kind === 'linuxbridge' ? layer2.physicalNetworks : []),
  ];
  for (const [by, nic] of used) {
    const owner = owners.get(nic);
    if (owner === undefined) continue;
    wrong(
      node,
      `${JSON.stringify(by)} uses the NIC ${JSON.stringify(nic)}, a member of bond ${owner}`,
    );
  }
}

function readLayer2(agents: JsonNode | undefined, nics: readonly HostNic[]): Layer2Agent | null {
  const ovs = member(agents, 'openvswitch');
  const bridge = member(agents, 'linuxbridge');
  if (ovs !== undefined && bridge !== undefined) {
    wrong(bridge, 'A host has one layer 2 agent, not both');
  }
  const node = ovs ?? bridge;
  if (node === undefined) return null;
  reportUnknownKeys(node, [...LAYER2_KEYS]);
  const kind = ovs === undefined ? 'linuxbridge' : 'openvswitch';
  const mappings = wordMap(
    member(node, kind === 'openvswitch' ? 'bridge_mappings' : 'interface_mappings'),
  );
  const named = textOf(member(node, 'tunnel_device'));
  // A tunnel device says where tunnels end as well as its address does.
  const [own] = nics.find((nic) => nic.name === named)?.addresses ?? [];
  const localIp = address(member(node, 'local_ip')) ?? own?.address ?? null;
  const bridgeNics = wordMap(member(node, 'bridges'));
  for (const name of [...bridgeNics.keys(), ...(kind === 'openvswitch' ? mappings.values() : [])]) {
    if (!INTERFACE.test(name)) wrong(node, `${JSON.stringify(name)} is no name of a bridge`);
  }
  for (const [of, nic] of [...bridgeNics, ...(kind === 'linuxbridge' ? mappings : [])]) {
    if (!nics.some((each) => each.name === nic)) {
      wrong(
        node,
        `${JSON.stringify(of)} uses the NIC ${JSON.stringify(nic)}, which the host has not`,
      );
    }
  }
  const holder = nics.find((nic) =>
    nic.addresses.some((each) => each.address.value === localIp?.value),
  );
  const device = named ?? holder?.name ?? null;
  if (localIp !== null && device === null) {
    wrong(node, 'No NIC of the host has the address of local_ip');
  }
  const firewalls = ['openvswitch', 'iptables_hybrid', 'iptables', 'noop'] as const;
  reportAgentOptions(node, kind);
  return {
    kind,
    physicalNetworks: mappings,
    bridgeNics,
    tunnelTypes: texts(node, 'tunnel_types').flatMap((word) => {
      const found = TUNNELS.find((each) => each === word);
      if (found === undefined) wrong(node, `There is no tunnel type ${JSON.stringify(word)}`);
      return found ?? [];
    }),
    tunnelAddress: localIp,
    tunnelDevice: device,
    vxlanPort: whole(node, 'vxlan_udp_port', 1, 65535) ?? (kind === 'openvswitch' ? 4789 : 8472),
    vxlanGroup: readGroup(node),
    l2Population: truth(node, 'l2_population', false),
    arpResponder: truth(node, 'arp_responder', false),
    distributedRouting: truth(node, 'distributed_routing', false),
    firewall: oneOf(
      node,
      'firewall',
      firewalls,
      kind === 'openvswitch' ? 'openvswitch' : 'iptables',
    ),
    datapath: oneOf(node, 'datapath', ['kernel', 'userspace'], 'kernel'),
    version: '3.1.0',
  };
}

/** What the agent refuses when it starts, or cannot do anything with. */
function reportAgentOptions(node: JsonNode, kind: Layer2Agent['kind']): void {
  const known: readonly string[] = kind === 'openvswitch' ? OPENVSWITCH_KEYS : LINUX_BRIDGE_KEYS;
  for (const key of keysOf(node)) {
    if (!LAYER2_KEYS.has(key) || known.includes(key)) continue;
    wrong(member(node, key) ?? node, `The ${kind} agent has no ${key}`);
  }
  const at = member(node, 'firewall');
  const firewall = textOf(at);
  const ofBridges = firewall === 'iptables';
  const ofSwitch = firewall === 'openvswitch' || firewall === 'iptables_hybrid';
  if (at !== undefined && (kind === 'openvswitch' ? ofBridges : ofSwitch)) {
    wrong(at, `The ${kind} agent has no firewall ${firewall ?? ''}`);
  }
  const distributed = member(node, 'distributed_routing');
  if (distributed === undefined || truthOf(distributed) !== true) return;
  if (kind === 'linuxbridge')
    wrong(distributed, 'The linuxbridge agent routes nothing distributed');
  // ovs_neutron_agent.py: "DVR deployments for VXLAN/GRE/Geneve underlays require L2-pop".
  else if (texts(node, 'tunnel_types').length > 0 && !truth(node, 'l2_population', false)) {
    wrong(distributed, 'Distributed routing over tunnels needs l2_population');
  }
}

/** `vxlan_group`: an address of 224.0.0.0/4, or a range of them. */
function readGroup(node: JsonNode): CloudPrefix {
  const at = member(node, 'vxlan_group');
  if (at === undefined) return USUAL_VXLAN_GROUP;
  const found = readAs(at, readPrefix, 'a multicast address or prefix');
  if (found === undefined) return USUAL_VXLAN_GROUP;
  const { version, value } = found.address;
  if (version === 4 && value >> 28n === 0xen) return found;
  wrong(at, 'A vxlan_group is a multicast address of IPv4');
  return USUAL_VXLAN_GROUP;
}

function wordMap(node: JsonNode | undefined): ReadonlyMap<string, string> {
  return new Map(
    keysOf(node).flatMap((key) => {
      const value = textOf(member(node, key));
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

function readLayer3(node: JsonNode | undefined): Layer3Agent | null {
  if (node === undefined) return null;
  reportUnknownKeys(node, ['mode']);
  const modes = ['legacy', 'dvr', 'dvr_snat', 'dvr_no_external'] as const;
  return { mode: oneOf(node, 'mode', modes, 'legacy'), externalBridge: '' };
}

function readDhcp(node: JsonNode | undefined): DhcpAgent | null {
  if (node === undefined) return null;
  reportUnknownKeys(node, ['isolated_metadata', 'force_metadata']);
  return {
    isolatedMetadata: truth(node, 'isolated_metadata', true),
    forceMetadata: truth(node, 'force_metadata', false),
  };
}

function readMetadata(node: JsonNode | undefined): MetadataAgent | null {
  if (node === undefined) return null;
  reportUnknownKeys(node, ['nova_host', 'nova_port']);
  return {
    novaHost: text(node, 'nova_host', '127.0.0.1'),
    novaPort: whole(node, 'nova_port', 1, 65535) ?? 8775,
  };
}

/** nova-network translates what leaves by its public interface to that NIC's first address. */
function readNovaNetwork(
  node: JsonNode | undefined,
  nics: readonly HostNic[],
  layer2: Layer2Agent | null,
): CloudHost['novaNetwork'] {
  if (node === undefined) return null;
  reportUnknownKeys(node, ['public_interface']);
  const at = member(node, 'public_interface') ?? node;
  const name = text(node, 'public_interface');
  const nic = nics.find((each) => each.name === name);
  if (layer2?.kind !== 'linuxbridge') wrong(node, 'nova-network needs Linux bridges');
  if (nic === undefined) {
    const near = nearest(
      name,
      nics.map((each) => each.name),
    );
    wrong(at, `The host has no NIC ${JSON.stringify(name)}`, near);
    return null;
  }
  if (!nic.addresses.some((each) => each.address.version === 4)) {
    wrong(at, `NIC ${JSON.stringify(name)} has no address to translate to`);
  }
  return { publicInterface: name };
}
