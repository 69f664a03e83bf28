/**
 * The devices of one walk over a network, and the wires between them. What is expensive (compiled
 * namespaces, prepared switches) is kept per snapshot; what packets change is made anew per walk.
 */

import {
  GUEST_INTERFACE,
  guestName,
  guestNamespace,
  tapOfGuest,
} from '../dataplane/endpoint/guest.ts';
import { type InterfaceId, type Network, ROOT } from '../dataplane/network.ts';
import { type Drop, type Run } from '../dataplane/outcome.ts';
import { type Hooks } from '../dataplane/routing/hooks.ts';
import { expire, receive } from '../dataplane/routing/namespace.ts';
import {
  type Applications,
  type CompiledNamespace,
  compileNamespace,
  makeStack,
  type Stack,
} from '../dataplane/routing/stack.ts';
import { type IpAddress, type Namespace } from '../dataplane/routing/types.ts';
import { owns, withAddress } from './borrowed-address.ts';
import { type CompiledNetwork, ownersOf } from './compiled-network.ts';
import { crossSegment, type SegmentMemory } from './segment.ts';
import { type SwitchFactory } from './switch-device.ts';
import { type Device, type Landing, type Wiring } from './walk.ts';

/** A namespace as a device of a walk. */
export interface NamespaceDevice<P> extends Device<P> {
  readonly stack: Stack<P>;
}

export interface World<P> extends Wiring<P> {
  readonly compiled: CompiledNetwork;
  /** The namespace of a host as a device; null when the snapshot does not have it. */
  namespace(host: string, name: string): NamespaceDevice<P> | null;
}

/** Opens the packet filters of a namespace for one walk. */
export type HooksFactory<P> = (
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  namespace: string,
) => Hooks<P> | null;

/** What a walk may choose: programs, filters, the switches' state. */
export interface WorldOptions<P> {
  readonly applications: (config: CompiledNamespace) => Applications<P>;
  readonly hooks: HooksFactory<P>;
  readonly switches: SwitchFactory<P>;
  /** Who sends from an address of which choice; null when the stack chooses. */
  readonly sender: {
    readonly host: string;
    readonly namespace: string;
    readonly address: IpAddress;
  } | null;
}

/** Opens the devices of a network for one walk; they are made when a packet first gets there. */
export function openWorld<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  options: WorldOptions<P>,
): World<P> {
  const { network } = compiled;
  const namespaces = new Map<string, NamespaceDevice<P>>();
  const switches = new Map<string, Device<P>>();
  const segments: SegmentMemory<P> = new Map();

  const namespace = (host: string, name: string): NamespaceDevice<P> | null => {
    const key = `${host} ${name}`;
    const known = namespaces.get(key);
    if (known !== undefined) return known;
    const borrows = options.sender?.host === host && options.sender.namespace === name;
    const config = borrows
      ? borrowing(compiled, host, name, options.sender.address)
      : compiledNamespace(compiled, host, name);
    if (config === null) return null;
    const stack = makeStack<P>(
      config,
      options.hooks(compiled, run, host, name),
      options.applications(config),
    );
    const device = namespaceDevice(host, name, stack, isGuest(network, host, name));
    namespaces.set(key, device);
    return device;
  };

  const switchOf = (host: string): Device<P> | null => {
    const known = switches.get(host);
    if (known !== undefined) return known;
    const made = options.switches(compiled, run, host);
    if (made !== null) switches.set(host, made);
    return made;
  };

  const landAt = (to: InterfaceId, p: P, segment: string | null): Landing<P> => {
    const port = network.switchPortOf(to);
    const device = port === null ? namespace(to.host, to.namespace) : switchOf(to.host);
    if (device === null) return lost(p, `${to.host} ${to.namespace} ${to.name}`);
    return { kind: 'arrival', arrival: { device, port: to.name, p }, segment };
  };

  const transmit = (from: InterfaceId, p: P): readonly Landing<P>[] => {
    const tap = tapOfGuest(from.namespace);
    if (tap !== null) return [landAt({ host: from.host, namespace: ROOT, name: tap }, p, null)];
    const wire = network.wire(from);
    switch (wire.kind) {
      case 'interface':
        return [landAt(wire.to, p, null)];
      case 'switch-port': {
        const device = switchOf(wire.to.host);
        if (device === null) return [lost(p, wire.to.port)];
        return [{ kind: 'arrival', arrival: { device, port: wire.to.port, p }, segment: null }];
      }
      case 'segment': {
        const { name } = wire.segment;
        run.assume('ASSUME_UNDERLAY_DELIVERS', name);
        const crossings = crossSegment(
          run,
          segments,
          wire.segment,
          ownersOf(compiled, wire.segment),
          from,
          p,
        );
        if (crossings.length === 0) return [lost(p, `nobody else is on segment ${name}`)];
        return crossings.map((one) => landAt(one.to, one.p, name));
      }
      case 'guest':
        return [
          landAt({ ...from, namespace: guestName(from.name), name: GUEST_INTERFACE }, p, null),
        ];
      case 'kernel':
        return [lost(p, `${from.name} (${wire.device}) has no cable`)];
      case 'unknown':
        return [lost(p, wire.why)];
    }
  };

  const across: Wiring<P>['across'] = (_run, from, port, p) => {
    if (from.stage !== 'switch') {
      return transmit({ host: from.host, namespace: from.name, name: port }, p);
    }
    const bridge = bridgeOf(network, from.host, port);
    const inside = bridge === null ? null : network.interfaceOf({ host: from.host, bridge, port });
    if (inside === null) return [lost(p, `${from.host} has no interface ${port}`)];
    // An internal port is the kernel's own interface; any other one transmits on its wire.
    const wire = network.wire(inside);
    if (wire.kind !== 'switch-port') return transmit(inside, p);
    const device = namespace(inside.host, inside.namespace);
    if (device === null) return [lost(p, `${inside.host} ${inside.namespace}`)];
    return [{ kind: 'arrival', arrival: { device, port, p }, segment: null }];
  };

  return { compiled, namespace, across, waiting: () => namespaces.values() };
}

function namespaceDevice<P>(
  host: string,
  name: string,
  stack: Stack<P>,
  guest: boolean,
): NamespaceDevice<P> {
  return {
    host,
    name,
    stage: guest ? 'guest' : 'namespace',
    stack,
    receive: (run, port, p) => receive(run, stack, port, p),
    settle: (run) => (stack.pending.length === 0 ? [] : expire(run, stack)),
  };
}

function compiledNamespace(
  compiled: CompiledNetwork,
  host: string,
  name: string,
): CompiledNamespace | null {
  const key = `${host} ${name}`;
  const known = compiled.namespaces.get(key);
  if (known !== undefined) return known;
  const state = namespaceOf(compiled.network, host, name);
  if (state === undefined) return null;
  const made = compileNamespace(resolvingAnew(state));
  compiled.namespaces.set(key, made);
  return made;
}

function namespaceOf(network: Network, host: string, name: string): Namespace | undefined {
  const tap = tapOfGuest(name);
  return tap === null ? network.namespace(host, name)?.state : guestBehind(network, host, tap);
}

/** The sender's namespace with the address it sends from, compiled for this walk alone. */
function borrowing(
  compiled: CompiledNetwork,
  host: string,
  name: string,
  address: IpAddress,
): CompiledNamespace | null {
  const state = namespaceOf(compiled.network, host, name);
  if (state === undefined || owns(state, address)) return compiledNamespace(compiled, host, name);
  return compileNamespace(resolvingAnew(withAddress(state, address)));
}

/**
 * What a stack has learned may have changed since the dump, and a dump taken after the failure
 * holds entries that the failing packet did not have: neighbours are asked again on the way.
 * Entries that somebody configured stay.
 */
function resolvingAnew(state: Namespace): Namespace {
  const configured = state.neighbours.filter(
    (one) => one.state === 'permanent' || one.state === 'noarp',
  );
  return { ...state, neighbours: configured };
}

/** A guest that only its port is known of. */
function guestBehind(network: Network, host: string, tap: string): Namespace | undefined {
  const endpoint = network.endpoints.find((one) => one.host === host && one.tap === tap);
  if (endpoint === undefined) return undefined;
  const { mac, addresses, port } = endpoint;
  return guestNamespace({ host, tap, mac, addresses }, network.neutron, port);
}

function isGuest(network: Network, host: string, name: string): boolean {
  if (name === ROOT) return false;
  if (tapOfGuest(name) !== null) return true;
  return network.endpoints.some(
    (one) => one.role === 'vm' && one.host === host && one.namespace === name,
  );
}

function bridgeOf(network: Network, host: string, port: string): string | null {
  for (const bridge of network.hosts.get(host)?.switch?.bridges ?? []) {
    if (bridge.ports.some((one) => one.name === port)) return bridge.name;
  }
  return null;
}

function lost<P>(p: P, what: string): Landing<P> {
  const drop: Drop = {
    reason: 'SNAPSHOT_INCOMPLETE',
    where: 'wire',
    evidence: `not in the snapshot: ${what}`,
    origin: null,
  };
  return { kind: 'lost', drop, p };
}
