/**
 * Router advertisements (RFC 4861 §4.2): what radvd puts into one, and the address a host forms
 * from it (RFC 4862 §5.5.3). The bytes are those behind the first eight of the ICMPv6 message.
 */
import { prefixMask } from '../../../packet/addresses.ts';
import { get32 } from '../../../packet/wire/bytes.ts';
import { type IpAddress } from '../../routing/types.ts';
import { type AdvertisedPrefix, type AdvertisingInterface } from './types.ts';

export const ND_MESSAGE = { routerSolicitation: 133, routerAdvertisement: 134 } as const;
const OPTION = { sourceLinkAddress: 1, prefix: 3, mtu: 5, dnsServers: 25 } as const;
const ON_LINK = 0x80;
const AUTONOMOUS = 0x40;
/** radvd's defaults: a day, and four hours (defaults.h). */
const DEFAULT_VALID_S = 86_400;
const DEFAULT_PREFERRED_S = 14_400;

/** The options of an advertisement, behind reachable time and retransmission timer. */
export function emitAdvertisement(of: AdvertisingInterface, mac: bigint): Uint8Array {
  const bytes = [
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    ...of.prefixes.flatMap(prefixOption),
    ...(of.mtu === null ? [] : [OPTION.mtu, 1, 0, 0, ...big(of.mtu)]),
    ...(of.dnsServers.length === 0 ? [] : dnsOption(of.dnsServers)),
    ...[OPTION.sourceLinkAddress, 1, ...bytesOf(mac, 6)],
  ];
  return Uint8Array.from(bytes);
}

function prefixOption({
  prefix,
  onLink,
  autonomous,
  valid_s,
  preferred_s,
}: AdvertisedPrefix): number[] {
  const flags = (onLink ? ON_LINK : 0) | (autonomous ? AUTONOMOUS : 0);
  const valid = valid_s ?? DEFAULT_VALID_S;
  return [
    ...[OPTION.prefix, 4, prefix.length, flags],
    ...big(valid),
    ...big(Math.min(valid, preferred_s ?? DEFAULT_PREFERRED_S)),
    ...[0, 0, 0, 0],
    ...bytesOf(prefix.address.value & prefixMask(6, prefix.length), 16),
  ];
}

/** RFC 8106 §5.1. */
function dnsOption(servers: readonly IpAddress[]): number[] {
  const lifetime = big(1200);
  return [
    ...[OPTION.dnsServers, 1 + 2 * servers.length, 0, 0],
    ...lifetime,
    ...servers.flatMap(({ value }) => bytesOf(value, 16)),
  ];
}

/** A prefix of an advertisement. */
export interface ReadPrefix {
  readonly value: bigint;
  readonly length: number;
  readonly autonomous: boolean;
  readonly valid_s: number;
}

/** The prefixes of an advertisement; what is malformed ends the list (RFC 4861 §6.1.2). */
export function readPrefixes(bytes: Uint8Array): readonly ReadPrefix[] {
  const prefixes: ReadPrefix[] = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const size = 8 * (bytes[at + 1] ?? 0);
    if (size === 0 || at + size > bytes.length) break;
    if (bytes[at] === OPTION.prefix && size === 32) {
      const value = bytes
        .subarray(at + 16, at + 32)
        .reduce((sum, one) => (sum << 8n) | BigInt(one), 0n);
      const autonomous = ((bytes[at + 3] ?? 0) & AUTONOMOUS) !== 0;
      const valid_s = get32(bytes, at + 4);
      prefixes.push({ value, length: bytes[at + 2] ?? 0, autonomous, valid_s });
    }
    at += size;
  }
  return prefixes;
}

/**
 * The address a host forms with its modified EUI-64 identifier (RFC 4291 §2.5.1); null where it
 * forms none: without the autonomous flag, or with another length than 64 (RFC 4862 §5.5.3).
 */
export function autonomousAddress(prefix: ReadPrefix, mac: bigint): IpAddress | null {
  if (!prefix.autonomous || prefix.length !== 64 || prefix.valid_s === 0) return null;
  const upper = (mac >> 24n) ^ 0x02_0000n;
  const identifier = (upper << 40n) | (0xfffen << 24n) | (mac & 0xff_ffffn);
  return { version: 6, value: prefix.value | identifier };
}

function big(value: number): number[] {
  return bytesOf(BigInt(value), 4);
}

function bytesOf(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Number((value >> BigInt(8 * (count - 1 - i))) & 255n),
  );
}
