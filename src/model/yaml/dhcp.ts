/** Ports of DHCP servers, and which agents serve a network. */
import { items, type JsonNode, member, wrong } from '../../text/json-text.ts';
import { type Cloud, type CloudHost } from '../cloud.ts';
import { carrierOf, isRoutedNetwork, segmentOn, subnetsOn } from '../network-segments.ts';
import { type NeutronSubnet } from '../neutron.ts';
import { makePort, type PortContext } from './ports.ts';
import { idOf, objects, text, texts } from './reading.ts';
import { subnetsOf } from './router-ports.ts';

/**
 * A DHCP port per agent of every network with a served subnet. Agents are those that the network
 * names; else of those that can carry it the least loaded (`WeightScheduler`), and in a routed
 * provider network so many for each segment.
 */
export function makeDhcpPorts(
  root: JsonNode,
  context: PortContext,
  agents: number,
  networkHosts: Cloud['networkHosts'],
): ReadonlyMap<string, readonly string[]> {
  const servers = context.hosts.all.filter((host) => host.dhcp !== null && host.alive);
  const hosting = new Map<string, readonly string[]>();
  const rows = new Map(objects(member(root, 'networks')).map((row) => [text(row, 'name'), row]));
  const load = new Map<string, number>();
  for (const network of context.networks.all) {
    const row = rows.get(network.name) ?? root;
    const named = namedAgents(member(row, 'dhcp_agents'), context);
    const served = subnetsOf(context, network).filter((subnet) => subnet.dhcp);
    if (served.length === 0 || !network.adminUp) continue;
    // Where nova-network is the gateway, its own dnsmasq stands on the bridge.
    if (networkHosts.get(network.id)?.some(({ dhcp }) => dhcp) === true) continue;
    const near = (host: CloudHost): readonly NeutronSubnet[] =>
      subnetsOn(network, served, carrierOf(host.layer2));
    const able = servers.filter((host) => segmentOn(network, carrierOf(host.layer2)) !== null);
    const parts = isRoutedNetwork(served) ? network.segments : [null];
    const hosts =
      named ??
      parts.flatMap((segment) => {
        const on = able.filter((host) =>
          near(host).some(({ segmentId }) => segment === null || segmentId === segment.id),
        );
        return leastLoaded(on, load, texts(row, 'zone_hints')).slice(0, agents);
      });
    if (hosts.length === 0) continue;
    for (const [i, host] of hosts.entries()) {
      load.set(host.name, (load.get(host.name) ?? 0) + 1);
      const name = i === 0 ? `dhcp-${network.name}` : `dhcp-${network.name}-${host.name}`;
      const fixedIps = near(host).flatMap((subnet) => {
        const fixed = context.allocation.take(subnet, `DHCP of ${network.name}`, root);
        return fixed === null ? [] : [fixed];
      });
      const port = makePort(context, {
        name,
        network,
        mac: context.macs.give(name),
        fixedIps,
        project: network.project,
        host: host.name,
        deviceId: `dhcp${idOf('host', host.name)}-${network.id}`,
        deviceOwner: 'network:dhcp',
      });
      context.ports.add(name, port, root);
    }
    hosting.set(
      network.id,
      hosts.map(({ name }) => name),
    );
  }
  return hosting;
}

/** `dhcp_agents:` of a network; null when nobody names any. */
function namedAgents(
  node: JsonNode | undefined,
  context: PortContext,
): readonly CloudHost[] | null {
  if (node === undefined) return null;
  return items(node).flatMap((each) => {
    const host = context.hosts.find(each);
    if (host === undefined) return [];
    if (host.dhcp !== null) return [host];
    wrong(each, `Host ${JSON.stringify(host.name)} has no DHCP agent`);
    return [];
  });
}

/** Hosts of wanted zones first, among them those with the fewest networks, in the model's order. */
function leastLoaded(
  hosts: readonly CloudHost[],
  load: ReadonlyMap<string, number>,
  zones: readonly string[],
): readonly CloudHost[] {
  const weight = ({ name, availabilityZone }: CloudHost): number =>
    (load.get(name) ?? 0) + (zones.length === 0 || zones.includes(availabilityZone) ? 0 : 1e9);
  return hosts.toSorted((a, b) => weight(a) - weight(b));
}
