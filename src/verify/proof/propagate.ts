/**
 * Sends traffic from a namespace and follows it, and everything that is made because of it, to
 * every end: the same walk for one packet and for sets of packets. Programs answer what reaches
 * them, so that the way back is walked as well.
 */
import { type Outcome, type Run } from '../../dataplane/outcome.ts';
import { awaitAnswer, send } from '../../dataplane/routing/namespace.ts';
import { type Answer, type Applications, routed, SILENCE } from '../../dataplane/routing/stack.ts';
import { allBits, type Field, field } from '../../packet/fields.ts';
import { type Reason } from '../../reasons/codes.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { hooksOf } from '../../trace/filters.ts';
import { type MadeStep } from '../../trace/steps.ts';
import { openSwitchOf } from '../../trace/switch-device.ts';
import { type Ending, enterStep, walk } from '../../trace/walk.ts';
import { openWorld, type WorldOptions } from '../../trace/world.ts';
import { guard } from '../../traffic/guard.ts';
import { test } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';

/** Who sends, by IP version; several kinds of packets may be sent one after the other. */
export interface Sender {
  readonly host: string;
  readonly namespace: string;
}

/** Everything that became of the traffic, and what was taken for granted on the way. */
export interface Propagated<P> {
  readonly endings: readonly Ending<P>[];
  readonly assumed: ReadonlyMap<string, { readonly code: Reason; readonly detail: string }>;
  /** What the sender's stack made of the traffic: with its source address. */
  readonly sent: readonly P[];
}

const SILENT: Applications<never> = { listensEverywhere: true, answer: () => SILENCE };
const UDP = guard(test(field('ip_proto'), 17n));
const SIX = guard(test(field('eth_type'), 0x86ddn));
const TTL = assignment(field('nw_ttl'), 64n);
const KEPT = ['eth_type', 'ip_proto', 'ip_len', 'frame_len'].map(field);
const MADE: MadeStep = { kind: 'made', role: 'request' };
const REPLY: MadeStep = { kind: 'made', role: 'reply' };

/** Sends traffic from a namespace and walks until all of it has ended; null: no such namespace. */
export function propagate<P>(
  compiled: CompiledNetwork,
  traffic: Traffic<P>,
  { host, namespace }: Sender,
  parts: readonly { readonly version: 4 | 6; readonly p: P }[],
  {
    borrowed = [],
    sets = false,
  }: Partial<Pick<WorldOptions<P>, 'borrowed'>> & { readonly sets?: boolean } = {},
): Propagated<P> | null {
  const assumed = new Map<string, { code: Reason; detail: string }>();
  const run: Run<P> = {
    traffic,
    now_us: 0,
    sets,
    assume: (code, detail) => {
      assumed.set(`${code} ${detail}`, { code, detail });
    },
  };
  const world = openWorld<P>(compiled, run, {
    // Whoever asked does not answer the answer.
    applications: ({ of }) => (of.host === host && of.name === namespace ? SILENT : answering<P>()),
    hooks: hooksOf,
    switches: openSwitchOf,
    borrowed,
    unconfigured: null,
  });
  const sender = world.namespace(host, namespace);
  if (sender === null) return null;
  const outcomes: Outcome<P>[] = [];
  const sent: P[] = [];
  for (const { version, p } of parts) {
    const made = traffic.note(
      traffic.note(p, () => MADE),
      () => enterStep(sender, null),
    );
    const before = sender.stack.pending.length;
    outcomes.push(...send(run, sender.stack, made));
    // The stack has filled in the source address; what waits for a neighbour has it too.
    const waiting = sender.stack.pending.slice(before).map((one) => one.p);
    const left = outcomes.flatMap((one) => (one.kind === 'sent' ? [one.p] : []));
    for (const one of waiting.length > 0 ? waiting : left.slice(-1)) {
      awaitAnswer(run, sender.stack, version, traffic.fork(one));
      sent.push(one);
    }
  }
  return { endings: walk(run, world, [{ device: sender, outcomes }]), assumed, sent };
}

/** Somebody listens everywhere and answers datagrams; connections are opened by the kernel. */
function answering<P>(): Applications<P> {
  return {
    listensEverywhere: true,
    answer(run, _socket, p): Answer<P> {
      const { hit } = run.traffic.split(run.traffic.fork(p), UDP);
      if (hit === null) return { said: [], refusal: null };
      const { hit: six, miss: four } = run.traffic.split(hit, SIX);
      const said = [];
      if (four !== null) said.push(routed(turned(run.traffic, four, 'ip_src', 'ip_dst')));
      if (six !== null) said.push(routed(turned(run.traffic, six, 'ipv6_src', 'ipv6_dst')));
      return { said, refusal: null };
    },
  };
}

/** A datagram back to its sender. */
function turned<P>(traffic: Traffic<P>, received: P, source: string, destination: string): P {
  const move = (p: P, to: Field, from: Field): P =>
    traffic.copy(p, allBits(to), received, allBits(from));
  let p = traffic.blank(received);
  for (const of of KEPT) p = move(p, of, of);
  p = move(p, field(source), field(destination));
  p = move(p, field(destination), field(source));
  p = move(p, field('tp_src'), field('tp_dst'));
  p = move(p, field('tp_dst'), field('tp_src'));
  return traffic.note(traffic.set(p, TTL), () => REPLY);
}
