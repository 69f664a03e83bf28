/**
 * A packet passes through: TTL, MTU, redirect, the FORWARD hook
 * (net/ipv4/ip_forward.c ip_forward(), net/ipv6/ip6_output.c ip6_forward()).
 * Before it: the route decision. After it: POSTROUTING and the neighbour.
 */
import { type Device } from './device.ts';
import { mayBeCut } from './fragment.ts';
import { F, IS, longerThan } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { leave } from './output.ts';
import { type Decision } from './route.ts';
import { reverseDecisions } from './source-check.ts';
import { drop, passHook, towards, type Work } from './stack.ts';
import { type ForwardStep } from './steps.ts';

type Route = Extract<Decision, { readonly kind: 'route' }>;

/** Forwards along a unicast route. The order of the checks is the kernel's. */
export function forward<P>(
  work: Work<P>,
  input: Device,
  version: 4 | 6,
  decision: Route,
  p: P,
): void {
  const { traffic } = work.run;
  const output = work.stack.config.devices.get(decision.hop?.device ?? '');
  if (output === undefined) {
    drop(work, p, 'NO_ROUTE', 'forward', 'the route names no interface', decision.route.origin);
    return;
  }
  // ip_forward(): what came as a link-layer broadcast is not passed on, whatever DNAT made of it.
  const unicast = traffic.split(p, IS.toHost);
  if (unicast.miss !== null) {
    drop(work, unicast.miss, 'NOT_FOR_ME', 'forward', 'came as a broadcast on the link');
  }
  if (unicast.hit === null) return;
  const living = checkTtl(work, input, version, unicast.hit);
  if (living === null) return;
  // ip_dst_mtu_maybe_forward(): the MTU of an IPv4 route stands, even above that of its interface.
  const limit = decision.route.mtu ?? output.of.mtu;
  const mtu = version === 4 ? limit : Math.min(output.of.mtu, limit);
  const fitting = checkMtu(work, input, version, mtu, living);
  if (fitting === null) return;
  const step = (): ForwardStep => ({
    kind: 'forward',
    namespace: work.stack.config.of.name,
    input: input.of.name,
    output: output.of.name,
  });
  const less = traffic.note(traffic.add(fitting, F.ttl, -1), step);
  redirect(work, input, output, version, decision, less);
  const out = traffic.set(less, output.setOutput);
  const accepted = passHook(work, 'forward', version, out, (own, passed) =>
    sendError(own, { version, device: input, type: passed.type, code: passed.code }, passed.p),
  );
  for (const { p: part, work: next } of accepted) {
    const to = decision.hop === null ? { kind: 'destination' as const } : towards(decision.hop);
    leave(next, { version, device: output, to, from: input, mtu }, part);
  }
}

function checkTtl<P>(work: Work<P>, input: Device, version: 4 | 6, p: P): P | null {
  const { hit, miss } = work.run.traffic.split(p, IS.ttlOver);
  if (hit !== null) {
    const error = { version, device: input, type: version === 4 ? 11 : 3, code: 0 };
    sendError(work, error, work.run.traffic.fork(hit));
    drop(work, hit, 'TTL_EXPIRED', 'forward', 'TTL 1 or less');
  }
  return miss;
}

/** Larger than the way out: IPv4 asks for DF, IPv6 routers never fragment (RFC 8200 §5). */
function checkMtu<P>(work: Work<P>, input: Device, version: 4 | 6, mtu: number, p: P): P | null {
  const { traffic } = work.run;
  const large = traffic.split(p, longerThan(mtu));
  if (large.hit === null || mayBeCut(work, version, mtu, large.hit)) return p;
  const fixed =
    version === 6 ? { hit: large.hit, miss: null } : traffic.split(large.hit, IS.dontFragment);
  if (fixed.hit !== null) {
    const [type, code] = version === 4 ? [3, 4] : [2, 0];
    sendError(work, { version, device: input, type, code, mtu }, traffic.fork(fixed.hit));
    drop(work, fixed.hit, 'MTU_EXCEEDED_DF', 'forward', `larger than the MTU ${mtu}`);
  }
  const parts = [large.miss, fixed.miss].filter((part) => part !== null);
  // For one packet at most one part is left; packet sets merge both.
  return traffic.join(parts)[0] ?? null;
}

/** Tells a sender on the same link about the better first hop (RFC 1812 §5.2.7.2). */
function redirect<P>(
  work: Work<P>,
  input: Device,
  output: Device,
  version: 4 | 6,
  decision: Route,
  p: P,
): void {
  if (input !== output || !input.settings.sendRedirects || version === 6) return;
  // Simplification: without shared_media the sender must be on the next hop's subnet; taken so.
  const gateway = decision.hop?.gateway?.value ?? null;
  const error = { version, device: input, type: 5, code: 1, gateway };
  for (const part of fromNeighbours(work, input, p)) sendError(work, error, part);
}

/** The part of the traffic whose sender is directly on the interface it came by. */
function fromNeighbours<P>(work: Work<P>, input: Device, p: P): readonly P[] {
  const near: P[] = [];
  for (const { decision, p: part } of reverseDecisions(work, input, input, p)) {
    if (decision.kind !== 'route' || decision.route.type !== 'unicast') continue;
    const { hop } = decision;
    if (hop !== null && hop.device === input.of.name && hop.gateway === null) near.push(part);
  }
  return near;
}
