/** The Neutron object that a flow, rule, device or namespace belongs to. */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Action, type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import {
  groupRef,
  type NeutronRef,
  networkById,
  networkOfKey,
  networkOfTag,
  networkRef,
  portOfDevice,
  portRef,
  routerOfNamespace,
  routerRef,
} from '../../trace/objects.ts';

/** A port by its device or a bridge by its network; null for what no object owns. */
export function aboutDevice(network: Network, host: string, device: string): NeutronRef | null {
  const port = portOfDevice(network, host, device);
  if (port !== null) return portRef(network, port);
  const bridge = /^brq([0-9a-f-]{11})$/.exec(device)?.[1];
  if (bridge !== undefined) {
    const found = network.neutron.networks.find(({ id }) => id.startsWith(bridge));
    return found === undefined ? null : networkRef(found);
  }
  const key = /^vxlan-(\d+)$/.exec(device)?.[1];
  const behind = key === undefined ? null : networkOfKey(network, BigInt(key));
  return behind === null ? null : networkRef(behind);
}

/** The router or network that a namespace serves; null for the host's own. */
export function aboutNamespace(network: Network, namespace: string): NeutronRef | null {
  if (namespace === ROOT) return null;
  const router = routerOfNamespace(network, namespace);
  if (router !== null) return routerRef(router);
  const id = namespaceOwner(namespace)?.id;
  // A balancer's namespace is named after the balancer, which is its VIP port's device.
  const vip = network.neutron.ports.find(({ deviceId }) => id !== undefined && deviceId === id);
  if (vip !== undefined) return portRef(network, vip);
  const of = id === undefined ? null : networkById(network, id);
  return of === null ? null : networkRef(of);
}

/** The port of a chain's name, or the group of a set's. */
export function aboutName(network: Network, text: string): NeutronRef | null {
  const chain = /neutron-[\w-]+-[ios]([0-9a-f]{8}-[0-9a-f])\b/.exec(text)?.[1];
  const tap = /\b(?:tap|qvb|qvo|qbr|qr-|qg-|ha-|sg-|fg-|ns-)([0-9a-f]{8}-[0-9a-f]{2})\b/.exec(text);
  const prefix = chain ?? tap?.[1];
  if (prefix !== undefined) {
    const port = network.neutron.ports.find(({ id }) => id.startsWith(prefix));
    if (port !== undefined) return portRef(network, port);
  }
  const bridge = /\bbrq([0-9a-f-]{11})\b/.exec(text)?.[1];
  const bridged = network.neutron.networks.find(
    ({ id }) => bridge !== undefined && id.startsWith(bridge),
  );
  if (bridged !== undefined) return networkRef(bridged);
  const set = /\bNIPv[46]([0-9a-f-]{8,})/.exec(text)?.[1];
  const group = network.neutron.securityGroups.find(
    ({ id }) => set !== undefined && id.startsWith(set),
  );
  return group === undefined ? null : groupRef(group);
}

/** The port that a flow is about, else the network of its VLAN or tunnel key. */
export function aboutFlow(
  network: Network,
  host: string,
  bridge: Bridge,
  flow: Flow,
): NeutronRef | null {
  const exact = (name: string): bigint | undefined =>
    flow.tests.find(({ field }) => field.name === name)?.value;
  const port = (number: bigint | number | undefined): NeutronPort | null => {
    const found = bridge.ports.find(({ ofport }) => ofport === Number(number));
    return found === undefined ? null : portOfDevice(network, host, found.name);
  };
  const byMac = (mac: bigint | undefined): NeutronPort | null =>
    network.neutron.ports.find((each) => mac !== undefined && each.mac === mac) ?? null;
  const owner =
    port(exact('reg5')) ??
    port(exact('in_port')) ??
    byMac(exact('eth_dst')) ??
    byMac(exact('eth_src')) ??
    byAddress(network, exact('arp_tpa')) ??
    port(outputOf(flow.actions));
  if (owner !== null) return portRef(network, owner);
  const vlan = exact('vlan_vid') ?? exact('vlan_tci') ?? exact('reg6');
  const key = exact('tun_id');
  const of =
    key === undefined
      ? vlan === undefined
        ? null
        : networkOfTag(network, host, Number(vlan) & 0xfff)
      : networkOfKey(network, key);
  return of === null ? null : networkRef(of);
}

function outputOf(actions: readonly Action[]): number | undefined {
  for (const action of actions) if (action.kind === 'output') return action.port;
  return undefined;
}

/** The only port with an address; tenants may share addresses, and then none is told. */
function byAddress(network: Network, value: bigint | undefined): NeutronPort | null {
  if (value === undefined) return null;
  const found = network.neutron.ports.filter(({ fixedIps }) =>
    fixedIps.some(({ address }) => address.version === 4 && address.value === value),
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}
