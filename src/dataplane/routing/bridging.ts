/**
 * Between a namespace and its bridges: frames of ports go in, what comes out is transmitted,
 * received by the host, or routed where DNAT sent it elsewhere (br_nf_pre_routing_finish()).
 */
import { continueOnPort, receiveOnPort, transmitByHost } from '../linuxbridge/bridge.ts';
import { type Bridged, type BridgeState, type BridgeWork } from '../linuxbridge/work.ts';
import { type Device } from './device.ts';
import { B, F, IS, is, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { sendTo } from './neighbour.ts';
import { emit } from './output.ts';
import { decide } from './route.ts';
import { refuseMartians, validateSource } from './source-check.ts';
import { drop, type Task, towards, type Work } from './stack.ts';

/** A frame arrived on a port of the bridge. */
export function toBridge<P>(work: Work<P>, bridge: BridgeState<P>, port: string, p: P): void {
  receiveOnPort(work.run, bridge, port, p, actOn(work, bridge));
}

/** The host sends a frame through the bridge device. */
export function bridgeFromHost<P>(work: Work<P>, bridge: BridgeState<P>, p: P): void {
  transmitByHost(work.run, bridge, work.handle, p, actOn(work, bridge));
}

/** Does what the bridge decided, frame by frame. */
function actOn<P>(work: Work<P>, bridge: BridgeState<P>): BridgeWork<P>['out'] {
  return { push: (result) => act(work, bridge, result) };
}

function act<P>(work: Work<P>, bridge: BridgeState<P>, result: Bridged<P>): void {
  const device = bridge.config.of.name;
  switch (result.kind) {
    case 'port':
      work.now({
        kind: 'transmit',
        device: result.port,
        handle: result.handle,
        p: result.p,
      });
      break;
    case 'up':
      work.now({
        kind: 'arrive',
        device,
        handle: result.handle,
        prerouted: result.prerouted,
        p: result.p,
      });
      break;
    case 'readdressed':
      readdress({ ...work, handle: result.handle }, bridge, result);
      break;
    case 'reset':
      goBack(work, result.version, result.port, result.p);
      break;
    case 'icmp-error': {
      const { version, type, code, handle, p } = result;
      const error = { version, device: null, type, code, bridged: true };
      sendError({ ...work, handle }, error, p);
      break;
    }
    case 'kept':
      work.out.push({ kind: 'delivered', to: 'reassembly', p: result.p });
      break;
    case 'dropped':
      work.out.push(result);
  }
}

/** nf_send_reset(): about what came over a bridge it goes back by that port, past all rules. */
export function sendReset<P>(work: Work<P>, version: 4 | 6, p: P): void {
  const { config } = work.stack;
  let rest: P | null = p;
  for (const device of config.devices.values()) {
    if (rest === null) return;
    if (device.of.master === null || !work.stack.bridges.has(device.of.master)) continue;
    const came = is(F.physicalInput, device.of.index);
    const { hit, miss }: { hit: P | null; miss: P | null } = work.run.traffic.split(rest, came);
    if (hit !== null) goBack(work, version, device.of.name, hit);
    rest = miss;
  }
  if (rest !== null) emit(work, version, null, rest);
}

/** REJECT of a bridged segment: without a route back to its sender nothing is sent. */
function goBack<P>(work: Work<P>, version: 4 | 6, port: string, p: P): void {
  const { traffic } = work.run;
  let frame = traffic.copy(p, B.frameLength, p, B.ipLength);
  frame = traffic.add(frame, F.frameLength, 14);
  for (const { decision, p: part } of decide(work.run, work.stack.config.fib[version], frame)) {
    if (decision.kind === 'route') {
      work.now({ kind: 'transmit', device: port, handle: null, p: part });
    } else drop(work, part, 'NO_ROUTE', port, 'no way back for the answer of REJECT');
  }
}

/**
 * DNAT changed the destination of a bridged packet: behind the same bridge it stays bridged,
 * with the MAC of the new destination; elsewhere it is routed, as if sent to the bridge.
 */
function readdress<P>(work: Work<P>, bridge: BridgeState<P>, given: Readdressed<P>): void {
  const own = work.stack.config.devices.get(bridge.config.of.name);
  if (own === undefined) return;
  const p = work.run.traffic.set(given.p, own.setInput);
  if (given.version === 4) readdress4(work, bridge, given.port, own, p);
  else readdress6(work, bridge, given.port, own, p);
}

type Readdressed<P> = Extract<Bridged<P>, { readonly kind: 'readdressed' }>;

function readdress4<P>(
  work: Work<P>,
  bridge: BridgeState<P>,
  port: string,
  own: Device,
  p: P,
): void {
  const { name } = own.of;
  const sound = refuseMartians(work, own, p);
  if (sound === null) return;
  for (const { decision, p: asked } of decide(work.run, work.stack.config.fib[4], sound)) {
    const hop = decision.kind === 'route' ? decision.hop : null;
    const isUnicast = decision.kind === 'route' && decision.route.type === 'unicast';
    const back = isUnicast && hop?.device === name ? own : null;
    // Where no route leads, or nothing is forwarded, the namespace itself says so.
    const isAsked = decision.kind === 'route' && (!isUnicast || own.settings.forwarding);
    for (const part of isAsked ? validateSource(work, own, back, asked) : [asked]) {
      if (isAsked && back !== null && hop !== null) {
        toNeighbour(work, bridge, port, { version: 4, device: own, hop }, part);
      } else goUp(work, bridge, port, own, part);
    }
  }
}

/**
 * br_nf_pre_routing_finish_ipv6(): nothing but the route is asked, not even whether anything is
 * forwarded; where it refuses nobody is told.
 */
function readdress6<P>(
  work: Work<P>,
  bridge: BridgeState<P>,
  port: string,
  own: Device,
  p: P,
): void {
  for (const { decision, p: part } of decide(work.run, work.stack.config.fib[6], p)) {
    if (decision.kind !== 'route') {
      drop(work, part, 'NO_ROUTE', port, 'no way to where DNAT sent a bridged packet');
      continue;
    }
    const { route, hop } = decision;
    if (route.type === 'unicast' && hop?.device === own.of.name) {
      toNeighbour(work, bridge, port, { version: 6, device: own, hop }, part);
      continue;
    }
    const output = work.stack.config.devices.get(hop?.device ?? '');
    goUp(routedBy(work, output), bridge, port, own, part);
  }
}

/** What the bridge hands to the host now has its route. */
function routedBy<P>(work: Work<P>, output: Device | undefined): Work<P> {
  if (output === undefined) return work;
  const now: Work<P>['now'] = (task) =>
    work.now(task.kind === 'arrive' ? { ...task, routedBy: output } : task);
  return { ...work, now };
}

/** The bridge learns the sender and finds its own MAC. */
function goUp<P>(work: Work<P>, bridge: BridgeState<P>, port: string, own: Device, p: P): void {
  const up = work.run.traffic.set(p, put(F.ethDestination, own.of.mac));
  continueOnPort(work.run, bridge, port, work.handle, up, actOn(work, bridge));
}

interface ToNeighbour {
  readonly version: 4 | 6;
  readonly device: Device;
  readonly hop: Parameters<typeof towards>[0];
}

function toNeighbour<P>(
  work: Work<P>,
  bridge: BridgeState<P>,
  port: string,
  { version, device, hop }: ToNeighbour,
  p: P,
): void {
  // The frame keeps its sender's MAC; only what the neighbour code fills in is taken.
  const { traffic } = work.run;
  const made: Task<P>[] = [];
  const scratch: Work<P> = { ...work, now: (task) => void made.push(task) };
  const way = { version, device, to: towards(hop), from: null };
  sendTo(scratch, way, traffic.fork(p));
  const asks = version === 4 ? IS.arp : IS.neighbourSolicit;
  for (const task of made) {
    if (task.kind !== 'transmit') continue;
    const isRequest = traffic.split(traffic.fork(task.p), asks).hit !== null;
    if (isRequest) {
      work.now(task);
      continue;
    }
    const frame = traffic.copy(task.p, B.ethSource, p, B.ethSource);
    continueOnPort(work.run, bridge, port, work.handle, frame, actOn(work, bridge));
  }
}
