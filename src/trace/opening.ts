/** The beginning of every walk: its run, the world it is in, and the namespace that sends. */
import { type Network } from '../dataplane/network.ts';
import { type Run } from '../dataplane/outcome.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { type Reason } from '../reasons/codes.ts';
import { onePacket } from '../traffic/one-packet.ts';
import { type Packet } from '../traffic/packet.ts';
import { Claims } from './claims.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { outsidePlace, outsideTarget } from './outside.ts';
import { type Choices, choicesOf } from './programs/choices.ts';
import { programsOf } from './programs/programs.ts';
import { type SwitchFactory } from './switch-device.ts';
import { type Assumption, type Question } from './types.ts';
import { type HooksFactory, type NamespaceDevice, openWorld, type World } from './world.ts';

/** What a trace may be told beside the question. */
export interface TraceOptions {
  readonly switches: SwitchFactory<Packet>;
  readonly hooks: HooksFactory<Packet>;
  /** What is left open; without it the first possibility is taken everywhere. */
  readonly choices?: Choices;
  /** How many questions this one was asked for: a balancer asks for the health of its servers. */
  readonly depth?: number;
}

/** Whether a port answers to a connection from a namespace. */
export type PortAnswers = (
  host: string,
  namespace: string,
  address: IpAddress,
  port: number,
) => boolean;

/** A walk that has not begun. */
export interface Opening {
  readonly kind: 'open';
  /** The question with the place of a sender outside. */
  readonly asked: Question;
  readonly run: Run<Packet>;
  readonly world: World<Packet>;
  readonly sender: NamespaceDevice<Packet>;
  /** What was taken for granted until now. */
  assumptions(): readonly Assumption[];
}

/** Why a question cannot be traced at all. */
export interface Impossible {
  readonly kind: 'impossible';
  readonly why: string;
}

/**
 * Opens the walk of a question.
 *
 * @param unconfigured the sender has no addresses yet of the version it asks with
 */
export function openQuestion(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
  answers: PortAnswers,
  unconfigured: 4 | null = null,
): Opening | Impossible {
  const asked = fromOutside(compiled.network, question);
  const { from, to, packet } = asked;
  if (from.host === null || from.namespace === null) {
    return { kind: 'impossible', why: `the snapshot does not show where ${from.label} sends from` };
  }
  const senderPlace = { host: from.host, namespace: from.namespace };
  const assumptions = new Map<string, Assumption>();
  const choices = options.choices ?? choicesOf();
  const run: Run<Packet> = {
    traffic: onePacket,
    now_us: 0,
    ...(compiled.epoch_s === null ? {} : { epoch_s: compiled.epoch_s }),
    pick: (key, ends) => choices.pick(key, ends),
    assume: (code: Reason, detail: string) => {
      assumptions.set(`${code} ${detail}`, { code, detail });
    },
  };
  const world = openWorld<Packet>(compiled, run, {
    applications: programsOf({ compiled, size: packet.size, assume: run.assume, choices, answers }),
    hooks: options.hooks,
    switches: options.switches,
    borrowed: [
      ...(packet.source === null ? [] : [{ ...senderPlace, address: packet.source }]),
      ...outsideTarget(compiled.network, to),
    ],
    ages: new Claims(compiled.network, choices),
    unconfigured: unconfigured === null ? null : { ...senderPlace, version: unconfigured },
  });
  const sender = world.namespace(from.host, from.namespace);
  if (sender === null) {
    return { kind: 'impossible', why: `${from.host} has no namespace ${from.namespace}` };
  }
  return { kind: 'open', asked, run, world, sender, assumptions: () => [...assumptions.values()] };
}

/** Who asks from an address outside of the cloud sends from behind its gateway. */
export function fromOutside(network: Network, question: Question): Question {
  const { from, to, packet } = question;
  if (from.kind !== 'external') return question;
  const place = from.host === null ? outsidePlace(network, to.address) : null;
  const source = packet.source ?? from.address;
  return { ...question, from: { ...from, ...place }, packet: { ...packet, source } };
}
