/**
 * The sysctls that decide a packet's way through one interface, with the kernel's rule for
 * combining `all`, `default` and the interface's own value (include/linux/inetdevice.h).
 */
import { type Namespace } from './types.ts';

export interface DeviceSettings {
  readonly forwarding: boolean;
  readonly forwarding6: boolean;
  /** 0 none, 1 strict, 2 loose (RFC 3704). */
  readonly reversePathFilter: number;
  readonly arpIgnore: number;
  readonly arpAnnounce: number;
  readonly arpAccept: boolean;
  readonly arpFilter: boolean;
  readonly proxyArp: boolean;
  readonly proxyArpSameDevice: boolean;
  readonly sendRedirects: boolean;
  readonly acceptLocal: boolean;
  readonly routeLocalnet: boolean;
  readonly sourceValidMark: boolean;
  readonly sharedMedia: boolean;
}

type Lookup = (key: string, device: string) => number;

/** Numbers of `net.<family>.conf.<device>.<key>`; what nobody set has the kernel's default. */
function reader(sysctls: ReadonlyMap<string, string>, family: string): Lookup {
  return (key, device) => {
    const own = sysctls.get(`net.${family}.conf.${device}.${key}`);
    const value =
      own ?? (device === 'all' ? undefined : sysctls.get(`net.${family}.conf.default.${key}`));
    return value === undefined ? (KERNEL_DEFAULT[key] ?? 0) : Number.parseInt(value, 10) || 0;
  };
}

// net/ipv4/devinet.c ipv4_devconf, ipv4_devconf_dflt.
const KERNEL_DEFAULT: Readonly<Record<string, number>> = { send_redirects: 1, shared_media: 1 };

/**
 * The settings of one interface.
 *
 * `max` is IN_DEV_MAXCONF, `either` IN_DEV_ORCONF, `own` IN_DEV_CONF_GET: writing
 * `all.forwarding` or `ip_forward` changes every interface, so only its own value counts.
 */
export function deviceSettings(namespace: Namespace, device: string): DeviceSettings {
  const { sysctls } = namespace;
  const v4 = reader(sysctls, 'ipv4');
  const max = (key: string): number => Math.max(v4(key, 'all'), v4(key, device));
  const either = (key: string): boolean => v4(key, 'all') !== 0 || v4(key, device) !== 0;
  return {
    forwarding: forwarding(sysctls, 'ipv4', device, sysctls.get('net.ipv4.ip_forward')),
    forwarding6: forwarding(sysctls, 'ipv6', device, undefined),
    reversePathFilter: max('rp_filter'),
    arpIgnore: max('arp_ignore'),
    arpAnnounce: max('arp_announce'),
    arpAccept: either('arp_accept'),
    arpFilter: either('arp_filter'),
    proxyArp: either('proxy_arp'),
    proxyArpSameDevice: v4('proxy_arp_pvlan', device) !== 0,
    // IN_DEV_TX_REDIRECTS is an OR as well: one of both suffices to send them.
    sendRedirects: either('send_redirects'),
    acceptLocal: either('accept_local'),
    routeLocalnet: either('route_localnet'),
    sourceValidMark: either('src_valid_mark'),
    sharedMedia: either('shared_media'),
  };
}

function forwarding(
  sysctls: ReadonlyMap<string, string>,
  family: string,
  device: string,
  global: string | undefined,
): boolean {
  const own = sysctls.get(`net.${family}.conf.${device}.forwarding`);
  const all = sysctls.get(`net.${family}.conf.all.forwarding`);
  // ip_forward and conf.all.forwarding are one variable: where they differ, somebody wrote the
  // former into the dump by hand, and meant all interfaces.
  if (global === '0' && all !== undefined && all !== '0') return false;
  const value = own ?? global ?? all;
  return value !== undefined && value !== '0';
}
