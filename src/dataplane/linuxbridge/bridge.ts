/**
 * One bridge at work (net/bridge/br_input.c br_handle_frame(), br_forward.c, br_fdb.c).
 * Before it: the device layer hands over frames of ports, or what the host sends through the
 * bridge. After it: frames for ports, and frames for the host itself.
 */
import { field } from '../../packet/fields.ts';
import { assignment } from '../../traffic/words.ts';
import { cutEvenly } from '../conntrack/refragment.ts';
import { type Run } from '../outcome.ts';
import {
  afterPrerouting,
  confirmGroup,
  NO_PHYSICAL_INPUT,
  passBridgeHook,
} from './bridge-netfilter.ts';
import { type CompiledBridge, type CompiledPort, FRAME, MAC, VLAN_ID } from './compiled.ts';
import { type Carried } from './hooks.ts';
import { pushOut } from './push.ts';
import { admit, release } from './vlan.ts';
import { type BridgedStep, type BridgeState, type BridgeWork, dropBridged } from './work.ts';

const LEARNED_MAX = 4096;

/** A frame arrived on a port: br_handle_frame() up to NF_BR_PRE_ROUTING, then the decision. */
export function receiveOnPort<P>(
  run: Run<P>,
  state: BridgeState<P>,
  portName: string,
  p: P,
  out: BridgeWork<P>['out'],
): void {
  const work: BridgeWork<P> = { run, state, out, handle: null };
  const port = state.config.ports.get(portName);
  if (port === undefined) return;
  // br_dev_stop() disables every port (net/bridge/br_stp_if.c br_stp_disable_bridge()); `brctl`
  // does not show it.
  if (!state.config.of.up) {
    dropBridged(work, p, 'INTERFACE_DOWN', 'the bridge device is down');
    return;
  }
  if (port.of.state !== 'forwarding' && port.of.state !== 'learning') {
    dropBridged(work, p, 'BRIDGE_PORT_NOT_FORWARDING', `${portName} is ${port.of.state}`);
    return;
  }
  const { hit, miss } = run.traffic.split(p, FRAME.groupSource);
  if (hit !== null) dropBridged(work, hit, 'NOT_FOR_ME', 'the source MAC is a group address');
  const rest = miss === null ? null : refuseReserved(work, miss);
  if (rest === null) return;
  for (const typed of withType(run, rest)) {
    for (const { p: part, prerouted, work: next } of afterPrerouting(work, port, typed)) {
      finishInput(next, port, part, prerouted);
    }
  }
}

/** eth_type_trans(), setup_pre_routing(): a frame for somebody else counts as one for the host. */
function withType<P>({ traffic }: Run<P>, p: P): readonly P[] {
  const group = traffic.split(p, FRAME.group);
  const parts: P[] = group.miss === null ? [] : [traffic.set(group.miss, TYPE_HOST)];
  if (group.hit === null) return parts;
  const { hit, miss } = traffic.split(group.hit, FRAME.broadcast);
  if (hit !== null) parts.push(traffic.set(hit, TYPE_BROADCAST));
  if (miss !== null) parts.push(traffic.set(miss, TYPE_MULTICAST));
  return parts;
}

const PACKET_TYPE = field('meta_pkttype');
const TYPE_HOST = assignment(PACKET_TYPE, 0n);
const TYPE_BROADCAST = assignment(PACKET_TYPE, 1n);
const TYPE_MULTICAST = assignment(PACKET_TYPE, 2n);

function refuseReserved<P>(work: BridgeWork<P>, p: P): P | null {
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, FRAME.reserved);
  if (hit === null) return miss;
  const { hit: wanted, miss: refused } = traffic.split(hit, work.state.config.forwardsReserved);
  if (refused !== null) {
    dropBridged(work, refused, 'NOT_FOR_ME', 'bridges do not forward 01:80:c2:00:00:0x');
  }
  return wanted ?? miss;
}

/** Goes on with a frame whose destination DNAT changed, with the new MAC in place. */
export function continueOnPort<P>(
  run: Run<P>,
  state: BridgeState<P>,
  portName: string,
  handle: Carried<P>,
  p: P,
  out: BridgeWork<P>['out'],
): void {
  const work: BridgeWork<P> = { run, state, out, handle };
  const port = state.config.ports.get(portName);
  if (port !== undefined) finishInput(work, port, p, true);
}

/** br_handle_frame_finish(): VLAN, learning, then one port, the host, or all ports. */
function finishInput<P>(work: BridgeWork<P>, port: CompiledPort, p: P, prerouted: boolean): void {
  const { run, state } = work;
  const admitted = admit(work, port.vlans, port.of.name, p);
  if (admitted === null) return;
  if (port.of.learning) learnSource(work, port, admitted);
  if (port.of.state === 'learning') {
    dropBridged(work, admitted, 'BRIDGE_PORT_NOT_FORWARDING', `${port.of.name} only learns`);
    return;
  }
  const { hit, miss } = run.traffic.split(admitted, FRAME.group);
  if (hit !== null) {
    flood(work, port, true, run.traffic.fork(hit));
    passUp(work, port, hit, 'flooding', prerouted);
  }
  if (miss === null) return;
  for (const found of lookUp(work, miss)) {
    if (found.port === null) flood(work, port, false, found.p);
    else if (found.port === state.config.of.name)
      passUp(work, port, found.p, found.because, prerouted);
    else deliverTo(work, port, found.port, found.p, found.because);
  }
}

/** A frame the host sends through the bridge device (br_device.c br_dev_xmit()). */
export function transmitByHost<P>(
  run: Run<P>,
  state: BridgeState<P>,
  handle: Carried<P>,
  p: P,
  out: BridgeWork<P>['out'],
): void {
  const work: BridgeWork<P> = { run, state, out, handle };
  const admitted = admit(work, state.config.own, state.config.of.name, p);
  if (admitted === null) return;
  const { hit, miss } = run.traffic.split(admitted, FRAME.group);
  if (hit !== null) flood(work, null, true, hit);
  if (miss === null) return;
  for (const found of lookUp(work, miss)) {
    if (found.port === null) flood(work, null, false, found.p);
    else if (found.port === state.config.of.name) {
      dropBridged(work, found.p, 'BRIDGE_SAME_PORT', 'the destination is the bridge itself');
    } else deliverTo(work, null, found.port, found.p, found.because);
  }
}

interface Found<P> {
  /** A port, the bridge's own name, or null when nobody knows. */
  readonly port: string | null;
  readonly because: BridgedStep['because'];
  readonly p: P;
}

/** Own and static entries, then what was learned on the way, then the snapshot's entries. */
function lookUp<P>(work: BridgeWork<P>, p: P): readonly Found<P>[] {
  const { run, state } = work;
  const { config } = state;
  const out: Found<P>[] = [];
  for (const { entries, p: part } of run.traffic.lookup(p, config.fixed)) {
    const entry = entries[0]?.entry;
    if (entry === undefined) lookUpLearned(work, part, out);
    else {
      const because = entry.local ? 'own MAC' : 'static entry';
      out.push({ port: entry.local ? config.of.name : entry.port, because, p: part });
    }
  }
  return out;
}

function lookUpLearned<P>(work: BridgeWork<P>, p: P, out: Found<P>[]): void {
  const { run, state } = work;
  const { config } = state;
  const oldest_us = run.now_us - config.of.ageing_s * 1_000_000;
  const pairs = [[MAC.destination, MAC.source] as const, ...vlanPair(config)];
  let rest: P | null = p;
  for (const learned of state.learned) {
    if (rest === null) return;
    if (learned.at_us < oldest_us) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = run.traffic.same(
      rest,
      learned.p,
      pairs,
    );
    if (hit !== null) out.push({ port: learned.port, because: 'learned', p: hit });
    rest = miss;
  }
  if (rest === null) return;
  for (const { entries, p: part } of run.traffic.lookup(rest, config.dynamic)) {
    out.push({ port: entries[0]?.entry.port ?? null, because: 'known entry', p: part });
  }
}

/** Bridges without VLAN filtering keep one database for all VLANs. */
function vlanPair(config: CompiledBridge): readonly (readonly [typeof VLAN_ID, typeof VLAN_ID])[] {
  return config.of.vlanFiltering ? [[VLAN_ID, VLAN_ID]] : [];
}

/** br_fdb_update(): fixed entries stay; a station that moved is believed at once. */
function learnSource<P>(work: BridgeWork<P>, port: CompiledPort, p: P): void {
  const { run, state } = work;
  const { traffic } = run;
  const pairs = [[MAC.source, MAC.source] as const, ...vlanPair(state.config)];
  for (const { entries, p: part } of traffic.lookup(traffic.fork(p), state.config.fixedSource)) {
    if (entries.length > 0) continue;
    const others = state.learned.filter(
      (old) => traffic.same(traffic.fork(old.p), part, pairs).miss !== null,
    );
    const learned = { port: port.of.name, p: part, at_us: run.now_us };
    state.learned = [learned, ...others].slice(0, LEARNED_MAX);
  }
}

/** br_flood(): a copy for every port that takes it, the newest port first. */
function flood<P>(work: BridgeWork<P>, input: CompiledPort | null, group: boolean, p: P): void {
  const { traffic } = work.run;
  const outputs = [...work.state.config.ports.values()]
    .reverse()
    .filter((output) => (group || output.of.flood) && refusal(input, output) === null);
  // The last port gets the frame itself, unless the host takes it as well.
  const original = group && input !== null ? null : outputs.at(-1);
  for (const output of outputs) {
    const copy = traffic.fork(p);
    const sent = output === original ? copy : cutEvenly(traffic, copy);
    forwardTo(work, input, output, sent, 'flooding');
  }
  if (outputs.length === 0 && !group) {
    dropBridged(work, p, 'FLOOD_BLOCKED', 'no entry for the MAC and no port to flood to');
  }
}

function deliverTo<P>(
  work: BridgeWork<P>,
  input: CompiledPort | null,
  name: string,
  p: P,
  because: BridgedStep['because'],
): void {
  const output = work.state.config.ports.get(name);
  const why = output === undefined ? `${name} is no port` : refusal(input, output);
  if (output === undefined || why !== null) {
    const same = output !== undefined && output === input;
    const reason = same ? 'BRIDGE_SAME_PORT' : 'BRIDGE_PORT_NOT_FORWARDING';
    dropBridged(work, p, reason, why ?? '');
  } else forwardTo(work, input, output, p, because);
}

/** should_deliver(): why a port does not take a frame, or null. */
function refusal(input: CompiledPort | null, output: CompiledPort): string | null {
  if (output.of.state !== 'forwarding') return `${output.of.name} is ${output.of.state}`;
  if (!output.of.up) return `${output.of.name} is down`;
  if (input === output && !output.of.hairpin) return 'back to where it came from, no hairpin';
  if (input?.of.isolated === true && output.of.isolated) return 'both ports are isolated';
  return null;
}

/** __br_forward(): VLAN egress, FORWARD, POSTROUTING, and the MTU that nobody reports. */
function forwardTo<P>(
  work: BridgeWork<P>,
  input: CompiledPort | null,
  output: CompiledPort,
  p: P,
  because: BridgedStep['because'],
): void {
  const { run, state } = work;
  const step = (): BridgedStep => ({
    kind: 'bridged',
    bridge: state.config.of.name,
    input: input?.of.name ?? null,
    output: output.of.name,
    because,
  });
  const released = release(work, output.vlans, output.of.name, run.traffic.note(p, step));
  for (const frame of released) {
    const marked = run.traffic.set(frame, output.setPhysicalOutput);
    const hook = input === null ? 'output' : 'forward';
    for (const { p: part, work: next } of passBridgeHook(work, hook, input, output, marked)) {
      for (const last of passBridgeHook(next, 'postrouting', input, output, part)) {
        pushOut(last.work, input !== null, output, last.p);
      }
    }
  }
}

/**
 * ip_rcv() forgets how large the fragments were that the IP chains of the bridge put together; they
 * still hang together one by one, so that a packet too long for its way out is cut where it was.
 */
function whole<P>({ traffic }: Run<P>, p: P): P {
  if (traffic.pieces(p).length === 0) return p;
  const content = traffic.content(p);
  return content === null ? p : traffic.withContent(p, content.bytes, [], traffic.cuts(p));
}

/** br_pass_frame_up(): the host receives on the bridge device. */
function passUp<P>(
  work: BridgeWork<P>,
  port: CompiledPort,
  p: P,
  because: BridgedStep['because'],
  prerouted: boolean,
): void {
  const { run, state } = work;
  if (!state.config.of.up) {
    dropBridged(work, p, 'INTERFACE_DOWN', 'the bridge device is down');
    return;
  }
  const step = (): BridgedStep => ({
    kind: 'bridged',
    bridge: state.config.of.name,
    input: null,
    output: null,
    because,
  });
  const released = release(work, state.config.own, state.config.of.name, p);
  for (const frame of released) {
    const noted = run.traffic.note(frame, step);
    const passed = passBridgeHook(work, 'input', port, null, noted);
    for (const { p: part, work: next } of passed.flatMap((one) => confirmGroup(one.work, one.p))) {
      // Rules remember the port only of what the IP chains have seen on the bridge.
      const known = prerouted ? whole(run, part) : run.traffic.set(part, NO_PHYSICAL_INPUT);
      work.out.push({ kind: 'up', prerouted, handle: next.handle, p: known });
    }
  }
}
