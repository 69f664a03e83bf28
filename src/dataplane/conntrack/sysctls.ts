/**
 * The sysctls net.netfilter.nf_conntrack_* of a namespace, as the tracker wants them
 * (net/netfilter/nf_conntrack_standalone.c). What nobody set has the kernel's default.
 */
import { TCP_DEFAULTS, type TcpSettings } from './tcp-kernel.ts';
import { type Timeouts } from './timeouts.ts';
import { type ConnectionEntry } from './types.ts';

/** How full the table is before the first packet. */
export interface TableLimit {
  /** nf_conntrack_max; 0 for no limit. */
  readonly most: number;
  /** Connections in the table. */
  readonly count: number;
  /**
   * Whether one of them may make room for a new one: `never` when all of them are assured
   * (early_drop()), `perhaps` where one is not, or where not all of them are known.
   */
  readonly makesRoom: 'never' | 'perhaps';
}

/** What sysctls say about tracking. */
export interface TrackingSettings {
  readonly tcp: TcpSettings;
  readonly timeouts: Timeouts;
  /** nf_conntrack_checksum: packets that came in with a wrong checksum are invalid. */
  readonly verifies: boolean;
  /** nf_conntrack_helper: helpers attach themselves by port (until Linux 6.0). */
  readonly helpsByPort: boolean;
}

const NAME = 'net.netfilter.nf_conntrack_';

/** Names of timeouts that the kernel writes otherwise than the states they belong to. */
const TIMEOUTS: Readonly<Record<string, string>> = {
  tcp_timeout_max_retrans: 'tcp_retrans',
  tcp_timeout_unacknowledged: 'tcp_unack',
  udp_timeout: 'udp',
  udp_timeout_stream: 'udp_stream',
  icmp_timeout: 'icmp',
  gre_timeout: 'gre',
  gre_timeout_stream: 'gre_stream',
  generic_timeout: 'generic',
};

/** Reads the settings of one namespace. */
export function trackingSettings(sysctls: ReadonlyMap<string, string>): TrackingSettings {
  const timeouts: Record<string, number> = {};
  for (const [key, text] of sysctls) {
    if (!key.startsWith(NAME) || !/^\d+$/.test(text)) continue;
    const name = key.slice(NAME.length);
    const of =
      TIMEOUTS[name] ?? /^(?:tcp|sctp)_timeout_\w+$/.exec(name)?.[0].replace('timeout_', '');
    if (of !== undefined) timeouts[of] = Number(text);
  }
  const flag = (name: string, otherwise: boolean): boolean =>
    numberIn(sysctls, name, otherwise ? 1 : 0) !== 0;
  return {
    tcp: {
      loose: flag('tcp_loose', TCP_DEFAULTS.loose),
      beLiberal: flag('tcp_be_liberal', TCP_DEFAULTS.beLiberal),
      ignoreInvalidRst: flag('tcp_ignore_invalid_rst', TCP_DEFAULTS.ignoreInvalidRst),
      maxRetransmissions: numberIn(sysctls, 'tcp_max_retrans', TCP_DEFAULTS.maxRetransmissions),
    },
    timeouts,
    verifies: flag('checksum', true),
    helpsByPort: flag('helper', false),
  };
}

/**
 * How full the table is: null without a limit, or where nothing tells. The limit is one for all
 * namespaces of a host, what they hold is counted for each.
 *
 * @param host sysctls of the host's own namespace
 * @param entries gives the connections of the namespace; null when none were dumped
 */
export function tableLimit(
  sysctls: ReadonlyMap<string, string>,
  host: ReadonlyMap<string, string>,
  entries: () => readonly ConnectionEntry[] | null,
): TableLimit | null {
  const most = numberIn(sysctls, 'max', numberIn(host, 'max', 0));
  if (most === 0) return null;
  const counted = numberIn(sysctls, 'count', 0);
  // A table that is not even half full is not full: its dump, often long, need not be read.
  if (counted > 0 && 2 * counted < most) return { most, count: counted, makesRoom: 'perhaps' };
  const known = entries() ?? [];
  const count = Math.max(counted, known.length);
  if (count === 0) return null;
  const all = known.length >= count && known.every(({ status }) => status.includes('assured'));
  return { most, count, makesRoom: all ? 'never' : 'perhaps' };
}

function numberIn(sysctls: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  // Where `max` stood first, it still stands as well.
  const text = sysctls.get(`${NAME}${name}`) ?? sysctls.get(`net.nf_conntrack_${name}`);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : otherwise;
}
