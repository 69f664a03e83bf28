/**
 * `network_host:` of networks that a manager of nova-network makes: the host whose bridge has the
 * gateway's address and routes for the guests (nova/network/linux_net.py `initialize_gateway`).
 *
 * Simplification: nova-network's translation of sources, its floating IPs and its multi-host mode
 * are not compiled; its dnsmasq stands in a namespace as the DHCP agent's does.
 */
import { type JsonNode, member, records, wrong } from '../../text/json-text.ts';
import { type CloudHost } from '../cloud.ts';
import { carrierOf, segmentOn } from '../network-segments.ts';
import { type NeutronNetwork } from '../neutron.ts';
import { type Names, text } from './reading.ts';

/** Network id → host. */
export function readNetworkHosts(
  root: JsonNode,
  hosts: Names<CloudHost>,
  networks: Names<NeutronNetwork>,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const row of records(member(root, 'networks'))) {
    const at = member(row, 'network_host');
    const network = networks.get(text(row, 'name'));
    if (at === undefined || network === undefined) continue;
    const host = hosts.find(at);
    if (host === undefined) continue;
    const names = `Host ${JSON.stringify(host.name)}`;
    if (text(row, 'manager', 'none') === 'none') {
      wrong(at, 'Only a network of a manager of nova-network has a network_host');
    } else if (host.layer2?.kind !== 'linuxbridge') {
      wrong(at, `${names} has no Linux bridges`);
    } else if (segmentOn(network, carrierOf(host.layer2)) === null) {
      wrong(at, `${names} cannot carry network ${JSON.stringify(network.name)}`);
    } else found.set(network.id, host.name);
  }
  return found;
}
