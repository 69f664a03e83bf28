/**
 * The Open vSwitch agent: connects what the other agents plugged in to br-int, guards it, and
 * joins br-int to the physical networks and to the other hosts' tunnels.
 */
import { type Layer2Agent } from '../../model/cloud.ts';
import { deviceName, tunnelPort } from '../../model/ids.ts';
import { type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { type BridgeRules, bridgeFirewall, firstZone } from '../bridge-firewall.ts';
import { type Layer2, type Place, type Plug } from '../part.ts';
import { type BridgePlan, emptyNamespace, type PortPlan } from '../plan.ts';
import {
  type Distribution,
  distributionOf,
  integrationDistributed,
  providerDistributed,
  tunnelDistributed,
} from './distributed.ts';
import {
  firewallBase,
  type GuardedPort,
  guardedPort,
  invalidDropped,
  trustedPort,
} from './firewall.ts';
import { flow, lastOfEach, mac, UNTAGGED } from './flow-text.ts';
import { tunnelNeighbours, tunnelRoutes } from './native-tunnels.ts';
import { inPike } from './pike.ts';
import { devicePort, localPort, nicOf, nicPorts, type Plugged, patch, plainPort } from './ports.ts';
import { fromProvider, type PhysicalNetwork, providerFlows } from './provider-bridge.ts';
import { markingFlows, policyOf } from './qos.ts';
import { rootOf } from './root-devices.ts';
import { securityRules } from './rules.ts';
import { spoofingFlows } from './spoofing.ts';
import { DEAD_VLAN, INT, PHYSICAL } from './tables.ts';
import { trunkBridges, trunkPair, withSubPorts } from './trunks.ts';
import { type RemoteEnd, reachedBy, type TunnelledNetwork, tunnelFlows } from './tunnel-bridge.ts';

const BR_INT = 'br-int';
const BR_TUN = 'br-tun';
const TUNNELS = ['vxlan', 'gre', 'geneve'] as const;

export const openvswitch: Layer2 = (at, devices) => {
  const { layer2 } = at.host;
  if (layer2 === null) return { switch: null, root: emptyNamespace('root') };
  const plugs = withSubPorts(at, devices);
  const pike = at.view.cloud.settings.dialect === 'pike';
  const physical = physicalNetworks(at, layer2, plugs);
  const patchTun = layer2.tunnelTypes.length > 0 ? at.numbers.ofport(BR_INT, 'patch-tun') : null;
  const plugged = plugs.map((plug) => connect(at, layer2, plug));
  const distribution = layer2.distributedRouting
    ? distributionOf(
        at,
        plugged.map((each) => ({ ...each, guarded: guards(layer2, each.port) })),
      )
    : null;
  const bridges: BridgePlan[] = [
    integrationBridge(at, layer2, plugged, physical, patchTun, distribution),
    ...physical.map((each) => providerBridge(at, layer2, each, distribution)),
  ];
  if (patchTun !== null) bridges.push(tunnelBridge(at, layer2, plugged, distribution));
  bridges.push(...trunkBridges(at, plugs, (plug) => switchEnd(layer2, plug)));
  bridges.push(...otherBridges(at, layer2));
  return {
    switch: {
      version: layer2.version,
      datapath: layer2.datapath,
      openflow: pike ? '1.0' : '1.3',
      bridges: pike ? bridges.map(inPike) : bridges,
      tunnelRoutes: tunnelRoutes(at.host, layer2),
      tunnelNeighbours: tunnelNeighbours(at, layer2),
    },
    root: { ...rootOf(at, bridges, plugged), ...hybridRules(at, layer2, plugged) },
  };
};

/** With iptables_hybrid, the rules of the firewall bridges in the host's own namespace. */
function hybridRules(
  at: Place,
  layer2: Layer2Agent,
  plugged: readonly Plugged[],
): Partial<BridgeRules> {
  if (layer2.firewall !== 'iptables_hybrid') return {};
  const guests = plugged.filter(isGuest);
  const guarded = guests.filter(({ port }) => isGuarded(port));
  const unguarded = guests.filter(({ port }) => !isGuarded(port)).map(({ device }) => device);
  // Routers and DHCP servers are known by the name a tap of theirs would have.
  const trusted = plugged
    .filter((plug) => !isGuest(plug))
    .map(({ port }) => deviceName('tap', port.id));
  // Every port has a zone of its own (OVSHybridIptablesFirewallDriver CONNTRACK_ZONE_PER_PORT).
  const ports = guarded.map(({ port, device }) => ({
    port,
    tap: device,
    behind: deviceName('qvb', port.id),
    zone: firstZone(at.view) - 1 + at.numbers.zone(port.id),
    label: port.id,
  }));
  const binary = 'neutron-openvswitch-agent';
  return bridgeFirewall(at.view, binary, { guarded: ports, unguarded, trusted });
}

function isGuest({ kind }: Plug): boolean {
  return kind === 'tap' || kind === 'sub-port';
}

/** What of a plugged device is a port of a bridge: with a firewall bridge between, its veth. */
function switchEnd(layer2: Layer2Agent, { port, device, kind }: Plug): string {
  const hybrid = layer2.firewall === 'iptables_hybrid' && kind === 'tap';
  return hybrid ? deviceName('qvo', port.id) : device;
}

function connect(at: Place, layer2: Layer2Agent, plug: Plug): Plugged {
  const pair = trunkPair(at, plug);
  const name = pair?.inner ?? switchEnd(layer2, plug);
  return {
    ...plug,
    name,
    peer: pair?.outer ?? null,
    ofport: at.numbers.ofport(BR_INT, name),
    vlan: at.numbers.localVlan(plug.port.networkId),
  };
}

function physicalNetworks(
  at: Place,
  layer2: Layer2Agent,
  plugs: readonly Plug[],
): readonly (PhysicalNetwork & { readonly name: string })[] {
  return [...layer2.physicalNetworks].map(([name, bridge]) => {
    const inner = at.numbers.ofport(BR_INT, `int-${bridge}`);
    at.numbers.ofport(bridge, layer2.bridgeNics.get(bridge) ?? '');
    const outer = at.numbers.ofport(bridge, `phy-${bridge}`);
    const networks = networksOf(at, plugs)
      .filter(({ provider }) => provider.physicalNetwork === name)
      .map((network) => ({ network, vlan: at.numbers.localVlan(network.id) }));
    return { name, bridge, inner, outer, networks };
  });
}

/** Networks with a port on this host, in the order of the plugs. */
function networksOf(at: Place, plugs: readonly Plug[]): readonly NeutronNetwork[] {
  const ids = new Set(plugs.map(({ port }) => port.networkId));
  return [...ids].flatMap((id) => at.view.networks.get(id) ?? []);
}

function integrationBridge(
  at: Place,
  layer2: Layer2Agent,
  plugged: readonly Plugged[],
  physical: readonly PhysicalNetwork[],
  patchTun: number | null,
  distribution: Distribution | null,
): BridgePlan {
  const ports: PortPlan[] = [
    localPort(BR_INT),
    ...physical.map(({ bridge, inner }) => patch(`int-${bridge}`, inner, `phy-${bridge}`)),
    ...(patchTun === null ? [] : [patch('patch-tun', patchTun, 'patch-int')]),
    ...plugged.map((plug) => devicePort(at, plug)),
  ];
  const flows = [
    ...integrationBase(),
    ...physical.flatMap(fromProvider),
    ...(distribution === null ? [] : integrationDistributed(distribution, physical, patchTun)),
    ...plugged.flatMap(({ port, ofport }) => markingFlows(policyOf(at.view, port), ofport)),
    ...plugged.filter(({ port }) => !port.adminUp).map(({ ofport }) => deadPort(ofport)),
    ...filtering(at, layer2, plugged),
  ];
  return { name: BR_INT, failMode: 'secure', ports, flows: lastOfEach(flows) };
}

/**
 * A port that was set down loses its VLAN and is heard no more; what its firewall was told stays
 * (ovs_neutron_agent.py `port_dead()`).
 */
function deadPort(ofport: number): string {
  return flow(INT.LOCAL_SWITCHING, 2, `in_port=${ofport}`, 'drop');
}

function integrationBase(): string[] {
  const next = (table: number): string => `goto_table:${table}`;
  return [
    flow(INT.LOCAL_SWITCHING, 65535, `dl_vlan=${DEAD_VLAN}`, 'drop'),
    flow(INT.LOCAL_SWITCHING, 0, '', next(INT.PACKET_RATE_LIMIT)),
    flow(INT.CANARY, 0, '', 'drop'),
    flow(INT.ARP_SPOOF, 0, '', 'drop'),
    flow(INT.LOCAL_EGRESS, 0, '', next(INT.PACKET_RATE_LIMIT)),
    flow(INT.LOCAL_IP, 0, '', next(INT.PACKET_RATE_LIMIT)),
    flow(INT.PACKET_RATE_LIMIT, 0, '', next(INT.TRANSIENT)),
    flow(INT.TRANSIENT, 3, '', 'NORMAL'),
    flow(INT.TRANSIENT_EGRESS, 3, '', 'NORMAL'),
  ];
}

/** What the firewall driver adds: everything as flows, or spoofing alone beside iptables. */
function filtering(at: Place, layer2: Layer2Agent, plugged: readonly Plugged[]): string[] {
  switch (layer2.firewall) {
    case 'openvswitch': {
      const guarded: GuardedPort[] = plugged
        .filter(({ port }) => isGuarded(port))
        .map((each) => ({ ...each, onWire: onWire(at, each) }));
      const trusted = plugged.filter(({ port }) => !isGuarded(port));
      return [
        ...firewallBase(),
        ...(guarded.length === 0 ? [] : invalidDropped()),
        ...trusted.flatMap(trustedPort),
        ...guarded.flatMap(guardedPort),
        ...securityRules(at.view, at.numbers, guarded),
      ];
    }
    case 'iptables_hybrid':
    case 'iptables':
    case 'noop':
      return plugged.flatMap(({ port, ofport }) => spoofingFlows(port, ofport));
  }
}

/** The tag that frames of a network have between hosts; tunnels carry frames without one. */
function onWire({ view }: Place, { port }: Plugged): string | null {
  const { type, segmentationId } = view.networks.get(port.networkId)?.provider ?? {};
  if (type === 'vlan') return `dl_vlan=${segmentationId ?? 0}`;
  return type === 'flat' ? UNTAGGED : null;
}

function guards(layer2: Layer2Agent, port: NeutronPort): boolean {
  return layer2.firewall === 'openvswitch' && isGuarded(port);
}

function isGuarded(port: NeutronPort): boolean {
  return port.portSecurity && !port.deviceOwner.startsWith('network:');
}

function providerBridge(
  at: Place,
  layer2: Layer2Agent,
  physical: PhysicalNetwork,
  distribution: Distribution | null,
): BridgePlan {
  const { bridge, outer } = physical;
  const nic = layer2.bridgeNics.get(bridge);
  return {
    name: bridge,
    failMode: 'secure',
    ports: [
      localPort(bridge),
      ...(nic === undefined ? [] : nicPorts(at, bridge, nic)),
      patch(`phy-${bridge}`, outer, `int-${bridge}`),
    ],
    flows: lastOfEach([
      ...providerFlows(
        physical,
        distribution === null ? null : { others: distribution.others.map(mac) },
      ),
      ...(distribution === null
        ? []
        : providerDistributed(distribution, physical, {
            process: PHYSICAL.DVR_PROCESS,
            translate: PHYSICAL.LOCAL_VLAN_TRANSLATION,
          })),
    ]),
  };
}

function tunnelBridge(
  at: Place,
  layer2: Layer2Agent,
  plugged: readonly Plugged[],
  distribution: Distribution | null,
): BridgePlan {
  const patchInt = at.numbers.ofport(BR_TUN, 'patch-int');
  const ports: PortPlan[] = [localPort(BR_TUN), patch('patch-int', patchInt, 'patch-tun')];
  const networks: TunnelledNetwork[] = networksOf(at, plugged)
    .filter(({ provider }) => TUNNELS.some((kind) => kind === provider.type))
    .map((network) => ({ network, vlan: at.numbers.localVlan(network.id) }));
  const ends: RemoteEnd[] = [];
  for (const kind of TUNNELS) {
    if (!layer2.tunnelTypes.includes(kind)) continue;
    // With l2population a tunnel is made when the first port of a network comes up behind it.
    const own = networks.filter(({ network }) => network.provider.type === kind);
    const isWanted = layer2.l2Population
      ? reachedBy(
          at,
          own.map(({ network }) => network),
        )
      : (): boolean => true;
    for (const other of at.view.cloud.hosts) {
      const remote = other.layer2?.tunnelAddress;
      if (other.name === at.host.name || !remote || !other.layer2?.tunnelTypes.includes(kind)) {
        continue;
      }
      if (!isWanted(other.name)) continue;
      const name = tunnelPort(kind, remote.value);
      const ofport = at.numbers.ofport(BR_TUN, name);
      ends.push({ host: other.name, ofport, kind });
      ports.push({
        ...plainPort(name, ofport),
        type: kind,
        options: tunnelOptions(layer2, kind, remote),
      });
    }
  }
  return {
    name: BR_TUN,
    failMode: 'secure',
    ports,
    flows: lastOfEach([
      ...tunnelFlows(at, layer2, { patch: patchInt, ends, networks }),
      ...(distribution === null ? [] : tunnelDistributed(distribution, patchInt)),
    ]),
  };
}

/** Bridges that the operator made, such as the one that holds the tunnels' address. */
function otherBridges(at: Place, layer2: Layer2Agent): BridgePlan[] {
  const known = new Set([BR_INT, BR_TUN, ...layer2.physicalNetworks.values()]);
  return [...layer2.bridgeNics]
    .filter(([name]) => !known.has(name))
    .map(([name, nic]) => ({
      name,
      failMode: 'standalone',
      ports: [{ ...localPort(name), ...nicOf(at.host, nic) }, ...nicPorts(at, name, nic)],
      flows: [flow(0, 0, '', 'NORMAL')],
    }));
}

function tunnelOptions(
  layer2: Layer2Agent,
  kind: (typeof TUNNELS)[number],
  remote: NonNullable<Layer2Agent['tunnelAddress']>,
): Record<string, string> {
  return {
    df_default: 'true',
    egress_pkt_mark: '0',
    in_key: 'flow',
    ...(layer2.tunnelAddress === null ? {} : { local_ip: writeIp(layer2.tunnelAddress) }),
    out_key: 'flow',
    remote_ip: writeIp(remote),
    ...(kind !== 'vxlan' || layer2.vxlanPort === 4789
      ? {}
      : { dst_port: String(layer2.vxlanPort) }),
  };
}
