/**
 * Sends traffic from a namespace and follows it, and everything that is made because of it, to
 * every end: the same walk for one packet and for sets of packets. Programs answer what reaches
 * them, so that the way back is walked as well.
 */
import { type Outcome, type Run } from '../../dataplane/outcome.ts';
import { awaitAnswer, send } from '../../dataplane/routing/namespace.ts';
import {
  type Answer,
  type Applications,
  type CompiledNamespace,
  routed,
  SILENCE,
} from '../../dataplane/routing/stack.ts';
import { field } from '../../packet/fields.ts';
import { type Reason } from '../../reasons/codes.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { listensEverywhere } from '../../trace/exchange.ts';
import { hooksOf } from '../../trace/filters.ts';
import { turnedHeader } from '../../trace/request.ts';
import { type MadeStep } from '../../trace/steps.ts';
import { openSwitchOf } from '../../trace/switch-device.ts';
import { type Ending, enterStep, walk } from '../../trace/walk.ts';
import { openWorld, type WorldOptions } from '../../trace/world.ts';
import { guard } from '../../traffic/guard.ts';
import { test } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';

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
  /** Switches and namespaces to which something has come, as `World.met` names them. */
  readonly places: ReadonlySet<string>;
}

const SILENT: Applications<never> = { listensEverywhere: true, answer: () => SILENCE };
const UDP = guard(test(field('ip_proto'), 17n));
const SIX = guard(test(field('eth_type'), 0x86ddn));
const MADE: MadeStep = { kind: 'made', role: 'request' };
const DATA: MadeStep = { kind: 'made', role: 'data' };
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
    further = () => [],
  }: Partial<Pick<WorldOptions<P>, 'borrowed'>> & {
    readonly sets?: boolean;
    /** What the sender sends once all has ended: further packets of its connections. */
    readonly further?: (endings: readonly Ending<P>[]) => readonly P[];
  } = {},
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
  const answered: P[] = [];
  const world = openWorld<P>(compiled, run, {
    // Whoever asked does not answer the answer.
    applications: (config) =>
      config.of.host === host && config.of.name === namespace
        ? SILENT
        : answering(config, answered),
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
  const endings = [...walk(run, world, [{ device: sender, outcomes }])];
  const later = further(endings).flatMap((p) => {
    const made = traffic.note(p, () => DATA);
    const sending = traffic.note(made, () => enterStep(sender, null));
    return send(run, sender.stack, sending);
  });
  if (later.length > 0) endings.push(...walk(run, world, [{ device: sender, outcomes: later }]));
  return { endings, assumed, sent, places: world.met() };
}

/**
 * Programs that answer datagrams, each request once: what an answer makes a stack send is nobody's
 * question.
 */
function answering<P>({ of }: CompiledNamespace, answered: P[]): Applications<P> {
  return {
    listensEverywhere: listensEverywhere(of),
    answer({ traffic }, _socket, p): Answer<P> {
      let { hit: fresh } = traffic.split(traffic.fork(p), UDP);
      for (const before of answered) {
        // Without any pair of fields: the packets of the same inputs.
        if (fresh !== null) fresh = traffic.same(fresh, before, []).miss;
      }
      if (fresh === null) return { said: [], refusal: null };
      answered.push(traffic.fork(fresh));
      const { hit: six, miss: four } = traffic.split(fresh, SIX);
      const said = [];
      for (const [part, version] of [
        [four, 4],
        [six, 6],
      ] as const) {
        if (part === null) continue;
        said.push(routed(traffic.note(turnedHeader(traffic, part, version), () => REPLY)));
      }
      return { said, refusal: null };
    },
  };
}
