/**
 * Where Neutron's ports may stand, told from their objects alone: on which host, in whose namespace,
 * behind which trunk. Before: `model/neutron.ts`. After: `endpoints.ts`.
 */
import { type Endpoint } from '../../dataplane/network.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';

export function roleOf(port: NeutronPort): Endpoint['role'] {
  const { deviceOwner } = port;
  if (deviceOwner.startsWith('compute:')) return 'vm';
  if (deviceOwner === 'network:dhcp') return 'dhcp';
  if (/^network:(router|ha_router|floatingip_agent)/.test(deviceOwner)) return 'router';
  return deviceOwner === '' && port.host !== '' ? 'vm' : 'other';
}

/** The trunk that a port is a sub-port of: its parent, and the VLAN on the parent's tap. */
export interface OfTrunk {
  readonly parent: NeutronPort;
  readonly vlan: number;
}

/** Trunks by sub-port; of several with one sub-port the first counts. */
export function trunksOf({ trunks, ports }: Neutron): ReadonlyMap<string, OfTrunk> {
  const found = new Map<string, OfTrunk>();
  for (const { portId, subPorts } of trunks) {
    const parent = ports.find((each) => each.id === portId);
    if (parent === undefined) continue;
    for (const { portId: id, segmentationId } of subPorts) {
      if (!found.has(id)) found.set(id, { parent, vlan: segmentationId });
    }
  }
  return found;
}

/** A port with its place in the list of all. */
interface Listed {
  readonly port: NeutronPort;
  readonly index: number;
}

/** Ports by what tells where they may stand: a host, and what an agent's namespace belongs to. */
export function portsByPlace({ ports, trunks }: Neutron): ReadonlyMap<string, readonly Listed[]> {
  const found = new Map<string, Listed[]>();
  const add = (key: string, one: Listed): void => {
    const others = found.get(key);
    if (others === undefined) found.set(key, [one]);
    else others.push(one);
  };
  const hostOf = new Map<string, string>();
  if (trunks.length > 0) for (const { id, host } of ports) hostOf.set(id, host);
  const parents = new Map(
    trunks.flatMap(({ portId, subPorts }) => subPorts.map((sub) => [sub.portId, portId] as const)),
  );
  for (const [index, port] of ports.entries()) {
    const role = roleOf(port);
    const listed = { port, index };
    if (role === 'router') {
      add(port.deviceId, listed);
      add(port.networkId, listed);
    } else if (role === 'dhcp') add(port.networkId, listed);
    else add(port.host || (hostOf.get(parents.get(port.id) ?? '') ?? ''), listed);
  }
  return found;
}
