/**
 * One network out of two: what was read of the hosts, and what their agents would configure. Of
 * each piece of a host one of both is taken; guests, wires between hosts, and whether interfaces
 * are up stay as they were read.
 */
import {
  type Host,
  type InterfaceId,
  type NamespaceState,
  type Network,
  ROOT,
} from '../dataplane/network.ts';
import { type Switch } from '../dataplane/ovs/types/switch.ts';
import { type Namespace } from '../dataplane/routing/types.ts';
import { openDirectory } from '../snapshot/read/endpoints.ts';
import { isForeignBridge } from '../snapshot/read/foreign-bridges.ts';
import { agentsNetwork } from './agents-network.ts';
import { type Changes, type Edit } from './edits.ts';
import { type Piece, pieceOf, pieceOfNamespace } from './pieces.ts';

/** Packet filters, which agents and others write into the same files. */
const RULE_FILES = /^(ip6?tables-save|ipset-save|ebtables-save|arptables-save)(\.txt)?$/;

/** Files that agents write for their programs. */
const OF_DHCP = /(^|\/)dhcp\//;
const OF_LAYER3 = /(^|\/)(ha_confs|ra)\//;

/** The network with the changes. */
export function blended(real: Network, { cloud, pieces, edits }: Changes): Network {
  if (pieces.size === 0 && edits.length === 0) return real;
  const made = cloud === null || pieces.size === 0 ? null : agentsNetwork(real, cloud);
  const takes = (host: string, piece: Piece): boolean =>
    made?.hosts.get(host) !== undefined && pieces.has(pieceOf(host, piece));
  const hosts = new Map<string, Host>();
  for (const host of real.hosts.values()) {
    const other = made?.hosts.get(host.name);
    const own = edits.filter((edit) => edit.host === host.name);
    const mixed = other === undefined ? host : mixedHost(real, host, other, takes);
    hosts.set(host.name, own.length === 0 ? mixed : editedHost(mixed, own));
  }
  const wiring = made === null ? real : mixedWiring(real, made, takes);
  const neutron = cloud === null ? real.neutron : cloud.neutron;
  const directory =
    neutron === real.neutron ? null : openDirectory(hosts, { wire: wiring.wire }, neutron);
  const stands = (file: string): boolean => {
    const place = real.placeOf(file);
    if (place === null || place.kind === 'api' || place.kind === 'host') return true;
    return !takes(place.host, pieceOfPlace(place.kind, place.within));
  };
  return {
    hosts,
    neutron,
    get segments() {
      return real.segments;
    },
    get missing() {
      return real.missing.filter(({ file }) => stands(file));
    },
    get problems() {
      return real.problems.filter(({ file }) => stands(file));
    },
    get endpoints() {
      return directory === null ? real.endpoints : directory.all;
    },
    endpointsOf: directory === null ? real.endpointsOf : directory.of,
    placeOf: real.placeOf,
    namespace: (host, name) =>
      hosts.has(host) ? hosts.get(host)?.namespaces.get(name) : real.namespace(host, name),
    find: directory === null ? real.find : directory.find,
    wire: wiring.wire,
    interfaceOf: wiring.interfaceOf,
    switchPortOf: wiring.switchPortOf,
  };
}

function pieceOfPlace(kind: string, within: string): Piece {
  if (kind === 'switch' || kind === 'bridge' || within === ROOT) return 'layer2';
  return pieceOfNamespace(within) ?? 'layer2';
}

type Takes = (host: string, piece: Piece) => boolean;

function mixedHost(real: Network, host: Host, made: Host, takes: Takes): Host {
  const namespaces = new Map(host.namespaces);
  for (const [name, state] of made.namespaces) {
    const piece = pieceOfNamespace(name);
    if (piece === null || !takes(host.name, piece)) continue;
    const before = host.namespaces.get(name);
    if (name === ROOT) namespaces.set(name, mixedRoot(host, made, before ?? state, state));
    else namespaces.set(name, before === undefined ? state : withLinkStates(state, before.state));
  }
  const layer2 = takes(host.name, 'layer2');
  const daemons = (piece: Piece): Host => (takes(host.name, piece) ? made : host);
  return Object.create(host, {
    namespaces: { value: namespaces, enumerable: true },
    switch: { get: () => (layer2 ? mixedSwitch(real, host, made) : host.switch) },
    configs: {
      get: () =>
        new Map([
          ...[...host.configs].filter(([path]) => !OF_DHCP.test(path) && !OF_LAYER3.test(path)),
          ...[...daemons('dhcp').configs].filter(([path]) => OF_DHCP.test(path)),
          ...[...daemons('layer3').configs].filter(([path]) => OF_LAYER3.test(path)),
        ]),
    },
    commandLines: {
      get: () => [
        ...daemons('dhcp').commandLines.filter((line) => line.includes('dnsmasq')),
        ...daemons('layer3').commandLines.filter((line) => !line.includes('dnsmasq')),
      ],
    },
  }) as Host;
}

/** The compiled switch, with bridges that guests and labs have of their own. */
function mixedSwitch(real: Network, host: Host, made: Host): Switch | null {
  const [before, after] = [host.switch, made.switch];
  if (before === null || after === null) return after ?? before;
  const known = new Set(after.bridges.map(({ name }) => name));
  const foreign = before.bridges.filter(
    (bridge) => !known.has(bridge.name) && isForeignBridge(real, host.name, bridge),
  );
  return { ...after, bridges: [...after.bridges, ...foreign] };
}

/**
 * The host's own namespace: agents of Open vSwitch only write packet filters there, and the Linux
 * bridge agent makes its bridges in it. Filters that others wrote stay: then none are taken.
 */
function mixedRoot(
  host: Host,
  made: Host,
  before: NamespaceState,
  after: NamespaceState,
): NamespaceState {
  const linuxBridge = made.switch === null;
  const state = linuxBridge ? withLinkStates(after, before.state).state : before.state;
  const ofAgents = !hasForeignRules(before);
  return Object.create(before, {
    state: { value: state, enumerable: true },
    source: {
      value: (file: string) =>
        RULE_FILES.test(file) && ofAgents && (linuxBridge || filtersBridges(after))
          ? after.source(file)
          : before.source(file),
    },
    name: { value: host.namespaces.get(ROOT)?.name ?? ROOT, enumerable: true },
  }) as NamespaceState;
}

function filtersBridges(state: NamespaceState): boolean {
  return /neutron-/.test(state.source('iptables-save')?.text ?? '');
}

/** Rules and policies that no agent of Neutron writes. */
function hasForeignRules(state: NamespaceState): boolean {
  return ['iptables-save', 'ip6tables-save'].some((file) => {
    const lines = (state.source(file)?.text ?? '').split('\n');
    return lines.some(
      (line) =>
        (/^(\[\d+:\d+\] )?-A /.test(line) && !line.includes('neutron-')) || /^:\S+ DROP/.test(line),
    );
  });
}

/** What no agent sets when it starts again: whether interfaces are up. */
function withLinkStates(made: NamespaceState, before: Namespace): NamespaceState {
  const known = new Map(before.interfaces.map((each) => [each.name, each]));
  // Stacks are compiled from copies of this value, so it must own its members.
  const state: Namespace = {
    ...made.state,
    interfaces: made.state.interfaces.map((each) => {
      const old = known.get(each.name);
      if (old === undefined) return each;
      const { up, running, mtu } = old;
      return each.kind === '' ? { ...each, up, running, mtu } : { ...each, up, running };
    }),
  };
  return Object.create(made, { state: { value: state, enumerable: true } }) as NamespaceState;
}

function editedHost(host: Host, edits: readonly Edit[]): Host {
  const namespaces = new Map(host.namespaces);
  let switchOf = (): Switch | null => host.switch;
  for (const edit of edits) {
    if (edit.of === 'switch') {
      const before = switchOf;
      switchOf = () => {
        const own = before();
        return own === null ? null : edit.change(own);
      };
      continue;
    }
    const before = namespaces.get(edit.namespace);
    if (before !== undefined) namespaces.set(edit.namespace, editedNamespace(before, edit));
  }
  return Object.create(host, {
    namespaces: { value: namespaces, enumerable: true },
    switch: { get: switchOf },
  }) as Host;
}

function editedNamespace(
  before: NamespaceState,
  edit: Exclude<Edit, { of: 'switch' }>,
): NamespaceState {
  if (edit.of === 'namespace') {
    const state = edit.change(before.state);
    return Object.create(before, { state: { value: state, enumerable: true } }) as NamespaceState;
  }
  const same = (file: string): boolean => file.replace(/\.txt$/, '') === edit.file;
  const source = (file: string): ReturnType<NamespaceState['source']> => {
    const read = before.source(file);
    if (!same(file) || read === undefined) return read;
    return { ...read, text: edit.change(read.text) };
  };
  return Object.create(before, { source: { value: source } }) as NamespaceState;
}

function mixedWiring(
  real: Network,
  made: Network,
  takes: Takes,
): Pick<Network, 'wire' | 'interfaceOf' | 'switchPortOf'> {
  const has = (network: Network, { host, namespace, name }: InterfaceId): boolean =>
    network.namespace(host, namespace)?.state.interfaces.some((each) => each.name === name) ??
    false;
  return {
    wire: (at) => {
      const piece = pieceOfNamespace(at.namespace);
      const touched = piece !== null && (takes(at.host, piece) || takes(at.host, 'layer2'));
      if (!touched || !has(made, at)) return real.wire(at);
      if (at.namespace !== ROOT) return made.wire(at);
      const wire = real.wire(at);
      return wire.kind === 'unknown' || !has(real, at) ? made.wire(at) : wire;
    },
    interfaceOf: (port) =>
      (takes(port.host, 'layer2') ? made.interfaceOf(port) : null) ?? real.interfaceOf(port),
    switchPortOf: (at) =>
      (takes(at.host, 'layer2') ? made.switchPortOf(at) : null) ?? real.switchPortOf(at),
  };
}
