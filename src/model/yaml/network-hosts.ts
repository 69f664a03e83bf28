/**
 * `network_host:` and `multi_host:` of networks that a manager of nova-network makes: the hosts
 * whose bridges have the gateway's address, give addresses by dnsmasq and translate what leaves
 * (nova/network/linux_net.py `initialize_gateway_device`, manager.py `_get_dhcp_ip`).
 *
 * Simplification: bridges and taps of nova-network's hosts have the names of Neutron's Linux bridge
 * agent, and its firewall stands for nova-compute's: what the host itself routes to a guest of its
 * own is not filtered.
 */
import { type JsonNode, member, truthOf, wrong } from '../../text/json-text.ts';
import { type CloudHost, type NetworkHost } from '../cloud.ts';
import { carrierOf, segmentOn } from '../network-segments.ts';
import { type FixedIp, type NeutronNetwork } from '../neutron.ts';
import { type PortContext } from './ports.ts';
import { objects, text } from './reading.ts';

/** Network id → hosts, one or with `multi_host` all that have guests of the network. */
export function readNetworkHosts(
  root: JsonNode,
  context: PortContext,
): ReadonlyMap<string, readonly NetworkHost[]> {
  const found = new Map<string, readonly NetworkHost[]>();
  for (const row of objects(member(root, 'networks'))) {
    const network = context.networks.get(text(row, 'name'));
    const several = member(row, 'multi_host');
    const at = member(row, 'network_host') ?? several;
    if (at === undefined || network === undefined) continue;
    if (member(row, 'network_host') !== undefined && several !== undefined) {
      wrong(several, 'A network has one network_host or is multi_host, not both');
    }
    const manager = text(row, 'manager', 'none');
    if (manager === 'none') {
      wrong(at, 'Only a network of a manager of nova-network has a network_host');
      continue;
    }
    const all = truthOf(several) === true;
    const hosts = all ? hostsWithGuests(network, context) : named(at, context);
    const dhcp = manager !== 'flat';
    const serving = hosts.flatMap((host): NetworkHost[] => {
      if (!carries(at, host, network)) return [];
      const gateways = all ? takenBy(host, network, context, at) : gatewaysOf(network, context);
      return [{ host: host.name, gateways, dhcp, ownGuestsOnly: all }];
    });
    if (serving.length > 0) found.set(network.id, serving);
  }
  return found;
}

function named(at: JsonNode, context: PortContext): readonly CloudHost[] {
  if (typeof at.value === 'boolean') return [];
  const host = context.hosts.find(at);
  return host === undefined ? [] : [host];
}

function carries(at: JsonNode, host: CloudHost, network: NeutronNetwork): boolean {
  const name = `Host ${JSON.stringify(host.name)}`;
  if (host.layer2?.kind !== 'linuxbridge') {
    wrong(at, `${name} has no Linux bridges`);
    return false;
  }
  if (segmentOn(network, carrierOf(host.layer2)) !== null) return true;
  wrong(at, `${name} cannot carry network ${JSON.stringify(network.name)}`);
  return false;
}

function hostsWithGuests(network: NeutronNetwork, context: PortContext): readonly CloudHost[] {
  const names = new Set(
    context.ports.all
      .filter(({ networkId, deviceOwner }) => {
        return networkId === network.id && deviceOwner.startsWith('compute:');
      })
      .map(({ host }) => host),
  );
  return context.hosts.all.filter(({ name }) => names.has(name));
}

function gatewaysOf(network: NeutronNetwork, context: PortContext): readonly FixedIp[] {
  return context
    .subnetsOf(network.id)
    .flatMap(({ id, gateway }) => (gateway === null ? [] : [{ subnetId: id, address: gateway }]));
}

/** Every host takes an address of its own out of the network. */
function takenBy(
  host: CloudHost,
  network: NeutronNetwork,
  { subnetsOf, allocation }: PortContext,
  at: JsonNode,
): readonly FixedIp[] {
  return subnetsOf(network.id).flatMap((subnet) => {
    const owner = `the gateway of ${network.name} on ${host.name}`;
    return allocation.take(subnet, owner, at) ?? [];
  });
}
