/**
 * Which of a network's segments a host uses. A network may have several (multi-provider networks,
 * routed provider networks); ML2 binds a port to the first one that the agent of its host carries
 * (neutron/plugins/ml2/drivers/mech_agent.py, `check_segment_for_agent`).
 */
import { type Layer2Agent } from './cloud.ts';
import {
  type NetworkSegment,
  type NeutronAgent,
  type NeutronNetwork,
  type NeutronSubnet,
} from './neutron.ts';

/** What an agent can connect its host to. */
export interface Carrier {
  readonly physicalNetworks: ReadonlySet<string>;
  readonly tunnelTypes: ReadonlySet<string>;
}

/** What a host's layer 2 agent carries; nothing without an agent. */
export function carrierOf(layer2: Layer2Agent | null): Carrier {
  const tunnels = layer2?.tunnelAddress == null ? [] : layer2.tunnelTypes;
  return {
    physicalNetworks: new Set(layer2?.physicalNetworks.keys() ?? []),
    tunnelTypes: new Set(
      layer2?.kind === 'linuxbridge' ? tunnels.filter((type) => type === 'vxlan') : tunnels,
    ),
  };
}

/** The same of a host's agents as they report themselves to Neutron. */
export function reportedCarrier(agents: readonly NeutronAgent[], host: string): Carrier {
  const own = agents.filter((agent) => agent.host === host).map((agent) => agent.configurations);
  const keys = own.flatMap((each) =>
    [each['bridge_mappings'], each['interface_mappings']].flatMap((mappings) =>
      typeof mappings === 'object' && mappings !== null ? Object.keys(mappings) : [],
    ),
  );
  const types = own.flatMap((each) =>
    Array.isArray(each['tunnel_types']) ? each['tunnel_types'].map(String) : [],
  );
  return { physicalNetworks: new Set(keys), tunnelTypes: new Set(types) };
}

/** Whether the agent can connect ports to the segment. */
export function carries(
  carrier: Carrier,
  { type, physicalNetwork }: Pick<NetworkSegment, 'type' | 'physicalNetwork'>,
): boolean {
  if (type === 'local') return true;
  if (type === 'flat' || type === 'vlan') {
    return physicalNetwork !== null && carrier.physicalNetworks.has(physicalNetwork);
  }
  return carrier.tunnelTypes.has(type);
}

/** The segment that ports of a host are bound to; null when the host carries none. */
export function segmentOn({ segments }: NeutronNetwork, carrier: Carrier): NetworkSegment | null {
  return segments.find((segment) => carries(carrier, segment)) ?? null;
}

/** The network as a host sees it: its provider attributes are those of the host's segment. */
export function networkOn(network: NeutronNetwork, carrier: Carrier): NeutronNetwork {
  if (network.segments.length < 2) return network;
  const found = segmentOn(network, carrier);
  return found === null ? network : { ...network, provider: found };
}

/** Routed provider networks: each of their subnets belongs to one segment. */
export function isRoutedNetwork(subnets: readonly NeutronSubnet[]): boolean {
  return subnets.some(({ segmentId }) => segmentId !== null);
}

/**
 * Subnets of which ports on a host may have addresses: of a routed provider network those of the
 * segments that the host carries, of any other network all (`ipam_backend_mixin`).
 */
export function subnetsOn(
  network: NeutronNetwork,
  subnets: readonly NeutronSubnet[],
  carrier: Carrier,
): readonly NeutronSubnet[] {
  if (!isRoutedNetwork(subnets)) return subnets;
  const here = network.segments.filter((segment) => carries(carrier, segment)).map(({ id }) => id);
  return subnets.filter(({ segmentId }) => segmentId !== null && here.includes(segmentId));
}

/** The segment that a subnet is on: its own, or the network's first. */
export function segmentOfSubnet(
  { segments }: NeutronNetwork,
  { segmentId }: Pick<NeutronSubnet, 'segmentId'>,
): NetworkSegment | null {
  return segments.find(({ id }) => id === segmentId) ?? segments[0] ?? null;
}
