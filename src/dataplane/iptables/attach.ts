/**
 * Packets made in answer to another belong to its connection from their making on
 * (net/netfilter/nf_conntrack_core.c nf_conntrack_attach()): resets of REJECT and ICMP errors.
 */
import { type Traffic } from '../../traffic/traffic.ts';
import { showConnection } from '../conntrack/marks.ts';
import { type Handle, handleBits, untracked } from '../conntrack/netfilter.ts';

/** Traffic and the connection it belongs to. */
export interface Attached<P> {
  readonly p: P;
  readonly handle: Handle<P> | null;
}

/**
 * What answers an untracked packet is RELATED to nothing: the raw table takes it for tracked
 * already, so that CT and NOTRACK pass it by, and tracking takes it for new.
 */
const UNATTACHED: Handle<never> = { ...untracked<never>(), state: 'related' };

/** Whether tracking has still to look at a packet. */
export function isUnattached<P>(handle: Handle<P>): boolean {
  return handle.state === 'related' && handle.connection === null;
}

/**
 * Attaches `made` to the connection of the packet that it answers: RELATED, the other way.
 * Without a connection the answer is tracked like any packet.
 *
 * @param error `made` is an ICMP error that quotes the packet
 */
export function attach<P>(
  traffic: Traffic<P>,
  made: P,
  handle: Handle<P> | null,
  error: boolean,
): Attached<P> {
  if (handle?.state === 'untracked') return { p: made, handle: UNATTACHED };
  if (handle === null || handle.connection === null) return { p: made, handle: null };
  const related = { ...handle, state: 'related' as const, reply: !handle.reply, error };
  const p = showConnection(traffic, made, handle.connection, handleBits(related));
  return { p, handle: related };
}
