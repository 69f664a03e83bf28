/**
 * A compiled cloud among what its agents do not make: the guests that a snapshot shows, hosts
 * outside of the cloud, and the wires between NICs. All of that is as captured; everything that
 * an agent configures is as compiled.
 */
import {
  type Host,
  type InterfaceId,
  type NamespaceState,
  type Network,
  ROOT,
  type Wire,
} from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { cloudOfNetwork } from './cloud.ts';
import { compileNetworkOf } from './compiled.ts';
import { openDirectory } from './endpoints.ts';
import { isForeignBridge } from './foreign-bridges.ts';

/** What the agents would make of the API objects of a snapshot, among its guests and wires. */
export function compileBehind(real: Network, cloud: Cloud = cloudOfNetwork(real)): Network {
  return withSurroundings(compileNetworkOf(cloud), real);
}

/** The compiled network with the guests, outside hosts and wires of a real one. */
export function withSurroundings(compiled: Network, real: Network): Network {
  const hosts = new Map<string, Host>();
  for (const host of compiled.hosts.values()) hosts.set(host.name, among(host, real));
  for (const host of real.hosts.values()) if (!hosts.has(host.name)) hosts.set(host.name, host);

  const has = (network: Network, { host, namespace, name }: InterfaceId): boolean =>
    network.namespace(host, namespace)?.state.interfaces.some((each) => each.name === name) ??
    false;
  const isCaptured = (at: InterfaceId): boolean =>
    !compiled.hosts.has(at.host) ||
    isForeign(at.namespace) ||
    // What joins guests to their taps stands in the host's own namespace.
    (at.namespace === ROOT && !has(compiled, at) && has(real, at));
  const wire = (at: InterfaceId): Wire => {
    if (isCaptured(at)) return real.wire(at);
    const there = at.namespace === ROOT ? real.wire(at) : null;
    const leadsOut =
      there?.kind === 'segment' || (there?.kind === 'interface' && isCaptured(there.to));
    return there !== null && leadsOut ? there : compiled.wire(at);
  };
  const directory = openDirectory(hosts, { wire }, compiled.neutron);
  return {
    hosts,
    neutron: compiled.neutron,
    get segments() {
      return real.segments;
    },
    get missing() {
      return compiled.missing;
    },
    get problems() {
      return [...compiled.problems, ...real.problems];
    },
    get endpoints() {
      return directory.all;
    },
    endpointsOf: directory.of,
    placeOf: (file) => compiled.placeOf(file) ?? real.placeOf(file),
    namespace: (host, name) => hosts.get(host)?.namespaces.get(name),
    wire,
    interfaceOf: (port) => {
      const made = compiled.hosts.get(port.host)?.switch?.bridges;
      return (made?.some(({ name }) => name === port.bridge) ? compiled : real).interfaceOf(port);
    },
    switchPortOf: (at) => (isCaptured(at) ? real : compiled).switchPortOf(at),
    find: directory.find,
  };
}

/** Namespaces that no agent of Neutron makes. */
function isForeign(namespace: string): boolean {
  return namespace !== ROOT && namespaceOwner(namespace) === undefined;
}

function among(host: Host, real: Network): Host {
  const namespaces = new Map<string, NamespaceState>(host.namespaces);
  for (const [name, state] of real.hosts.get(host.name)?.namespaces ?? []) {
    if (isForeign(name)) namespaces.set(name, state);
  }
  return {
    name: host.name,
    namespaces,
    configs: host.configs,
    get taken_s() {
      return real.hosts.get(host.name)?.taken_s ?? null;
    },
    get switch() {
      return withForeignBridges(host, real);
    },
    get switchConnections() {
      return host.switchConnections;
    },
    get commandLines() {
      return host.commandLines;
    },
  };
}

/** The compiled switch with the bridges that guests have of it. */
function withForeignBridges({ name: host, switch: made }: Host, real: Network): Host['switch'] {
  if (made === null) return null;
  const known = new Set(made.bridges.map(({ name }) => name));
  const all = real.hosts.get(host)?.switch?.bridges ?? [];
  const foreign = all.filter(
    (bridge) => !known.has(bridge.name) && isForeignBridge(real, host, bridge),
  );
  return foreign.length === 0 ? made : { ...made, bridges: [...made.bridges, ...foreign] };
}
