/**
 * The programs at both ends of a traced exchange: a listener that answers, a client that sends
 * data once its connection stands. Which segment of the exchange a packet is stands in its diary.
 */
import { type Run } from '../dataplane/outcome.ts';
import {
  type Answer,
  type Applications,
  type CompiledNamespace,
  routed,
  SILENCE,
} from '../dataplane/routing/stack.ts';
import { type Namespace } from '../dataplane/routing/types.ts';
import { namespaceOwner } from '../model/ids.ts';
import { field, TCP_FLAGS } from '../packet/fields.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { numberOf, type Packet } from '../traffic/packet.ts';
import { datagramBack, nextSegment } from './request.ts';
import { type MadeStep } from './steps.ts';
import { completeByRoute } from './transport.ts';

const TCP = 6;
const UDP = 17;
const PROTOCOL = field('ip_proto');
const FLAGS = field('tcp_flags');

/** In a router's namespaces nothing listens but what its agent starts there. */
const ROUTERS: readonly string[] = ['router', 'snat', 'floating'];

/** How far an exchange has come; each part happens once, whatever copies are flooded. */
interface Progress {
  dataSent: boolean;
  answered: boolean;
}

/**
 * Programs for one exchange, by namespace; `size` is the payload of what the client sends, in
 * bytes. Where no list of sockets was captured, somebody is taken to listen on every port.
 */
export function exchangePrograms(
  size: number,
  assume: Run<Packet>['assume'],
): (config: CompiledNamespace) => Applications<Packet> {
  const progress: Progress = { dataSent: false, answered: false };
  return ({ of }) => {
    return {
      listensEverywhere: listensEverywhere(of),
      complete: completeByRoute,
      answer(_run, socket, p) {
        const protocol = numberOf(p, PROTOCOL);
        if (protocol === TCP) return saying(answerSegment(progress, p, size));
        // Of two datagrams the first is the request, whatever comes back is not answered.
        if (protocol !== UDP || progress.answered) return SILENCE;
        if (socket === null) assume('ASSUME_LISTENING', of.name);
        progress.answered = true;
        return saying([made('reply', datagramBack(p))]);
      },
    };
  };
}

/** Where no list of sockets was captured, somebody is taken to listen; routers have no programs. */
export function listensEverywhere({ name, missing }: Namespace): boolean {
  const unknown = missing.some((file) => file.startsWith('ss-listen'));
  return unknown && !ROUTERS.includes(namespaceOwner(name)?.kind ?? '');
}

function saying(packets: readonly Packet[]): Answer<Packet> {
  return { said: packets.map(routed), refusal: null };
}

function answerSegment(progress: Progress, p: Packet, size: number): readonly Packet[] {
  const flags = numberOf(p, FLAGS);
  if ((flags & TCP_FLAGS.rst) !== 0) return [];
  if ((flags & TCP_FLAGS.syn) !== 0) {
    if (progress.dataSent) return [];
    progress.dataSent = true;
    return [made('data', nextSegment(p, Math.max(1, size)))];
  }
  if (!progress.dataSent || progress.answered) return [];
  progress.answered = true;
  return [made('reply', nextSegment(p, 1))];
}

function made(role: MadeStep['role'], p: Packet): Packet {
  return onePacket.note(p, (): MadeStep => ({ kind: 'made', role }));
}
