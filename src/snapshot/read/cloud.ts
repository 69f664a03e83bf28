/**
 * The cloud behind a snapshot: Neutron's objects as they are, and hosts as their agents report
 * themselves (API agents' `configurations`) and as their configuration files say.
 */
import { type Host, type Network, ROOT } from '../../dataplane/network.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import {
  BOND_MODES,
  type Cloud,
  type CloudHost,
  type FirewallDriver,
  type HostBond,
  type HostNic,
  type Layer2Agent,
  type Layer3Agent,
  USUAL_VXLAN_GROUP,
} from '../../model/cloud.ts';
import { NAMESPACES } from '../../model/ids.ts';
import { METADATA } from '../../model/metadata-address.ts';
import { type NeutronAgent } from '../../model/neutron.ts';
import { readIp, readPrefix } from '../../text/address-text.ts';
import { settingsOf } from './cloud-settings.ts';
import { isOn, option } from './host-options.ts';
import { loadBalancersOf } from './load-balancers.ts';

/** Agents by their binary's name. */
const AGENT = {
  openvswitch: 'neutron-openvswitch-agent',
  linuxbridge: 'neutron-linuxbridge-agent',
  layer3: 'neutron-l3-agent',
  dhcp: 'neutron-dhcp-agent',
  metadata: 'neutron-metadata-agent',
} as const;

/** Hosts without any agent are not part of the cloud: an outside world, a database host. */
export function cloudOfNetwork(network: Network): Cloud {
  const { neutron } = network;
  const names = new Set([...neutron.agents.map((agent) => agent.host)]);
  const hosts = [...names]
    .filter((name) => name !== '')
    .map((name) =>
      hostOf(
        network,
        name,
        neutron.agents.filter((agent) => agent.host === name),
      ),
    );
  return {
    neutron,
    hosts,
    loadBalancers: loadBalancersOf(network),
    hostDevices: hostDevicesOf(network),
    bgpSpeakers: neutron.bgpSpeakers ?? [],
    underlay: null,
    networkHosts: new Map(),
    settings: settingsOf(network),
  };
}

/**
 * Interfaces of hosts themselves on networks of the cloud: ports of br-int, with the port's id,
 * that neither a guest nor an agent has. Octavia's health managers have such ones.
 */
function hostDevicesOf({ hosts, neutron }: Network): Cloud['hostDevices'] {
  return neutron.ports.flatMap(({ id, host, deviceOwner }) => {
    if (deviceOwner !== HEALTH_MANAGER || host === '') return [];
    const all = hosts.get(host)?.switch?.bridges.flatMap(({ ports }) => ports) ?? [];
    const own = all.find(({ externalIds }) => externalIds['iface-id'] === id);
    return [{ portId: id, device: own?.name ?? 'o-hm0', listens: [] }];
  });
}

const HEALTH_MANAGER = 'Octavia:health-mgr';

function hostOf(network: Network, name: string, agents: readonly NeutronAgent[]): CloudHost {
  const host = network.hosts.get(name);
  const nics = [...nicsOf(host), ...switchBonds(host)];
  const find = (binary: string): NeutronAgent | undefined =>
    agents.find((agent) => agent.binary === binary);
  const ovs = find(AGENT.openvswitch);
  const bridge = find(AGENT.linuxbridge);
  const layer3 = find(AGENT.layer3);
  const dhcp = find(AGENT.dhcp);
  const metadata = find(AGENT.metadata);
  return {
    name,
    nics,
    layer2:
      ovs !== undefined
        ? ovsAgent(network, host, ovs)
        : bridge !== undefined
          ? lbAgent(host, bridge)
          : null,
    layer3: layer3 === undefined ? null : { mode: modeOf(layer3), externalBridge: '' },
    dhcp:
      dhcp === undefined
        ? null
        : {
            isolatedMetadata: isolatedMetadata(host),
            forceMetadata: isOn(option(host, 'dhcp', 'DEFAULT', 'force_metadata')),
          },
    metadata:
      metadata === undefined
        ? null
        : {
            novaHost: text(metadata, 'nova_metadata_host') ?? '127.0.0.1',
            novaPort: Number(metadata.configurations['nova_metadata_port'] ?? 8775),
          },
    novaNetwork: null,
    availabilityZone: layer3?.availabilityZone ?? dhcp?.availabilityZone ?? 'nova',
    alive: agents.every((agent) => agent.alive && agent.adminUp),
  };
}

function ovsAgent(network: Network, host: Host | undefined, agent: NeutronAgent): Layer2Agent {
  const mappings = agent.configurations['bridge_mappings'];
  const hybrid = agent.configurations['ovs_hybrid_plug'] === true;
  const driver = option(host, 'openvswitch', 'securitygroup', 'firewall_driver');
  return {
    kind: 'openvswitch',
    physicalNetworks: mapOf(mappings),
    bridgeNics: new Map([...usualNics(network, host, mapOf(mappings)), ...bridgeNics(host)]),
    tunnelTypes: tunnelTypes(agent),
    tunnelAddress: tunnelAddress(agent),
    tunnelDevice: tunnelDevice(host, agent),
    vxlanPort: Number(option(host, 'openvswitch', 'agent', 'vxlan_udp_port') ?? 4789),
    vxlanGroup:
      readPrefix(option(host, 'linuxbridge', 'vxlan', 'vxlan_group') ?? '') ?? USUAL_VXLAN_GROUP,
    l2Population: agent.configurations['l2_population'] === true,
    arpResponder: agent.configurations['arp_responder_enabled'] === true,
    distributedRouting: agent.configurations['enable_distributed_routing'] === true,
    firewall: isFiltered(host, 'openvswitch')
      ? hybrid
        ? 'iptables_hybrid'
        : firewallOf(driver)
      : 'noop',
    datapath: agent.configurations['datapath_type'] === 'netdev' ? 'userspace' : 'kernel',
    version: host?.switch?.version ?? '',
  };
}

function lbAgent(host: Host | undefined, agent: NeutronAgent): Layer2Agent {
  return {
    kind: 'linuxbridge',
    physicalNetworks: mapOf(agent.configurations['interface_mappings']),
    bridgeNics: new Map(),
    tunnelTypes: tunnelTypes(agent),
    tunnelAddress: tunnelAddress(agent),
    tunnelDevice: tunnelDevice(host, agent),
    vxlanPort: Number(option(host, 'linuxbridge', 'vxlan', 'udp_dstport') ?? 8472),
    vxlanGroup:
      readPrefix(option(host, 'linuxbridge', 'vxlan', 'vxlan_group') ?? '') ?? USUAL_VXLAN_GROUP,
    l2Population: agent.configurations['l2_population'] === true,
    arpResponder: isOn(option(host, 'linuxbridge', 'vxlan', 'arp_responder')),
    distributedRouting: false,
    firewall: isFiltered(host, 'linuxbridge') ? 'iptables' : 'noop',
    datapath: 'kernel',
    version: '',
  };
}

/** `enable_security_group`, and a driver that does something. */
function isFiltered(host: Host | undefined, agent: string): boolean {
  const enabled = option(host, agent, 'securitygroup', 'enable_security_group') ?? 'true';
  const driver = option(host, agent, 'securitygroup', 'firewall_driver') ?? '';
  return isOn(enabled) && !/noop/i.test(driver);
}

function firewallOf(driver: string | undefined): FirewallDriver {
  switch (driver) {
    case 'iptables_hybrid':
      return driver;
    default:
      return 'openvswitch';
  }
}

function mapOf(value: unknown): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(Object.entries(value).map(([key, each]) => [key, String(each)]));
}

function tunnelTypes(agent: NeutronAgent): Layer2Agent['tunnelTypes'] {
  const types: unknown = agent.configurations['tunnel_types'];
  const known = ['vxlan', 'gre', 'geneve'] as const;
  return Array.isArray(types) ? known.filter((kind) => types.includes(kind)) : [];
}

function tunnelAddress(agent: NeutronAgent): Layer2Agent['tunnelAddress'] {
  return readIp(text(agent, 'tunneling_ip') ?? '') ?? null;
}

function text(agent: NeutronAgent, name: string): string | undefined {
  const value = agent.configurations[name];
  return typeof value === 'string' ? value : undefined;
}

function modeOf(agent: NeutronAgent): Layer3Agent['mode'] {
  const mode = text(agent, 'agent_mode');
  return mode === 'dvr' || mode === 'dvr_snat' || mode === 'dvr_no_external' ? mode : 'legacy';
}

/** `enable_isolated_metadata`; without the agent's file, as its namespaces show it. */
function isolatedMetadata(host: Host | undefined): boolean {
  const set = option(host, 'dhcp', 'DEFAULT', 'enable_isolated_metadata');
  if (set !== undefined) return isOn(set);
  const servers = [...(host?.namespaces.values() ?? [])].filter(({ name }) =>
    name.startsWith(NAMESPACES.dhcp),
  );
  return servers.some(({ state }) =>
    state.interfaces.some(({ addresses }) =>
      addresses.some(({ address }) => address.version === 4 && address.value === METADATA[4].value),
    ),
  );
}

/** NICs: physical devices and the ends of the lab's cables in the host's own namespace. */
function nicsOf(host: Host | undefined): readonly HostNic[] {
  const root = host?.namespaces.get(ROOT)?.state;
  if (root === undefined) return [];
  return root.interfaces
    .filter(
      ({ kind, name }) =>
        /^(|bond|team)$/.test(kind) || (kind === 'veth' && /^(eth|en|bond)/.test(name)),
    )
    .filter(({ loopback }) => !loopback)
    .map((nic) => ({
      name: nic.name,
      mac: nic.mac,
      mtu: nic.mtu,
      addresses: nic.addresses.map(({ address, length }) => ({ address, length })),
      bond: bondOf(nic, root.interfaces),
    }));
}

/** The kernel's bonds; those of Open vSwitch stand in its database (`switchBonds`). */
function bondOf({ kind, name, details }: Interface, all: readonly Interface[]): HostBond | null {
  if (kind !== 'bond' && kind !== 'team') return null;
  const mode = BOND_MODES.find((each) => each === details['mode']) ?? 'active-backup';
  const active = details['active_slave'];
  return {
    by: 'linux',
    mode,
    members: all.filter(({ master }) => master === name).map((each) => each.name),
    active: typeof active === 'string' ? active : null,
  };
}

/** Bonded ports of provider bridges, as NICs called after their Port rows. */
function switchBonds(host: Host | undefined): readonly HostNic[] {
  const found = new Map<string, HostNic>();
  for (const bridge of host?.switch?.bridges ?? []) {
    for (const { bundle, bond, mac, mtu } of bridge.ports) {
      if (bond === null || found.has(bundle)) continue;
      const members = bridge.ports.filter((port) => port.bundle === bundle);
      const mode = BOND_MODES.find((each) => each === bond.mode) ?? 'active-backup';
      found.set(bundle, {
        ...{ name: bundle, mac, mtu: mtu ?? 1500, addresses: [] },
        bond: {
          ...{ by: 'openvswitch', mode },
          members: members.map(({ name }) => name),
          active: bond.active,
        },
      });
    }
  }
  return [...found.values()];
}

/** The NIC of a provider bridge; a trunk's bridge holds a guest's tap, which is none. */
function bridgeNics(host: Host | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const nics = new Set(nicsOf(host).map(({ name }) => name));
  for (const bridge of host?.switch?.bridges ?? []) {
    if (bridge.name === 'br-int' || bridge.name === 'br-tun') continue;
    const nic = bridge.ports.find(({ name }) => nics.has(name));
    if (nic !== undefined) found.set(bridge.name, nic.bond === null ? nic.name : nic.bundle);
  }
  return found;
}

/**
 * NICs that provider bridges should have: no agent says it, but a bridge without one whose
 * namesakes on other hosts all hold the same NIC has lost it, when the host has that NIC free.
 */
function usualNics(
  network: Network,
  host: Host | undefined,
  mappings: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const own = bridgeNics(host);
  const free = new Set(nicsOf(host).map(({ name }) => name));
  for (const nic of own.values()) free.delete(nic);
  const found = new Map<string, string>();
  for (const bridge of mappings.values()) {
    if (own.has(bridge)) continue;
    const elsewhere = [...network.hosts.values()].flatMap(
      (one) => bridgeNics(one).get(bridge) ?? [],
    );
    const [nic] = new Set(elsewhere);
    if (nic !== undefined && new Set(elsewhere).size === 1 && free.has(nic)) found.set(bridge, nic);
  }
  return found;
}

/** The interface that holds the tunnels' address. */
function tunnelDevice(host: Host | undefined, agent: NeutronAgent): string | null {
  const address = tunnelAddress(agent);
  const root = host?.namespaces.get(ROOT)?.state;
  if (address === null || root === undefined) return null;
  const found = root.interfaces.find((each) =>
    each.addresses.some(({ address: own }) => own.value === address.value),
  );
  return found?.name ?? null;
}
