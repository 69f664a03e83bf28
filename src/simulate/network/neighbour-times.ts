/** How long neighbours stay known: `net.ipv4.neigh.*` and `net.ipv6.neigh.*` (arp(7), ip-sysctl). */

/** Times in microseconds. */
export interface NeighbourTimes {
  /** base_reachable_time: the mean of what an answer counts. */
  readonly reachable_us: number;
  /** delay_first_probe_time: how long answered traffic may still confirm a stale entry. */
  readonly delay_us: number;
  /** ucast_solicit: probes to the known MAC. */
  readonly probes: number;
  /** retrans_time: between two of them. */
  readonly retransmit_us: number;
  /** gc_stale_time: unused for longer, an entry may be collected… */
  readonly collectedAfter_us: number;
  /** gc_thresh1: …when the table has at least so many. */
  readonly collectedAbove: number;
  /** locktime: an ARP reply does not change what was learned within it. */
  readonly locked_us: number;
}

const SECOND_US = 1_000_000;
const MILLISECOND_US = 1000;
/** USER_HZ: `locktime` and `retrans_time` without `_ms` are told in hundredths of a second. */
const TICK_US = 10_000;

/** The times of an interface: its own settings, else those for new interfaces, else the kernel's. */
export function neighbourTimes(
  sysctls: ReadonlyMap<string, string>,
  version: 4 | 6,
  device: string,
): NeighbourTimes {
  const told = (name: string, at = device): number | null => {
    const value = Number(sysctls.get(`net.ipv${version}.neigh.${at}.${name}`) ?? 'none');
    if (Number.isFinite(value)) return value;
    return at === 'default' ? null : told(name, 'default');
  };
  const time = (name: string, unit_us: number): number | null => {
    const value = told(name);
    return value === null ? null : value * unit_us;
  };
  return {
    reachable_us:
      time('base_reachable_time_ms', MILLISECOND_US) ??
      time('base_reachable_time', SECOND_US) ??
      30 * SECOND_US,
    delay_us: time('delay_first_probe_time', SECOND_US) ?? 5 * SECOND_US,
    probes: told('ucast_solicit') ?? 3,
    retransmit_us: time('retrans_time_ms', MILLISECOND_US) ?? SECOND_US,
    collectedAfter_us: time('gc_stale_time', SECOND_US) ?? 60 * SECOND_US,
    collectedAbove: told('gc_thresh1', 'default') ?? 128,
    locked_us: version === 6 ? 0 : (time('locktime', TICK_US) ?? SECOND_US),
  };
}
