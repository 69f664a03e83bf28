/**
 * What stands on a host without any agent: bridges of the switch that only join devices of guests,
 * as labs have them inside of a guest. Nobody's intent tells of them.
 */
import { type Host, type NamespaceState, type Network, ROOT } from '../../dataplane/network.ts';
import { isForeignBridge } from '../../snapshot/read/foreign-bridges.ts';

/** The host without bridges that no agent makes and that the other side lacks. */
export function withoutForeign(network: Network, host: Host, other: Host | undefined): Host {
  const { switch: own } = host;
  if (own === null) return host;
  const known = new Set(other?.switch?.bridges.map(({ name }) => name));
  const foreign = own.bridges.filter(
    (bridge) => !known.has(bridge.name) && isForeignBridge(network, host.name, bridge),
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
