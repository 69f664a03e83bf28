/**
 * A frame arrives on an interface (net/core/dev.c __netif_receive_skb_core()): VLAN devices
 * first, then macvlan and bridges, then the protocol, if the frame is meant for this interface.
 */
import { noteCrossing } from '../crossing.ts';
import { receiveArp } from './arp.ts';
import { toBridge } from './bridging.ts';
import { type Device } from './device.ts';
import { F, IS, is, PACKET_TYPE, put } from './headers.ts';
import { receiveIp } from './input.ts';
import { drop, type Work } from './stack.ts';
import { type DeviceStep } from './steps.ts';

/** Receives a frame on an interface of the namespace. */
export function arrive<P>(work: Work<P>, name: string, prerouted: boolean, p: P): void {
  const device = work.stack.config.devices.get(name);
  if (device === undefined || !device.up) {
    const why = device === undefined ? 'there is no such interface' : 'the interface is down';
    drop(work, p, 'INTERFACE_DOWN', name, why);
    return;
  }
  const seen = noteCrossing(work.run, device.place, 'in', p);
  toPacketSockets(work, name, seen);
  const untagged = toVlans(work, device, seen);
  if (untagged === null) return;
  const mine = toMacvlans(work, device, untagged);
  if (mine === null) return;
  const bridge = work.stack.bridges.get(device.of.master ?? '');
  if (bridge !== undefined) toBridge(work, bridge, name, mine);
  else toProtocol(work, device, prerouted, mine);
}

/** A packet socket gets a copy of what it asks for; the frame itself goes on (packet_rcv()). */
function toPacketSockets<P>(work: Work<P>, device: string, p: P): void {
  const { traffic } = work.run;
  for (const socket of work.stack.packetSockets) {
    if (socket.device !== device) continue;
    const { hit } = traffic.split(traffic.fork(p), socket.filter);
    if (hit === null) continue;
    for (const made of socket.hear(work.run, traffic.fork(hit))) {
      work.now({ kind: 'transmit', device, handle: null, p: made });
    }
    work.out.push({ kind: 'delivered', to: socket.name, p: hit });
  }
}

/** Frames of a VLAN that has a device go there; tags nobody knows make a frame foreign. */
function toVlans<P>(work: Work<P>, device: Device, p: P): P | null {
  const { traffic } = work.run;
  const tagged = traffic.split(p, IS.inVlan);
  let rest = tagged.hit;
  for (const [id, child] of device.vlans) {
    if (rest === null) break;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.split(rest, vlanIs(id));
    if (hit !== null) {
      const step = (): DeviceStep => ({
        kind: 'device',
        namespace: work.stack.config.of.name,
        device: child,
        what: `pop VLAN ${id}`,
      });
      const popped = traffic.pop(traffic.note(hit, step), 'vlan');
      work.now({
        kind: 'arrive',
        device: child,
        handle: work.handle,
        prerouted: false,
        p: popped,
      });
    }
    rest = miss;
  }
  if (rest !== null) {
    // A bridge takes frames of any VLAN as they are.
    const bridge = work.stack.bridges.get(device.of.master ?? '');
    if (bridge !== undefined) toBridge(work, bridge, device.of.name, rest);
    else drop(work, rest, 'VLAN_NOT_TRUNKED', device.of.name, 'no device for this VLAN');
  }
  if (tagged.miss === null) return null;
  const priority = traffic.split(tagged.miss, IS.tagged);
  if (priority.hit === null) return priority.miss;
  return traffic.pop(priority.hit, 'vlan');
}

function vlanIs(id: number): ReturnType<typeof is> {
  return is(F.vlan, id, 0xfffn);
}

/** drivers/net/macvlan.c macvlan_handle_frame(): by MAC; groups go to all and to the lower one. */
function toMacvlans<P>(work: Work<P>, device: Device, p: P): P | null {
  const { traffic } = work.run;
  if (device.macvlans.length === 0) return p;
  const group = traffic.split(p, IS.ethGroup);
  if (group.hit !== null) {
    for (const upper of device.macvlans) {
      work.now({
        kind: 'arrive',
        device: upper,
        handle: work.handle,
        prerouted: false,
        p: traffic.fork(group.hit),
      });
    }
    return group.hit;
  }
  let rest: P | null = group.miss;
  for (const upper of device.macvlans) {
    const own = work.stack.config.devices.get(upper)?.isOwnMac;
    if (rest === null || own === undefined) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.split(rest, own);
    if (hit !== null)
      work.now({
        kind: 'arrive',
        device: upper,
        handle: work.handle,
        prerouted: false,
        p: hit,
      });
    rest = miss;
  }
  return rest;
}

/** eth_type_trans() and the protocol handlers: only frames to this interface are looked at. */
function toProtocol<P>(work: Work<P>, device: Device, prerouted: boolean, p: P): void {
  const { traffic } = work.run;
  const group = device.of.loopback ? { hit: null, miss: p } : traffic.split(p, IS.ethGroup);
  if (group.hit !== null) {
    const { hit, miss } = traffic.split(group.hit, IS.ethBroadcast);
    if (hit !== null) receive(work, device, prerouted, traffic.set(hit, TYPE_BROADCAST));
    if (miss !== null) receive(work, device, prerouted, traffic.set(miss, TYPE_MULTICAST));
  }
  if (group.miss === null) return;
  const own =
    device.of.loopback || !device.resolves
      ? { hit: group.miss, miss: null }
      : traffic.split(group.miss, device.isOwnMac);
  if (own.hit !== null) receive(work, device, prerouted, traffic.set(own.hit, TYPE_HOST));
  if (own.miss !== null) {
    drop(work, own.miss, 'WRONG_RECEIVER', device.of.name, 'the frame is for another MAC');
  }
}

const TYPE_HOST = put(F.packetType, PACKET_TYPE.host);
const TYPE_BROADCAST = put(F.packetType, PACKET_TYPE.broadcast);
const TYPE_MULTICAST = put(F.packetType, PACKET_TYPE.multicast);

function receive<P>(work: Work<P>, device: Device, prerouted: boolean, p: P): void {
  const { traffic } = work.run;
  const four = traffic.split(p, IS.ipv4);
  if (four.hit !== null) receiveIp(work, device, 4, prerouted, four.hit);
  if (four.miss === null) return;
  const arp = traffic.split(four.miss, IS.arp);
  if (arp.hit !== null) receiveArp(work, device, arp.hit);
  if (arp.miss === null) return;
  const six = traffic.split(arp.miss, IS.ipv6);
  if (six.hit !== null) receiveIp(work, device, 6, prerouted, six.hit);
  if (six.miss !== null) drop(work, six.miss, 'NOT_FOR_ME', device.of.name, 'unknown protocol');
}
