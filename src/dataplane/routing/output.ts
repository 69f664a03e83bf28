/**
 * The way out of the IP layer: for packets of the host itself the route and the OUTPUT hook,
 * for all of them POSTROUTING, the MTU and the neighbour
 * (net/ipv4/ip_output.c ip_local_out(), ip_output(), ip_finish_output()).
 */
import { openConnection } from './connections.ts';
import { type Device, sourceTowards } from './device.ts';
import { fragment } from './fragment.ts';
import { B, F, IS, PACKET_TYPE, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { sendTo, type Way } from './neighbour.ts';
import { type Decision, decide, noteRoute } from './route.ts';
import { drop, passHook, type Towards, towards, type Work } from './stack.ts';

/** Sends a packet the host made: `device` binds it to one interface. */
export function emit<P>(work: Work<P>, version: 4 | 6, bound: Device | null, p: P): void {
  const { traffic } = work.run;
  let packet = p;
  for (const write of MADE_HERE) packet = traffic.set(packet, write);
  packet = traffic.set(packet, bound === null ? NO_OUTPUT : bound.setOutput);
  const group = traffic.split(packet, version === 4 ? IS.limitedBroadcast : IS.multicast6);
  if (group.hit !== null) emitToGroup(work, version, bound, group.hit);
  if (group.miss === null) return;
  for (const { decision, p: part } of decide(
    work.run,
    work.stack.config.fib[version],
    group.miss,
  )) {
    const noted = noteRoute(work.run, work.stack.config.of.name, decision, part);
    emitAlong(work, version, bound, decision, noted);
  }
}

/** What the host makes came in by no interface and by no bridge port. */
const MADE_HERE = [put(F.inputDevice, 0), put(F.physicalInput, 0), put(F.physicalOutput, 0)];
const NO_OUTPUT = put(F.outputDevice, 0);

function emitAlong<P>(
  work: Work<P>,
  version: 4 | 6,
  bound: Device | null,
  decision: Decision,
  p: P,
): void {
  const { devices } = work.stack.config;
  if (decision.kind !== 'route') {
    // A socket that is bound to an interface sends there even without a route.
    if (bound !== null && decision.kind === 'none') {
      emitBy(work, version, bound, { kind: 'destination' }, null, p);
      return;
    }
    if (decision.kind === 'none') drop(work, p, 'NO_ROUTE', 'route output', 'no route matches');
    else {
      const evidence = `${decision.by} of type ${decision.type}`;
      drop(work, p, 'ROUTE_REFUSES', 'route output', evidence, decision.origin);
    }
    return;
  }
  const { route, hop } = decision;
  const local = route.type === 'local';
  // Of a bound socket only routes by its interface count; without one it sends there directly.
  if (bound !== null && !local && hop?.device !== bound.of.name) {
    emitBy(work, version, bound, { kind: 'destination' }, null, p);
    return;
  }
  const device = local ? loopback(work) : devices.get(hop?.device ?? '');
  if (device === undefined) {
    drop(work, p, 'NO_ROUTE', 'route output', 'the route names no interface', route.origin);
    return;
  }
  const to: Towards =
    route.type === 'broadcast' || hop === null
      ? { kind: route.type === 'broadcast' ? 'broadcast' : 'destination' }
      : towards(hop);
  emitBy(work, version, device, to, decision, p);
}

function loopback<P>(work: Work<P>): Device | undefined {
  return [...work.stack.config.devices.values()].find((device) => device.of.loopback);
}

function emitToGroup<P>(work: Work<P>, version: 4 | 6, bound: Device | null, p: P): void {
  if (bound !== null) {
    emitBy(work, version, bound, { kind: version === 4 ? 'broadcast' : 'destination' }, null, p);
    return;
  }
  for (const { decision, p: part } of decide(work.run, work.stack.config.fib[version], p)) {
    const device =
      decision.kind === 'route'
        ? work.stack.config.devices.get(decision.hop?.device ?? '')
        : undefined;
    if (device === undefined) drop(work, part, 'NO_ROUTE', 'route output', 'no route for a group');
    else {
      const to: Towards = { kind: version === 4 ? 'broadcast' : 'destination' };
      emitBy(work, version, device, to, null, part);
    }
  }
}

/** Chooses the source address where there is none, asks OUTPUT, and routes again if it must. */
function emitBy<P>(
  work: Work<P>,
  version: 4 | 6,
  device: Device,
  to: Towards,
  decision: Decision | null,
  p: P,
): void {
  const { traffic } = work.run;
  for (const sourced of chooseSource(work, version, device, to, decision, p)) {
    const { applications } = work.stack;
    const whole = applications?.complete?.(sourced, mtuOf(device, decision)) ?? sourced;
    if (work.opens === true) openConnection(work.run, work.stack, version, whole);
    const out = traffic.set(whole, device.setOutput);
    const before = work.stack.hooks === null ? null : traffic.fork(out);
    const accepted = passHook(work, 'output', version, out, refused(version));
    for (const { p: part, work: next } of accepted) {
      if (before === null) leaveOwn(next, version, device, to, decision, part);
      else rerouteIfChanged(next, version, device, to, decision, before, part);
    }
  }
}

/**
 * ip_route_me_harder(): OUTPUT changed an address, the mark or the TOS, so the route is looked
 * up again; the source address stays.
 */
function rerouteIfChanged<P>(
  work: Work<P>,
  version: 4 | 6,
  device: Device,
  to: Towards,
  decision: Decision | null,
  before: P,
  p: P,
): void {
  const { traffic } = work.run;
  const pairs =
    version === 4
      ? [B.ipSource, B.ipDestination, B.mark, B.tos]
      : [B.ipv6Source, B.ipv6Destination, B.mark, B.tos];
  const { hit, miss } = traffic.same(
    p,
    before,
    pairs.map((bits) => [bits, bits] as const),
  );
  if (hit !== null) leaveOwn(work, version, device, to, decision, hit);
  if (miss === null) return;
  const again = traffic.set(miss, NO_OUTPUT);
  for (const { decision: next, p: part } of decide(
    work.run,
    work.stack.config.fib[version],
    again,
  )) {
    if (next.kind !== 'route') {
      drop(work, part, 'NO_ROUTE', 'route output', 'no route after the OUTPUT rules');
      continue;
    }
    const noted = noteRoute(work.run, work.stack.config.of.name, next, part);
    const name = next.hop?.device ?? '';
    const out = next.route.type === 'local' ? loopback(work) : work.stack.config.devices.get(name);
    if (out === undefined) {
      drop(work, noted, 'NO_ROUTE', 'route output', 'the route names no interface');
      continue;
    }
    const way = next.hop === null ? { kind: 'destination' as const } : towards(next.hop);
    leaveOwn(work, version, out, way, next, traffic.set(noted, out.setOutput));
  }
}

function leaveOwn<P>(
  work: Work<P>,
  version: 4 | 6,
  device: Device,
  to: Towards,
  decision: Decision | null,
  p: P,
): void {
  leave(work, { version, device, to, from: null, mtu: mtuOf(device, decision) }, p);
}

function mtuOf(device: Device, decision: Decision | null): number {
  const limit = decision?.kind === 'route' ? decision.route.mtu : null;
  return Math.min(device.of.mtu, limit ?? device.of.mtu);
}

/** A packet without source gets the route's preferred one, else the interface's. */
function chooseSource<P>(
  work: Work<P>,
  version: 4 | 6,
  device: Device,
  to: Towards,
  decision: Decision | null,
  p: P,
): readonly P[] {
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, version === 4 ? IS.sourceUnset : IS.sourceUnset6);
  const parts: P[] = miss === null ? [] : [miss];
  if (hit === null) return parts;
  const source = version === 4 ? F.ipSource : F.ipv6Source;
  const route = decision?.kind === 'route' ? decision.route : null;
  const preferred = preferredSource(work, version, device, to, route?.source?.value ?? null);
  if (preferred !== null) parts.push(traffic.set(hit, put(source, preferred)));
  else if (route?.type === 'local') {
    const bits = version === 4 ? [B.ipSource, B.ipDestination] : [B.ipv6Source, B.ipv6Destination];
    const [own, other] = bits;
    if (own !== undefined && other !== undefined) parts.push(traffic.copy(hit, own, hit, other));
  } else if (to.kind === 'broadcast' && decision === null) parts.push(hit);
  else {
    for (const { entries, p: part } of traffic.lookup(hit, device.sources[version])) {
      const write = entries[0]?.entry;
      parts.push(write === undefined ? part : traffic.set(part, write));
    }
  }
  return parts;
}

function preferredSource<P>(
  work: Work<P>,
  version: 4 | 6,
  device: Device,
  to: Towards,
  ofRoute: bigint | null,
): bigint | null {
  if (ofRoute !== null) return ofRoute;
  if (to.kind !== 'gateway' || to.address.version !== version) return null;
  return sourceTowards(work.stack.config.of, device.of, version, to.address.value);
}

/** REJECT of what the host itself sends: the error comes back to the host. */
function refused<P>(version: 4 | 6): Parameters<typeof passHook<P>>[4] {
  return (own, { type, code, p }) => sendError(own, { version, device: null, type, code }, p);
}

/** What rules see of the next hop; 0 where it is the destination itself. */
function gatewayOf({ to }: Way): bigint {
  return to.kind === 'gateway' && to.address.version === 4 ? to.address.value : 0n;
}

/** ip_mc_output(): the host hears its own broadcasts, and groups that it has joined. */
function copyBack<P>(work: Work<P>, { device, to }: Way, p: P): void {
  const { traffic } = work.run;
  const heard =
    to.kind === 'broadcast' ? traffic.fork(p) : traffic.split(traffic.fork(p), IS.allHosts).hit;
  if (heard === null) return;
  const group = traffic.split(heard, IS.multicast);
  const parts = [
    group.hit === null ? null : traffic.set(group.hit, TYPE_MULTICAST),
    group.miss === null ? null : traffic.set(group.miss, TYPE_BROADCAST),
  ].filter((part) => part !== null);
  for (const part of parts) {
    for (const { p: copy, work: next } of passHook(work, 'postrouting', 4, part, refused(4))) {
      // A program's call is interrupted by what its own copy causes (netif_rx()).
      work.now({ kind: 'loop', device: device.of.name, handle: next.handle, p: copy });
    }
  }
}

const TYPE_BROADCAST = put(F.packetType, PACKET_TYPE.broadcast);
const TYPE_MULTICAST = put(F.packetType, PACKET_TYPE.multicast);

/** POSTROUTING, then fragments where they are needed, then the next hop. */
export function leave<P>(work: Work<P>, way: Way & { readonly mtu: number }, p: P): void {
  const routed = work.run.traffic.set(p, put(F.gateway, gatewayOf(way)));
  if (way.version === 4 && way.from === null && !way.device.of.loopback) {
    copyBack(work, way, routed);
  }
  const accepted = passHook(work, 'postrouting', way.version, routed, refused(way.version));
  for (const { p: part, work: next } of accepted) {
    for (const piece of fragment(next, way.version, way.mtu, part)) sendTo(next, way, piece);
  }
}
