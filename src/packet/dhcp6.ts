/**
 * DHCP for IPv6 (RFC 8415 §8, §21) as far as a trace needs it: message types and options, those
 * of identity associations included. It is the payload of UDP ports 546 and 547.
 */
import { get8, get16, get24, getIpv6, type Ipv6Words, put16, put24, slice } from './wire/bytes.ts';

export interface Dhcp6Option {
  readonly code: number;
  readonly data: Uint8Array;
}

export interface Dhcp6 {
  readonly type: number;
  readonly transaction: number;
  readonly options: readonly Dhcp6Option[];
}

export const DHCP6_PORT = { client: 546, server: 547 } as const;

export const DHCP6_MESSAGE = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  informationRequest: 11,
} as const;

export const DHCP6_OPTION = {
  clientId: 1,
  serverId: 2,
  nonTemporaryAddresses: 3,
  address: 5,
  dnsServers: 23,
} as const;

/** Null when the bytes are no message of a client or server, or an option does not fit. */
export function parseDhcp6(bytes: Uint8Array): Dhcp6 | null {
  // Types 12 and 13 are relayed messages and have another header (RFC 8415 §9).
  if (bytes.length < 4 || get8(bytes, 0) === 12 || get8(bytes, 0) === 13) return null;
  const options = parseDhcp6Options(bytes.subarray(4));
  if (options === null) return null;
  return { type: get8(bytes, 0), transaction: get24(bytes, 1), options };
}

/** Options one behind the other; null when one leads past the end. */
function parseDhcp6Options(bytes: Uint8Array): readonly Dhcp6Option[] | null {
  const options: Dhcp6Option[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 <= bytes.length ? at + 4 + get16(bytes, at + 2) : bytes.length + 1;
    if (end > bytes.length) return null;
    options.push({ code: get16(bytes, at), data: slice(bytes, at + 4, end) });
    at = end;
  }
  return options;
}

export function emitDhcp6(message: Dhcp6): Uint8Array {
  const length = message.options.reduce((sum, { data }) => sum + 4 + data.length, 4);
  const out = new Uint8Array(length);
  out[0] = message.type;
  put24(out, 1, message.transaction);
  let at = 4;
  for (const { code, data } of message.options) {
    put16(out, at, code);
    put16(out, at + 2, data.length);
    out.set(data, at + 4);
    at += 4 + data.length;
  }
  return out;
}

/** The addresses that a reply gives (RFC 8415 §21.4, §21.6). */
export function dhcp6Addresses(message: Dhcp6): readonly Ipv6Words[] {
  return message.options
    .filter(({ code, data }) => code === DHCP6_OPTION.nonTemporaryAddresses && data.length >= 12)
    .flatMap(({ data }) => parseDhcp6Options(data.subarray(12)) ?? [])
    .filter(({ code, data }) => code === DHCP6_OPTION.address && data.length >= 24)
    .map(({ data }) => getIpv6(data, 0));
}
