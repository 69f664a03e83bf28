/**
 * A network in which something is broken: hosts that are gone, NICs without a link, routers'
 * namespaces that are no more. The network itself is not changed.
 */
import {
  type Host,
  type InterfaceId,
  type Network,
  type Segment,
  type Wire,
} from '../../dataplane/network.ts';
import { namespaceOwner } from '../../model/ids.ts';

/** One thing that can break, by the words that name it. */
export type Failure =
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'link'; readonly host: string; readonly nic: string }
  | {
      readonly kind: 'router';
      readonly host: string;
      readonly namespace: string;
      readonly id: string;
      readonly name: string;
    };

export function failureText(failure: Failure): string {
  switch (failure.kind) {
    case 'host':
      return `host ${failure.host}`;
    case 'link':
      return `link ${failure.host}:${failure.nic}`;
    case 'router':
      return `router ${failure.name} on ${failure.host}`;
  }
}

/** Everything of a network that can break: hosts with agents, their NICs, routers on each host. */
export function failuresOf(
  network: Network,
): Readonly<Record<Failure['kind'], readonly Failure[]>> {
  const agents = new Set(network.neutron.agents.map(({ host }) => host));
  const hosts = [...network.hosts.keys()].filter((host) => agents.size === 0 || agents.has(host));
  const nics = new Map<string, Failure>();
  for (const { members } of network.segments) {
    for (const { host, name } of members) {
      if (hosts.includes(host)) nics.set(`${host} ${name}`, { kind: 'link', host, nic: name });
    }
  }
  const routers = hosts.flatMap((host) =>
    [...(network.hosts.get(host)?.namespaces.keys() ?? [])].flatMap((namespace): Failure[] => {
      const owner = namespaceOwner(namespace);
      if (owner?.kind !== 'router') return [];
      const known = network.neutron.routers.find(({ id }) => id === owner.id);
      return [{ kind: 'router', host, namespace, id: owner.id, name: known?.name ?? owner.id }];
    }),
  );
  return {
    host: hosts.map((host) => ({ kind: 'host', host })),
    link: [...nics.values()],
    router: routers,
  };
}

/** The network without what is broken. */
export function withoutBroken(network: Network, broken: readonly Failure[]): Network {
  const dead = new Set(broken.flatMap((one) => (one.kind === 'host' ? [one.host] : [])));
  const cut = new Set(
    broken.flatMap((one) => (one.kind === 'link' ? [`${one.host} ${one.nic}`] : [])),
  );
  const gone = new Set(
    broken.flatMap((one) => (one.kind === 'router' ? [`${one.host} ${one.namespace}`] : [])),
  );
  const isGone = ({ host, namespace, name }: InterfaceId): boolean =>
    dead.has(host) || gone.has(`${host} ${namespace}`) || cut.has(`${host} ${name}`);
  const segments = new Map<Segment, Segment>();
  const left = (segment: Segment): Segment => {
    let made = segments.get(segment);
    if (made === undefined) {
      made = { ...segment, members: segment.members.filter((member) => !isGone(member)) };
      segments.set(segment, made);
    }
    return made;
  };
  const hosts = new Map<string, Host>();
  for (const [name, host] of network.hosts) {
    if (!dead.has(name)) hosts.set(name, withoutNamespaces(host, gone));
  }
  const wire = (at: InterfaceId): Wire => {
    if (isGone(at)) return { kind: 'unknown', why: `${at.host} ${at.name} has no link` };
    const found = network.wire(at);
    if (found.kind === 'segment') return { ...found, segment: left(found.segment) };
    if (found.kind === 'interface' && isGone(found.to)) {
      return { kind: 'unknown', why: `${found.to.host} ${found.to.name} is gone` };
    }
    return found;
  };
  return Object.create(network, {
    hosts: { value: hosts, enumerable: true },
    segments: { get: () => network.segments.map(left), enumerable: true },
    endpoints: {
      get: () =>
        network.endpoints.filter(
          ({ host, namespace }) => !dead.has(host) && !gone.has(`${host} ${namespace}`),
        ),
      enumerable: true,
    },
    namespace: {
      value: (host: string, name: string) =>
        dead.has(host) || gone.has(`${host} ${name}`) ? undefined : network.namespace(host, name),
      enumerable: true,
    },
    wire: { value: wire, enumerable: true },
  }) as Network;
}

function withoutNamespaces(host: Host, gone: ReadonlySet<string>): Host {
  const namespaces = [...host.namespaces].filter(([name]) => !gone.has(`${host.name} ${name}`));
  if (namespaces.length === host.namespaces.size) return host;
  return Object.create(host, {
    namespaces: { value: new Map(namespaces), enumerable: true },
  }) as Host;
}
