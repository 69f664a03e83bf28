/** The fields that travel with a packet through the pipeline and are no headers, by their names. */

/** What a tunnel port says of a packet that came through it, and of one that goes into it. */
export const TUNNEL_METADATA: readonly string[] = [
  'tun_id',
  'tun_src',
  'tun_dst',
  'tun_ipv6_src',
  'tun_ipv6_dst',
  'tun_flags',
  'tun_ttl',
  'tun_tos',
];

/** Registers, metadata and the tunnel's: what a patch port wipes and a recirculation brings back. */
export const PIPELINE_METADATA: readonly string[] = [
  ...Array.from({ length: 16 }, (_, n) => `reg${n}`),
  'metadata',
  ...TUNNEL_METADATA,
  'tun_gbp_id',
  'tun_gbp_flags',
];
