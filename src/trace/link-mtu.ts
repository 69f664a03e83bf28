/**
 * Links carry no frame above their MTU, and whoever looks at layer 2 only drops it without a word:
 * a switch that sends by a device (net/openvswitch/vport.c ovs_vport_send(); a packet socket of
 * the userspace datapath, net/packet/af_packet.c packet_snd()), a device that receives from
 * another namespace or off a wire (include/linux/netdevice.h is_skb_forwardable()).
 */
import { type Drop, type Run } from '../dataplane/outcome.ts';
import { field } from '../packet/fields.ts';
import { type Guard, guard } from '../traffic/guard.ts';
import { range, test } from '../traffic/match.ts';
import { type Split } from '../traffic/traffic.ts';

const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;
const FRAME_LENGTH = field('frame_len');
const LARGEST = (1n << BigInt(FRAME_LENGTH.width)) - 1n;
const TAGGED = guard(test(field('vlan_tci'), 0x1000n, 0x1000n));
const FIXED = guard(test(field('ip_df'), 1n));

/** Splits off what a device with this MTU does not send: a VLAN tag does not count. */
export function tooLargeToSend<P>(run: Run<P>, mtu: number, p: P): readonly Split<P>[] {
  const { hit, miss } = run.traffic.split(p, TAGGED);
  const parts: Split<P>[] = [];
  if (hit !== null) parts.push(above(run, mtu + ETHERNET_BYTES + TAG_BYTES, hit));
  if (miss !== null) parts.push(above(run, mtu + ETHERNET_BYTES, miss));
  return parts;
}

/** Splits off what a device with this MTU does not take: it leaves room for a tag. */
export function tooLargeToReceive<P>(run: Run<P>, mtu: number, p: P): readonly Split<P>[] {
  return [above(run, mtu + ETHERNET_BYTES + TAG_BYTES, p)];
}

const guards = new Map<number, Guard>();

function above<P>(run: Run<P>, bytes: number, p: P): Split<P> {
  let longer = guards.get(bytes);
  if (longer === undefined) {
    longer = guard(range(FRAME_LENGTH, BigInt(bytes) + 1n, LARGEST));
    guards.set(bytes, longer);
  }
  return run.traffic.split(p, longer);
}

/** The end of frames that a link does not carry; nobody tells their sender. */
export function overMtu<P>(
  run: Run<P>,
  where: string,
  mtu: number,
  p: P,
): readonly { readonly p: P; readonly drop: Drop }[] {
  const evidence = `the frame is larger than the MTU ${mtu} allows; no ICMP error is sent`;
  const drop = (reason: Drop['reason']): Drop => ({ reason, where, evidence, origin: null });
  const { hit, miss } = run.traffic.split(p, FIXED);
  const parts: { readonly p: P; readonly drop: Drop }[] = [];
  if (hit !== null) parts.push({ p: hit, drop: drop('MTU_EXCEEDED_DF') });
  if (miss !== null) parts.push({ p: miss, drop: drop('MTU_BLACKHOLE_NO_ICMP') });
  return parts;
}
