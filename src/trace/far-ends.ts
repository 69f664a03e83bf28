/**
 * The far ends of a userspace switch's tunnels. Native tunnelling resolves them by ARP of its own
 * (lib/tnl-neigh-cache.c, ofproto-dpif-xlate.c tnl_send_arp_request()); a dump taken before any
 * traffic, or after the entries aged out, does not have them yet.
 *
 * Simplification: the switch loses the packet that makes it ask; here the far end is known at once
 * when some host of the snapshot has its address, so that an idle tunnel is no broken one.
 */
import { type Network, ROOT } from '../dataplane/network.ts';
import { type Switch, type TunnelNeighbour } from '../dataplane/ovs/types/switch.ts';
import { prefixCovers, sameAddress } from '../packet/prefix.ts';

/** The switch, with neighbours for those tunnel ends that other hosts are known to have. */
export function withFarEnds(network: Network, source: Switch): Switch {
  if (source.datapath !== 'userspace') return source;
  let known: readonly TunnelNeighbour[] | null = null;
  return {
    host: source.host,
    version: source.version,
    datapath: source.datapath,
    vlanLimit: source.vlanLimit,
    get bridges() {
      return source.bridges;
    },
    get tunnelNeighbours() {
      known ??= [...source.tunnelNeighbours, ...missing(network, source)];
      return known;
    },
    get tunnelRoutes() {
      return source.tunnelRoutes;
    },
  };
}

function missing(network: Network, source: Switch): readonly TunnelNeighbour[] {
  const found: TunnelNeighbour[] = [];
  for (const port of source.bridges.flatMap(({ ports }) => ports)) {
    const remote = port.tunnel?.remote;
    if (remote === undefined || remote === null || remote === 'flow') continue;
    const to = { version: remote.version, value: remote.address };
    const route = source.tunnelRoutes
      .filter(({ prefix: { version, address }, prefixLength: length }) =>
        prefixCovers({ address: { version, value: address }, length }, to),
      )
      .sort((a, b) => b.prefixLength - a.prefixLength)[0];
    const bridge = source.bridges.find(({ ports }) =>
      ports.some(({ name }) => name === route?.device),
    );
    // A far end behind a gateway is reached by the gateway's MAC, which no dump of hosts has.
    if (bridge === undefined || route === undefined || route.gateway !== null) continue;
    const isKnown = source.tunnelNeighbours.some(
      ({ address, bridge: at }) =>
        at === bridge.name && sameAddress({ version: address.version, value: address.address }, to),
    );
    const mac = isKnown ? null : ownerMac(network, source.host, to);
    if (mac !== null) found.push({ address: remote, mac, bridge: bridge.name });
  }
  return found;
}

function ownerMac(
  network: Network,
  asking: string,
  address: { readonly version: 4 | 6; readonly value: bigint },
): bigint | null {
  for (const { name, namespaces } of network.hosts.values()) {
    if (name === asking) continue;
    for (const { mac, addresses } of namespaces.get(ROOT)?.state.interfaces ?? []) {
      if (addresses.some((own) => sameAddress(own.address, address))) return mac;
    }
  }
  return null;
}
