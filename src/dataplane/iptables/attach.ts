/**
 * Packets made in answer to another belong to its connection from their making on
 * (net/netfilter/nf_conntrack_core.c nf_conntrack_attach()): resets of REJECT and ICMP errors.
 */
import { allBits, field } from '../../packet/fields.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { type Handle, handleBits } from '../conntrack/netfilter.ts';

/** Traffic and the connection it belongs to. */
export interface Attached<P> {
  readonly p: P;
  readonly handle: Handle<P> | null;
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
  if (handle === null || handle.connection === null) return { p: made, handle: null };
  const related = { ...handle, state: 'related' as const, reply: !handle.reply, error };
  const { memo, status, zone } = handle.connection;
  let p = traffic.set(made, assignment(CT.state, BigInt(handleBits(related))));
  p = traffic.set(p, assignment(CT.status, BigInt(status)));
  p = traffic.set(p, assignment(CT.zone, BigInt(zone.original)));
  p = traffic.copy(p, allBits(CT.mark), memo, allBits(CT.mark));
  return { p: traffic.copy(p, allBits(CT.label), memo, allBits(CT.label)), handle: related };
}

const CT = {
  state: field('ct_state'),
  status: field('ct_status'),
  zone: field('ct_zone'),
  mark: field('ct_mark'),
  label: field('ct_label'),
} as const;
