/**
 * Ports that nf_tables reads where there are none: it loads them from the transport header without
 * asking whether the packet is a later fragment (net/netfilter/nf_tables_core.c
 * nft_payload_fast_eval()), so they are the first bytes of the fragment's data.
 */
import { type Truth } from '../../../traffic/guard.ts';
import { IS_LATER_FRAGMENT } from '../fields.ts';
import { type Interval } from '../text/codec.ts';
import { type KnownMatch } from '../text/match-rows.ts';
import { type Given } from '../text/options.ts';
import { type RuleMatch } from '../types.ts';
import { type ContentTest, type PacketBytes } from './types.ts';

type PortMatch = Extract<KnownMatch, { kind: 'tcp' | 'udp' }>;
type Options = PortMatch['options'];

/**
 * Whether iptables-nft gives a match to nf_tables (add_nft_tcp(), add_nft_udp()): matches that ask
 * nothing, and TCP options, stay with xt_tcpudp.c, as all other protocols and multiport do.
 */
export function readsNatively(match: RuleMatch): match is PortMatch {
  if (match.kind === 'udp') {
    return (match.options.sport ?? match.options.dport) !== undefined;
  }
  if (match.kind !== 'tcp' || match.options.tcpOption !== undefined) return false;
  const { sport, dport, tcpFlags } = match.options;
  return (sport ?? dport ?? tcpFlags) !== undefined;
}

/** Asks later fragments for ports and flags; what is too short for them does not match. */
export function portsInFragment(options: Options): ContentTest {
  const { sport, dport } = options;
  const flags = 'tcpFlags' in options ? options.tcpFlags : undefined;
  const ask = (packet: PacketBytes): Truth => {
    const answers = [
      holds(sport, packet, 0, 2, within),
      holds(dport, packet, 2, 2, within),
      holds(flags, packet, 13, 1, ({ set, mask }, value) => (value & mask) === set),
    ];
    if (answers.includes(0)) return 0;
    return answers.includes(-1) ? -1 : 1;
  };
  return { kind: 'content', only: IS_LATER_FRAGMENT, ask };
}

function within({ from, to }: Interval, value: number): boolean {
  return value >= from && value <= to;
}

function holds<T>(
  option: Given<T> | undefined,
  { bytes, known, transport, end }: PacketBytes,
  offset: number,
  length: number,
  test: (value: T, read: number) => boolean,
): Truth {
  if (option === undefined) return 1;
  const at = transport + offset;
  if (at + length > end) return 0;
  if (at + length > known) return -1;
  const high = bytes[at] ?? 0;
  const read = length === 1 ? high : high * 256 + (bytes[at + 1] ?? 0);
  return test(option.value, read) === option.not ? 0 : 1;
}
