/**
 * The devices of one walk over a network. What is expensive (compiled
 * namespaces, prepared switches) is kept per snapshot; what packets change is made anew per walk.
 */

import { guestNamespace, tapOfGuest } from '../dataplane/endpoint/guest.ts';
import { portsBehind } from '../dataplane/endpoint/guest-nics.ts';
import { type Network, ROOT } from '../dataplane/network.ts';
import { type Run } from '../dataplane/outcome.ts';
import { expire, receive, send } from '../dataplane/routing/namespace.ts';
import {
  type Applications,
  type CompiledNamespace,
  compileNamespace,
  type JoinedGroup,
  makeStack,
  type NeighbourAges,
  type Stack,
} from '../dataplane/routing/stack.ts';
import { type Namespace } from '../dataplane/routing/types.ts';
import { portIdPrefix } from '../model/ids.ts';
import { type Borrowed, owns, withAddress } from './borrowed-address.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { endpointsAt, endpointsBehind } from './endpoints-at.ts';
import { type OpenFilters } from './filters.ts';
import { OUTSIDE } from './outside.ts';
import { daemonsIn } from './programs/daemons.ts';
import { givenTo } from './programs/given.ts';
import { withListeners } from './programs/listening.ts';
import { type SwitchDevice, type SwitchFactory } from './switch-device.ts';
import { isTunnelDevice, switchTunnels } from './switch-tunnels.ts';
import { type Device, type Wiring } from './walk.ts';
import { openWires } from './wires.ts';

/** A namespace as a device of a walk. */
export interface NamespaceDevice<P> extends Device<P> {
  readonly stack: Stack<P>;
}

export interface World<P> extends Wiring<P> {
  readonly compiled: CompiledNetwork;
  /** The namespace of a host as a device; null when the snapshot does not have it. */
  namespace(host: string, name: string): NamespaceDevice<P> | null;
  /** The namespace at `HOST NAME`, if some packet has come there already. */
  known(place: string): NamespaceDevice<P> | null;
  /** The switch of a host, if some packet has come there already. */
  knownSwitch(host: string): SwitchDevice<P> | null;
  /** Namespaces (`HOST NAME`) and switches (`HOST `) to which something has come. */
  met(): ReadonlySet<string>;
  /**
   * The namespace's addresses, routes or interfaces have changed: what it has learned and tracks
   * stays, everything else is compiled anew.
   */
  renew(host: string, name: string): void;
  /** The rules of a namespace were written anew, and its tracked connections are forgotten. */
  renewRules(host: string, name: string): void;
  /** The switch of a host has other flows or ports; `restarted` has forgotten everything. */
  renewSwitch(host: string, restarted: boolean): void;
  /** A namespace goes on, on another host: a server that was moved while it ran. */
  move(host: string, name: string, to: string): void;
}

/** Opens the packet filters of a namespace for one walk. */
export type HooksFactory<P> = (
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  namespace: string,
) => OpenFilters<P>;

/** What a walk may choose: programs, filters, the switches' state. */
export interface WorldOptions<P> {
  readonly applications: (config: CompiledNamespace) => Applications<P>;
  readonly hooks: HooksFactory<P>;
  readonly switches: SwitchFactory<P>;
  /** Addresses that namespaces have for this walk only. */
  readonly borrowed: readonly Borrowed[];
  /** Who has no addresses of a version yet: a guest that asks for one. */
  readonly unconfigured: Unconfigured | null;
  /** Multicast groups that programs have joined; none unless told. */
  readonly groups?: (config: CompiledNamespace) => readonly JoinedGroup[];
  /** How old learned neighbours get; for ever unless told. */
  readonly ages?: NeighbourAges<P>;
}

/** A namespace without addresses of one IP version. */
export interface Unconfigured {
  readonly host: string;
  readonly namespace: string;
  readonly version: 4 | 6;
}

/** Opens the devices of a network for one walk; they are made when a packet first gets there. */
export function openWorld<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  options: WorldOptions<P>,
): World<P> {
  const { network } = compiled;
  const namespaces = new Map<string, NamespaceDevice<P>>();
  /** The same by host and name: frames ask again and again, and a joined key costs more than both. */
  const byHost = new Map<string, Map<string, NamespaceDevice<P>>>();
  const switches = new Map<string, SwitchDevice<P>>();
  const met = new Set<string>();

  const configOf = (host: string, name: string): CompiledNamespace | null => {
    const borrows = options.borrowed.filter((one) => one.host === host && one.namespace === name);
    const { unconfigured } = options;
    if (unconfigured?.host === host && unconfigured.namespace === name) {
      return bare(compiled, unconfigured);
    }
    if (borrows.length > 0) return borrowing(compiled, host, name, borrows);
    return compiledNamespace(compiled, host, name);
  };

  /** Switches whose flows or ports have changed, as they were. */
  const former = new Map<string, SwitchDevice<P>>();
  /** Namespaces that have changed since their device was made, and those with other rules. */
  const stale = new Set<string>();
  const ruled = new Set<string>();

  const keep = (device: NamespaceDevice<P>): void => {
    namespaces.set(`${device.host} ${device.name}`, device);
    const onHost = byHost.get(device.host);
    if (onHost === undefined) byHost.set(device.host, new Map([[device.name, device]]));
    else onHost.set(device.name, device);
  };

  const namespace = (host: string, name: string): NamespaceDevice<P> | null => {
    const known = byHost.get(host)?.get(name);
    if (known === undefined) met.add(`${host} ${name}`);
    if (known !== undefined) {
      return stale.size > 0 && stale.delete(`${host} ${name}`) ? renewed(known) : known;
    }
    const config = configOf(host, name);
    if (config === null) return null;
    const { stack: hooks, bridges } = options.hooks(compiled, run, host, name);
    const stack = makeStack<P>(config, hooks, options.applications(config), bridges);
    stack.groups = options.groups?.(config) ?? [];
    stack.ages = options.ages ?? null;
    if (name === ROOT) stack.switchTunnels = switchTunnels(network, host);
    const made = namespaceDevice(host, name, stack, isGuest(network, host, name));
    const device = host === OUTSIDE ? assumed(made) : made;
    keep(device);
    return device;
  };

  const switchOf = (host: string): SwitchDevice<P> | null => {
    met.add(`${host} `);
    const known = switches.get(host);
    if (known !== undefined) return known;
    const made = options.switches(compiled, run, host, former.get(host) ?? null);
    former.delete(host);
    if (made !== null) switches.set(host, made);
    return made;
  };

  const renewSwitch = (host: string, restarted: boolean): void => {
    compiled.switches.delete(host);
    const old = switches.get(host) ?? former.get(host);
    switches.delete(host);
    if (restarted || old === undefined) former.delete(host);
    else former.set(host, old);
    // Its kernel takes the packets of other tunnels for it.
    if (namespaces.has(`${host} ${ROOT}`)) stale.add(`${host} ${ROOT}`);
  };

  const renewRules = (host: string, name: string): void => {
    const key = `${host} ${name}`;
    compiled.filters.delete(key);
    if (!namespaces.has(key)) return;
    stale.add(key);
    ruled.add(key);
  };

  const move = (host: string, name: string, to: string): void => {
    const old = namespaces.get(`${host} ${name}`);
    namespaces.delete(`${host} ${name}`);
    byHost.get(host)?.delete(name);
    compiled.namespaces.delete(`${host} ${name}`);
    if (old !== undefined) keep({ ...old, host: to });
    renew(to, name);
  };

  const across = openWires<P>(compiled, run, { namespace, switchOf });
  const renew = (host: string, name: string): void => {
    const key = `${host} ${name}`;
    compiled.namespaces.delete(key);
    if (namespaces.has(key)) stale.add(key);
  };

  const renewed = (old: NamespaceDevice<P>): NamespaceDevice<P> => {
    const { host, name } = old;
    const config = configOf(host, name);
    if (config === null) return old;
    const hooks = ruled.delete(`${host} ${name}`) ? options.hooks(compiled, run, host, name) : null;
    const stack = renewedStack(old.stack, config, hooks);
    if (name === ROOT) stack.switchTunnels = switchTunnels(network, host);
    stack.groups = options.groups?.(config) ?? [];
    const made = namespaceDevice(host, name, stack, old.stage === 'guest');
    keep(made);
    return made;
  };

  return {
    compiled,
    namespace,
    known: (place) => namespaces.get(place) ?? null,
    knownSwitch: (host) => switches.get(host) ?? former.get(host) ?? null,
    met: () => met,
    renew,
    renewRules,
    renewSwitch,
    move,
    across,
    waiting: () => namespaces.values(),
  };
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
    // What the switch has encapsulated is a packet of the host itself.
    receive: (run, port, p) =>
      isTunnelDevice(port) ? send(run, stack, p) : receive(run, stack, port, p),
    settle: (run) => (stack.pending.length === 0 ? [] : expire(run, stack)),
  };
}

/** The stack with another configuration: filters and what was learned go on. */
function renewedStack<P>(
  old: Stack<P>,
  config: CompiledNamespace,
  rules: OpenFilters<P> | null,
): Stack<P> {
  const bridgeHooks = [...old.bridges.values()][0]?.hooks ?? rules?.bridges ?? null;
  const stack = makeStack<P>(
    config,
    rules === null ? old.hooks : rules.stack,
    old.applications,
    rules === null ? bridgeHooks : rules.bridges,
  );
  for (const [name, bridge] of stack.bridges) {
    bridge.learned = old.bridges.get(name)?.learned ?? [];
  }
  stack.learned = old.learned;
  stack.ages = old.ages;
  stack.connections = old.connections;
  stack.packetSockets = old.packetSockets;
  stack.switchTunnels = old.switchTunnels;
  return stack;
}

/** The outside's device: whatever it does beside staying silent is an assumption. */
function assumed<P>(device: NamespaceDevice<P>): NamespaceDevice<P> {
  return {
    ...device,
    receive(run, port, p) {
      const outcomes = device.receive(run, port, p);
      if (outcomes.some(({ kind }) => kind !== 'dropped')) run.assume('ASSUME_OUTSIDE', port);
      return outcomes;
    },
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
  const state = namespaceOf(compiled, host, name);
  if (state === undefined) return null;
  const listening = withListeners(state, daemonsIn(compiled, host, name));
  const made = compileNamespace(resolvingAnew(listening));
  compiled.namespaces.set(key, made);
  return made;
}

/** The namespace of a host as the snapshot shows it, or as a guest's port configures it. */
export function namespaceOf(
  compiled: CompiledNetwork,
  host: string,
  name: string,
): Namespace | undefined {
  const tap = tapOfGuest(name);
  if (tap === null) return compiled.network.namespace(host, name)?.state;
  const guest = guestBehind(compiled, host, tap);
  const neighbours = compiled.network.hosts.get(host)?.guestNeighbours?.get(tap);
  return guest === undefined || neighbours === undefined ? guest : { ...guest, neighbours };
}

/** The namespace with addresses it has for this walk, compiled for this walk alone. */
function borrowing(
  compiled: CompiledNetwork,
  host: string,
  name: string,
  borrows: readonly Borrowed[],
): CompiledNamespace | null {
  const state = namespaceOf(compiled, host, name);
  const foreign = borrows.filter(({ address }) => state !== undefined && !owns(state, address));
  if (state === undefined || foreign.length === 0) return compiledNamespace(compiled, host, name);
  const lent = foreign.reduce((given, { address }) => withAddress(given, address), state);
  return compileNamespace(resolvingAnew(lent));
}

/** The namespace as it was before anybody configured it. */
function bare(
  compiled: CompiledNetwork,
  { host, namespace, version }: Unconfigured,
): CompiledNamespace | null {
  const state = namespaceOf(compiled, host, namespace);
  if (state === undefined) return null;
  const interfaces = state.interfaces.map((one) => ({
    ...one,
    addresses: one.addresses.filter(({ address }) => one.loopback || address.version !== version),
  }));
  const local = new Set(interfaces.filter(({ loopback }) => loopback).map(({ name }) => name));
  const routes = state.routes.filter(
    (route) =>
      route.version !== version || route.hops.some(({ device }) => local.has(device ?? '')),
  );
  return compileNamespace(resolvingAnew({ ...state, interfaces, routes }));
}

/**
 * What a stack has learned may have changed since the dump, and a dump taken after the failure
 * holds entries that the failing packet did not have: neighbours are asked again on the way.
 * Entries that somebody configured stay.
 *
 * Simplification: a neighbour that a stack still knew when a probe was sent and had given up by
 * the time of the dump is asked for in vain: one recorded echo request to a port just taken down
 * (ovs-faults, record 27) reached its receiver by such an entry.
 */
function resolvingAnew(state: Namespace): Namespace {
  const configured = state.neighbours.filter(
    (one) => one.state === 'permanent' || one.state === 'noarp',
  );
  return { ...state, neighbours: configured };
}

/** A guest that only its port is known of. */
function guestBehind(compiled: CompiledNetwork, host: string, tap: string): Namespace | undefined {
  const { network } = compiled;
  const ports = portsBehind(network.neutron, host, tap);
  if (ports.length > 0) {
    const nics = ports.map((port) => ({
      mac: port.mac,
      addresses: port.fixedIps.map(({ address }) => address),
      port,
      given: givenTo(compiled, port),
    }));
    return guestNamespace(host, tap, nics, network.neutron);
  }
  const behind = endpointsBehind(network, host, tap);
  // Sub-ports of a trunk stand behind the same tap as its parent.
  const endpoint =
    behind.find(({ port }) => port?.id.startsWith(portIdPrefix(tap) ?? '')) ?? behind[0];
  if (endpoint === undefined) return undefined;
  const { mac, addresses, port } = endpoint;
  const given = port === null ? null : givenTo(compiled, port);
  return guestNamespace(host, tap, [{ mac, addresses, port, given }], network.neutron);
}

function isGuest(network: Network, host: string, name: string): boolean {
  if (name === ROOT) return false;
  if (tapOfGuest(name) !== null) return true;
  return endpointsAt(network, host, name).some(({ role }) => role === 'vm');
}
