/**
 * Sending through a tunnel port (ofproto/tunnel.c tnl_port_send(), xlate native_tunnel_output()):
 * the tunnel fields are filled from the port's options, then the kernel or the switch itself
 * encapsulates. What is received out of tunnels is in `datapath/receive.ts`.
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { test } from '../../../traffic/match.ts';
import { assignment } from '../../../traffic/words.ts';
import { type Endpoint, type TunnelRoute, type TunnelSettings } from '../types/switch.ts';
import { nestHeader } from './action-size.ts';
import { bitsOf, IS_IP, writeNumberTo } from './conditions.ts';
import { encapsulate, isKnownTunnel, TUNNEL_FLAGS } from './encapsulate.ts';
import { TUNNEL_METADATA } from './metadata-fields.ts';
import { mirrorSent } from './mirror.ts';
import {
  emit,
  forkPart,
  listOf,
  type Part,
  refuse,
  restore,
  type SendMode,
  type Translation,
  tell,
} from './part.ts';
import { enterBridge } from './patch.ts';
import { type PreparedPort } from './prepared.ts';

const TUN_DST = field('tun_dst');
const TUN_TTL = field('tun_ttl');
const TUN_TOS = field('tun_tos');
const TUN_FLAGS = field('tun_flags');
const TOS = bitsOf('nw_tos');
const ECN: FieldBits = { field: field('nw_ecn'), start: 0, width: 2 };
const TUN_ECN: FieldBits = { field: TUN_TOS, start: 0, width: 2 };
const IS_CE = guard(test(field('nw_ecn'), 3n));
const V4 = bitsOf('tun_dst');
const V6 = bitsOf('tun_ipv6_dst');
const NO_V4 = guard(test(TUN_DST, 0n));
const TUNNEL_BITS = TUNNEL_METADATA.map(bitsOf);

function writeEndpoint<P>(
  x: Translation<P>,
  p: P,
  endpoint: Endpoint | 'flow' | null,
  v4: string,
  v6: string,
): P {
  if (endpoint === 'flow') return p;
  const [address4, address6] =
    endpoint === null
      ? [0n, 0n]
      : endpoint.version === 4
        ? [endpoint.address, 0n]
        : [0n, endpoint.address];
  const q = x.t.set(p, assignment(field(v4), address4));
  return x.t.set(q, assignment(field(v6), address6));
}

/** Fills the tunnel fields as the port's options say. */
function withTunnelFields<P>(x: Translation<P>, start: P, tunnel: TunnelSettings): P {
  const { t } = x;
  let p = writeEndpoint(x, start, tunnel.local, 'tun_src', 'tun_ipv6_src');
  p = writeEndpoint(x, p, tunnel.remote, 'tun_dst', 'tun_ipv6_dst');
  if (tunnel.outKey !== 'flow') p = t.set(p, assignment(field('tun_id'), tunnel.outKey ?? 0n));
  const flags =
    (tunnel.dontFragment ? TUNNEL_FLAGS.df : 0) |
    (tunnel.checksum ? TUNNEL_FLAGS.csum : 0) |
    (tunnel.outKey === null ? 0 : TUNNEL_FLAGS.key);
  p = t.set(p, writeNumberTo(TUN_FLAGS, flags));
  p = t.set(p, writeNumberTo(TUN_TTL, tunnel.ttl === 'inherit' ? 64 : tunnel.ttl));
  p = t.set(p, writeNumberTo(TUN_TOS, tunnel.tos === 'inherit' ? 0 : tunnel.tos & 0xfc));
  if (tunnel.egressMark !== 0) {
    p = t.set(p, assignment(field('pkt_mark'), BigInt(tunnel.egressMark)));
  }
  return p;
}

/** What the outer header inherits from an IP packet; ECN always (RFC 6040 §4.1). */
function inherited<P>(x: Translation<P>, p: P, tunnel: TunnelSettings): P {
  const { t } = x;
  let q = p;
  if (tunnel.ttl === 'inherit') q = t.copy(q, bitsOf('tun_ttl'), q, bitsOf('nw_ttl'));
  if (tunnel.tos === 'inherit') q = t.copy(q, bitsOf('tun_tos'), q, TOS);
  const { hit: congested, miss } = t.split(q, IS_CE);
  if (congested !== null) {
    return t.set(congested, assignment(TUN_TOS, 2n, 3n));
  }
  return miss === null ? q : t.copy(miss, TUN_ECN, miss, ECN);
}

/** Sends through a tunnel port; afterwards the tunnel fields are as the flows left them. */
export function sendToTunnel<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort,
  how: SendMode,
): Part<P>[] {
  const { tunnel } = port.source;
  if (tunnel === null) return [part];
  if (!isKnownTunnel(tunnel)) {
    // Simplification: lisp, stt, srv6 and bareudp tunnels are not emulated; Neutron has none.
    x.run.assume(
      'UNSUPPORTED_ACTION',
      `${part.bridge.name}: ${port.name} is a ${tunnel.kind} tunnel`,
    );
    return refuse(x, part, 'UNSUPPORTED_ACTION', `${port.name}: ${tunnel.kind} is not emulated`);
  }
  const saved = x.t.fork(part.p);
  const filled = withTunnelFields(x, part.p, tunnel);
  const { hit: ip, miss: other } = x.t.split(filled, IS_IP);
  const parts: Part<P>[] = [];
  for (const p of [ip === null ? null : inherited(x, ip, tunnel), other]) {
    if (p === null) continue;
    const q = ip === null || other === null ? part : forkPart(part, p);
    q.p = p;
    parts.push(...notToOurselves(x, q, saved, port, tunnel, how));
  }
  return parts;
}

/**
 * Tells traffic apart by whether it would go back to the address it came to: IPv4 counts where
 * there is an IPv4 address, else IPv6 (flow_tnl_dst()).
 */
function byOwn<P>(x: Translation<P>, p: P): { readonly p: P; readonly isOwn: boolean }[] {
  const { entry, t } = x;
  if (entry === null) return [{ p, isOwn: false }];
  const { hit: v6, miss: v4 } = t.split(p, NO_V4);
  return [
    v4 === null ? null : t.same(v4, entry, [[V4, V4]]),
    v6 === null
      ? null
      : t.same(
          v6,
          entry,
          [V4, V6].map((bits) => [bits, bits] as const),
        ),
  ].flatMap((split) => [
    ...(split === null || split.hit === null ? [] : [{ p: split.hit, isOwn: true }]),
    ...(split === null || split.miss === null ? [] : [{ p: split.miss, isOwn: false }]),
  ]);
}

/**
 * A packet that came out of a tunnel is not sent back to the address it came to. What was refused
 * so keeps the tunnel fields of the port, unlike what is sent (compose_output_action__()).
 */
function notToOurselves<P>(
  x: Translation<P>,
  part: Part<P>,
  saved: P,
  port: PreparedPort,
  tunnel: TunnelSettings,
  how: SendMode,
): Part<P>[] {
  const { inPort } = part;
  const mark =
    tunnel.egressMark === 0 ? null : assignment(field('pkt_mark'), BigInt(tunnel.egressMark));
  const cases = byOwn(x, part.p);
  return cases.flatMap(({ p, isOwn }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    if (isOwn) {
      const text = `${port.name}: the tunnel leads to ourselves`;
      return refuse(x, q, 'TUNNEL_ENDPOINT_MISSING', text);
    }
    const sent = leave(x, q, port, tunnel, how);
    return restore(x, sent, x.t.fork(saved), inPort).flatMap((one) => {
      // The mark that the port's options set stays.
      if (mark !== null) one.p = x.t.set(one.p, mark);
      return mirrorSent(x, one, port);
    });
  });
}

function leave<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort,
  tunnel: TunnelSettings,
  how: SendMode,
): Part<P>[] {
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'tunnel', bridge, port: port.name, way: 'out' }));
  if (x.sw.source.datapath === 'userspace' && x.sw.source.tunnelRoutes.length > 0) {
    return encapsulateHere(x, part, port, tunnel, how);
  }
  emit(part, { kind: 'tunnel', port, p: x.t.fork(part.p) });
  return [part];
}

/** The longest prefix of `ovs/route/show` that covers the address. */
function routeTo(routes: readonly TunnelRoute[], to: Endpoint): TunnelRoute | null {
  const bits = to.version === 4 ? 32 : 128;
  let best: TunnelRoute | null = null;
  for (const route of routes) {
    if (route.prefix.version !== to.version) continue;
    const shift = BigInt(bits - route.prefixLength);
    if (route.prefix.address >> shift !== to.address >> shift) continue;
    if (best === null || route.prefixLength > best.prefixLength) best = route;
  }
  return best;
}

/** Native tunnelling: route and neighbour are the switch's own, and the frame passes a bridge. */
function encapsulateHere<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort,
  tunnel: TunnelSettings,
  how: SendMode,
): Part<P>[] {
  if (tunnel.remote !== null && tunnel.remote !== 'flow') {
    return encapsulateTo(x, part, port, tunnel, tunnel.remote, how);
  }
  // Simplification: a remote address set by flows is followed for IPv4 only.
  const cases = x.t.cases(part.p, { field: TUN_DST, start: 0, width: 32 }, 4096) ?? [];
  return cases.flatMap(({ value, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    return encapsulateTo(x, q, port, tunnel, { version: 4, address: BigInt(value) }, how);
  });
}

function encapsulateTo<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort,
  tunnel: TunnelSettings,
  to: Endpoint,
  how: SendMode,
): Part<P>[] {
  const { source } = x.sw;
  const route = routeTo(source.tunnelRoutes, to);
  const device = route === null ? undefined : x.sw.ports.get(route.device);
  if (route === null || device === undefined) {
    return refuse(x, part, 'NO_ROUTE', `${port.name}: no route to the tunnel's far end`);
  }
  const hop = route.gateway ?? to;
  const neighbour = source.tunnelNeighbours.find(
    ({ address, bridge }) =>
      bridge === device.bridge.name &&
      address.version === hop.version &&
      address.address === hop.address,
  );
  if (neighbour === undefined) {
    return refuse(x, part, 'NO_NEIGHBOR', `${port.name}: the tunnel's far end is not resolved`);
  }
  let outer = encapsulate(x.t, x.t.fork(part.p), tunnel, to.version);
  outer = x.t.set(outer, assignment(field('eth_src'), device.source.mac));
  outer = x.t.set(outer, assignment(field('eth_dst'), neighbour.mac));
  if (tunnel.local === null && route.source !== null) {
    const name = to.version === 4 ? 'ip_src' : 'ipv6_src';
    outer = x.t.set(outer, assignment(field(name), route.source.address));
  }
  const saved = part.p;
  const before = part.effects;
  part.p = outer;
  const { outside } = part;
  part.effects = null;
  part.outside = { effects: before, p: null, header: nestHeader, outside };
  return enterBridge(x, part, device, how.last, saved).map((q) => {
    const actions = listOf(q.effects);
    q.effects = before;
    q.outside = outside;
    for (const bits of TUNNEL_BITS) q.p = x.t.copy(q.p, bits, saved, bits);
    if (actions.length > 0) emit(q, { kind: 'tunnel-push', port, actions });
    return q;
  });
}
