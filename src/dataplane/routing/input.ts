/**
 * A packet arrives at the IP layer: PREROUTING, route decision, then to the host itself or on
 * its way (net/ipv4/ip_input.c ip_rcv(), route.c ip_route_input_slow(); net/ipv6/ip6_input.c).
 * Before it: the device layer. After it: local delivery or forwarding.
 */
import { type Device } from './device.ts';
import { forward } from './forward.ts';
import { F, IS, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { deliver } from './local.ts';
import { type Decision, decide, noteRoute } from './route.ts';
import {
  refuseGroupSource,
  refuseMartians,
  validateGroup,
  validateSource,
} from './source-check.ts';
import { drop, passHook, type Work } from './stack.ts';

const NO_OUTPUT = put(F.outputDevice, 0);

/** Receives an IP packet that is meant for this host on the Ethernet layer. */
export function receiveIp<P>(
  work: Work<P>,
  device: Device,
  version: 4 | 6,
  prerouted: boolean,
  p: P,
): void {
  const { traffic } = work.run;
  const sound = traffic.split(p, IS.badIpChecksum);
  if (sound.hit !== null) drop(work, sound.hit, 'CHECKSUM_WRONG', 'input', 'of the IP header');
  if (sound.miss === null) return;
  const packet = traffic.set(traffic.set(sound.miss, device.setInput), NO_OUTPUT);
  const accepted = prerouted
    ? [{ p: packet, work }]
    : passHook(work, 'prerouting', version, packet, (own, passed) =>
        sendError(own, { version, device, type: passed.type, code: passed.code }, passed.p),
      );
  for (const { p: part, work: next } of accepted) {
    if (version === 4) routeInput4(next, device, part);
    else routeInput6(next, device, part);
  }
}

/** The copy of an own broadcast comes in by the interface it left by, and needs no route. */
export function hearOwn<P>(work: Work<P>, name: string, p: P): void {
  const device = work.stack.config.devices.get(name);
  if (device === undefined) return;
  const packet = work.run.traffic.set(work.run.traffic.set(p, device.setInput), NO_OUTPUT);
  const accepted = passHook(work, 'prerouting', 4, packet, (own, passed) =>
    sendError(own, { version: 4, device, type: passed.type, code: passed.code }, passed.p),
  );
  for (const { p: part, work: next } of accepted) deliver(next, device, 4, part, true);
}

/** ip_route_input_slow(): what needs no route first, then the decision. */
function routeInput4<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  const group = traffic.split(p, IS.multicast);
  if (group.hit !== null) receiveGroup(work, device, group.hit);
  if (group.miss === null) return;
  // The one exception from the address checks: nobody to nobody, as DHCP clients start.
  const unset = traffic.split(group.miss, IS.pairUnset);
  if (unset.hit !== null) deliver(work, device, 4, unset.hit, true);
  if (unset.miss === null) return;
  const limited = traffic.split(unset.miss, IS.limitedBroadcast);
  if (limited.hit !== null) {
    const rest = refuseGroupSource(work, limited.hit);
    // Only who has no address yet is not asked for the way back.
    const nobody = rest === null ? null : traffic.split(rest, IS.zeroSource);
    if (nobody?.hit) deliver(work, device, 4, nobody.hit, true);
    if (nobody?.miss) {
      for (const part of validateSource(work, device, null, nobody.miss)) {
        deliver(work, device, 4, part, true);
      }
    }
  }
  if (limited.miss === null) return;
  const rest = device.of.loopback ? limited.miss : refuseMartians(work, device, limited.miss);
  if (rest === null) return;
  for (const { decision, p: part } of decide(work.run, work.stack.config.fib[4], rest)) {
    const noted = noteRoute(work.run, work.stack.config.of.name, decision, part);
    act4(work, device, decision, noted);
  }
}

/** Multicast is received where the group was joined; all hosts are in 224.0.0.1 (RFC 1112 §4). */
function receiveGroup<P>(work: Work<P>, device: Device, p: P): void {
  const joined = work.run.traffic.split(p, IS.allHosts);
  const valid = joined.hit === null ? [] : validateGroup(work, device, joined.hit);
  for (const part of valid) deliver(work, device, 4, part, true);
  let rest = joined.miss;
  for (const group of [...work.stack.groups, ...work.stack.tunnelGroups]) {
    if (rest === null) return;
    if (group.device !== device.of.name) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = work.run.traffic.split(
      rest,
      group.takes,
    );
    if (hit !== null) deliver(work, device, 4, hit, true);
    rest = miss;
  }
  // Simplification: only 224.0.0.1, keepalived's group and those of VXLAN devices are joined; dumps do not list
  // groups.
  if (rest !== null) {
    drop(work, rest, 'NOT_FOR_ME', 'route input', 'multicast group that nobody joined');
  }
}

function act4<P>(work: Work<P>, device: Device, decision: Decision, p: P): void {
  if (decision.kind !== 'route') {
    refuse(work, device, 4, decision, p);
    return;
  }
  const { type } = decision.route;
  if (type === 'local') {
    // What the stack sent to itself comes in by loopback and was checked when it was routed.
    const valid = device.of.loopback ? [p] : validateSource(work, device, null, p);
    for (const part of valid) deliver(work, device, 4, part, false);
    return;
  }
  if (type === 'broadcast') {
    for (const part of validateSource(work, device, null, p)) deliver(work, device, 4, part, true);
    return;
  }
  if (!device.settings.forwarding) {
    drop(work, p, 'IP_FORWARD_OFF', 'route input', `${device.of.name} forwards nothing`);
    return;
  }
  const output = work.stack.config.devices.get(decision.hop?.device ?? '') ?? null;
  for (const part of validateSource(work, device, output, p)) {
    forward(work, device, 4, decision, part);
  }
}

/** Sends the error that belongs to a refused destination (net/ipv4/route.c ip_error()). */
function refuse<P>(
  work: Work<P>,
  device: Device,
  version: 4 | 6,
  decision: Exclude<Decision, { readonly kind: 'route' }>,
  p: P,
): void {
  // ip6_pkt_drop() answers on hosts that forward nothing as well.
  if (version === 4 && !device.settings.forwarding) {
    drop(work, p, 'IP_FORWARD_OFF', 'route input', `${device.of.name} forwards nothing`);
    return;
  }
  const { traffic } = work.run;
  const code = version === 4 ? unreachableCode4(decision) : unreachableCode6(decision);
  if (code !== null) {
    const error = { version, device, type: version === 4 ? 3 : 1, code };
    sendError(work, error, traffic.fork(p));
  }
  if (decision.kind === 'none') drop(work, p, 'NO_ROUTE', 'route input', 'no route matches');
  else {
    const evidence = `${decision.by} of type ${decision.type}`;
    drop(work, p, 'ROUTE_REFUSES', 'route input', evidence, decision.origin);
  }
}

/** No route and a refusing rule are "net unreachable", a refusing route "host unreachable". */
function unreachableCode4(decision: Exclude<Decision, { readonly kind: 'route' }>): number | null {
  if (decision.kind === 'none') return 0;
  if (decision.type === 'blackhole') return null;
  if (decision.type === 'prohibit') return 13;
  return decision.by === 'rule' ? 0 : 1;
}

/** net/ipv6/route.c ip6_pkt_discard(), ip6_pkt_prohibit(): no route, or administratively. */
function unreachableCode6(decision: Exclude<Decision, { readonly kind: 'route' }>): number | null {
  if (decision.kind === 'none') return 0;
  if (decision.type === 'blackhole') return null;
  return decision.type === 'prohibit' ? 1 : 0;
}

/** ip6_mc_input(): who does not forward has not joined all routers (addrconf.c dev_forward_change()). */
function receiveGroup6<P>(work: Work<P>, device: Device, p: P): void {
  const routers = device.settings.forwarding6
    ? { hit: null, miss: p }
    : work.run.traffic.split(p, IS.allRouters6);
  if (routers.hit !== null) {
    drop(work, routers.hit, 'NOT_FOR_ME', 'route input', 'group of routers, and this is none');
  }
  if (routers.miss !== null) deliver(work, device, 6, routers.miss, true);
}

/** ip6_route_input(): groups and link-local addresses belong to the interface they came by. */
function routeInput6<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  const bad = traffic.split(p, IS.multicastSource6);
  if (bad.hit !== null) {
    drop(work, bad.hit, 'MARTIAN_ADDRESS', 'route input', 'group address as source');
  }
  if (bad.miss === null) return;
  const group = traffic.split(bad.miss, IS.multicast6);
  if (group.hit !== null) receiveGroup6(work, device, group.hit);
  if (group.miss === null) return;
  const own = traffic.split(group.miss, device.ownsDestination6);
  if (own.hit !== null) deliver(work, device, 6, own.hit, false);
  if (own.miss === null) return;
  const near = traffic.split(own.miss, IS.linkLocal6);
  if (near.hit !== null) {
    drop(work, near.hit, 'NOT_FOR_ME', 'route input', 'link-local address of somebody else');
  }
  if (near.miss === null) return;
  for (const { decision, p: part } of decide(work.run, work.stack.config.fib[6], near.miss)) {
    const noted = noteRoute(work.run, work.stack.config.of.name, decision, part);
    if (decision.kind !== 'route') refuse(work, device, 6, decision, noted);
    else if (decision.route.type === 'local') deliver(work, device, 6, noted, false);
    else if (!device.settings.forwarding6) {
      drop(work, noted, 'IP_FORWARD_OFF', 'route input', `${device.of.name} forwards nothing`);
    } else forward(work, device, 6, decision, noted);
  }
}
