/**
 * What the metadata proxy tells the service: the client's address, and by the router or network
 * it stands for which port has that address there (neutron/agent/metadata/agent.py).
 */
import { type Network } from '../../dataplane/network.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { METADATA } from '../../model/metadata-address.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { readIp } from '../../text/address-text.ts';
import { type Content, type Question, type Trace } from '../types.ts';

/** Whether a question is one for the metadata service. */
export function isForMetadata({ to, packet }: Question): boolean {
  const { address } = to;
  if (address === null || packet.protocol !== 'tcp') return false;
  return (
    packet.destinationPort === METADATA.port && sameAddress(METADATA[address.version], address)
  );
}

/** The trace with what the service learns about the client. */
export function withInstance(network: Network, trace: Trace): Trace {
  const client = trace.observed?.source ?? null;
  if (!trace.delivered || client === null || trace.request?.end.kind !== 'delivered') return trace;
  const owner = namespaceOwner(trace.request.end.namespace);
  const port = owner === undefined ? undefined : clientPort(network, owner.id, client);
  const content: Content = { kind: 'metadata', client, instance: port?.deviceId ?? null };
  return { ...trace, content };
}

/** The port with the address on the network, or on one of the networks of the router. */
function clientPort(
  { neutron }: Network,
  ownerId: string,
  client: string,
): NeutronPort | undefined {
  const address = readIp(client);
  if (address === undefined) return undefined;
  const ofRouter = neutron.ports.filter(({ deviceId }) => deviceId === ownerId);
  const networks = new Set([ownerId, ...ofRouter.map(({ networkId }) => networkId)]);
  const found = neutron.ports.filter(
    ({ networkId, fixedIps }) =>
      networks.has(networkId) && fixedIps.some((one) => sameAddress(one.address, address)),
  );
  return found.length === 1 ? found[0] : undefined;
}
