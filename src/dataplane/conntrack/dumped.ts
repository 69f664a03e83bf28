/** What an entry of a dump says about the connection's machine, status and remaining life. */
import { type ProtocolState, STATUS } from './connection.ts';
import { invertTuple } from './dump-index.ts';
import { PROTO } from './protocols.ts';
import { dumpedKernel } from './tcp-kernel.ts';
import { dumpedUserspace } from './tcp-userspace.ts';
import { type Timeouts, timeout_us } from './timeouts.ts';
import { type ConnectionEntry, type Personality, type Tuple } from './types.ts';

/** The bits of ct_status: those that are written, and those that the tuples show. */
export function dumpedStatus(entry: ConnectionEntry): number {
  let status: number = STATUS.confirmed | STATUS.src_nat_done | STATUS.dst_nat_done;
  for (const [name, bit] of Object.entries(STATUS)) {
    if (entry.status.includes(name)) status |= bit;
  }
  const { original } = entry;
  const answered = invertTuple(entry.reply);
  if (differs(original, answered, 'source', 'sourcePort')) status |= STATUS.src_nat;
  if (differs(original, answered, 'destination', 'destinationPort')) status |= STATUS.dst_nat;
  return status;
}

function differs(
  a: Tuple,
  b: Tuple,
  address: 'source' | 'destination',
  port: 'sourcePort' | 'destinationPort',
): boolean {
  if (a[address].value !== b[address].value || a[port] !== b[port]) return true;
  return address === 'source' && a.icmpId !== b.icmpId;
}

export function dumpedState(entry: ConnectionEntry, personality: Personality): ProtocolState {
  const tcp = entry.original.protocol === PROTO.tcp;
  if (personality === 'kernel') {
    if (tcp) return { kind: 'tcp', tcp: dumpedKernel(entry.state ?? 'ESTABLISHED') };
    if (entry.original.protocol === PROTO.udp) return { kind: 'udp', stream_us: 0 };
    return { kind: 'plain' };
  }
  if (tcp) {
    const [original, reply] = peers(entry);
    return { kind: 'tcp-peers', tcp: dumpedUserspace(original, reply) };
  }
  // The dump does not tell whether an answer was seen; an entry of an old dump most likely did.
  const fresh = entry.status.includes('unreplied');
  return { kind: 'steps', step: fresh ? 'first' : 'both' };
}

/** Without `-m` the dump shows one state for both peers (ct-dpif.c coalesce_tcp_state()). */
function peers(entry: ConnectionEntry): [string, string] {
  const state = entry.state ?? 'ESTABLISHED';
  if (entry.stateReply !== null) return [state, entry.stateReply];
  if (state === 'SYN_SENT') return ['SYN_SENT', 'CLOSED'];
  if (state === 'TIME_WAIT') return ['FIN_WAIT_2', 'FIN_WAIT_2'];
  return [state, state];
}

/** Run time at which the entry ends; the snapshot is time zero. */
export function dumpedTimeout(
  entry: ConnectionEntry,
  personality: Personality,
  timeouts: Timeouts,
): number {
  if (entry.timeout_s !== null) return Math.max(entry.timeout_s, 1) * 1_000_000;
  return timeout_us(timeouts, timeoutName(entry, personality));
}

/** Simplification: a dump without timeouts is taken as if every entry had just been used. */
function timeoutName(entry: ConnectionEntry, personality: Personality): string {
  const { protocol } = entry.original;
  if (protocol === PROTO.tcp) {
    if (personality === 'kernel') return `tcp_${(entry.state ?? 'ESTABLISHED').toLowerCase()}`;
    const [original, reply] = peers(entry);
    if (original === 'SYN_SENT') return 'tcp_syn_sent';
    if (original === 'ESTABLISHED' && reply === 'ESTABLISHED') return 'tcp_established';
    const over = ['FIN_WAIT_2', 'TIME_WAIT'];
    return over.includes(original) && over.includes(reply) ? 'tcp_close' : 'tcp_time_wait';
  }
  const icmp = protocol === PROTO.icmp || protocol === PROTO.icmp6;
  if (personality === 'userspace') return icmp ? 'icmp_reply' : 'udp_multiple';
  if (icmp) return 'icmp';
  return protocol === PROTO.udp ? 'udp_stream' : 'generic';
}
