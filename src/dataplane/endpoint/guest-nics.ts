/**
 * The NICs of a guest whose inside nobody captured: the ports of one server on one host. The guest
 * is called after the tap of its first port; its interfaces are eth0, eth1… in the order of ports.
 *
 * Simplification: the API does not tell the order of a server's NICs, which decides whose default
 * route is used; ports are taken in the order in which they are listed.
 */
import { deviceName } from '../../model/ids.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { sameAddress } from '../../packet/prefix.ts';

/** The interface of a guest's NIC, counted from 0. */
export function nicName(at: number): string {
  return `eth${at}`;
}

/** The ports of the guest behind a tap, first the one that it is called after; of one NIC none. */
export function portsBehind(neutron: Neutron, host: string, tap: string): readonly NeutronPort[] {
  return serversOf(neutron).get(`${host} ${tap}`) ?? [];
}

/** The tap that a guest is called after, and the interface that a tap of it leads to. */
export function seatBehind(
  neutron: Neutron,
  host: string,
  tap: string,
): { readonly tap: string; readonly device: string } {
  const ports = portsBehind(neutron, host, tap);
  const at = ports.findIndex(({ id }) => deviceName('tap', id) === tap);
  const [first] = ports;
  return first === undefined
    ? { tap, device: nicName(0) }
    : { tap: deviceName('tap', first.id), device: nicName(at) };
}

/** The tap at the other end of a guest's interface. */
export function tapOfNic(neutron: Neutron, host: string, guest: string, device: string): string {
  const port = portsBehind(neutron, host, guest)[Number(/^eth(\d+)$/.exec(device)?.[1] ?? 0)];
  return port === undefined ? guest : deviceName('tap', port.id);
}

/** Who owns ports that stand for an address only, and are bound nowhere (octavia-lib constants). */
export const VIRTUAL_OWNER = 'Octavia';
const HEALTH_MANAGER = 'Octavia:health-mgr';

/**
 * An amphora keeps the virtual address and its members' networks in a namespace of their own
 * (`amphora-haproxy`), with a default route of its own; management is outside of it.
 */
function namespacesOf(
  { ports }: Neutron,
  own: readonly NeutronPort[],
): readonly (readonly NeutronPort[])[] {
  const virtual = (port: NeutronPort): boolean =>
    port.allowedAddressPairs.length > 0 &&
    ports.some(
      ({ deviceOwner, host, networkId, fixedIps }) =>
        deviceOwner === VIRTUAL_OWNER &&
        host === '' &&
        networkId === port.networkId &&
        fixedIps.some(({ address }) =>
          port.allowedAddressPairs.some(({ prefix }) => sameAddress(prefix.address, address)),
        ),
    );
  if (own.length < 2 || !own.some(virtual)) return [own];
  const managed = new Set(
    ports
      .filter(({ deviceOwner }) => deviceOwner === HEALTH_MANAGER)
      .map(({ networkId }) => networkId),
  );
  const [first] = own.filter((port) => !virtual(port));
  const outside = own.filter((port) =>
    managed.size > 0 ? managed.has(port.networkId) && !virtual(port) : port === first,
  );
  return [outside, own.filter((port) => !outside.includes(port))];
}

/** Ports of servers with more than one on a host, by `HOST TAP` of each. */
const servers = new WeakMap<Neutron, ReadonlyMap<string, readonly NeutronPort[]>>();

function serversOf(neutron: Neutron): ReadonlyMap<string, readonly NeutronPort[]> {
  const known = servers.get(neutron);
  if (known !== undefined) return known;
  const byServer = new Map<string, NeutronPort[]>();
  const subPorts = new Set(
    neutron.trunks.flatMap((trunk) => trunk.subPorts.map(({ portId }) => portId)),
  );
  for (const port of neutron.ports) {
    if (!port.deviceOwner.startsWith('compute:') || port.deviceId === '' || port.host === '') {
      continue;
    }
    if (subPorts.has(port.id)) continue;
    const key = `${port.host} ${port.deviceId}`;
    const own = byServer.get(key);
    if (own === undefined) byServer.set(key, [port]);
    else own.push(port);
  }
  const made = new Map<string, readonly NeutronPort[]>();
  const groups = [...byServer.values()].flatMap((ports) => namespacesOf(neutron, ports));
  for (const ports of groups) {
    if (ports.length < 2) continue;
    for (const { host, id } of ports) made.set(`${host} ${deviceName('tap', id)}`, ports);
  }
  servers.set(neutron, made);
  return made;
}
