/** The servers that all pairs are made of, and the addresses that packets are sent to. */
import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint } from '../../dataplane/network.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { type Places, type Station } from './places.ts';

/** A server's port. */
export interface Server {
  readonly endpoint: Endpoint;
  readonly station: Station;
  /** The first IPv4 address of its interface. */
  readonly address: number;
}

/** An address that packets may be sent to, and the server that has it. */
export interface Target {
  readonly server: Server;
  readonly address: number;
  readonly floating: boolean;
}

/** A server that the engine does not start from, and why. */
export interface Left {
  readonly endpoint: Endpoint;
  readonly why: string;
}

export function serversOf(
  { network }: CompiledNetwork,
  places: Places,
): { readonly servers: readonly Server[]; readonly left: readonly Left[] } {
  const servers: Server[] = [];
  const left: { endpoint: Endpoint; why: string }[] = [];
  for (const endpoint of network.endpoints) {
    if (endpoint.role !== 'vm') continue;
    const { host, tap } = endpoint;
    const namespace =
      endpoint.namespace ??
      (tap === null ? '' : guestName(seatBehind(network.neutron, host, tap).tap));
    const stations = places.stationsOf(host, namespace);
    const station = stations.find(({ mac }) => mac === Number(endpoint.mac));
    const address = station?.addresses[0];
    if (station === undefined || stations.length !== 1) {
      left.push({ endpoint, why: 'it is not directly at one port of a bridge' });
    } else if (address === undefined) left.push({ endpoint, why: 'it has no IPv4 address' });
    else servers.push({ endpoint, station, address });
  }
  return { servers, left };
}

export function targetsOf(
  { network }: CompiledNetwork,
  servers: readonly Server[],
): readonly Target[] {
  const byPort = new Map<string, Server>();
  for (const server of servers) {
    if (server.endpoint.port !== null) byPort.set(server.endpoint.port.id, server);
  }
  const targets: Target[] = servers.map((server) => {
    return { server, address: server.address, floating: false };
  });
  for (const { portId, address: floating } of network.neutron.floatingIps) {
    const server = portId === null ? undefined : byPort.get(portId);
    if (server === undefined || floating.version !== 4) continue;
    targets.push({ server, address: Number(floating.value), floating: true });
  }
  return targets;
}
