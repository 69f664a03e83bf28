/**
 * A guest that has not the address which Neutron gave its port: it takes the frame, finds the
 * packet to be for somebody else, and as a host does not forward it (RFC 1122 §3.3.4.2).
 */
import { writeIp } from '../../text/address-text.ts';
import { portRef } from '../objects.ts';
import { type Diagnosis, tupleOf } from './case.ts';
import { inNamespace } from './commands.ts';

/** Not a router that forgot to forward: the address is missing where it belongs. */
export const guestAddress: Diagnosis = (of) => {
  if (of.drop.reason !== 'IP_FORWARD_OFF') return null;
  const tuple = tupleOf(of.words);
  const guest = of.compiled.network.endpoints.find(
    ({ role, host, namespace }) => role === 'vm' && host === of.host && namespace === of.device,
  );
  if (guest === undefined || guest.port === null || tuple === null) return null;
  const { destination } = tuple;
  const own = guest.port.fixedIps.some(
    ({ address }) => address.version === destination.version && address.value === destination.value,
  );
  if (!own) return null;
  const text = writeIp(destination);
  return {
    code: 'NOT_FOR_ME',
    component: `${of.device} addresses`,
    evidence: `${text} is on no interface`,
    because: [`Neutron gave the port ${text}, and the guest has not configured it`],
    neutron: [portRef(of.compiled.network, guest.port)],
    fix: { summary: 'renew the DHCP lease in the guest, or configure the address', commands: [] },
    confirm: [inNamespace(of.host, of.device, 'ip addr')],
  };
};
