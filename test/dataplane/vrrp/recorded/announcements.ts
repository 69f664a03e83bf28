/** Announcements of a replayed run against those that were recorded, exactly counted. */
import { type VirtualAddress } from '../../../../src/dataplane/vrrp/types.ts';
import { type Recording } from './recordings.ts';

/** What a router told its neighbours, and what it gave back. */
export interface Announcer {
  readonly announced: {
    readonly at_us: number;
    readonly address: string;
    readonly repeat: number;
  }[];
  /** Addresses that it gave back, named as announced ones are. */
  readonly removed: { readonly at_us: number; readonly address: string }[];
}

/** The network and the address of an announcement; on the inner one all routers have one MAC. */
export function announcedAs(
  { id }: { readonly id: string },
  { address, device }: VirtualAddress,
): string {
  const net = device?.startsWith('ha-') === true ? `ha ${id}` : 'in';
  return `${net} ${dotted(address.value)}`;
}

/**
 * Gratuitous ARP in bursts that are less than a second apart, exactly counted. A kernel that is
 * giving an address back answers an announcement of it that comes in between the two places the
 * address is taken from (`__inet_del_ifa()`: first the hash by which announcements of its own are
 * told, then the route to itself), and the answer looks like one more announcement: it is
 * broadcast about as `10.0.0.1 is at` the routers' common MAC.
 *
 * @returns how many such answers there were
 */
export function compareAnnouncements(
  run: Recording,
  routers: readonly Announcer[],
  differences: string[],
): number {
  let answered = 0;
  const seen = run.events.flatMap((one) => {
    if (one.ev !== 'garp') return [];
    const router = run.routers.find(
      ({ ip }) =>
        one.net === 'ha' && one.mac.startsWith(`fa:16:3e:a0:${ip.toString(16).padStart(2, '0')}`),
    );
    const net = one.net === 'ha' ? `ha ${router?.id}` : 'in';
    return [{ at_us: one.t * 1e6, address: `${net} ${one.ip}`, repeat: one.n }];
  });
  const made = routers.flatMap((router) => router.announced);
  const removed = routers.flatMap((router) => router.removed);
  const keys = new Set([...seen, ...made].map(({ address }) => address));
  for (const key of keys) {
    const real = bursts(seen.filter(({ address }) => address === key));
    const own = bursts(made.filter(({ address }) => address === key));
    const counts = own.map(({ count, from_us, until_us }, i) => {
      const more = (real[i]?.count ?? 0) - count;
      const chances = removed.filter(
        ({ address, at_us }) => address === key && at_us >= from_us && at_us <= until_us,
      ).length;
      if (more <= 0 || more > chances) return count;
      answered += more;
      return count + more;
    });
    const told = real.map(({ count }) => count);
    if (told.join() !== counts.join()) {
      differences.push(`announced ${key}: ${told.join(' ')}, the machines ${counts.join(' ')}`);
    }
  }
  return answered;
}

const APART_US = 900_000;

interface Burst {
  readonly from_us: number;
  until_us: number;
  count: number;
}

function bursts(
  of: readonly { readonly at_us: number; readonly repeat: number }[],
): readonly Burst[] {
  const found: Burst[] = [];
  for (const { at_us, repeat } of [...of].sort((a, b) => a.at_us - b.at_us)) {
    const last = found.at(-1);
    if (last === undefined || at_us - last.until_us > APART_US) {
      found.push({ from_us: at_us, until_us: at_us, count: repeat });
    } else {
      last.until_us = at_us;
      last.count += repeat;
    }
  }
  return found;
}

export function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}
