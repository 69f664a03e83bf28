/**
 * The way out of the IP layer: for packets of the host itself the route and the OUTPUT hook,
 * for all of them POSTROUTING, the MTU and the neighbour
 * (net/ipv4/ip_output.c ip_local_out(), ip_output(), ip_finish_output()).
 */
import { openConnection } from './connections.ts';
import { type Device, sourceTowards } from './device.ts';
import { fragment } from './fragment.ts';
import { B, F, IS, longerThan, PACKET_TYPE, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { sendTo, type Way } from './neighbour.ts';
import { byPathMtu } from './path-mtu.ts';
import { refusal, reroute, rerouting } from './reroute.ts';
import { type Decision, decide, decideWithout, noteRoute } from './route.ts';
import { drop, passHook, type Towards, towards, type Work } from './stack.ts';

/** Sends a packet the host made: `device` binds it to one interface. */
export function emit<P>(given: Work<P>, version: 4 | 6, bound: Device | null, p: P): void {
  const work: Work<P> = { ...given, bound };
  const { traffic } = work.run;
  let packet = p;
  for (const write of MADE_HERE) packet = traffic.set(packet, write);
  packet = traffic.set(packet, bound === null ? NO_OUTPUT : bound.setOutput);
  const group = traffic.split(packet, version === 4 ? IS.limitedBroadcast : IS.multicast6);
  if (group.hit !== null) emitToGroup(work, version, bound, group.hit);
  if (group.miss === null) return;
  const fib = work.stack.config.fib[version];
  const decided =
    work.headerIncluded === true
      ? decideWithout(work.run, fib, group.miss, RAW_SOCKET[version])
      : decide(work.run, fib, group.miss);
  for (const { decision, p: part } of decided) {
    const noted = noteRoute(work.run, work.stack.config.of.name, decision, part);
    emitAlong(work, version, bound, decision, noted);
  }
}

const NO_PORTS = [put(F.sourcePort, 0), put(F.destinationPort, 0)];
/** raw_sendmsg() with IP_HDRINCL: the socket has no address and protocol 255. */
const RAW_SOCKET = {
  4: [put(F.ipSource, 0), put(F.protocol, 255), ...NO_PORTS],
  6: [put(F.ipv6Source, 0), put(F.protocol, 255), ...NO_PORTS],
} as const;

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
    const { reason, evidence, origin } = refusal(decision);
    drop(work, p, reason, 'route output', evidence, origin);
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
  const sound = version === 4 ? refuseLoopback(work, device, p) : p;
  if (sound !== null) emitBy(work, version, device, to, decision, sound);
}

/** __mkroute_output(): 127.0.0.0/8 does not leave the host; raw sockets are not asked. */
function refuseLoopback<P>(work: Work<P>, { of, settings }: Device, p: P): P | null {
  if (of.loopback || settings.routeLocalnet || work.headerIncluded === true) return p;
  const { hit, miss } = work.run.traffic.split(p, IS.loopbackSource);
  const why = '127.0.0.0/8 would leave the host';
  if (hit !== null) drop(work, hit, 'MARTIAN_ADDRESS', 'route output', why);
  return miss;
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
  const mtu = mtuOf(device, decision);
  const sendable = work.headerIncluded === true ? sentWhole(work, device, p) : p;
  if (sendable === null) return;
  for (const sourced of chooseSource(work, version, device, to, decision, sendable)) {
    const { applications } = work.stack;
    const [sized = { p: sourced, mtu }] = byPathMtu(work, version, mtu, sourced);
    const whole = applications?.complete?.(sized.p, sized.mtu) ?? sized.p;
    if (work.opens === true) openConnection(work.run, work.stack, version, whole);
    const out = traffic.set(whole, device.setOutput);
    const before = work.stack.hooks === null ? null : traffic.fork(out);
    const again = before === null ? null : rerouting(work, version, before);
    const accepted = passHook(work, 'output', version, out, refused(version), again);
    for (const { p: part, work: next } of accepted) {
      if (before === null) leaveOwn(next, version, device, to, decision, part);
      else rerouteIfChanged(next, version, { device, to, decision }, before, part);
    }
  }
}

/** The route that OUTPUT's changes ask for; the source address stays. */
function rerouteIfChanged<P>(
  work: Work<P>,
  version: 4 | 6,
  first: { readonly device: Device; readonly to: Towards; readonly decision: Decision | null },
  before: P,
  p: P,
): void {
  const { traffic } = work.run;
  const { unchanged, decided } = reroute(work, version, before, p);
  if (unchanged !== null) {
    leaveOwn(work, version, first.device, first.to, first.decision, unchanged);
  }
  for (const { decision, p: part } of decided) {
    if (decision.kind !== 'route') {
      const { reason, evidence, origin } = refusal(decision);
      drop(work, part, reason, 'route output', evidence, origin);
      continue;
    }
    const noted = noteRoute(work.run, work.stack.config.of.name, decision, part);
    const isLocal = decision.route.type === 'local';
    const out = isLocal ? loopback(work) : work.stack.config.devices.get(deviceOf(decision));
    if (out === undefined) {
      drop(work, noted, 'NO_ROUTE', 'route output', 'the route names no interface');
      continue;
    }
    const way = decision.hop === null ? { kind: 'destination' as const } : towards(decision.hop);
    leaveOwn(work, version, out, way, decision, traffic.set(noted, out.setOutput));
  }
}

function deviceOf({ hop }: Extract<Decision, { readonly kind: 'route' }>): string {
  return hop?.device ?? '';
}

/** raw_send_hdrinc(): a packet whose header the program wrote is never cut. */
function sentWhole<P>(work: Work<P>, { of }: Device, p: P): P | null {
  const { hit, miss } = work.run.traffic.split(p, longerThan(of.mtu));
  const why = `larger than the MTU ${of.mtu} of ${of.name}`;
  if (hit !== null) drop(work, hit, 'MTU_EXCEEDED_DF', 'route output', why);
  return miss;
}

function leaveOwn<P>(
  work: Work<P>,
  version: 4 | 6,
  device: Device,
  to: Towards,
  decision: Decision | null,
  p: P,
): void {
  const way = { version, device, to, from: null } as const;
  for (const { p: part, mtu } of byPathMtu(work, version, mtuOf(device, decision), p)) {
    leave(work, { ...way, mtu }, part);
  }
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
  if (work.unheard === true) return;
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
    for (const piece of fragment(next, way.version, way.mtu, way.from === null, part))
      sendTo(next, way, piece);
  }
}
