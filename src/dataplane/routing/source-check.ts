/**
 * Addresses the kernel refuses on input, and the reverse path filter
 * (net/ipv4/route.c ip_route_input_slow(), fib_frontend.c fib_validate_source(); RFC 3704).
 * Stands between PREROUTING and the route decision's use.
 */
import { type FieldBits } from '../../packet/fields.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { or, test } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { type Device } from './device.ts';
import { B, F, inPrefix, put } from './headers.ts';
import { type Decided, type Decision, decide } from './route.ts';
import { drop, type Work } from './stack.ts';

const loopbackNet = (of: typeof F.ipSource) => inPrefix(of, 0x7f00_0000n, 8);
const zeroNet = (of: typeof F.ipSource) => inPrefix(of, 0n, 8);

const GROUP_SOURCE = guard(
  or(inPrefix(F.ipSource, 0xe000_0000n, 4), test(F.ipSource, 0xffff_ffffn)),
);
const ZERO_SOURCE = guard(zeroNet(F.ipSource));
const ZERO_DESTINATION = guard(zeroNet(F.ipDestination));
const LOOPBACK_SOURCE = guard(loopbackNet(F.ipSource));
/** 224.0.0.0/24 is never forwarded (RFC 5771 §4). */
const LINK_GROUP = guard(inPrefix(F.ipDestination, 0xe000_0000n, 24));
const LOOPBACK_EITHER = guard(or(loopbackNet(F.ipSource), loopbackNet(F.ipDestination)));

/** Drops what no interface may receive from outside; what remains may be routed. */
export function refuseMartians<P>(work: Work<P>, device: Device, p: P): P | null {
  let rest: P | null = refuse(work, p, GROUP_SOURCE, 'group address as source');
  if (rest !== null) rest = refuse(work, rest, ZERO_SOURCE, 'source in 0.0.0.0/8');
  if (rest !== null) rest = refuse(work, rest, ZERO_DESTINATION, 'destination in 0.0.0.0/8');
  if (rest !== null && !device.settings.routeLocalnet) {
    rest = refuse(work, rest, LOOPBACK_EITHER, '127.0.0.0/8 from outside');
  }
  return rest;
}

/**
 * What a multicast group receives (ip_mc_validate_source()): nobody's address only on the link's
 * own groups, where it is not asked for the way back.
 */
export function validateGroup<P>(work: Work<P>, device: Device, p: P): readonly P[] {
  const { traffic } = work.run;
  let rest = refuseGroupSource(work, p);
  if (rest !== null && !device.settings.routeLocalnet) {
    rest = refuse(work, rest, LOOPBACK_SOURCE, '127.0.0.0/8 from outside');
  }
  if (rest === null) return [];
  const { hit, miss } = traffic.split(rest, ZERO_SOURCE);
  const near = hit === null ? null : traffic.split(hit, LINK_GROUP);
  if (near !== null && near.miss !== null) {
    drop(work, near.miss, 'MARTIAN_ADDRESS', 'route input', 'source in 0.0.0.0/8');
  }
  const nobody = near?.hit ?? null;
  return [
    ...(nobody === null ? [] : [nobody]),
    ...(miss === null ? [] : validateSource(work, device, null, miss)),
  ];
}

/** Group sources are refused even where the destination is a broadcast or group address. */
export function refuseGroupSource<P>(work: Work<P>, p: P): P | null {
  return refuse(work, p, GROUP_SOURCE, 'group address as source');
}

function refuse<P>(work: Work<P>, p: P, what: Guard, why: string): P | null {
  const { hit, miss } = work.run.traffic.split(p, what);
  if (hit !== null) drop(work, hit, 'MARTIAN_ADDRESS', 'route input', why);
  return miss;
}

const NO_MARK = put(F.mark, 0);
const NO_OUTPUT = put(F.outputDevice, 0);
const NO_INPUT = put(F.inputDevice, 0);
const NO_PROTOCOL = put(F.protocol, 0);

/**
 * Keeps the part of the traffic whose source may arrive on `input`, drops the rest.
 * Without rp_filter only the namespace's own addresses are refused as sources.
 *
 * @param output where forwarded traffic leaves; null for what is delivered here
 */
export function validateSource<P>(
  work: Work<P>,
  input: Device,
  output: Device | null,
  p: P,
): readonly P[] {
  const { reversePathFilter, acceptLocal, sendRedirects } = input.settings;
  const { config, run } = { config: work.stack.config, run: work.run };
  const mayRedirect = input === output && sendRedirects;
  if (reversePathFilter === 0 && !config.fib[4].custom && !mayRedirect) {
    if (acceptLocal) return [p];
    const { hit, miss } = run.traffic.split(p, config.ownSource);
    if (hit !== null) drop(work, hit, 'MARTIAN_ADDRESS', 'route input', 'own address as source');
    return miss === null ? [] : [miss];
  }
  const passed: P[] = [];
  for (const { decision, p: part } of reverseDecisions(work, input, output, p)) {
    const why = judge(input, decision);
    if (why === null) passed.push(part);
    else drop(work, part, why.reason, 'route input', why.evidence);
  }
  return passed;
}

/** How each part of the traffic would be routed back to its source; `p` is not consumed. */
export function reverseDecisions<P>(
  work: Work<P>,
  input: Device,
  output: Device | null,
  p: P,
): readonly Decided<P>[] {
  const { traffic } = work.run;
  const out: Decided<P>[] = [];
  const back = reversed(work, input, output, p);
  for (const { decision, p: reverse } of decide(work.run, work.stack.config.fib[4], back)) {
    const part = traffic.within(traffic.fork(p), reverse);
    if (part !== null) out.push({ decision, p: part });
  }
  return out;
}

/**
 * The packet that would go back, as __fib_validate_source() asks for it: addresses and ports
 * swapped, come in by the interface that it shall leave by, or made here (`lo`).
 */
function reversed<P>(work: Work<P>, input: Device, output: Device | null, p: P): P {
  const { traffic } = work.run;
  let back = swapped(traffic, traffic.fork(p), p, B.ipSource, B.ipDestination);
  back = traffic.set(back, output === null ? NO_INPUT : output.setInput);
  back = traffic.set(back, NO_OUTPUT);
  if (work.stack.config.fib[4].dissects) {
    back = swapped(traffic, back, p, B.sourcePort, B.destinationPort);
  } else back = traffic.set(back, NO_PROTOCOL);
  return input.settings.sourceValidMark ? back : traffic.set(back, NO_MARK);
}

function swapped<P>(traffic: Traffic<P>, to: P, from: P, one: FieldBits, other: FieldBits): P {
  return traffic.copy(traffic.copy(to, one, from, other), other, from, one);
}

type Refusal = { readonly reason: 'RP_FILTER' | 'MARTIAN_ADDRESS'; readonly evidence: string };

function judge(device: Device, decision: Decision): Refusal | null {
  const { reversePathFilter: mode, acceptLocal } = device.settings;
  if (decision.kind !== 'route') {
    return mode === 0 ? null : { reason: 'RP_FILTER', evidence: 'no route back to the source' };
  }
  const { route, hop } = decision;
  if (route.type !== 'unicast' && !(route.type === 'local' && acceptLocal)) {
    return { reason: 'MARTIAN_ADDRESS', evidence: `source is a ${route.type} address here` };
  }
  if (route.hops.some((one) => one.device === device.of.name)) return null;
  // An interface without any address takes only what goes back by it.
  const isUnnumbered = device.of.addresses.every(({ address }) => address.version !== 4);
  if (mode === 0 || (mode === 2 && !isUnnumbered)) return null;
  const evidence = `the route back leaves by ${hop?.device ?? 'nothing'}, not ${device.of.name}`;
  return { reason: 'RP_FILTER', evidence };
}
