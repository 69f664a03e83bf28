/**
 * The next hop's MAC: known, learned, or asked for (net/core/neighbour.c, net/ipv4/arp.c
 * arp_solicit(), net/ipv6/ndisc.c ndisc_solicit(); RFC 826, RFC 4861 §7.2).
 * Before it: POSTROUTING. After it: the device transmits.
 */
import { addressKey, type Device, type KnownNeighbour, sourceTowards } from './device.ts';
import { ADDRESSES, B, ETHERTYPE, F, IS, is, PROTOCOL, put } from './headers.ts';
import { drop, type LearnedNeighbour, type Pending, type Towards, type Work } from './stack.ts';
import { type NeighbourStep, type ResolutionStep } from './steps.ts';

/** How a packet leaves: by which interface, to which next hop. */
export interface Way {
  readonly version: 4 | 6;
  readonly device: Device;
  readonly to: Towards;
  /** The interface it came by when it is forwarded. */
  readonly from: Device | null;
}

const BROADCAST_MAC = put(F.ethDestination, 0xffff_ffff_ffffn);
const NO_MAC = put(F.ethDestination, 0);
const GROUP_MAC_4 = put(F.ethDestination, 0x0100_5e00_0000n);
const GROUP_MAC_6 = put(F.ethDestination, 0x3333_0000_0000n);
const ETHERNET_HEADER_BYTES = 14;

/** Puts the Ethernet header in front and transmits, or waits for the neighbour's answer. */
export function sendTo<P>(work: Work<P>, way: Way, p: P): void {
  const { traffic } = work.run;
  const { device, to, version } = way;
  if (!device.resolves) {
    transmit(work, device, traffic.set(p, NO_MAC));
    return;
  }
  if (to.kind === 'broadcast') {
    transmit(work, device, traffic.set(p, BROADCAST_MAC));
    return;
  }
  if (to.kind === 'gateway') {
    sendToGateway(work, way, to.address, p);
    return;
  }
  const group = traffic.split(p, version === 4 ? IS.multicast : IS.multicast6);
  if (group.hit !== null) transmit(work, device, groupMac(work, version, group.hit));
  if (group.miss !== null) sendToDestination(work, way, group.miss);
}

/** RFC 1112 §6.4 takes 23 bits of the group, RFC 2464 §7 takes 32. */
function groupMac<P>(work: Work<P>, version: 4 | 6, p: P): P {
  const { traffic } = work.run;
  const width = version === 4 ? 23 : 32;
  const set = traffic.set(p, version === 4 ? GROUP_MAC_4 : GROUP_MAC_6);
  const from = { field: ADDRESSES[version].destination.field, start: 0, width };
  return traffic.copy(set, { field: F.ethDestination, start: 0, width }, set, from);
}

function sendToDestination<P>(work: Work<P>, way: Way, p: P): void {
  const { traffic } = work.run;
  const { device, version } = way;
  let rest: P | null = p;
  for (const learned of work.stack.learned) {
    if (rest === null) return;
    if (learned.device !== device.of.name || learned.version !== version) continue;
    if (!isBelieved(work, learned)) continue;
    const pair = [ADDRESSES[version].destination, learned.address] as const;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.same(rest, learned.p, [pair]);
    if (hit !== null) transmitLearned(work, way, learned, hit);
    rest = miss;
  }
  if (rest === null) return;
  for (const { entries, p: part } of traffic.lookup(
    rest,
    device.neighboursByDestination[version],
  )) {
    const known = entries[0]?.entry;
    if (known === undefined) ask(work, way, part);
    else transmitKnown(work, way, known, part);
  }
}

function sendToGateway<P>(
  work: Work<P>,
  way: Way,
  gateway: { readonly version: 4 | 6; readonly value: bigint },
  p: P,
): void {
  const { traffic } = work.run;
  let rest: P | null = p;
  for (const learned of work.stack.learned) {
    if (rest === null) return;
    if (learned.device !== way.device.of.name || learned.version !== gateway.version) continue;
    if (!isBelieved(work, learned)) continue;
    const { hit } = traffic.split(
      traffic.fork(learned.p),
      is(learned.address.field, gateway.value),
    );
    const part: P | null = hit === null ? null : traffic.within(rest, hit);
    if (part === null) continue;
    transmitLearned(work, way, learned, part);
    // Simplification: a learned gateway answers for all traffic that is sent to it.
    rest = null;
  }
  if (rest === null) return;
  const known = way.device.neighbours.get(addressKey(gateway.version, gateway.value));
  if (known === undefined) ask(work, way, rest);
  else transmitKnown(work, way, known, rest);
}

function isBelieved<P>({ stack }: Work<P>, learned: LearnedNeighbour<P>): boolean {
  return stack.ages === null || stack.ages.believes(stack, learned);
}

function transmitKnown<P>(work: Work<P>, way: Way, known: KnownNeighbour, p: P): void {
  const { traffic } = work.run;
  const noted = traffic.note(p, () => neighbourStep(work, way, known.of.state));
  transmit(work, way.device, traffic.set(noted, known.setDestination));
}

function transmitLearned<P>(work: Work<P>, way: Way, learned: LearnedNeighbour<P>, p: P): void {
  const { traffic } = work.run;
  work.stack.ages?.used(work.stack, learned);
  const noted = traffic.note(p, () => neighbourStep(work, way, 'learned'));
  transmit(work, way.device, traffic.copy(noted, B.ethDestination, learned.p, learned.mac));
}

function neighbourStep<P>(work: Work<P>, { device, to }: Way, state: string): NeighbourStep {
  return {
    kind: 'neighbour',
    namespace: work.stack.config.of.name,
    device: device.of.name,
    gateway: to.kind === 'gateway' ? to.address : null,
    state,
  };
}

/** Fills in the source MAC and the frame's length; the destination MAC is set. */
function transmit<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  let frame = traffic.set(p, device.setSource);
  frame = traffic.copy(frame, B.frameLength, frame, B.ipLength);
  frame = traffic.add(frame, F.frameLength, ETHERNET_HEADER_BYTES);
  work.now({ kind: 'transmit', device: device.of.name, handle: work.handle, p: frame });
}

/** Sends a request, unless the same one is out already, and keeps the traffic until the answer. */
function ask<P>(work: Work<P>, way: Way, p: P): void {
  const { traffic } = work.run;
  const { stack } = work;
  const { device, version } = way;
  const target = version === 4 ? B.arpTargetAddress : B.ndTarget;
  for (const request of version === 4 ? arpRequests(work, way, p) : [solicitation(work, way, p)]) {
    const held = traffic.within(p, request);
    if (held === null) continue;
    let fresh: P | null = traffic.fork(request);
    for (const pending of stack.pending) {
      if (pending.device !== device.of.name || pending.version !== version) continue;
      const pair = [target, target] as const;
      fresh = fresh === null ? null : traffic.same(fresh, pending.request, [pair]).miss;
    }
    const from = way.from?.of.name ?? null;
    const entry = { device: device.of.name, version, request, to: way.to, p: held, from };
    stack.pending = [...stack.pending, entry];
    if (fresh !== null) {
      work.now({ kind: 'transmit', device: device.of.name, handle: work.handle, p: fresh });
    }
  }
}

const ARP_REQUEST = [
  put(F.ethType, ETHERTYPE.arp),
  BROADCAST_MAC,
  put(F.arpOperation, 1),
  put(F.frameLength, 42),
];

/** arp_solicit(): whose address is given as the sender depends on arp_announce. */
function arpRequests<P>(work: Work<P>, { device, to }: Way, p: P): readonly P[] {
  const { traffic } = work.run;
  const own = device.settings.arpAnnounce === 0 ? ownSender(work, p) : { hit: null, miss: p };
  const requests: P[] = [];
  const complete = (source: P, made: P): P => {
    let request = made;
    for (const write of ARP_REQUEST) request = traffic.set(request, write);
    request = traffic.set(traffic.set(request, device.setSource), device.setArpSource);
    request =
      to.kind === 'gateway'
        ? traffic.set(request, put(F.arpTargetAddress, to.address.value))
        : traffic.copy(request, B.arpTargetAddress, source, B.ipDestination);
    return traffic.note(request, () => resolution(work, device, 'arp-request', false));
  };
  if (own.hit !== null) {
    const made = traffic.copy(traffic.blank(own.hit), B.arpSourceAddress, own.hit, B.ipSource);
    requests.push(complete(own.hit, made));
  }
  if (own.miss === null) return requests;
  if (to.kind === 'gateway') {
    const from = sourceTowards(work.stack.config.of, device.of, 4, to.address.value);
    const made = traffic.set(traffic.blank(own.miss), put(F.arpSourceAddress, from ?? 0n));
    requests.push(complete(own.miss, made));
    return requests;
  }
  for (const { entries, p: part } of traffic.lookup(own.miss, device.arpSources)) {
    const write = entries[0]?.entry;
    const made = traffic.blank(part);
    requests.push(complete(part, write === undefined ? made : traffic.set(made, write)));
  }
  return requests;
}

function ownSender<P>(work: Work<P>, p: P): { readonly hit: P | null; readonly miss: P | null } {
  return work.run.traffic.split(work.run.traffic.fork(p), work.stack.config.ownSource);
}

/** Sends to the solicited-node group of the target (RFC 4861 §7.2.2, RFC 4291 §2.7.1). */
function solicitation<P>(work: Work<P>, { device, to }: Way, p: P): P {
  const { traffic } = work.run;
  let made = traffic.blank(p);
  for (const write of SOLICITATION) made = traffic.set(made, write);
  made =
    to.kind === 'gateway'
      ? traffic.set(made, put(F.ndTarget, to.address.value))
      : traffic.copy(made, B.ndTarget, p, B.ipv6Destination);
  const low24 = { field: F.ndTarget, start: 0, width: 24 };
  made = traffic.copy(made, { field: F.ipv6Destination, start: 0, width: 24 }, made, low24);
  made = traffic.copy(made, { field: F.ethDestination, start: 0, width: 24 }, made, low24);
  made = traffic.set(traffic.set(made, device.setSource), put(F.ndSourceMac, device.of.mac));
  const local = device.of.addresses.find(
    ({ address, scope }) => address.version === 6 && scope === 'link',
  );
  const any = device.of.addresses.find(({ address }) => address.version === 6);
  made = traffic.set(made, put(F.ipv6Source, (local ?? any)?.address.value ?? 0n));
  return traffic.note(made, () => resolution(work, device, 'solicitation', false));
}

const SOLICITATION = [
  put(F.ethType, ETHERTYPE.ipv6),
  put(F.ethDestination, 0x3333_ff00_0000n),
  put(F.ipv6Destination, 0xff02_0000_0000_0000_0000_0001_ff00_0000n),
  put(F.protocol, PROTOCOL.icmpv6),
  put(F.ttl, 255),
  put(F.icmpType, 135),
  put(F.ndOption, 1),
  put(F.ipLength, 72),
  put(F.frameLength, 86),
];

/** A diary entry about ARP or neighbour discovery. */
export function resolution<P>(
  work: Work<P>,
  device: Device,
  message: ResolutionStep['message'],
  proxied: boolean,
): ResolutionStep {
  const namespace = work.stack.config.of.name;
  return { kind: 'resolution', namespace, device: device.of.name, message, proxied };
}

/**
 * Learns a neighbour: replaces what was known of the same address on that interface and
 * releases the traffic that waits for it.
 */
export function learn<P>(work: Work<P>, learned: LearnedNeighbour<P>): void {
  const { stack, run } = work;
  const { traffic } = run;
  const isSame = (old: LearnedNeighbour<P>): boolean => {
    if (old.device !== learned.device || old.version !== learned.version) return false;
    const pair = [old.address, learned.address] as const;
    return traffic.same(traffic.fork(old.p), learned.p, [pair]).miss === null;
  };
  const { ages } = stack;
  const known = stack.learned.find(isSame) ?? null;
  if (ages?.takes(stack, known, learned) === false) return;
  if (ages === null && known !== null && contradicts(work, known, learned)) {
    const { host, name } = stack.config.of;
    const at = `${host} ${name} ${learned.device}`;
    run.assume('ADDRESS_DUPLICATE', `two stations answer ${at} for one address`);
  }
  const others = stack.learned.filter((old) => !isSame(old));
  stack.learned = [learned, ...others].slice(0, NEIGHBOURS_MAX);
  const target = learned.version === 4 ? B.arpTargetAddress : B.ndTarget;
  const waiting: Pending<P>[] = [];
  for (const pending of stack.pending) {
    const here = pending.device === learned.device && pending.version === learned.version;
    const pair = [target, learned.address] as const;
    const { hit, miss } = here
      ? traffic.same(traffic.fork(pending.request), learned.p, [pair])
      : { hit: null, miss: pending.request };
    const device = stack.config.devices.get(pending.device);
    const released = hit === null ? null : traffic.within(traffic.fork(pending.p), hit);
    if (released !== null && device !== undefined) {
      const way: Way = { version: pending.version, device, to: pending.to, from: null };
      transmitLearned(work, way, learned, released);
    }
    if (miss === null) continue;
    const kept = traffic.within(pending.p, miss);
    if (kept !== null) waiting.push({ ...pending, request: miss, p: kept });
  }
  stack.pending = waiting;
}

/** Whether what was heard gives an address that is known another MAC. */
function contradicts<P>(
  { run: { traffic } }: Work<P>,
  known: LearnedNeighbour<P>,
  heard: LearnedNeighbour<P>,
): boolean {
  const pair = [heard.mac, known.mac] as const;
  return traffic.same(traffic.fork(heard.p), known.p, [pair]).miss !== null;
}

/** net.ipv4.neigh.default.gc_thresh3. */
const NEIGHBOURS_MAX = 1024;

/** Gives up what still waits: the answer did not come within the kernel's three tries. */
export function giveUp<P>(work: Work<P>): readonly Pending<P>[] {
  const { pending } = work.stack;
  work.stack.pending = [];
  for (const { device, p } of pending) {
    drop(
      work,
      work.run.traffic.fork(p),
      'ARP_UNANSWERED',
      `neighbours of ${device}`,
      'three requests without an answer',
    );
  }
  return pending;
}
