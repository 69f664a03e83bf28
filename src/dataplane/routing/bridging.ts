/**
 * Between a namespace and its bridges: frames of ports go in, what comes out is transmitted,
 * received by the host, or routed where DNAT sent it elsewhere (br_nf_pre_routing_finish()).
 */
import { continueOnPort, receiveOnPort, transmitByHost } from '../linuxbridge/bridge.ts';
import { type Carried } from '../linuxbridge/hooks.ts';
import { type Bridged, type BridgeState } from '../linuxbridge/work.ts';
import { type Device } from './device.ts';
import { F, IS, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { sendTo } from './neighbour.ts';
import { decide } from './route.ts';
import { drop, towards, type Work } from './stack.ts';

/** A frame arrived on a port of the bridge. */
export function toBridge<P>(work: Work<P>, bridge: BridgeState<P>, port: string, p: P): void {
  act(work, bridge, receiveOnPort(work.run, bridge, port, p));
}

/** The host sends a frame through the bridge device. */
export function bridgeFromHost<P>(work: Work<P>, bridge: BridgeState<P>, p: P): void {
  act(work, bridge, transmitByHost(work.run, bridge, work.handle, p));
}

function act<P>(work: Work<P>, bridge: BridgeState<P>, results: readonly Bridged<P>[]): void {
  const device = bridge.config.of.name;
  for (const result of results) {
    switch (result.kind) {
      case 'port':
        work.tasks.push({
          kind: 'transmit',
          device: result.port,
          handle: result.handle,
          p: result.p,
        });
        break;
      case 'up':
        work.tasks.push({
          kind: 'arrive',
          device,
          handle: result.handle,
          prerouted: result.prerouted,
          p: result.p,
        });
        break;
      case 'readdressed':
        readdress({ ...work, handle: result.handle }, bridge, result.port, result.p);
        break;
      case 'answer':
        reject(work, bridge, () => emitAnswer(work, result.handle, result.p), result.p);
        break;
      case 'icmp-error': {
        const { type, code, p } = result;
        const input = work.stack.config.devices.get(device) ?? null;
        reject(
          work,
          bridge,
          () => sendError(work, { version: 4, device: input, type, code }, p),
          p,
        );
        break;
      }
      case 'dropped':
        work.out.push(result);
    }
  }
}

function emitAnswer<P>(work: Work<P>, handle: Carried<P>, p: P): void {
  const { hit, miss } = work.run.traffic.split(p, IS.ipv6);
  if (hit !== null) work.tasks.push({ kind: 'emit', version: 6, device: null, handle, p: hit });
  if (miss !== null) work.tasks.push({ kind: 'emit', version: 4, device: null, handle, p: miss });
}

/** REJECT of a bridged packet needs a way back; a bridge without address has none. */
function reject<P>(work: Work<P>, bridge: BridgeState<P>, send: () => void, p: P): void {
  const device = work.stack.config.devices.get(bridge.config.of.name);
  if (device !== undefined && device.of.addresses.length > 0) send();
  else drop(work, p, 'NO_ROUTE', bridge.config.of.name, 'no way back for the answer of REJECT');
}

/**
 * DNAT changed the destination of a bridged packet: behind the same bridge it stays bridged,
 * with the MAC of the new destination; elsewhere it is routed, as if sent to the bridge.
 */
function readdress<P>(work: Work<P>, bridge: BridgeState<P>, port: string, p: P): void {
  const { traffic } = work.run;
  const { name } = bridge.config.of;
  const own = work.stack.config.devices.get(name);
  if (own === undefined) return;
  const routed = traffic.set(p, own.setInput);
  for (const { decision, p: part } of decide(work.run, work.stack.config.fib[4], routed)) {
    const same = decision.kind === 'route' && decision.route.type === 'unicast';
    if (same && decision.hop?.device === name) {
      toNeighbour(work, bridge, port, own, decision.hop, part);
    } else {
      const up = traffic.set(part, put(F.ethDestination, own.of.mac));
      work.tasks.push({
        kind: 'arrive',
        device: name,
        handle: work.handle,
        prerouted: true,
        p: up,
      });
    }
  }
}

function toNeighbour<P>(
  work: Work<P>,
  bridge: BridgeState<P>,
  port: string,
  device: Device,
  hop: Parameters<typeof towards>[0],
  p: P,
): void {
  // The frame keeps its sender's MAC; only what the neighbour code fills in is taken.
  const { traffic } = work.run;
  const scratch: Work<P> = { ...work, tasks: [], out: work.out };
  const way = { version: 4 as const, device, to: towards(hop), from: null };
  sendTo(scratch, way, traffic.fork(p));
  for (const task of scratch.tasks) {
    if (task.kind !== 'transmit') continue;
    const isRequest = traffic.split(traffic.fork(task.p), IS.arp).hit !== null;
    if (isRequest) work.tasks.push(task);
    else act(work, bridge, continueOnPort(work.run, bridge, port, work.handle, task.p));
  }
}
