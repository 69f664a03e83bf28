/** Who should have heard a call to everybody: the servers of a network that a guest calls. */
import { type Network } from '../../dataplane/network.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { type PacketQuestion, type Question } from '../types.ts';

type Protocol = PacketQuestion['protocol'];

/** Protocols that begin with a call to everybody. */
export const CALLS: ReadonlySet<Protocol> = new Set<Protocol>(['dhcp', 'dhcp6', 'slaac']);

const OWNERS: Readonly<Partial<Record<Protocol, RegExp>>> = {
  dhcp: /^network:dhcp$/,
  dhcp6: /^network:dhcp$/,
  slaac: /^network:(router_interface|ha_router_replicated_interface)/,
};

/** The ports on the caller's network that answer such a call; none for other questions. */
export function serversOf(network: Network, { from, packet }: Question): readonly NeutronPort[] {
  const owner = OWNERS[packet.protocol];
  const { ports } = network.neutron;
  const own = ports.find(({ id }) => id === from.port);
  if (owner === undefined || own === undefined) return [];
  return ports.filter(
    ({ networkId, deviceOwner }) => networkId === own.networkId && owner.test(deviceOwner),
  );
}
