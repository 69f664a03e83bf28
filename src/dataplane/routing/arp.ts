/**
 * An ARP packet arrives (net/ipv4/arp.c arp_process(); RFC 826, RFC 1027 for proxies).
 * Before it: the device layer. After it: an answer, a learned neighbour, released traffic.
 */

import { guard } from '../../traffic/guard.ts';
import { or } from '../../traffic/match.ts';
import { type Device } from './device.ts';
import { B, ETHERTYPE, F, IS, inPrefix, put } from './headers.ts';
import { learn, resolution } from './neighbour.ts';
import { decide } from './route.ts';
import { validateSource } from './source-check.ts';
import { drop, type Work } from './stack.ts';

/** Receives an ARP packet; answers requests and learns from answers. */
export function receiveArp<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  if (!device.resolves) {
    drop(work, p, 'NOT_FOR_ME', 'arp', 'an interface without ARP');
    return;
  }
  const bad = traffic.split(p, BAD_TARGET);
  if (bad.hit !== null) drop(work, bad.hit, 'NOT_FOR_ME', 'arp', 'ARP for a group or loopback');
  if (bad.miss === null) return;
  const request = traffic.split(bad.miss, IS.arpRequest);
  if (request.hit !== null) receiveRequest(work, device, request.hit);
  if (request.miss === null) return;
  const reply = traffic.split(request.miss, IS.arpReply);
  if (reply.hit !== null) update(work, device, reply.hit);
  if (reply.miss !== null) drop(work, reply.miss, 'NOT_FOR_ME', 'arp', 'neither request nor reply');
}

const BAD_TARGET = guard(
  or(inPrefix(F.arpTargetAddress, 0xe000_0000n, 4), inPrefix(F.arpTargetAddress, 0x7f00_0000n, 8)),
);

/** Who answers: an address of ours, or as a proxy for what is routed elsewhere. */
function receiveRequest<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  const probe = routeProbe(work, device, p);
  for (const { decision, p: routed } of decide(work.run, work.stack.config.fib[4], probe)) {
    const part = traffic.within(traffic.fork(p), routed);
    if (part === null) continue;
    if (decision.kind !== 'route') update(work, device, part);
    else if (decision.route.type === 'local') answerOwn(work, device, routed, part);
    else if (decision.route.type === 'unicast') {
      answerProxy(work, device, decision.hop?.device ?? null, routed, part);
    } else update(work, device, part);
  }
}

/** The kernel asks its routing as if a packet from the sender to the target had come in. */
function routeProbe<P>(work: Work<P>, device: Device, p: P): P {
  const { traffic } = work.run;
  let probe = traffic.copy(traffic.fork(p), B.ipSource, p, B.arpSourceAddress);
  probe = traffic.copy(probe, B.ipDestination, p, B.arpTargetAddress);
  return traffic.set(probe, device.setInput);
}

function answerOwn<P>(work: Work<P>, device: Device, probe: P, p: P): void {
  const { traffic } = work.run;
  const { arpIgnore } = device.settings;
  // arp_ignore: 1 and 2 answer only for addresses of this interface, 8 never.
  // Simplification: 2 does not compare the subnets, 3 answers as 0; Neutron sets 1.
  const allowed =
    arpIgnore === 0 || arpIgnore === 3
      ? { hit: p, miss: null }
      : arpIgnore >= 4
        ? { hit: null, miss: p }
        : traffic.split(p, device.ownsArpTarget);
  if (allowed.miss !== null) update(work, device, allowed.miss);
  if (allowed.hit === null) return;
  for (const part of senderAllowed(work, device, probe, allowed.hit)) {
    reply(work, device, false, part);
  }
}

/** A probe for duplicates comes from 0.0.0.0 (RFC 5227 §2.1.1); others pass the source check. */
function senderAllowed<P>(work: Work<P>, device: Device, probe: P, p: P): readonly P[] {
  const { traffic } = work.run;
  const unset = traffic.split(traffic.fork(probe), IS.sourceUnset);
  const parts: P[] = [];
  const nobody = unset.hit === null ? null : traffic.within(traffic.fork(p), unset.hit);
  if (nobody !== null) parts.push(nobody);
  if (unset.miss === null) return parts;
  const silent: Work<P> = { ...work, out: [] };
  for (const valid of validateSource(silent, device, null, unset.miss)) {
    const part = traffic.within(traffic.fork(p), valid);
    if (part !== null) parts.push(part);
  }
  for (const outcome of silent.out) {
    const part = traffic.within(traffic.fork(p), outcome.p);
    if (part !== null && outcome.kind === 'dropped') work.out.push({ ...outcome, p: part });
  }
  return parts;
}

/** proxy_arp: the target is routed out of another interface (arp_fwd_proxy()). */
function answerProxy<P>(
  work: Work<P>,
  device: Device,
  routedBy: string | null,
  probe: P,
  p: P,
): void {
  const { settings } = device;
  const elsewhere = routedBy !== device.of.name;
  const proxies =
    settings.forwarding &&
    ((settings.proxyArp && elsewhere) || (settings.proxyArpSameDevice && !elsewhere));
  if (!proxies) {
    answerProxyNeighbours(work, device, elsewhere, p);
    return;
  }
  for (const part of senderAllowed(work, device, probe, p)) reply(work, device, true, part);
}

/** `ip neigh add proxy ADDRESS dev DEVICE`. */
function answerProxyNeighbours<P>(work: Work<P>, device: Device, elsewhere: boolean, p: P): void {
  const { traffic } = work.run;
  const { config } = work.stack;
  const mine = config.of.proxyNeighbours.filter(
    (one) => one.device === device.of.name && one.address.version === 4,
  );
  if (mine.length === 0 || !elsewhere || !device.settings.forwarding) {
    update(work, device, p);
    return;
  }
  const match = or(...mine.map(({ address }) => inPrefix(F.arpTargetAddress, address.value, 32)));
  const { hit, miss } = traffic.split(p, guard(match));
  if (hit !== null) reply(work, device, true, hit);
  if (miss !== null) update(work, device, miss);
}

const ARP_REPLY = [put(F.ethType, ETHERTYPE.arp), put(F.arpOperation, 2), put(F.frameLength, 42)];

/** Answers with this interface's MAC; the sender becomes a (stale) neighbour. */
function reply<P>(work: Work<P>, device: Device, proxied: boolean, p: P): void {
  const { traffic } = work.run;
  let made = traffic.blank(p);
  for (const write of ARP_REPLY) made = traffic.set(made, write);
  made = traffic.copy(made, B.arpSourceAddress, p, B.arpTargetAddress);
  made = traffic.copy(made, B.arpTargetAddress, p, B.arpSourceAddress);
  made = traffic.copy(made, B.arpTargetMac, p, B.arpSourceMac);
  made = traffic.copy(made, B.ethDestination, p, B.arpSourceMac);
  made = traffic.set(traffic.set(made, device.setSource), device.setArpSource);
  made = traffic.note(made, () => resolution(work, device, 'arp-reply', proxied));
  work.now({ kind: 'transmit', device: device.of.name, handle: null, p: made });
  learnSender(work, device, traffic.fork(p));
  work.out.push({ kind: 'delivered', to: `arp ${device.of.name}`, p });
}

/**
 * Learns from a packet that was not answered: only what is known or asked for already, unless
 * arp_accept says otherwise. Gratuitous requests and replies update alike.
 */
function update<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  if (device.settings.arpAccept || isKnown(work, device, p)) {
    learnSender(work, device, traffic.fork(p));
    work.out.push({ kind: 'delivered', to: `arp ${device.of.name}`, p });
  } else drop(work, p, 'NOT_FOR_ME', 'arp', 'not our address, and a sender nobody knows');
}

function isKnown<P>(work: Work<P>, device: Device, p: P): boolean {
  const { traffic } = work.run;
  const { stack } = work;
  const name = device.of.name;
  const equal = (seen: P, bits: typeof B.arpTargetAddress): boolean =>
    traffic.same(traffic.fork(p), seen, [[B.arpSourceAddress, bits]]).hit !== null;
  if (stack.pending.some((one) => one.device === name && equal(one.request, B.arpTargetAddress))) {
    return true;
  }
  if (stack.learned.some((one) => one.device === name && equal(one.p, one.address))) return true;
  const sender = traffic.copy(traffic.fork(p), B.ipDestination, p, B.arpSourceAddress);
  return traffic
    .lookup(sender, device.neighboursByDestination[4])
    .some(({ entries }) => entries.length > 0);
}

/** A permanent entry is never changed by what somebody says (NUD_PERMANENT). */
function learnSender<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  const unset = traffic.split(p, NO_SENDER);
  if (unset.miss === null) return;
  const sender = traffic.copy(unset.miss, B.ipDestination, unset.miss, B.arpSourceAddress);
  for (const { entries, p: part } of traffic.lookup(sender, device.neighboursByDestination[4])) {
    const state = entries[0]?.entry.of.state;
    if (state === 'permanent' || state === 'noarp') continue;
    learn(work, {
      device: device.of.name,
      version: 4,
      p: part,
      address: B.arpSourceAddress,
      mac: B.arpSourceMac,
    });
  }
}

const NO_SENDER = guard(inPrefix(F.arpSourceAddress, 0n, 32));
