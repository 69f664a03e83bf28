/** Plays a case through the emulated stacks and says what came out, step by step. */
import { makeVxlan } from '../../../src/dataplane/linuxbridge/vxlan.ts';
import { type Outcome } from '../../../src/dataplane/outcome.ts';
import { receive, send } from '../../../src/dataplane/routing/namespace.ts';
import { compileNamespace } from '../../../src/dataplane/routing/stack.ts';
import { field } from '../../../src/packet/fields.ts';
import { readDiary } from '../../../src/traffic/diary.ts';
import { onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { bytesFromPacket, packetFromBytes } from '../../../src/traffic/wire.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { brief, macText } from './brief.ts';
import { frameBytes, hexBytes } from './bytes.ts';
import { type Case, type KernelStep, type Step } from './case.ts';
import { firstDifference } from './compare.ts';
import { connectionsOf, expectationsOf } from './connections.ts';
import { type Lab, nothingPlayed, openLab, type Played, Topologies } from './lab.ts';
import { namespacesOf } from './namespace-of.ts';

/** Plays every step; a step that the recorder skipped is skipped as well. */
export function playCase(
  one: Case,
  truth: readonly KernelStep[],
  topologies: Topologies = new Topologies(),
): readonly Played[] {
  const lab = openLab(one, topologies);
  // Numbers that somebody sent are chosen by the kernel last.
  const sent = new Set(one.packets.flatMap(numbersOf));
  return one.packets.map((step, i) => {
    lab.now = nothingPlayed();
    lab.chosen = [...chosenIn(truth, i)].sort((a, b) => Number(sent.has(a)) - Number(sent.has(b)));
    lab.sequences = sequencesIn(truth[i]);
    playStep(lab, step, truth[i]);
    return lab.now;
  });
}

/**
 * The first difference of a case that is played, or null. Fragments of earlier cases may still have
 * waited for their packet, or no longer: both are right.
 */
export function differenceOf(
  one: Case,
  truth: readonly KernelStep[],
  topologies: Topologies,
): string | null {
  const age = topologies.agedBefore(one);
  const found = firstDifference(one, truth, playCase(one, truth, topologies));
  if (found === null || age === null) return found;
  age();
  return firstDifference(one, truth, playCase(one, truth, topologies));
}

/** Ports and ids in what the kernel sent that were not in what it received. */
function chosenIn(truth: readonly KernelStep[], index: number): readonly number[] {
  const step = truth[index];
  if (step === undefined) return [];
  const texts = [...step.out.map((out) => out[3]), ...step.local.map((local) => local[1])];
  const later = truth.slice(index + 1).flatMap(({ ct = [] }) => ct.map(({ reply }) => reply));
  const numbers = texts.flatMap((text) =>
    [...text.matchAll(/ (\d+)>(\d+)| id(\d+)/g)].map(([, src, , id]) => Number(src ?? id)),
  );
  // What was delivered of IPv6 is shown as bytes, the ports first.
  const bytes = step.local.flatMap(([, text]) => {
    const ports = /^ip6 from \S+ ([0-9a-f]{4})([0-9a-f]{4})/.exec(text)?.slice(1) ?? [];
    return ports.map((port) => Number.parseInt(port, 16));
  });
  return [...numbers, ...bytes, ...later.flatMap(({ dport, id }) => dport ?? id ?? [])];
}

function numbersOf({ tcp, udp, sctp, icmp, icmp6 }: Step): readonly number[] {
  const ports = [tcp, udp, sctp].flatMap((one) =>
    one === undefined ? [] : [one.sport, one.dport],
  );
  return [...ports, icmp?.id ?? 0, icmp6?.id ?? 0];
}

function sequencesIn(step: KernelStep | undefined): readonly number[] {
  const texts = [
    ...(step?.out ?? []).map((out) => out[3]),
    ...(step?.local ?? []).map(([, t]) => t),
  ];
  return texts.flatMap((text) => [...text.matchAll(/\[SA\] seq(\d+)/g)].map(([, n]) => Number(n)));
}

function playStep(lab: Lab, step: Step, truth: KernelStep | undefined): void {
  lab.run.now_us += (step.wait ?? 0) * 1000;
  if (truth?.skip === true) return;
  const derived = step.reply_to !== undefined || step.error_to !== undefined;
  if (derived && truth?.sent !== undefined) {
    inject(lab, truth.sent[0], Uint8Array.from(hexBytes(truth.sent[1])));
  } else if (step.in !== undefined) inject(lab, step.in, frameBytes(step));
  else if (step.from !== undefined) sendFrom(lab, step.from, step);
  else if (step.ct !== undefined) {
    const { tracker } = node(lab, step.ct).netfilter;
    lab.now.ct = connectionsOf(tracker, step.tuples);
  } else if (step.expect !== undefined) {
    lab.now.expect = expectationsOf(node(lab, step.expect).netfilter.tracker);
  } else if (step.ctflush !== undefined) {
    const { tracker } = node(lab, step.ctflush).netfilter;
    tracker.made.clear();
    tracker.expectations.splice(0);
  } else if (step.exec !== undefined) execute(lab, step.node ?? '', step.exec);
}

function node(lab: Lab, name: string): NonNullable<ReturnType<Lab['nodes']['get']>> {
  const found = lab.nodes.get(name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

function inject(lab: Lab, port: string, bytes: Uint8Array): void {
  const [name = '', link = ''] = lab.inside.get(port) ?? [];
  const p = packetFromBytes(bytes, { tunnels: true }).value;
  follow(lab, name, receive(lab.run, node(lab, name).stack, link, p));
}

/** A program sends through a raw socket; what the stack refuses, the call says. */
function sendFrom(lab: Lab, name: string, step: Step): void {
  let p = packetFromBytes(frameBytes(step)).value;
  p = onePacket.set(p, assignment(field('pkt_mark'), BigInt(step.mark ?? 0)));
  const root = { uid: 0, gid: 0 };
  const outcomes = send(lab.run, node(lab, name).stack, p, step.dev ?? null, root, true);
  const refused = outcomes.find((outcome) => outcome.kind === 'dropped' && isOwn(outcome.p));
  lab.now.err = refused === undefined ? null : errorOf(refused);
  follow(lab, name, outcomes);
}

/** The packet itself on its way out: no answer to it, and not received again by loopback. */
function isOwn(p: Packet): boolean {
  return readDiary(p).every(({ step }) => {
    if (step.kind === 'answer') return false;
    return step.kind !== 'rule' || !('chain' in step) || step.chain !== 'PREROUTING';
  });
}

/** net/ipv4/raw.c raw_sendmsg(): what a drop on the way out is for the caller. */
function errorOf(outcome: Outcome<Packet>): string | null {
  if (outcome.kind !== 'dropped') return null;
  const { reason, evidence } = outcome.drop;
  if (reason === 'NO_ROUTE') return 'ENETUNREACH';
  if (reason === 'MARTIAN_ADDRESS') return 'EINVAL';
  if (reason === 'MTU_EXCEEDED_DF') return 'EMSGSIZE';
  if (reason !== 'ROUTE_REFUSES') return 'EPERM';
  if (evidence.includes('prohibit')) return 'EACCES';
  if (evidence.includes('blackhole')) return 'EINVAL';
  return evidence.startsWith('rule') ? 'ENETUNREACH' : 'EHOSTUNREACH';
}

function follow(lab: Lab, start: string, first: readonly Outcome<Packet>[]): void {
  const queue = first.map((outcome) => ({ name: start, outcome }));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, outcome } = next;
    if (outcome.kind !== 'sent') continue;
    const at = `${name}/${outcome.port}`;
    const veth = lab.veths.get(at);
    if (veth !== undefined) {
      const [to, link] = veth;
      const results = receive(lab.run, node(lab, to).stack, link, outcome.p, to === name);
      queue.push(...results.map((result) => ({ name: to, outcome: result })));
      continue;
    }
    const port = lab.outside.get(at);
    if (port !== undefined) leave(lab, port, bytesFromPacket(outcome.p));
  }
}

function leave(lab: Lab, port: string, bytes: Uint8Array): void {
  const macs = [macText(bytes.subarray(0, 6)), macText(bytes.subarray(6, 12))] as const;
  lab.now.out.push([port, ...macs, brief(bytes)]);
  if (bytes[12] !== 8 || bytes[13] !== 6 || bytes[21] !== 1) return;
  const target = [...bytes.subarray(38, 42)].join('.');
  const answer = lab.case.arp?.[port]?.[target];
  if (answer === undefined) return;
  const asker = [...bytes.subarray(28, 32)].join('.');
  const eth = { src: answer, dst: macText(bytes.subarray(6, 12)) };
  const tha = macText(bytes.subarray(22, 28));
  inject(lab, port, frameBytes({ eth, arp: { op: 2, sha: answer, spa: target, tha, tpa: asker } }));
}

/** Commands that cases run in a node: entries of VXLAN devices, and a look at the neighbours. */
function execute(lab: Lab, name: string, command: string): void {
  const added = command.split(/;\s*/).flatMap((part) => {
    const [, entry] = /^bridge fdb (.*)$/.exec(part) ?? [];
    return entry === undefined ? [] : [entry];
  });
  const { stack, netfilter } = node(lab, name);
  if (command === 'ip route flush cache') stack.pathMtus.splice(0);
  if (added.length > 0) {
    const given = lab.case.nodes[name] ?? {};
    const nodes = {
      ...lab.case.nodes,
      [name]: { ...given, fdb: [...(given.fdb ?? []), ...added] },
    };
    const changed = { ...lab.case, nodes };
    const namespace = namespacesOf(changed).get(name);
    if (namespace === undefined) return;
    const config = compileNamespace(namespace);
    const vxlans = config.vxlans.map((device) => makeVxlan<Packet>(device));
    lab.nodes.set(name, { stack: { ...stack, config, vxlans }, netfilter });
  }
  const [, device] = /^ip neigh show dev (\S+)$/.exec(command) ?? [];
  if (device !== undefined) lab.now.stdout = neighboursText(lab, name, device);
}

/** Learned neighbours as `ip neigh show` prints them. */
function neighboursText(lab: Lab, name: string, device: string): string {
  const { learned } = node(lab, name).stack;
  const lines = learned.flatMap((one) => {
    if (one.device !== device || one.version !== 4) return [];
    const bytes = bytesFromPacket(one.p);
    const [mac, ip] = [bytes.subarray(22, 28), bytes.subarray(28, 32)];
    return [`${[...ip].join('.')} lladdr ${macText(mac)} STALE \n`];
  });
  return lines.join('');
}
