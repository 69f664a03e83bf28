/**
 * What stands on a host without any agent: bridges of the switch that only join devices of guests,
 * as labs have them inside of a guest. Nobody's intent tells of them.
 */
import { type Host, type NamespaceState, type Network, ROOT } from '../../dataplane/network.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';

/**
 * The host without bridges that no agent makes and that the other side lacks. A bridge is somebody
 * else's when it has no patch, no tunnel, no port with an id of Neutron and no NIC.
 */
export function withoutForeign(network: Network, host: Host, other: Host | undefined): Host {
  const { switch: own } = host;
  if (own === null) return host;
  const known = new Set(other?.switch?.bridges.map(({ name }) => name));
  const foreign = own.bridges.filter(
    (bridge) => !known.has(bridge.name) && isForeign(network, host.name, bridge),
  );
  if (foreign.length === 0) return host;
  const devices = new Set(foreign.flatMap(({ ports }) => ports.map(({ name }) => name)));
  const namespaces = new Map<string, NamespaceState>(host.namespaces);
  const root = namespaces.get(ROOT);
  if (root !== undefined) {
    const interfaces = root.state.interfaces.filter(({ name }) => !devices.has(name));
    namespaces.set(ROOT, { ...root, state: { ...root.state, interfaces } });
  }
  const bridges = own.bridges.filter((bridge) => !foreign.includes(bridge));
  return { ...host, namespaces, switch: { ...own, bridges } };
}

const OF_AGENTS = /^(br-int|br-tun|tbr-.*)$/;

function isForeign(network: Network, host: string, { name, ports }: Bridge): boolean {
  if (OF_AGENTS.test(name)) return false;
  return ports.every((port) => {
    if (port.type === 'patch' || port.tunnel !== null) return false;
    if (port.externalIds['iface-id'] !== undefined) return false;
    return network.wire({ host, namespace: ROOT, name: port.name }).kind !== 'segment';
  });
}
