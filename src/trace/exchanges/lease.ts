/** What a DHCP client was given, by dhclient's names for it (dhclient-script(8), `new_…`). */

import { formatIpv4Number, formatIpv6Words } from '../../packet/addresses.ts';
import {
  DHCP_MESSAGE,
  DHCP_OPTION,
  type Dhcp,
  dhcpOption,
  parseClasslessRoutes,
} from '../../packet/dhcp.ts';
import { type Dhcp6, dhcp6Addresses } from '../../packet/dhcp6.ts';
import { get16, get32, getIpv6 } from '../../packet/wire/bytes.ts';
import { type Content } from '../types.ts';

type Show = (data: Uint8Array) => string | null;

const decoder = new TextDecoder();

const addresses: Show = (data) =>
  data.length % 4 === 0
    ? Array.from({ length: data.length / 4 }, (_, i) => formatIpv4Number(get32(data, 4 * i))).join(
        ' ',
      )
    : null;
const text: Show = (data) => decoder.decode(data);
const number: Show = (data) =>
  data.length === 4
    ? String(get32(data, 0))
    : data.length === 2
      ? String(get16(data, 0))
      : String(data[0]);
/** dhclient knows option 121 as an array of numbers. */
const numbers: Show = (data) => (parseClasslessRoutes(data) === null ? null : [...data].join(' '));

/** Option → dhclient's name. */
const NAMES: ReadonlyMap<number, readonly [name: string, show: Show]> = new Map([
  [DHCP_OPTION.subnetMask, ['subnet_mask', addresses]],
  [DHCP_OPTION.router, ['routers', addresses]],
  [DHCP_OPTION.dnsServer, ['domain_name_servers', addresses]],
  [DHCP_OPTION.hostName, ['host_name', text]],
  [DHCP_OPTION.domainName, ['domain_name', text]],
  [DHCP_OPTION.mtu, ['interface_mtu', number]],
  [28, ['broadcast_address', addresses]],
  [42, ['ntp_servers', addresses]],
  [DHCP_OPTION.leaseTime, ['dhcp_lease_time', number]],
  [DHCP_OPTION.messageType, ['dhcp_message_type', number]],
  [DHCP_OPTION.serverId, ['dhcp_server_identifier', addresses]],
  [58, ['dhcp_renewal_time', number]],
  [59, ['dhcp_rebinding_time', number]],
  [DHCP_OPTION.classlessRoutes, ['rfc3442_classless_static_routes', numbers]],
]);

/** Names of everything that a server's answer tells here. */
export const SETTING_NAMES: ReadonlySet<string> = new Set([
  ...[...NAMES.values()].map(([name]) => name),
  'ip_address',
  'next_server',
  'network_number',
  'ip6_address',
  'dhcp6_name_servers',
  'dhcp6_domain_search',
]);

/** The settings of an acknowledged lease. */
export function leaseOf(message: Dhcp): Content {
  const settings = new Map<string, string>();
  for (const { code } of message.options) {
    const row = NAMES.get(code);
    const data = dhcpOption(message, code);
    const shown = row === undefined || data === null ? null : row[1](data);
    if (row !== undefined && shown !== null) settings.set(row[0], shown);
  }
  const address = formatIpv4Number(message.yourAddress);
  settings.set('ip_address', address);
  settings.set('next_server', formatIpv4Number(message.serverAddress));
  const mask = dhcpOption(message, DHCP_OPTION.subnetMask);
  if (mask !== null) {
    settings.set('network_number', formatIpv4Number((message.yourAddress & get32(mask, 0)) >>> 0));
  }
  return { kind: 'lease', address, server: settings.get('dhcp_server_identifier') ?? '', settings };
}

/** Whether a message of a server gives the address for good. */
export function isAcknowledgement(message: Dhcp): boolean {
  return dhcpOption(message, DHCP_OPTION.messageType)?.[0] === DHCP_MESSAGE.ack;
}

const DNS_SERVERS = 23;
const DOMAIN_SEARCH = 24;

/** The settings of a DHCPv6 reply; null when it gives no address. */
export function lease6Of(message: Dhcp6, server: string): Content | null {
  const [first] = dhcp6Addresses(message);
  if (first === undefined) return null;
  const address = formatIpv6Words(first);
  const settings = new Map([['ip6_address', address]]);
  for (const { code, data } of message.options) {
    if (code === DNS_SERVERS) {
      const servers = Array.from({ length: Math.floor(data.length / 16) }, (_, i) =>
        formatIpv6Words(getIpv6(data, 16 * i)),
      );
      settings.set('dhcp6_name_servers', servers.join(' '));
    }
    if (code === DOMAIN_SEARCH) settings.set('dhcp6_domain_search', namesOf(data));
  }
  return { kind: 'lease', address, server, settings };
}

/** Names as labels (RFC 1035 §3.1), each with its final dot. */
function namesOf(data: Uint8Array): string {
  const names: string[] = [];
  let labels: string[] = [];
  for (let at = 0; at < data.length; ) {
    const length = data[at] ?? 0;
    if (length === 0) {
      names.push(`${labels.join('.')}.`);
      labels = [];
    } else labels.push(decoder.decode(data.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return names.join(' ');
}
