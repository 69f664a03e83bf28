/**
 * A guest that has not the address which Neutron gave its port: it takes the frame, finds the
 * packet to be for somebody else, and as a host does not forward it (RFC 1122 §3.3.4.2).
 */
import { type Endpoint } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { METADATA } from '../../model/metadata-address.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { portRef } from '../objects.ts';
import { type Case, type Diagnosis, type Finding, tupleOf, UNANSWERED } from './case.ts';
import { inNamespace } from './commands.ts';
import { askedFor } from './neighbours.ts';

/** Not a router that forgot to forward: the address is missing where it belongs. */
export const guestAddress: Diagnosis = (of) => {
  const { endpoints } = of.compiled.network;
  if (of.drop.reason === 'IP_FORWARD_OFF') {
    const own = endpoints.filter(
      ({ host, namespace }) => host === of.host && namespace === of.device,
    );
    return first(of, own, tupleOf(of.words)?.destination ?? null);
  }
  if (!UNANSWERED.has(of.drop.reason)) return null;
  // Whoever lacks the address answers no ARP for it either, if the question came to him.
  const asked = askedFor(of);
  const heard = endpoints.filter(({ host, namespace }) =>
    of.reads.some(
      ({ ending: { device }, lineage }) =>
        lineage.role === 'resolution' && device.host === host && device.name === namespace,
    ),
  );
  return first(of, heard, asked);
};

/** The first of the endpoints whose port owns the address, and which has it on no interface. */
function first(of: Case, all: readonly Endpoint[], address: IpAddress | null): Finding | null {
  const { network } = of.compiled;
  for (const { host, namespace, port, role } of all) {
    if (namespace === null || port === null || address === null || role === 'router') continue;
    // Guests that ask a DHCP server for metadata find the service's address there (dhcp.py).
    const metadata = role === 'dhcp' && sameAddress(METADATA[address.version], address);
    if (!metadata && !port.fixedIps.some((own) => sameAddress(own.address, address))) continue;
    const interfaces = network.namespace(host, namespace)?.state.interfaces ?? [];
    const has = interfaces.some(({ addresses }) =>
      addresses.some((own) => sameAddress(own.address, address)),
    );
    if (has || interfaces.length === 0) continue;
    const text = writeIp(address);
    const who = role === 'vm' ? 'the guest has not configured it' : 'it stands on no interface';
    return {
      code: 'NOT_FOR_ME',
      host,
      component: `${namespace} addresses`,
      evidence: `${text} is on no interface`,
      because: [
        metadata
          ? `metadata is asked for at ${text}, which stands on no interface of ${namespace}`
          : `Neutron gave the port ${text}, and ${who}`,
      ],
      neutron: [portRef(network, port)],
      fix:
        role === 'vm'
          ? { summary: 'renew the DHCP lease in the guest, or configure the address', commands: [] }
          : { summary: `let the agent on ${host} build ${namespace} anew`, commands: [] },
      confirm: [inNamespace(host, namespace, 'ip addr')],
    };
  }
  return null;
}
