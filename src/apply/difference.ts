/** In what hosts differ from what they shall be, and what of others stands in the way. */
import { ROOT } from '../dataplane/network.ts';
import { type NeutronRef } from '../trace/objects.ts';
import { type Change, type Conflict, type HostState, type Item } from './types.ts';

export interface Compared {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** Whether things of others may be changed as well. */
export interface CompareOptions {
  readonly takeover: boolean;
  /** Bridges of the operator: what stands on them is not asked about. */
  readonly operators: ReadonlySet<string>;
  readonly about: (host: string, item: Item) => NeutronRef | null;
}

export function compareHost(
  desired: HostState,
  actual: HostState,
  { takeover, operators, about }: CompareOptions,
): Compared {
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const { host } = desired;
  const push = (id: string, old: Item | null, to: Item | null): void => {
    changes.push({ host, id, old, new: to, about: about(host, to ?? old!) });
  };
  for (const [id, item] of desired.items) {
    const there = actual.items.get(id);
    if (there === undefined) {
      if (!isUnknowable(item, actual)) push(id, null, item);
      continue;
    }
    if (there.text === item.text) continue;
    if (actual.owned.has(id) || takeover || item.kind === 'member') push(id, there, item);
    else conflicts.push({ host, id, why: 'it exists, is somebody else’s, and is different' });
  }
  for (const [id, item] of actual.items) {
    if (desired.items.has(id) || !actual.owned.has(id) || operators.has(item.place)) continue;
    // Settings that nobody asked for are the kernel's; they go with their namespace.
    if (item.kind === 'sysctl' && desired.items.has(`namespace ${item.place} ${item.place}`))
      continue;
    push(id, item, null);
  }
  for (const [id, item] of desired.items) {
    if (item.kind !== 'namespace' || takeover) continue;
    if (actual.items.has(id) && !actual.owned.has(id)) {
      conflicts.push({ host, id, why: 'a namespace of this name exists and is somebody else’s' });
    }
  }
  return { changes, conflicts };
}

/** A setting that the running kernel does not have, in a namespace that is there. */
function isUnknowable(item: Item, actual: HostState): boolean {
  if (item.kind !== 'sysctl') return false;
  if (item.place !== ROOT && !actual.items.has(`namespace ${item.place} ${item.place}`))
    return false;
  return (
    !perDevice(item.key) || actual.items.has(`device ${item.place} ${perDevice(item.key) ?? ''}`)
  );
}

/** The device of `net.ipv4.conf.DEVICE.…`. */
export function perDevice(name: string): string | null {
  const found = /^net\.ipv[46]\.conf\.(.+)\.[a-z_]+$/.exec(name)?.[1];
  return found === undefined || found === 'all' || found === 'default' ? null : found;
}
