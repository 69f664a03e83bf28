/**
 * Which interface is connected to which: veth pairs across namespaces, internal ports of the
 * switch that were moved into a namespace, taps of guests, and physical NICs.
 */
import {
  type Host,
  type InterfaceId,
  type NamespaceState,
  ROOT,
  type Segment,
  type SwitchPortId,
  type Wire,
} from '../../dataplane/network.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { portIdPrefix } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { once } from './folder.ts';
import { type SwitchInventory } from './switch.ts';

/** A host with the ids that its namespaces have as seen from the root namespace. */
export interface WiredHost extends Host {
  /** `ip netns` id → name. */
  readonly namespaceIds: ReadonlyMap<number, string>;
  /** The switch with the rows of its database. */
  readonly switch: SwitchInventory | null;
}

export interface Wires {
  wire(at: InterfaceId): Wire;
  interfaceOf(port: SwitchPortId): InterfaceId | null;
  switchPortOf(at: InterfaceId): SwitchPortId | null;
  /** Interfaces of the host's root namespace that lead out of the host. */
  nics(host: WiredHost): readonly Interface[];
}

interface Surroundings {
  readonly hosts: ReadonlyMap<string, WiredHost>;
  segmentOf(at: InterfaceId): Segment;
  portWith(idPrefix: string | undefined, mac: bigint): NeutronPort | null;
}

/** Devices that the kernel itself works for; they have no cable. */
const KERNEL_KINDS = new Set(
  (
    'bridge vxlan dummy gre gretap ip6gre ip6gretap geneve vrf sit ipip ip6tnl erspan ifb nlmon ' +
    'vti wireguard macsec openvswitch'
  ).split(' '),
);
const LOWER_KINDS = new Set(['vlan', 'macvlan', 'macvtap', 'ipvlan']);

export function openWires(around: Surroundings): Wires {
  const switches = new Map<string, () => SwitchIndex>();
  for (const host of around.hosts.values())
    switches.set(
      host.name,
      once(() => indexOf(host)),
    );
  const find = (at: InterfaceId): Interface | undefined => {
    const namespace = around.hosts.get(at.host)?.namespaces.get(at.namespace);
    return namespace?.state.interfaces.find((each) => each.name === at.name);
  };
  const indexAt = (host: string): SwitchIndex | undefined => switches.get(host)?.();

  const interfaceOf = (id: SwitchPortId): InterfaceId | null => {
    const found = indexAt(id.host)?.ports.get(id.port);
    if (found === undefined || found.bridge !== id.bridge || isPatchOrTunnel(found.port))
      return null;
    const inside = found.port.type === 'internal' ? indexAt(id.host)?.moved().get(id.port) : ROOT;
    return { host: id.host, namespace: inside ?? ROOT, name: id.port };
  };

  const foundSwitchPort = (at: InterfaceId): SwitchPortId | null => {
    const found = indexAt(at.host)?.ports.get(at.name);
    if (found === undefined) return null;
    const id = { host: at.host, bridge: found.bridge, port: at.name };
    return interfaceOf(id)?.namespace === at.namespace ? id : null;
  };
  const switchPortOf = oncePerInterface(foundSwitchPort);

  const foundWire = (at: InterfaceId): Wire => {
    const host = around.hosts.get(at.host);
    const port = switchPortOf(at);
    const type = port === null ? undefined : indexAt(at.host)?.ports.get(at.name)?.port.type;
    if (port !== null && type === 'internal') return { kind: 'switch-port', to: port };
    if (type?.startsWith('dpdkvhost') === true) return guest(around, at, 0n);
    if (type === 'dpdk') return { kind: 'segment', segment: around.segmentOf(at) };
    const here = find(at);
    if (host === undefined || here === undefined) {
      return { kind: 'unknown', why: `the snapshot does not show ${at.name} in ${at.namespace}` };
    }
    if (LOWER_KINDS.has(here.kind)) return lowerOf(host, at, here);
    const peer = peerOf(host, at, here);
    if (peer !== undefined) {
      return {
        kind: 'interface',
        to: peer,
        evidence: `peers by interface index ${here.linkIndex}`,
      };
    }
    if (isKernel(host, at, here)) return { kind: 'kernel', device: here.kind };
    if (isTap(here)) return guest(around, at, here.mac);
    const absent = absentNamespace(host, at, here);
    if (absent !== undefined) {
      return { kind: 'unknown', why: `the snapshot does not hold namespace ${absent}` };
    }
    if (at.namespace === ROOT) return { kind: 'segment', segment: around.segmentOf(at) };
    return { kind: 'unknown', why: `the other end of ${at.name} is not in the snapshot` };
  };

  const wire = oncePerInterface(foundWire);

  const nics = (host: WiredHost): readonly Interface[] => {
    const root = host.namespaces.get(ROOT)?.state.interfaces ?? [];
    return root.filter((each) => {
      const at = { host: host.name, namespace: ROOT, name: each.name };
      const found = indexAt(host.name)?.ports.get(each.name);
      if (found !== undefined && (found.port.type === 'internal' || isPatchOrTunnel(found.port))) {
        return false;
      }
      if (isKernel(host, at, each) || LOWER_KINDS.has(each.kind) || isTap(each)) return false;
      // Members of a bond lead nowhere on their own.
      const master = root.find((other) => other.name === each.master);
      if (master?.kind === 'bond' || master?.kind === 'team') return false;
      if (absentNamespace(host, at, each) !== undefined) return false;
      return peerOf(host, at, each) === undefined;
    });
  };
  return { wire, interfaceOf, switchPortOf, nics };
}

/** Keeps what was found of an interface: frames ask for the same few again and again. */
function oncePerInterface<T>(find: (at: InterfaceId) => T): (at: InterfaceId) => T {
  const hosts = new Map<string, Map<string, Map<string, { readonly found: T }>>>();
  return (at) => {
    const namespaces = hosts.get(at.host) ?? new Map<string, Map<string, { readonly found: T }>>();
    const interfaces = namespaces.get(at.namespace) ?? new Map<string, { readonly found: T }>();
    const known = interfaces.get(at.name);
    if (known !== undefined) return known.found;
    const found = find(at);
    interfaces.set(at.name, { found });
    namespaces.set(at.namespace, interfaces);
    hosts.set(at.host, namespaces);
    return found;
  };
}

interface SwitchIndex {
  /** Ports by name: names of interfaces are unique within one switch. */
  readonly ports: ReadonlyMap<string, { readonly bridge: string; readonly port: Port }>;
  /** Internal ports that stand in another namespace than root. */
  readonly moved: () => ReadonlyMap<string, string>;
}

function indexOf(host: Host): SwitchIndex {
  const ports = new Map<string, { bridge: string; port: Port }>();
  for (const bridge of host.switch?.bridges ?? []) {
    for (const port of bridge.ports) ports.set(port.name, { bridge: bridge.name, port });
  }
  const moved = once(() => {
    const found = new Map<string, string>();
    for (const namespace of host.namespaces.values()) {
      if (namespace.name === ROOT) continue;
      for (const { name, kind } of namespace.state.interfaces) {
        if (kind !== 'veth' && ports.get(name)?.port.type === 'internal')
          found.set(name, namespace.name);
      }
    }
    return found;
  });
  return { ports, moved };
}

function isPatchOrTunnel(port: Port): boolean {
  return port.type === 'patch' || port.tunnel !== null;
}

function guest(around: Surroundings, at: InterfaceId, mac: bigint): Wire {
  return { kind: 'guest', port: around.portWith(portIdPrefix(at.name), mac) };
}

/** A device whose other end is a guest; a veth named as a tap leads to a guest in a namespace. */
function isTap(each: Interface): boolean {
  if (each.kind === 'tun' || each.kind === 'tap') return true;
  if (each.kind === 'veth') return portIdPrefix(each.name) !== undefined;
  return each.kind === '' && /^(tap|vnet)/.test(each.name);
}

/** The named namespace of the host that a veth leads to, when the snapshot lacks it. */
function absentNamespace(host: WiredHost, at: InterfaceId, here: Interface): string | undefined {
  if (at.namespace !== ROOT) return undefined;
  const id = here.linkNamespace;
  const name = here.linkNamespaceName ?? (id === null ? undefined : host.namespaceIds.get(id));
  return name === undefined || host.namespaces.has(name) ? undefined : name;
}

/** The datapath's own device (`ovs-netdev`, `ovs-system`) and vports carry nothing. */
function isOvsLeftover(each: Interface): boolean {
  return /^(ovs-netdev|ovs-system|vxlan_sys_|gre_sys|genev_sys_|erspan_sys|ip6gre_sys)/.test(
    each.name,
  );
}

function isKernel(host: Host, at: InterfaceId, here: Interface): boolean {
  if (here.loopback || KERNEL_KINDS.has(here.kind) || isOvsLeftover(here)) return true;
  const others = host.namespaces.get(at.namespace)?.state.interfaces ?? [];
  return here.kind === '' && others.some((other) => other.master === here.name);
}

function lowerOf(host: WiredHost, at: InterfaceId, here: Interface): Wire {
  const name =
    here.linkNamespaceName !== undefined
      ? here.linkNamespaceName
      : here.linkNamespace === null
        ? at.namespace
        : at.namespace === ROOT
          ? (host.namespaceIds.get(here.linkNamespace) ?? ROOT)
          : ROOT;
  const all = host.namespaces.get(name)?.state.interfaces ?? [];
  const lower = all.find((other) => other.index === here.linkIndex);
  if (lower === undefined) {
    return { kind: 'unknown', why: `the lower device of ${at.name} is not in the snapshot` };
  }
  return {
    kind: 'interface',
    to: { host: at.host, namespace: name, name: lower.name },
    evidence: `${here.kind} device of ${lower.name}`,
  };
}

/**
 * The other end of a veth. Both ends name each other's index; `ip netns` ids tell the namespace
 * as root sees it, and an end in a namespace that root cannot name is found by its unique answer.
 */
function peerOf(host: WiredHost, at: InterfaceId, here: Interface): InterfaceId | undefined {
  if (here.linkIndex === null || (here.kind !== 'veth' && here.kind !== '')) return undefined;
  const candidates = candidateNamespaces(host, at, here);
  const found: InterfaceId[] = [];
  for (const namespace of candidates) {
    for (const other of namespace.state.interfaces) {
      if (other.index !== here.linkIndex || other.linkIndex !== here.index) continue;
      if (namespace.name === at.namespace && other.name === here.name) continue;
      if (!leadsTo(host, namespace.name, other, at.namespace)) continue;
      found.push({ host: host.name, namespace: namespace.name, name: other.name });
    }
  }
  // More than one answer is no answer: indexes repeat between namespaces.
  return found.length === 1 ? found[0] : undefined;
}

function candidateNamespaces(
  host: WiredHost,
  at: InterfaceId,
  here: Interface,
): readonly NamespaceState[] {
  const named = (name: string | undefined): readonly NamespaceState[] => {
    const found = name === undefined ? undefined : host.namespaces.get(name);
    return found === undefined ? [] : [found];
  };
  if (here.linkNamespaceName !== undefined) return named(here.linkNamespaceName);
  if (here.linkNamespace === null) return named(at.namespace);
  if (at.namespace === ROOT && host.namespaceIds.size > 0) {
    return named(host.namespaceIds.get(here.linkNamespace));
  }
  return [...host.namespaces.values()].filter((each) => each.name !== at.namespace);
}

/** Whether the candidate's own namespace id, where it can be resolved, names `target`. */
function leadsTo(host: WiredHost, name: string, other: Interface, target: string): boolean {
  if (other.linkNamespaceName !== undefined) return other.linkNamespaceName === target;
  if (other.linkNamespace === null) return name === target;
  if (name !== ROOT || host.namespaceIds.size === 0) return true;
  return host.namespaceIds.get(other.linkNamespace) === target;
}
