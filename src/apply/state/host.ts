/** A whole host as items: what it shall have, or what it has and which of it is ours. */
import { type Host, type Network, ROOT } from '../../dataplane/network.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type Problem } from '../../text/problem.ts';
import { CHAIN_PREFIX, type HostState, type Item, type ItemOf, idOf } from '../types.ts';
import { daemonItems, electedItems } from './daemons.ts';
import { filterItems } from './filters.ts';
import { frameItems } from './frames.ts';
import { namespaceItems } from './namespace.ts';
import { type Found, switchItems } from './switch.ts';

/** What a host noted of things that carry no mark: `namespace qrouter-…`, `device root qbr…`. */
export type OwnedList = ReadonlySet<string>;

/** Lines of `/var/lib/hopwise/owned` as it was collected. */
export function readOwned(text: string): OwnedList {
  return new Set(text.split('\n').filter((line) => line !== ''));
}

/** Everything of a host that applying knows of. */
export function actualState(
  network: Network,
  host: Host,
  owned: OwnedList,
  problems: Problem[],
): HostState {
  const isOurs = (name: string): boolean => owned.has(`namespace ${name}`);
  const found: Found[] = [
    ...switchItems(host),
    ...daemonItems(host).map((item) => ({ item, owned: isNoted(item, owned) })),
  ];
  const elected = electedItems(host);
  for (const namespace of host.namespaces.values()) {
    const { name } = namespace;
    const ours = isOurs(name);
    if (name !== ROOT && namespaceOwner(name) === undefined && !ours) continue;
    if (name !== ROOT) found.push({ item: namespaceItem(name), owned: ours });
    const items = [
      ...namespaceItems({ network, host, namespace }),
      ...filterItems(namespace, name !== ROOT, problems),
      ...frameItems(namespace, problems),
    ];
    const settled = items.filter((item) => !elected(item));
    found.push(...settled.map((item) => ({ item, owned: ours || isNoted(item, owned) })));
  }
  return stateOf(host.name, found);
}

/** What a host shall have. Standalone bridges are the operator's, and taken as they are. */
export function desiredState(network: Network, host: Host, problems: Problem[]): HostState {
  const operators = operatorBridges(host);
  const found: Found[] = switchItems(host).filter(({ item }) => {
    return !operators.has(item.kind === 'bridge' ? item.key : item.place);
  });
  found.push(...daemonItems(host).map((item) => ({ item, owned: true })));
  const elected = electedItems(host);
  for (const namespace of host.namespaces.values()) {
    const { name } = namespace;
    if (name !== ROOT && namespaceOwner(name) === undefined) continue;
    if (name !== ROOT) found.push({ item: namespaceItem(name), owned: true });
    const items = [
      ...namespaceItems({ network, host, namespace }).filter(
        (item) => name !== ROOT || item.kind !== 'sysctl',
      ),
      ...filterItems(namespace, name !== ROOT, problems),
      ...frameItems(namespace, problems),
    ];
    found.push(...items.filter((item) => !elected(item)).map((item) => ({ item, owned: true })));
  }
  return stateOf(host.name, found);
}

/** Bridges that the operator made, by what is wanted: agents make none that forward by themselves. */
export function operatorBridges(host: Host): ReadonlySet<string> {
  const bridges = host.switch?.bridges ?? [];
  return new Set(
    bridges.filter(({ failMode }) => failMode === 'standalone').map(({ name }) => name),
  );
}

function namespaceItem(name: string): ItemOf<'namespace'> {
  return { kind: 'namespace', place: name, key: name, text: 'namespace', data: {} };
}

/** Things of the host's own namespace that are ours by the host's list, or by their name. */
function isNoted(item: Item, owned: OwnedList): boolean {
  switch (item.kind) {
    case 'device':
    case 'member':
    case 'set':
    case 'file':
    case 'daemon':
      return owned.has(`${item.kind} ${item.place} ${item.key}`);
    case 'address':
    case 'neighbour':
    case 'fdb':
      return owned.has(`device ${item.place} ${item.data.device}`);
    case 'chain':
      return item.data.chain.startsWith(CHAIN_PREFIX) || !item.data.whole;
    case 'frames':
      return true;
    default:
      return false;
  }
}

function stateOf(host: string, found: readonly Found[]): HostState {
  const items = new Map<string, Item>();
  const owned = new Set<string>();
  for (const { item, owned: ours } of found) {
    const id = idOf(item);
    items.set(id, item);
    if (ours) owned.add(id);
  }
  return { host, items, owned };
}
