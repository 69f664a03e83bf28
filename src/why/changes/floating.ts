/**
 * From outside nobody knows the addresses of a tenant: what leads in is a floating IP, and then that
 * is what is asked for (networking-api, Floating IPs).
 */
import {
  type CloudAddress,
  type Neutron,
  type NeutronFloatingIp,
  type NeutronPort,
} from '../../model/neutron.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { safeName, word } from '../../trace/diagnosis/commands.ts';
import { OUTSIDE } from '../../trace/outside.ts';
import { type Question } from '../../trace/types.ts';
import { type Attempt, type Proposal } from '../attempt.ts';
import { freeAddress } from './new-objects.ts';
import { objectChange } from './objects.ts';

export const floatingAddresses: Proposal = (stuck) => {
  const { blocker, question, situation } = stuck;
  if (blocker.code !== 'NO_ROUTE' || blocker.host !== OUTSIDE) return [];
  const { neutron } = situation.network;
  const port = neutron.ports.find(({ id }) => id === question.to.port);
  if (blocker.direction === 'reply' || port === undefined) return [];
  const { address } = question.to;
  if (address === null || address.version !== 4) return [];
  const asks =
    (floating: CloudAddress) =>
    (asked: Question): Question => ({
      ...asked,
      to: { ...asked.to, address: floating },
    });
  const known = neutron.floatingIps.find(
    ({ portId, fixedAddress }) =>
      portId === port.id && (fixedAddress === null || sameAddress(fixedAddress, address)),
  );
  if (known !== undefined) {
    const summary = `ask for its floating IP ${writeIp(known.address)}: nobody outside knows ${writeIp(address)}`;
    const attempt: Attempt = {
      change: { kind: 'guest', summary, commands: [] },
      makes: {},
      sends: asks(known.address),
    };
    return [attempt];
  }
  const added = floatingFor(neutron, port, address);
  if (added === null) return [];
  const external = neutron.networks.find(({ id }) => id === added.networkId);
  if (external === undefined) return [];
  const made = objectChange(stuck, {
    summary: `give ${question.to.label} a floating IP, and ask for that: nobody outside knows ${writeIp(address)}`,
    commands: [
      `openstack floating ip create --port ${word(port.id)} ${safeName(external, neutron.networks)}`,
    ],
    objects: (before) => ({ ...before, floatingIps: [...before.floatingIps, added] }),
  });
  return made.map((attempt) => ({ ...attempt, sends: asks(added.address) }));
};

/** A floating IP on the external network of the router that the port's subnet has. */
function floatingFor(
  neutron: Neutron,
  port: NeutronPort,
  address: CloudAddress,
): NeutronFloatingIp | null {
  const { ports, routers, subnets } = neutron;
  const subnet = port.fixedIps.find((one) => sameAddress(one.address, address))?.subnetId;
  const joining = ports.filter(
    ({ deviceOwner, fixedIps }) =>
      deviceOwner.startsWith('network:') && fixedIps.some(({ subnetId }) => subnetId === subnet),
  );
  const router = routers.find(
    ({ id, gateway }) => gateway !== null && joining.some(({ deviceId }) => deviceId === id),
  );
  if (router?.gateway == null) return null;
  const { networkId } = router.gateway;
  for (const each of subnets) {
    if (each.networkId !== networkId || each.prefix.address.version !== 4) continue;
    const free = freeAddress(neutron, each);
    if (free === null) continue;
    return {
      id: 'floating-ip-to-be-created',
      address: free,
      networkId,
      fixedAddress: address,
      portId: port.id,
      routerId: router.id,
      status: 'ACTIVE',
    };
  }
  return null;
}
