/** What IPv6 exchanges of a guest start from: its link-local address, and who hears the answer. */

import { type Outcome } from '../../dataplane/outcome.ts';
import { send } from '../../dataplane/routing/namespace.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { type Guard } from '../../traffic/guard.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { type Opening, openQuestion, type TraceOptions } from '../opening.ts';
import { portAnswers } from '../trace.ts';
import { type Question } from '../types.ts';
import { madeAt, nicOf } from './sender.ts';

/** A guest on its link. */
export interface OnLink {
  readonly kind: 'on-link';
  readonly opening: Opening;
  readonly nic: Interface;
  /** The interface's link-local address. */
  readonly own: bigint;
  /** Sends a packet to a group on the link. */
  say(p: Packet): readonly Outcome<Packet>[];
  /**
   * Hands what the filter takes to a program. Real clients have a socket behind the IP layer;
   * here they hear the frame, so rules of the guest itself do not stop it.
   */
  listen(name: string, filter: Guard, hear: (p: Packet) => readonly Packet[]): void;
}

/** Opens a question of a guest that speaks from its link-local address. */
export function onLink(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): OnLink | { readonly kind: 'impossible'; readonly why: string } {
  const opening = openQuestion(compiled, question, options, portAnswers(compiled, options));
  if (opening.kind === 'impossible') return opening;
  const { run, sender, asked } = opening;
  const nic = nicOf(compiled.network, sender.stack.config.of, asked.from);
  const own = nic?.addresses.find(({ address, scope }) => address.version === 6 && scope === 'link')
    ?.address.value;
  if (nic === undefined || own === undefined) {
    return { kind: 'impossible', why: `${asked.from.label} has no link-local IPv6 address` };
  }
  return {
    kind: 'on-link',
    opening,
    nic,
    own,
    say: (p) => send(run, sender.stack, madeAt(opening, p), nic.name),
    listen(name, filter, hear) {
      const socket = {
        device: nic.name,
        filter,
        name,
        hear: (_run: unknown, p: Packet) => hear(p),
      };
      sender.stack.packetSockets = [...sender.stack.packetSockets, socket];
    },
  };
}
