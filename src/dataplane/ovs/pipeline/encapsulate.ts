/**
 * Tunnel headers as the datapath writes and reads them: outer header from the tun_* fields and
 * back (lib/netdev-native-tnl.c, Linux net/ipv4/ip_tunnel_core.c).
 */
import { ENCAPSULATION, type FieldBits, field, HASHED_FIELDS } from '../../../packet/fields.ts';
import { type Traffic } from '../../../traffic/traffic.ts';
import { assignment } from '../../../traffic/words.ts';
import { type TunnelSettings } from '../types/switch.ts';
import { bitsOf, writeNumberTo } from './conditions.ts';

/** Bits of tun_flags (lib/packets.h FLOW_TNL_F_*). */
export const TUNNEL_FLAGS = { oam: 1, df: 2, csum: 4, key: 8 } as const;

/** Bytes of the tunnel headers behind the outer IP header. */
const HEADER_BYTES: Readonly<Record<string, number>> = {
  vxlan: 16,
  geneve: 16,
  gre: 8,
  ip6gre: 8,
  erspan: 16,
  ip6erspan: 16,
  gtpu: 16,
};
const KIND: Readonly<Record<string, number>> = {
  vxlan: ENCAPSULATION.vxlan,
  geneve: ENCAPSULATION.geneve,
  gre: ENCAPSULATION.gre,
  ip6gre: ENCAPSULATION.gre,
  erspan: ENCAPSULATION.erspan,
  ip6erspan: ENCAPSULATION.erspan,
  gtpu: ENCAPSULATION.gtpu,
};
const ETH_HEADER = 14;
const FRAME_LEN = field('frame_len');
const IP_LEN = field('ip_len');
const DF: FieldBits = { field: field('tun_flags'), start: 1, width: 1 };
const CHECKSUM: FieldBits = { field: field('tun_flags'), start: 2, width: 1 };
const KEY: FieldBits = { field: field('tun_flags'), start: 3, width: 1 };
/** Bits of the GRE header's first word (RFC 2784 §2.1, RFC 2890 §2). */
const GRE_CHECKSUM: FieldBits = { field: field('encap_flags'), start: 15, width: 1 };
const GRE_KEY: FieldBits = { field: field('encap_flags'), start: 13, width: 1 };
const SOURCE_PORT = bitsOf('udp_src');
const ETH_TYPE = field('eth_type');
const IP_PROTO = field('ip_proto');

/** Whether tunnels of this kind are emulated. */
export function isKnownTunnel(tunnel: TunnelSettings): boolean {
  return KIND[tunnel.kind] !== undefined;
}

/**
 * Wraps `inner`, whose tun_* fields say where it goes. The Ethernet addresses stay zero; the
 * source port is any of the ephemeral range, because the datapath hashes the inner packet: the
 * same one for all packets of a flow.
 */
export function encapsulate<P>(t: Traffic<P>, inner: P, tunnel: TunnelSettings, version: 4 | 6): P {
  const about = t.fork(inner);
  let p = t.encapsulate(inner);
  p = t.set(p, writeNumberTo(ETH_TYPE, version === 4 ? 0x0800 : 0x86dd));
  const pairs: [string, string][] =
    version === 4
      ? [
          ['ip_src', 'tun_src'],
          ['ip_dst', 'tun_dst'],
        ]
      : [
          ['ipv6_src', 'tun_ipv6_src'],
          ['ipv6_dst', 'tun_ipv6_dst'],
        ];
  pairs.push(['nw_ttl', 'tun_ttl'], ['nw_tos', 'tun_tos'], ['encap_id', 'tun_id']);
  for (const [to, from] of pairs) p = t.copy(p, bitsOf(to), about, bitsOf(from));
  if (version === 4) p = t.copy(p, bitsOf('ip_df'), about, DF);
  p = t.copy(p, bitsOf('pkt_mark'), about, bitsOf('pkt_mark'));
  p = t.set(p, writeNumberTo(field('encap_kind'), KIND[tunnel.kind] ?? 0));
  const isGre =
    KIND[tunnel.kind] === ENCAPSULATION.gre || KIND[tunnel.kind] === ENCAPSULATION.erspan;
  p = t.set(p, writeNumberTo(IP_PROTO, isGre ? 47 : 17));
  if (KIND[tunnel.kind] === ENCAPSULATION.gre) {
    p = t.copy(t.copy(p, GRE_KEY, about, KEY), GRE_CHECKSUM, about, CHECKSUM);
  }
  if (!isGre) {
    p = t.copy(p, bitsOf('encap_csum'), about, CHECKSUM);
    const hash = { whose: tunnel, of: about, fields: HASHED_FIELDS };
    p = t.choose(p, SOURCE_PORT, 32_768n, 60_999n, hash);
    p = t.set(p, assignment(field('udp_dst'), BigInt(tunnel.destinationPort)));
  }
  const ip = (version === 4 ? 20 : 40) + (HEADER_BYTES[tunnel.kind] ?? 0);
  p = t.add(t.copy(p, bitsOf('ip_len'), about, bitsOf('frame_len')), IP_LEN, ip);
  return t.add(
    t.copy(p, bitsOf('frame_len'), about, bitsOf('frame_len')),
    FRAME_LEN,
    ip + ETH_HEADER,
  );
}

/** Unwraps a tunnel frame; tun_* of the result say how it came. Null when it carries nothing. */
export function decapsulate<P>(t: Traffic<P>, outer: P, version: 4 | 6): P | null {
  const inner: P | null = t.decapsulate(outer);
  if (inner === null) return null;
  const pairs: [string, string][] =
    version === 4
      ? [
          ['tun_src', 'ip_src'],
          ['tun_dst', 'ip_dst'],
        ]
      : [
          ['tun_ipv6_src', 'ipv6_src'],
          ['tun_ipv6_dst', 'ipv6_dst'],
        ];
  pairs.push(['tun_ttl', 'nw_ttl'], ['tun_tos', 'nw_tos'], ['tun_id', 'encap_id']);
  let p: P = inner;
  for (const [to, from] of pairs) p = t.copy(p, bitsOf(to), outer, bitsOf(from));
  p = t.set(p, writeNumberTo(field('tun_flags'), TUNNEL_FLAGS.key));
  if (version === 4) p = t.copy(p, DF, outer, bitsOf('ip_df'));
  return p;
}
