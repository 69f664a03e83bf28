/**
 * A program of a namespace in a walk: what it does with packets that its sockets receive.
 * Programs stand in a list; the first that knows what to do with a packet does it.
 */
import { type Drop, type Run } from '../../dataplane/outcome.ts';
import { type Answer, routed } from '../../dataplane/routing/stack.ts';
import { type Socket } from '../../dataplane/routing/types.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type MadeStep, type RelayStep } from '../steps.ts';

export interface Program {
  /** null when the packet is not for this program. */
  receive(
    run: Run<Packet>,
    socket: Socket | null,
    p: Packet,
    device: string,
  ): Answer<Packet> | null;
}

/** Packets that go where the routes lead. */
export function saying(...packets: readonly Packet[]): Answer<Packet> {
  return { said: packets.map(routed), refusal: null };
}

/** The program received it and cannot do its work. */
export function refusing(refusal: Drop): Answer<Packet> {
  return { said: [], refusal };
}

/** Notes who made a packet. */
export function made(role: MadeStep['role'], p: Packet): Packet {
  return onePacket.note(p, (): MadeStep => ({ kind: 'made', role }));
}

/** Notes that a program passes on what it received. */
export function relayed(step: Omit<RelayStep, 'kind'>, p: Packet): Packet {
  return onePacket.note(p, (): RelayStep => ({ kind: 'relay', ...step }));
}
