/** Namespaces of agents by the id in their names: there may be thousands, and they are asked often. */
import { type Host, type NamespaceState } from '../../dataplane/network.ts';
import { namespaceOwner } from '../../model/ids.ts';

const owners = new WeakMap<Host, ReadonlyMap<string, readonly NamespaceState[]>>();

/** The namespaces of a host by the id of the router or network that they belong to. */
export function namespacesByOwner(host: Host): ReadonlyMap<string, readonly NamespaceState[]> {
  const known = owners.get(host);
  if (known !== undefined) return known;
  const found = new Map<string, NamespaceState[]>();
  for (const namespace of host.namespaces.values()) {
    const id = namespaceOwner(namespace.name)?.id;
    if (id === undefined) continue;
    const others = found.get(id);
    if (others === undefined) found.set(id, [namespace]);
    else others.push(namespace);
  }
  owners.set(host, found);
  return found;
}

/** The same over all hosts, in their order. */
export function ownedNamespaces(
  hosts: ReadonlyMap<string, Host>,
): ReadonlyMap<string, readonly NamespaceState[]> {
  const found = new Map<string, NamespaceState[]>();
  for (const host of hosts.values()) {
    for (const [id, namespaces] of namespacesByOwner(host)) {
      const others = found.get(id);
      if (others === undefined) found.set(id, [...namespaces]);
      else others.push(...namespaces);
    }
  }
  return found;
}
