/**
 * Traces one question: sends the packet from the sender's stack, walks it and everything that is
 * made because of it, and reads the verdict off the endings.
 */

import { type Outcome, type Run } from '../dataplane/outcome.ts';
import { awaitAnswer, send } from '../dataplane/routing/namespace.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { field } from '../packet/fields.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { type Packet } from '../traffic/packet.ts';
import { assignment } from '../traffic/words.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { conclude } from './conclusion.ts';
import { connectionQuestion } from './connection-question.ts';
import { writeFrameFields } from './flow-fields.ts';
import { lineageReader } from './lineage.ts';
import {
  type Impossible,
  type Opening,
  openQuestion,
  type PortAnswers,
  type TraceOptions,
} from './opening.ts';
import { requestPacket } from './request.ts';
import { type MadeStep } from './steps.ts';
import { type PacketQuestion, type Question, type Trace } from './types.ts';
import { type Ending, enterStep, type Wiring, walk } from './walk.ts';
import { type NamespaceDevice } from './world.ts';

/** Balancers in front of balancers. */
const DEEPEST = 4;

/** Why a question cannot be traced at all. */
export type Traced = { readonly kind: 'traced'; readonly trace: Trace } | Impossible;

/** Traces the question over the network. */
export function trace(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const { address } = question.to;
  if (address === null) {
    return { kind: 'impossible', why: `${question.to.label} has no address in the snapshot` };
  }
  const opening = openQuestion(compiled, question, options, portAnswers(compiled, options));
  if (opening.kind === 'impossible') return opening;
  return { kind: 'traced', trace: traceOpened(compiled, opening, address) };
}

/** Walks the question's packet in a world that is open already. */
export function traceOpened(
  compiled: CompiledNetwork,
  { asked, run, world, sender, assumptions }: Opening,
  address: IpAddress,
): Trace {
  const { packet } = asked;
  const request = requestPacket(packet, address);
  const sent = sendFrom(run, sender, address.version, request);
  const outcomes = addressed(packet) ? (unresolved(sender) ?? sent) : sent;
  const wiring = withFrameFields(world, sender, packet);
  const start = [{ device: sender, outcomes }];
  const endings: readonly Ending<Packet>[] = compiled.oneWay
    ? walk(run, wiring, start, undefined, hasArrived)
    : walk(run, wiring, start);
  return conclude(compiled, asked, endings, assumptions());
}

/** Whether the request itself was delivered. */
function hasArrived({ outcome, p }: Ending<Packet>): boolean {
  return outcome.kind === 'delivered' && lineageReader()(p).role === 'request';
}

/** The wires, and what the question writes on every frame that its sender transmits. */
function withFrameFields(
  world: Wiring<Packet>,
  sender: NamespaceDevice<Packet>,
  { flow }: PacketQuestion,
): Wiring<Packet> {
  const fields = flow?.frame ?? [];
  if (fields.length === 0) return world;
  return {
    waiting: () => world.waiting(),
    across: (run, from, port, p) =>
      world.across(run, from, port, from === sender ? writeFrameFields(p, fields) : p),
  };
}

/** Whether the question says itself which MAC address the frames go to. */
function addressed({ flow }: PacketQuestion): boolean {
  return flow?.frame.some(({ field: { name } }) => name === 'eth_dst') === true;
}

/** The packet as it would leave if its neighbour were known; null when nothing waits. */
function unresolved({ stack }: NamespaceDevice<Packet>): readonly Outcome<Packet>[] | null {
  const [waiting] = stack.pending;
  if (waiting === undefined) return null;
  stack.pending = [];
  const { device, p } = waiting;
  const mac = stack.config.of.interfaces.find(({ name }) => name === device)?.mac ?? 0n;
  return [{ kind: 'sent', port: device, p: onePacket.set(p, assignment(field('eth_src'), mac)) }];
}

/** Whether a port answers to a connection from a namespace; too deep a question is answered yes. */
export function portAnswers(compiled: CompiledNetwork, options: TraceOptions): PortAnswers {
  const { hooks, switches } = options;
  const depth = (options.depth ?? 0) + 1;
  const bothWays = compiled.oneWay ? { ...compiled, oneWay: false } : compiled;
  return (host, namespace, address, port) => {
    if (depth > DEEPEST) return true;
    const question = connectionQuestion(host, namespace, address, port);
    const traced = trace(bothWays, question, { hooks, switches, depth });
    return traced.kind === 'traced' && traced.trace.delivered;
  };
}

/** Hands the packet to the sender's stack and lets its program wait for answers. */
function sendFrom(
  run: Run<Packet>,
  sender: NamespaceDevice<Packet>,
  version: 4 | 6,
  request: Packet,
): readonly Outcome<Packet>[] {
  const made: MadeStep = { kind: 'made', role: 'request' };
  onePacket.note(request, () => made);
  onePacket.note(request, () => enterStep(sender, null));
  const outcomes = send(run, sender.stack, request);
  // The stack has filled in the source address; whichever copy went first carries it.
  const waiting = sender.stack.pending[0]?.p;
  const sent = waiting ?? outcomes.find((outcome) => outcome.kind === 'sent')?.p;
  if (sent !== undefined) awaitAnswer(run, sender.stack, version, sent);
  return outcomes;
}
