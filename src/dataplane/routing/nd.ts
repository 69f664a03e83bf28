/**
 * Neighbour discovery arrives (net/ipv6/ndisc.c ndisc_recv_ns(), ndisc_recv_na(); RFC 4861 §7.2).
 * Stands in local delivery, after the INPUT hook.
 */

import { guard } from '../../traffic/guard.ts';
import { or, test } from '../../traffic/match.ts';
import { type Device } from './device.ts';
import { B, ETHERTYPE, F, IS, PROTOCOL, put } from './headers.ts';
import { learn, resolution } from './neighbour.ts';
import { drop, type Work } from './stack.ts';

/** Answers a solicitation for an address of this interface, or for a proxied one. */
export function receiveSolicitation<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  const own = traffic.split(p, device.ownsNdTarget);
  if (own.hit !== null) advertise(work, device, false, own.hit);
  if (own.miss === null) return;
  const proxied = work.stack.config.of.proxyNeighbours.filter(
    (one) => one.device === device.of.name && one.address.version === 6,
  );
  const match = or(...proxied.map(({ address }) => test(F.ndTarget, address.value)));
  const rest = traffic.split(own.miss, guard(match));
  if (rest.hit !== null) advertise(work, device, true, rest.hit);
  if (rest.miss !== null) drop(work, rest.miss, 'NOT_FOR_ME', 'nd', 'not our address');
}

/** Learns what an advertisement says, when somebody asked for it or it is known already. */
export function receiveAdvertisement<P>(work: Work<P>, device: Device, p: P): void {
  const { traffic } = work.run;
  const name = device.of.name;
  const asked = work.stack.pending.some(
    (one) =>
      one.device === name &&
      one.version === 6 &&
      traffic.same(traffic.fork(p), one.request, [[B.ndTarget, B.ndTarget]]).hit !== null,
  );
  const known = work.stack.learned.some(
    (one) =>
      one.device === name &&
      one.version === 6 &&
      traffic.same(traffic.fork(p), one.p, [[B.ndTarget, one.address]]).hit !== null,
  );
  if (asked || known) {
    const memory = { device: name, version: 6 as const, p: traffic.fork(p) };
    learn(work, { ...memory, address: B.ndTarget, mac: B.ndTargetMac });
  }
  work.out.push({ kind: 'delivered', to: `nd ${name}`, p });
}

const ADVERTISEMENT = [
  put(F.ethType, ETHERTYPE.ipv6),
  put(F.protocol, PROTOCOL.icmpv6),
  put(F.ttl, 255),
  put(F.icmpType, 136),
  put(F.ndOption, 2),
  put(F.ipLength, 72),
  put(F.frameLength, 86),
];
const ALL_NODES = put(F.ipv6Destination, 0xff02_0000_0000_0000_0000_0000_0000_0001n);
const ALL_NODES_MAC = put(F.ethDestination, 0x3333_0000_0001n);

/** Flags of an advertisement: router, solicited, override (RFC 4861 §4.4). */
const FLAG = { router: 0x8000_0000, solicited: 0x4000_0000, override: 0x2000_0000 } as const;

function advertise<P>(work: Work<P>, device: Device, proxied: boolean, p: P): void {
  const { traffic } = work.run;
  // Who checks for duplicates has no address yet and gets the answer by the group.
  const probe = traffic.split(p, IS.sourceUnset6);
  if (probe.hit !== null) answer(work, device, proxied, true, probe.hit);
  if (probe.miss !== null) answer(work, device, proxied, false, probe.miss);
}

function answer<P>(work: Work<P>, device: Device, proxied: boolean, toAll: boolean, p: P): void {
  const { traffic } = work.run;
  let made = traffic.blank(p);
  for (const write of ADVERTISEMENT) made = traffic.set(made, write);
  made = traffic.copy(made, B.ndTarget, p, B.ndTarget);
  made = traffic.copy(made, B.ipv6Source, p, B.ndTarget);
  made = traffic.set(traffic.set(made, device.setSource), put(F.ndTargetMac, device.of.mac));
  if (toAll) made = traffic.set(traffic.set(made, ALL_NODES), ALL_NODES_MAC);
  else {
    made = traffic.copy(made, B.ipv6Destination, p, B.ipv6Source);
    made = traffic.copy(made, B.ethDestination, p, B.ethSource);
  }
  const flags =
    (device.settings.forwarding6 ? FLAG.router : 0) +
    (toAll ? 0 : FLAG.solicited) +
    (proxied ? 0 : FLAG.override);
  made = traffic.set(made, put(F.ndFlags, flags));
  made = traffic.note(made, () => resolution(work, device, 'advertisement', proxied));
  work.now({ kind: 'transmit', device: device.of.name, handle: null, p: made });
  if (!toAll) {
    const memory = { device: device.of.name, version: 6 as const, p: traffic.fork(p) };
    learn(work, { ...memory, address: B.ipv6Source, mac: B.ethSource });
  }
  work.out.push({ kind: 'delivered', to: `nd ${device.of.name}`, p });
}
