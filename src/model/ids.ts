/**
 * Names that Neutron gives to devices: a prefix and the first eleven characters of an id
 * (neutron_lib constants `*_DEVICE_PREFIX`, `DEVICE_NAME_MAX_LEN` 14).
 */
const SUFFIX = 11;

/** Prefixes of devices named after a Neutron port, and what each is. */
export const PORT_DEVICES = {
  tap: 'the tap of a server, or the DHCP server’s interface',
  qvo: 'the switch’s end of a hybrid port',
  qvb: 'the firewall bridge’s end of a hybrid port',
  qbr: 'the firewall bridge of a hybrid port',
  'qr-': 'a router’s internal interface',
  'qg-': 'a router’s gateway interface',
  'ha-': 'an HA router’s interface on the HA network',
  'sg-': 'a distributed router’s SNAT interface',
  'fg-': 'the floating IP agent’s gateway interface',
  'ns-': 'a DHCP server’s end of a veth',
  'tpi-': 'the integration bridge’s end of a trunk’s parent port',
  'tpt-': 'the trunk bridge’s end of its parent port',
  'spi-': 'the integration bridge’s end of a trunk’s sub-port',
  'spt-': 'the trunk bridge’s end of a sub-port',
} as const;

export type PortDevice = keyof typeof PORT_DEVICES;

/** `tap` and `a185382d-85ff-…` → `tapa185382d-85`. */
export function deviceName(prefix: PortDevice, portId: string): string {
  return prefix + portId.slice(0, SUFFIX);
}

/** The first characters of the port's id that a device name carries, or undefined. */
export function portIdPrefix(device: string): string | undefined {
  for (const prefix of Object.keys(PORT_DEVICES)) {
    if (!device.startsWith(prefix)) continue;
    const rest = device.slice(prefix.length);
    if (/^[0-9a-f]{8}-[0-9a-f]{2}$/.test(rest)) return rest;
  }
  return undefined;
}

/** The bridge of a trunk is cut one character shorter than ports are (trunk `gen_trunk_br_name`). */
export function trunkBridge(trunkId: string): string {
  return `tbr-${trunkId.slice(0, SUFFIX - 1)}`;
}

/** The Linux bridge agent's bridge of a network, and its VXLAN device. */
export function networkBridge(networkId: string): string {
  return `brq${networkId.slice(0, SUFFIX)}`;
}

export function vxlanDevice(segmentationId: number): string {
  return `vxlan-${segmentationId}`;
}

/** Tunnel port of the OVS agent: type and the remote address in hexadecimal. */
export function tunnelPort(type: string, remote: bigint): string {
  return `${type}-${remote.toString(16).padStart(8, '0')}`;
}

/** Namespaces of Neutron's agents by what they serve. */
export const NAMESPACES = {
  router: 'qrouter-',
  snat: 'snat-',
  dhcp: 'qdhcp-',
  floating: 'fip-',
  balancer: 'qlbaas-',
  metadata: 'ovnmeta-',
} as const;

const KINDS = Object.entries(NAMESPACES);

/** Which kind of agent namespace it is, and the id of the router or network it serves. */
export function namespaceOwner(
  name: string,
): { readonly kind: keyof typeof NAMESPACES; readonly id: string } | undefined {
  for (const [kind, prefix] of KINDS) {
    if (name.startsWith(prefix)) {
      return { kind: kind as keyof typeof NAMESPACES, id: name.slice(prefix.length) };
    }
  }
  return undefined;
}

/** A distributed router's veth ends: `rfp-` in the router, `fpr-` in the fip namespace. */
export function floatingVeth(routerId: string): { readonly rfp: string; readonly fpr: string } {
  return { rfp: `rfp-${routerId.slice(0, 10)}`, fpr: `fpr-${routerId.slice(0, 10)}` };
}

/** The link-local address that modified EUI-64 makes of a MAC (RFC 4291 appendix A). */
export function linkLocalAddress(mac: bigint): { readonly version: 6; readonly value: bigint } {
  const high = (mac >> 24n) ^ 0x02_0000n;
  const low = mac & 0xff_ffffn;
  return { version: 6, value: (0xfe80n << 112n) | (high << 40n) | (0xff_fen << 24n) | low };
}
