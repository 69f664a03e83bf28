/**
 * The cloud as a graph: networks, routers and what hangs on networks, joined by ports. The only
 * door to graphology; questions about who is near whom are asked here.
 */
import { UndirectedGraph } from 'graphology';
import {
  type Neutron,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
} from './neutron.ts';

/** A thing of the cloud that a map can show. */
export type Thing =
  | { readonly kind: 'network'; readonly id: string; readonly of: NeutronNetwork }
  | { readonly kind: 'router'; readonly id: string; readonly of: NeutronRouter }
  /** A server, or a port of anything else (load balancers, unbound ports). */
  | { readonly kind: 'server' | 'port'; readonly id: string; readonly name: string };

/** How a thing is connected to a network. */
export interface Connection {
  readonly thing: string;
  readonly network: string;
  readonly ports: readonly NeutronPort[];
}

interface Edge {
  readonly ports: NeutronPort[];
}

export interface Topology {
  readonly things: ReadonlyMap<string, Thing>;
  /**
   * Everything at most `reach` connections away from the given ones, by distance. The walk ends at
   * external networks: behind them lie the routers of everybody.
   */
  around(starts: readonly string[], reach: number): ReadonlyMap<string, number>;
  /** The connections of a thing or of a network. */
  connectionsOf(id: string): readonly Connection[];
}

/** Ports that serve a network without standing for something of their own on a map. */
const SERVICES = new Set([
  'network:dhcp',
  'network:distributed',
  'network:floatingip',
  'network:floatingip_agent_gateway',
  'network:router_ha_interface',
  'network:routed',
]);

/** The graph of a cloud; ports of networks or routers that the API did not tell of are left out. */
export function topologyOf({ networks, routers, servers, ports }: Neutron): Topology {
  const graph = new UndirectedGraph<Record<string, never>, Edge>();
  const things = new Map<string, Thing>();
  const add = (thing: Thing): void => {
    things.set(thing.id, thing);
    graph.mergeNode(thing.id);
  };
  for (const of of networks) add({ kind: 'network', id: of.id, of });
  for (const of of routers) add({ kind: 'router', id: of.id, of });
  const names = new Map(servers.map(({ id, name }) => [id, name]));
  for (const port of ports) {
    if (SERVICES.has(port.deviceOwner) || !things.has(port.networkId)) continue;
    const thing = ownerOf(port, things, names);
    if (!things.has(thing.id)) add(thing);
    if (graph.hasEdge(thing.id, port.networkId)) {
      graph.getEdgeAttributes(thing.id, port.networkId).ports.push(port);
    } else graph.addEdge(thing.id, port.networkId, { ports: [port] });
  }
  const connectionsOf = (id: string): readonly Connection[] => {
    if (!graph.hasNode(id)) return [];
    return graph.mapEdges(id, (_edge, { ports: by }, a, b) => {
      const isNetwork = things.get(a)?.kind === 'network';
      return { thing: isNetwork ? b : a, network: isNetwork ? a : b, ports: by };
    });
  };
  const around = (starts: readonly string[], reach: number): ReadonlyMap<string, number> => {
    const distances = new Map<string, number>();
    let edge = starts.filter((id) => graph.hasNode(id));
    for (let distance = 0; edge.length > 0 && distance <= reach; distance++) {
      for (const id of edge) distances.set(id, distance);
      const passed = edge.filter((id) => distance === 0 || !isOutside(things.get(id)));
      const next = new Set(passed.flatMap((id) => graph.neighbors(id)));
      edge = [...next].filter((id) => !distances.has(id));
    }
    return distances;
  };
  return { things, around, connectionsOf };
}

function isOutside(thing: Thing | undefined): boolean {
  return thing?.kind === 'network' && thing.of.external;
}

/** Whose port it is: a router's, a server's, or nobody's but its own. */
function ownerOf(
  port: NeutronPort,
  things: ReadonlyMap<string, Thing>,
  names: ReadonlyMap<string, string>,
): Thing {
  const known = port.deviceId === '' ? undefined : things.get(port.deviceId);
  if (known !== undefined && known.kind !== 'network') return known;
  if (!port.deviceOwner.startsWith('compute:') || port.deviceId === '') {
    return { kind: 'port', id: port.id, name: port.name };
  }
  const name = names.get(port.deviceId) ?? port.name;
  return { kind: 'server', id: port.deviceId, name };
}
