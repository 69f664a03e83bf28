/**
 * Between a namespace and its VXLAN devices: what leaves through a tunnel is a packet of the
 * host itself, and what is too large for the underlay is answered in the receiver's name
 * (drivers/net/vxlan/vxlan_core.c vxlan_xmit_one(), net/ipv4/ip_tunnel_core.c
 * skb_tunnel_check_pmtu()).
 */
import { writeIp } from '../../text/address-text.ts';
import { transmitVxlan, type VxlanState } from '../linuxbridge/vxlan.ts';
import { B, F, IS, longerThan, put } from './headers.ts';
import { buildError } from './icmp-error.ts';
import { decide } from './route.ts';
import { drop, type Work } from './stack.ts';

/** Outer Ethernet, IPv4, UDP and VXLAN headers less the inner Ethernet header's fourteen bytes. */
const OVERHEAD_BYTES = 50;

/** Sends a frame into the tunnels of a VXLAN device. */
export function intoTunnel<P>(work: Work<P>, tunnel: VxlanState<P>, p: P): void {
  const device = tunnel.of.name;
  const onBridge = work.stack.bridges.has(work.stack.config.devices.get(device)?.of.master ?? '');
  for (const result of transmitVxlan(work.run, tunnel, p)) {
    if (result.kind === 'receive') back(work, device, result.p);
    else if (result.kind === 'dropped') work.out.push(result);
    else {
      if (!hasAddress(work, tunnel)) {
        const evidence = `its local address ${localOf(tunnel)} is on no interface`;
        drop(work, result.p, 'TUNNEL_LOCAL_IP_MISMATCH', device, evidence);
        continue;
      }
      const fitting = onBridge ? answerTooLarge(work, device, result.p) : [result.p];
      for (const outer of fitting) {
        const { device: by } = result;
        work.now({ kind: 'emit', version: 4, device: by, handle: null, unheard: true, p: outer });
      }
    }
  }
}

/** ip_route_output_key(): a source that the host does not have sends nothing. */
function hasAddress<P>({ stack }: Work<P>, { of: { local } }: VxlanState<P>): boolean {
  if (local === null || local === 0n) return true;
  return stack.config.of.interfaces.some(({ addresses }) =>
    addresses.some(({ address }) => address.version === 4 && address.value === local),
  );
}

function localOf<P>({ of }: VxlanState<P>): string {
  return writeIp({ version: 4, value: of.local ?? 0n });
}

/** The device itself answers: the frame arrives on it as if it came out of the tunnel. */
function back<P>(work: Work<P>, device: string, p: P): void {
  work.later({ kind: 'arrive', device, handle: null, prerouted: false, p });
}

/** Answers frames with DF that the underlay cannot carry; returns what may be sent. */
function answerTooLarge<P>(work: Work<P>, device: string, outer: P): readonly P[] {
  const { traffic } = work.run;
  const { config } = work.stack;
  const fitting: P[] = [];
  for (const { decision, p: part } of decide(work.run, config.fib[4], outer)) {
    const hop = decision.kind === 'route' ? decision.hop : null;
    const mtu = config.devices.get(hop?.device ?? '')?.of.mtu;
    const { hit, miss } =
      mtu === undefined ? { hit: null, miss: part } : traffic.split(part, longerThan(mtu));
    if (miss !== null) fitting.push(miss);
    if (hit === null || mtu === undefined) continue;
    const inner = traffic.decapsulate(hit);
    if (inner === null) continue;
    const ip = traffic.split(inner, IS.ipv4);
    const fixed = ip.hit === null ? null : traffic.split(ip.hit, IS.dontFragment).hit;
    const rest = fixed === null ? hit : null;
    if (rest !== null) fitting.push(rest);
    if (fixed === null) continue;
    drop(work, traffic.fork(hit), 'MTU_EXCEEDED_DF', hop?.device ?? device, `MTU ${mtu}`);
    back(work, device, fragmentationNeeded(work, mtu - OVERHEAD_BYTES, fixed));
  }
  return fitting;
}

/** iptunnel_pmtud_build_icmp(): addresses and MACs exchanged, with DF. */
function fragmentationNeeded<P>(work: Work<P>, mtu: number, inner: P): P {
  const { traffic } = work.run;
  const about = traffic.fork(inner);
  const error = { version: 4 as const, device: null, type: 3, code: 4, mtu };
  let made = buildError(work, error, about, true);
  made = traffic.copy(made, B.tos, inner, B.tos);
  made = traffic.set(made, put(F.dontFragment, 1));
  made = traffic.copy(made, B.ethDestination, inner, B.ethSource);
  made = traffic.copy(made, B.ethSource, inner, B.ethDestination);
  made = traffic.copy(made, B.frameLength, made, B.ipLength);
  return traffic.add(made, F.frameLength, 14);
}
