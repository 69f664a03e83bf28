/**
 * What agents do to the namespaces of a host: the difference between two configurations that they
 * would write, laid upon what the namespaces really hold.
 */
import {
  type InterfaceId,
  type NamespaceState,
  type Network,
  ROOT,
} from '../../dataplane/network.ts';
import { type Interface, type Namespace, type Route } from '../../dataplane/routing/types.ts';
import { type Stage } from '../network/stage.ts';

/** Files of rules that agents write. */
const RULES = ['iptables-save', 'ip6tables-save', 'ipset-save', 'ebtables-save', 'arptables-save'];

/** Which namespaces of a host an agent works on; addresses of some are keepalived's business. */
export interface Scope {
  readonly works: (namespace: string) => boolean;
  readonly addresses: (namespace: string) => boolean;
}

/** Does to a host's namespaces what leads from `before` to `after`. */
export function changeNamespaces(
  stage: Stage,
  host: string,
  before: Network,
  after: Network,
  scope: Scope,
): void {
  const old = before.hosts.get(host)?.namespaces ?? new Map<string, NamespaceState>();
  const next = after.hosts.get(host)?.namespaces ?? new Map<string, NamespaceState>();
  for (const name of new Set([...old.keys(), ...next.keys()])) {
    if (!scope.works(name)) continue;
    const [was, will] = [old.get(name), next.get(name)];
    if (will === undefined) stage.setNamespace(host, name, null);
    else if (was === undefined || stage.network.namespace(host, name) === undefined) {
      stage.setNamespace(host, name, will);
      for (const { name: device } of will.state.interfaces) {
        connectAs(stage, after, { host, namespace: name, name: device });
      }
    } else {
      if (scope.addresses(name)) changeState(stage, host, was, will, after);
      changeRules(stage, host, was, will);
    }
  }
}

function changeState(
  stage: Stage,
  host: string,
  was: NamespaceState,
  will: NamespaceState,
  after: Network,
): void {
  const fresh: string[] = [];
  const { name } = will;
  stage.change(host, name, (real) => {
    const interfaces = changedInterfaces(real, was.state, will.state, fresh);
    const routes = changedRoutes(real, was.state, will.state);
    const bridgePorts = changedList(
      real.bridgePorts,
      was.state.bridgePorts,
      will.state.bridgePorts,
      text,
    );
    // Where a VXLAN device sends frames for a MAC, and for whom it answers ARP (l2population).
    const bridgeFdb = changedList(
      real.bridgeFdb,
      was.state.bridgeFdb,
      will.state.bridgeFdb,
      towards,
    );
    const neighbours = changedList(
      real.neighbours,
      was.state.neighbours,
      will.state.neighbours,
      text,
    );
    const after = { ...real, interfaces, routes, bridgePorts, bridgeFdb, neighbours };
    return Object.entries(after).every(([key, value]) => value === real[key as keyof Namespace])
      ? real
      : after;
  });
  for (const device of fresh) connectAs(stage, after, { host, namespace: name, name: device });
}

/** What makes two entries the same, whatever their printed states and flags. */
function towards({ device, mac, vlan, destination }: Namespace['bridgeFdb'][number]): string {
  return text([device, mac, vlan, destination]);
}

/** Wires of a new interface are those of the configuration it comes from. */
function connectAs(stage: Stage, after: Network, at: InterfaceId): void {
  const wire = after.wire(at);
  stage.living.connect(at, wire);
  const back = wire.kind === 'interface' ? after.wire(wire.to) : null;
  // The other end of a veth pair is new too; the lower device of another kind is not.
  if (wire.kind === 'interface' && back?.kind === 'interface' && back.to.name === at.name) {
    stage.living.connect(wire.to, back);
  }
  const port = after.switchPortOf(at);
  if (port !== null) stage.living.plug(at, port);
}

function changedInterfaces(
  real: Namespace,
  was: Namespace,
  will: Namespace,
  fresh: string[],
): readonly Interface[] {
  const old = new Map(was.interfaces.map((one) => [one.name, one]));
  const next = new Map(will.interfaces.map((one) => [one.name, one]));
  const there = new Set(real.interfaces.map(({ name }) => name));
  let index = Math.max(0, ...real.interfaces.map((one) => one.index));
  const kept = real.interfaces.flatMap((one) => {
    const [a, b] = [old.get(one.name), next.get(one.name)];
    if (a !== undefined && b === undefined) return [];
    if (a === undefined || b === undefined || text(a.addresses) === text(b.addresses)) return [one];
    const addresses = changedList(one.addresses, a.addresses, b.addresses, ({ address, length }) =>
      text([address, length]),
    );
    return [{ ...one, addresses }];
  });
  const added = will.interfaces.filter(({ name }) => !old.has(name) && !there.has(name));
  fresh.push(...added.map(({ name }) => name));
  const same = added.length === 0 && kept.every((one, i) => one === real.interfaces[i]);
  if (same && kept.length === real.interfaces.length) return real.interfaces;
  return [...kept, ...added.map((one) => ({ ...one, index: ++index }))];
}

function changedRoutes(real: Namespace, was: Namespace, will: Namespace): readonly Route[] {
  return changedList(real.routes, was.routes, will.routes, ({ origin: _, ...route }) =>
    text(route),
  );
}

/** A list without what only `was` has, and with what only `will` has; itself when all is equal. */
function changedList<T>(
  real: readonly T[],
  was: readonly T[],
  will: readonly T[],
  keyOf: (one: T) => string,
): readonly T[] {
  const old = new Set(was.map(keyOf));
  const next = new Set(will.map(keyOf));
  const there = new Set(real.map(keyOf));
  const kept = real.filter((one) => next.has(keyOf(one)) || !old.has(keyOf(one)));
  const added = will.filter((one) => !old.has(keyOf(one)) && !there.has(keyOf(one)));
  return kept.length === real.length && added.length === 0 ? real : [...kept, ...added];
}

function changeRules(stage: Stage, host: string, was: NamespaceState, will: NamespaceState): void {
  const changed = new Set(
    RULES.filter((name) => textOf(was, name) !== textOf(will, name)).flatMap((name) => [
      name,
      `${name}.txt`,
    ]),
  );
  if (changed.size === 0) return;
  const real = stage.network.namespace(host, will.name);
  stage.changeRules(host, will.name, (file) =>
    changed.has(file) ? will.source(file) : real?.source(file),
  );
}

function textOf(state: NamespaceState, name: string): string {
  return (state.source(name) ?? state.source(`${name}.txt`))?.text ?? '';
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one));
}

/** Namespaces of guests, which no agent touches. */
export function isAgents(name: string): boolean {
  return name === ROOT || /^(q(router|dhcp|lbaas)|snat|fip)-/.test(name);
}
