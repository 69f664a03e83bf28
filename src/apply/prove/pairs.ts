/**
 * Which pairs of servers are asked first. Servers are of one kind where they are on the same hosts,
 * networks and security groups, before and after: of each pair of kinds one pair comes first, then
 * the second of each, so that a budget that ends early has met every kind it could.
 */
import { type Network } from '../../dataplane/network.ts';

export interface ServerPair {
  readonly from: string;
  readonly to: string;
}

export interface InTurn {
  readonly pairs: readonly ServerPair[];
  /** How many pairs of kinds there are: so many pairs at the front differ in kind. */
  readonly kinds: number;
}

/** All ordered pairs of servers of either network. */
export function pairsInTurn(old: Network, to: Network): InTurn {
  const [before, after] = [kindsOf(old), kindsOf(to)];
  const servers = [...new Set([...before.keys(), ...after.keys()])].sort();
  const kind = (name: string): string => `${before.get(name) ?? ''} | ${after.get(name) ?? ''}`;
  const groups = new Map<string, ServerPair[]>();
  for (const from of servers) {
    for (const target of servers) {
      if (from === target) continue;
      const key = `${kind(from)} → ${kind(target)}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [{ from, to: target }]);
      else group.push({ from, to: target });
    }
  }
  const lists = [...groups.values()];
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  const pairs = Array.from({ length: longest }, (_, i) => i).flatMap((i) =>
    lists.flatMap((list) => list.slice(i, i + 1)),
  );
  return { pairs, kinds: lists.length };
}

/** The kind of each server: where it runs, and what its ports have. */
function kindsOf({ endpoints }: Network): ReadonlyMap<string, string> {
  const kinds = new Map<string, string>();
  for (const { role, name, host, port: own } of endpoints) {
    if (role !== 'vm') continue;
    const groups = [...(own?.securityGroups ?? [])].sort().join(',');
    const guarded = own?.portSecurity === false ? 'open' : 'guarded';
    const addresses = own?.allowedAddressPairs.length ?? 0;
    const words = [host, own?.networkId ?? '', groups, guarded, addresses].join(' ');
    kinds.set(name, [kinds.get(name) ?? '', words].join('; '));
  }
  return kinds;
}
