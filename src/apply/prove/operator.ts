/**
 * The way of the person who applies: no plan may cut new ssh connections to a host. It is proved
 * twice: no step touches the interface that holds the address, and the rules of the host's own
 * namespace let a new connection in, now and with the plan's chains.
 */
import { type Host, ROOT } from '../../dataplane/network.ts';
import { readIp } from '../../text/address-text.ts';
import { type Plan } from '../types.ts';
import { inputClosed, type Operator } from './input.ts';

/** What speaks against the plan on one host. */
export function operatorCut(plan: Plan, host: Host, operator: Operator): readonly string[] {
  const way = wayIn(host, operator);
  return [
    ...interfaceTouched(plan, host, operator, way),
    ...inputClosed(plan, host, operator, way ?? new Set()),
  ];
}

/** The interface that holds the address of the connection, and those below; null when unknown. */
function wayIn(host: Host, { to }: Operator): ReadonlySet<string> | null {
  const address = readIp(to.replace(/^::ffff:/, ''));
  const root = host.namespaces.get(ROOT)?.state.interfaces ?? [];
  const holder = root.find((each) =>
    each.addresses.some(
      (own) => own.address.version === address?.version && own.address.value === address?.value,
    ),
  );
  if (holder === undefined) return null;
  const names = new Set([holder.name]);
  // Below a bridge or a VLAN device stand others that carry the same packets.
  for (const each of root) {
    if (each.master === holder.name || each.index === holder.linkIndex) names.add(each.name);
  }
  for (const bridge of host.switch?.bridges ?? []) {
    if (bridge.name !== holder.name && !bridge.ports.some(({ name }) => name === holder.name))
      continue;
    for (const { name } of bridge.ports) names.add(name);
    names.add(bridge.name);
  }
  return names;
}

/** Steps that put the interface of the connection into a bridge, or take its address. */
function interfaceTouched(
  plan: Plan,
  host: Host,
  { to }: Operator,
  names: ReadonlySet<string> | null,
): readonly string[] {
  if (names === null)
    return [`${host.name}: the interface of your ssh connection (${to}) was not found`];
  return plan.changes.flatMap(({ host: name, id, old, new: next }) => {
    const item = next ?? old;
    if (name !== host.name || item === null) return [];
    const touches =
      (item.kind === 'port' ||
        item.kind === 'member' ||
        item.kind === 'device' ||
        item.kind === 'bridge') &&
      (item.kind === 'port' || item.kind === 'bridge' || item.place === ROOT) &&
      names.has(item.key);
    const address = item.kind === 'address' && item.place === ROOT && names.has(item.data.device);
    return touches || address
      ? [`${name}: ${id} takes the interface of your ssh connection (${to}) away`]
      : [];
  });
}
