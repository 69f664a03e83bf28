/**
 * Traces one question: sends the packet from the sender's stack, walks it and everything that is
 * made because of it, and reads the verdict off the endings.
 */

import { type Network } from '../dataplane/network.ts';
import { type Outcome, type Run } from '../dataplane/outcome.ts';
import { awaitAnswer, send } from '../dataplane/routing/namespace.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { field } from '../packet/fields.ts';
import { type Reason } from '../reasons/codes.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { type Packet } from '../traffic/packet.ts';
import { assignment } from '../traffic/words.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { conclude } from './conclusion.ts';
import { writeFrameFields } from './flow-fields.ts';
import { outsidePlace, outsideTarget } from './outside.ts';
import { type Choices, choicesOf } from './programs/choices.ts';
import { programsOf } from './programs/programs.ts';
import { requestPacket } from './request.ts';
import { type MadeStep } from './steps.ts';
import { type SwitchFactory } from './switch-device.ts';
import { type Assumption, type PacketQuestion, type Question, type Trace } from './types.ts';
import { type Ending, enterStep, type Wiring, walk } from './walk.ts';
import { type HooksFactory, type NamespaceDevice, openWorld } from './world.ts';

/** What a trace may be told beside the question. */
export interface TraceOptions {
  readonly switches: SwitchFactory<Packet>;
  readonly hooks: HooksFactory<Packet>;
  /** What is left open; without it the first possibility is taken everywhere. */
  readonly choices?: Choices;
  /** How many questions this one was asked for: a balancer asks for the health of its servers. */
  readonly depth?: number;
}

/** Balancers in front of balancers. */
const DEEPEST = 4;

/** Why a question cannot be traced at all. */
export type Traced =
  | { readonly kind: 'traced'; readonly trace: Trace }
  | { readonly kind: 'impossible'; readonly why: string };

/** Traces the question over the network. */
export function trace(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const asked = fromOutside(compiled.network, question);
  const { from, to, packet } = asked;
  if (from.host === null || from.namespace === null) {
    return { kind: 'impossible', why: `the snapshot does not show where ${from.label} sends from` };
  }
  if (to.address === null) {
    return { kind: 'impossible', why: `${to.label} has no address in the snapshot` };
  }
  const senderPlace = { host: from.host, namespace: from.namespace };
  const assumptions = new Map<string, Assumption>();
  const run: Run<Packet> = {
    traffic: onePacket,
    now_us: 0,
    assume: (code: Reason, detail: string) => {
      assumptions.set(`${code} ${detail}`, { code, detail });
    },
  };
  const world = openWorld<Packet>(compiled, run, {
    applications: programsOf({
      compiled,
      size: packet.size,
      assume: run.assume,
      choices: options.choices ?? choicesOf(),
      answers: (...place) => answers(compiled, options, ...place),
    }),
    hooks: options.hooks,
    switches: options.switches,
    borrowed: [
      ...(packet.source === null ? [] : [{ ...senderPlace, address: packet.source }]),
      ...outsideTarget(compiled.network, to),
    ],
  });
  const sender = world.namespace(from.host, from.namespace);
  if (sender === null) {
    return { kind: 'impossible', why: `${from.host} has no namespace ${from.namespace}` };
  }
  const request = requestPacket(packet, to.address);
  const sent = sendFrom(run, sender, to.address.version, request);
  const outcomes = addressed(packet) ? (unresolved(sender) ?? sent) : sent;
  const wiring = withFrameFields(world, sender, packet);
  const endings: readonly Ending<Packet>[] = walk(run, wiring, [{ device: sender, outcomes }]);
  return {
    kind: 'traced',
    trace: conclude(compiled, asked, endings, [...assumptions.values()]),
  };
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
function answers(
  compiled: CompiledNetwork,
  options: TraceOptions,
  host: string,
  namespace: string,
  address: IpAddress,
  port: number,
): boolean {
  const depth = (options.depth ?? 0) + 1;
  if (depth > DEEPEST) return true;
  const nobody = { label: namespace, kind: 'address', port: null } as const;
  const question: Question = {
    from: { ...nobody, host, namespace, address: null },
    to: { ...nobody, host: null, namespace: null, address },
    packet: {
      protocol: 'tcp',
      sourcePort: null,
      destinationPort: port,
      source: null,
      icmpId: null,
      size: 1,
      dontFragment: false,
      flow: null,
    },
  };
  const { hooks, switches } = options;
  const traced = trace(compiled, question, { hooks, switches, depth });
  return traced.kind === 'traced' && traced.trace.delivered;
}

/** Who asks from an address outside of the cloud sends from behind its gateway. */
function fromOutside(network: Network, question: Question): Question {
  const { from, to, packet } = question;
  if (from.kind !== 'external') return question;
  const place = from.host === null ? outsidePlace(network, to.address) : null;
  const source = packet.source ?? from.address;
  return { ...question, from: { ...from, ...place }, packet: { ...packet, source } };
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
