/** Plays a case through the emulated stacks and says what came out, step by step. */
import { type Outcome, type Run } from '../../../src/dataplane/outcome.ts';
import { receive, send } from '../../../src/dataplane/routing/namespace.ts';
import { compileNamespace, makeStack, type Stack } from '../../../src/dataplane/routing/stack.ts';
import { type Namespace } from '../../../src/dataplane/routing/types.ts';
import { field } from '../../../src/packet/fields.ts';
import { numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { packetFromBytes } from '../../../src/traffic/wire.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { brief, macText } from './brief.ts';
import { frameBytes, hexBytes, macBytes } from './bytes.ts';
import { type Case, type KernelStep, type Step } from './case.ts';
import { namespacesOf } from './namespace-of.ts';

/** What one step did, in the recorder's words. */
export interface Played {
  readonly out: (readonly [string, string, string, string])[];
  readonly local: (readonly [string, string])[];
}

/** How a node's rules take part: made by whoever tests them. */
export type MakeStack = (node: string, namespace: Namespace, run: Run<Packet>) => Stack<Packet>;

const withoutRules: MakeStack = (_node, namespace) => makeStack(compileNamespace(namespace));

interface Lab {
  readonly run: Run<Packet>;
  readonly stacks: ReadonlyMap<string, Stack<Packet>>;
  /** `node/link` → the port outside, or the other end of a veth. */
  readonly outside: ReadonlyMap<string, string>;
  readonly inside: ReadonlyMap<string, readonly [string, string]>;
  readonly veths: ReadonlyMap<string, readonly [string, string]>;
}

/** Plays every step; a step that the recorder skipped is skipped as well. */
export function playCase(
  one: Case,
  truth: readonly KernelStep[],
  make: MakeStack = withoutRules,
): readonly Played[] {
  const run: Run<Packet> = { traffic: onePacket, now_us: 0, assume: () => undefined };
  const stacks = new Map<string, Stack<Packet>>();
  for (const [name, namespace] of namespacesOf(one)) stacks.set(name, make(name, namespace, run));
  const lab: Lab = { run, stacks, ...cables(one) };
  return one.packets.map((step, i) => playStep(lab, one, step, truth[i]));
}

function cables(one: Case): Pick<Lab, 'outside' | 'inside' | 'veths'> {
  const outside = new Map<string, string>();
  const inside = new Map<string, readonly [string, string]>();
  const veths = new Map<string, readonly [string, string]>();
  for (const [node, { links = [] }] of Object.entries(one.nodes)) {
    for (const link of links) {
      if (link.type === 'port' && link.port !== undefined) {
        outside.set(`${node}/${link.name}`, link.port);
        inside.set(link.port, [node, link.name]);
      }
      if (link.type === 'veth' && link.peer !== undefined) {
        veths.set(`${node}/${link.name}`, link.peer);
        veths.set(link.peer.join('/'), [node, link.name]);
      }
    }
  }
  return { outside, inside, veths };
}

function playStep(lab: Lab, one: Case, step: Step, truth: KernelStep | undefined): Played {
  const played: Played = { out: [], local: [] };
  lab.run.now_us += (step.wait ?? 0) * 1000;
  if (truth?.skip === true) return played;
  const derived = step.reply_to !== undefined || step.error_to !== undefined;
  if (derived && truth?.sent !== undefined) {
    inject(lab, one, truth.sent[0], Uint8Array.from(hexBytes(truth.sent[1])), played);
  } else if (step.in !== undefined) inject(lab, one, step.in, frameBytes(step), played);
  else if (step.from !== undefined) {
    const stack = lab.stacks.get(step.from);
    if (stack === undefined) return played;
    let p = packetFromBytes(frameBytes(step)).value;
    p = onePacket.set(p, assignment(field('pkt_mark'), BigInt(step.mark ?? 0)));
    follow(lab, one, step.from, send(lab.run, stack, p, step.dev ?? null), played);
  }
  return played;
}

function inject(lab: Lab, one: Case, port: string, bytes: Uint8Array, played: Played): void {
  const [node = '', link = ''] = lab.inside.get(port) ?? [];
  const stack = lab.stacks.get(node);
  if (stack === undefined) return;
  const p = packetFromBytes(bytes, { tunnels: true }).value;
  follow(lab, one, node, receive(lab.run, stack, link, p), played);
}

function follow(
  lab: Lab,
  one: Case,
  start: string,
  first: readonly Outcome<Packet>[],
  played: Played,
): void {
  const queue = first.map((outcome) => ({ node: start, outcome }));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { node, outcome } = next;
    if (outcome.kind !== 'sent') {
      if (reachedSockets(outcome)) played.local.push([node, brief(layer3(outcome.p))]);
      continue;
    }
    const at = `${node}/${outcome.port}`;
    const veth = lab.veths.get(at);
    if (veth !== undefined) {
      const [to, link] = veth;
      const stack = lab.stacks.get(to);
      if (stack === undefined) continue;
      const results = receive(lab.run, stack, link, outcome.p, to === node);
      queue.push(...results.map((result) => ({ node: to, outcome: result })));
      continue;
    }
    const port = lab.outside.get(at);
    if (port === undefined) continue;
    const macs = [macText(outcome.p, 'eth_dst'), macText(outcome.p, 'eth_src')] as const;
    played.out.push([port, ...macs, brief(outcome.p)]);
    answerArp(lab, one, port, outcome.p, played);
  }
}

/** The recorder's raw sockets see a packet even if nobody else listens. */
function reachedSockets(outcome: Outcome<Packet>): boolean {
  const type = numberOf(outcome.p, field('eth_type'));
  if (type !== 0x0800) return false;
  const protocol = numberOf(outcome.p, field('ip_proto'));
  if (![1, 6, 17, 132, 50, 47].includes(protocol)) return false;
  if (outcome.kind === 'dropped') return outcome.drop.reason === 'NOT_LISTENING';
  const [word] = outcome.kind === 'delivered' ? outcome.to.split(' ') : [''];
  return word !== 'arp' && word !== 'reassembly';
}

function layer3(p: Packet): Packet {
  return onePacket.set(onePacket.fork(p), assignment(field('vlan_tci'), 0n));
}

function answerArp(lab: Lab, one: Case, port: string, p: Packet, played: Played): void {
  if (numberOf(p, field('eth_type')) !== 0x0806 || numberOf(p, field('arp_op')) !== 1) return;
  const words = brief(p).split(' ');
  const target = words[2] ?? '';
  const answer = one.arp?.[port]?.[target];
  if (answer === undefined) return;
  const asker = macText(p, 'arp_sha');
  const [spa = ''] = (words[4] ?? '').split('(');
  const eth = { src: answer, dst: macText(p, 'eth_src') };
  const arp = { op: 2, sha: answer, spa: target, tha: asker, tpa: spa };
  if (macBytes(answer).length === 6) inject(lab, one, port, frameBytes({ eth, arp }), played);
}
