/**
 * An interface transmits a frame (net/core/dev.c dev_queue_xmit()): loopback turns it round,
 * VLAN and macvlan devices hand it down; what is left leaves the namespace.
 */

import { bitsAssignment } from '../../traffic/words.ts';
import { noteCrossing } from '../crossing.ts';
import { bridgeFromHost } from './bridging.ts';
import { type Device } from './device.ts';
import { F } from './headers.ts';
import { drop, type Work } from './stack.ts';
import { type DeviceStep } from './steps.ts';
import { intoTunnel } from './tunnel.ts';

/** Transmits a frame with complete Ethernet header. */
export function transmitFrame<P>(work: Work<P>, name: string, p: P): void {
  const device = work.stack.config.devices.get(name);
  if (device === undefined) {
    drop(work, p, 'INTERFACE_DOWN', name, 'there is no such interface');
    return;
  }
  if (!device.up) {
    drop(work, p, 'INTERFACE_DOWN', name, device.of.up ? 'no carrier' : 'the interface is down');
    return;
  }
  if (device.of.loopback) {
    work.later({ kind: 'arrive', device: name, handle: work.handle, prerouted: false, p });
    return;
  }
  const seen = noteCrossing(work.run, device.place, 'out', p);
  const bridge = work.stack.bridges.get(name);
  if (bridge !== undefined) {
    bridgeFromHost(work, bridge, seen);
    return;
  }
  const tunnel = work.stack.vxlans.find((one) => one.of.name === name);
  if (tunnel !== undefined) {
    intoTunnel(work, tunnel, seen);
    return;
  }
  const lower = lowerOf(work, device);
  if (device.of.kind === 'vlan' && lower !== null) {
    work.now({
      kind: 'transmit',
      device: lower,
      handle: work.handle,
      p: tag(work, device, seen),
    });
  } else if (device.of.kind === 'macvlan' && lower !== null) {
    work.now({ kind: 'transmit', device: lower, handle: work.handle, p: seen });
  } else work.out.push({ kind: 'sent', port: name, p: seen });
}

function lowerOf<P>(work: Work<P>, device: Device): string | null {
  const { linkIndex, linkNamespace } = device.of;
  if (linkIndex === null || linkNamespace !== null) return null;
  return work.stack.config.byIndex.get(linkIndex)?.of.name ?? null;
}

/** net/8021q/vlan_dev.c vlan_dev_hard_start_xmit(). */
function tag<P>(work: Work<P>, device: Device, p: P): P {
  const { traffic } = work.run;
  const id = Number(device.of.details['id'] ?? 0);
  const protocol = device.of.details['protocol'] === '802.1ad' ? 0x88a8 : 0x8100;
  const step = (): DeviceStep => ({
    kind: 'device',
    namespace: work.stack.config.of.name,
    device: device.of.name,
    what: `push VLAN ${id}`,
  });
  const tagged = traffic.push(traffic.note(p, step), 'vlan', protocol);
  return traffic.set(tagged, bitsAssignment({ field: F.vlan, start: 0, width: 12 }, BigInt(id)));
}
