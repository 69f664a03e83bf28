/**
 * The network between the hosts as an `underlay.yaml` in the snapshot's folder describes it. Its
 * switches and routers become hosts of the network; NICs that it does not mention stay on the
 * segments that were deduced.
 */
import {
  FABRIC_BRIDGE,
  physicalRouter,
  physicalSwitch,
} from '../../dataplane/endpoint/physical.ts';
import {
  type Host,
  type InterfaceId,
  type NamespaceState,
  type Network,
  ROOT,
  type Segment,
  type Wire,
} from '../../dataplane/network.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { type Underlay } from '../../model/cloud.ts';
import { readUnderlayYaml } from '../../model/yaml/underlay.ts';
import { nearest } from '../../text/suggest.ts';
import { type Store, sourceAt } from './folder.ts';

const FILE = /(^|\/)underlay\.ya?ml$/;

/** The underlay of a snapshot's folder; null when nobody wrote one. */
export function readUnderlay(store: Store): { of: Underlay; file: string } | null {
  const paths = store.folder.list().filter((path) => FILE.test(path) && !path.includes('hosts/'));
  const [path] = [...paths].sort((a, b) => a.length - b.length);
  const source = sourceAt(store, path);
  if (path === undefined || source === undefined) return null;
  const beside = path.replace(/[^/]*$/, '');
  const { value, problems } = readUnderlayYaml(source.file, source.text, (name) =>
    sourceAt(store, `${beside}${name}`),
  );
  store.problems.push(...problems);
  return value === null ? null : { of: value, file: source.file };
}

/** The network with the devices and links of an underlay. */
export function withUnderlay(
  network: Network,
  { of, file }: { readonly of: Underlay; readonly file: string },
  complain: (message: string) => void,
): Network {
  const devices = new Map(devicesOf(of).map((host) => [host.name, host]));
  const hosts = new Map([...network.hosts, ...devices]);
  const links = linksOf(of);
  const named = segmentsOf(of, file);
  reportUnknown(network, devices, links, complain);
  const segments = new Map<Segment, Segment>();
  const left = (segment: Segment): Segment => {
    let made = segments.get(segment);
    if (made === undefined) {
      const stays = (at: InterfaceId): boolean => !links.has(keyOf(at)) && !named.has(keyOf(at));
      made = { ...segment, members: segment.members.filter(stays) };
      segments.set(segment, made);
    }
    return made;
  };
  const wire = (at: InterfaceId): Wire => {
    const to = links.get(keyOf(at));
    if (to !== undefined) return { kind: 'interface', to, evidence: file };
    const segment = named.get(keyOf(at));
    if (segment !== undefined) return { kind: 'segment', segment };
    if (devices.has(at.host))
      return { kind: 'unknown', why: `nobody says what ${at.host}:${at.name} is connected to` };
    const other = network.wire(at);
    return other.kind === 'segment' ? { ...other, segment: left(other.segment) } : other;
  };
  return {
    hosts,
    neutron: network.neutron,
    get segments() {
      return [...network.segments.map(left), ...new Set(named.values())];
    },
    get missing() {
      return network.missing;
    },
    get problems() {
      return network.problems;
    },
    get endpoints() {
      return network.endpoints;
    },
    endpointsOf: network.endpointsOf,
    namespace: (host, name) => hosts.get(host)?.namespaces.get(name),
    wire,
    interfaceOf: network.interfaceOf,
    switchPortOf: (at) => (devices.has(at.host) ? null : network.switchPortOf(at)),
    find: network.find,
    placeOf: network.placeOf,
  };
}

function keyOf({ host, name }: InterfaceId): string {
  return `${host} ${name}`;
}

function at(host: string, name: string): InterfaceId {
  return { host, namespace: ROOT, name };
}

function devicesOf({ switches, routers }: Underlay): readonly Host[] {
  return [
    ...switches.map(({ name, ports }, i) => deviceHost(physicalSwitch(name, ROOT, i, ports))),
    ...routers.map((router, i) =>
      deviceHost(physicalRouter(router.name, ROOT, switches.length + i, router)),
    ),
  ];
}

function deviceHost(state: Namespace): Host {
  const root: NamespaceState = {
    host: state.host,
    name: ROOT,
    state,
    connections: [],
    source: () => undefined,
  };
  return {
    name: state.host,
    taken_s: null,
    switch: null,
    switchConnections: [],
    namespaces: new Map([[ROOT, root]]),
    configs: new Map(),
    commandLines: [],
  };
}

/** Both directions of every cable. */
function linksOf({ switches }: Underlay): ReadonlyMap<string, InterfaceId> {
  const links = new Map<string, InterfaceId>();
  for (const { name, ports } of switches) {
    for (const port of ports) {
      if (port.connectedTo === null) continue;
      const here = at(name, port.name);
      const there = at(port.connectedTo.host, port.connectedTo.port);
      links.set(keyOf(here), there);
      links.set(keyOf(there), here);
    }
  }
  return links;
}

function segmentsOf({ segments }: Underlay, file: string): ReadonlyMap<string, Segment> {
  const found = new Map<string, Segment>();
  for (const { name, nics } of segments) {
    const members = nics.map(({ host, port }) => at(host, port));
    const [first] = members;
    const evidence = members.slice(1).map((b) => ({
      a: first ?? b,
      b,
      because: `${file} says so`,
      origin: { file, line: 0 },
    }));
    const segment: Segment = { name, members, evidence };
    for (const member of members) found.set(keyOf(member), segment);
  }
  return found;
}

function reportUnknown(
  network: Network,
  devices: ReadonlyMap<string, Host>,
  links: ReadonlyMap<string, InterfaceId>,
  complain: (message: string) => void,
): void {
  for (const to of links.values()) {
    const host = devices.get(to.host) ?? network.hosts.get(to.host);
    if (host === undefined) {
      const near = nearest(to.host, [...network.hosts.keys(), ...devices.keys()]);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      complain(`There is no host, switch or router called ${JSON.stringify(to.host)}${hint}`);
      continue;
    }
    const names = (host.namespaces.get(ROOT)?.state.interfaces ?? [])
      .map(({ name }) => name)
      .filter((name) => name !== FABRIC_BRIDGE);
    if (names.length === 0 || names.includes(to.name)) continue;
    const near = nearest(to.name, names);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    complain(`${to.host} has no interface ${JSON.stringify(to.name)}${hint}`);
  }
}
