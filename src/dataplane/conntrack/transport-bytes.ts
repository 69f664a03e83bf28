/** Where the transport header of a packet stands in its bytes, behind IP and its extensions. */
import { get16, put16 } from '../../packet/wire/bytes.ts';
import { encode } from '../../packet/wire/encode.ts';
import { decode } from '../../packet/wire/frame.ts';
import { extensionLength, IPV6_LENGTH, isExtension } from '../../packet/wire/ipv6.ts';

export interface TransportBytes {
  readonly protocol: number;
  /** Index of the header's first byte. */
  readonly at: number;
  /** Behind the last byte that IP's length gives. */
  readonly end: number;
}

/** `bytes` begin with the IP header; null where no header can be read. */
export function transportOf(bytes: Uint8Array, version: 4 | 6): TransportBytes | null {
  if (version === 4) {
    if (bytes.length < 20 || (get16(bytes, 6) & 0x1fff) !== 0) return null;
    const end = Math.min(bytes.length, get16(bytes, 2));
    return { protocol: bytes[9] ?? 0, at: ((bytes[0] ?? 0) & 15) * 4, end };
  }
  if (bytes.length < IPV6_LENGTH) return null;
  let protocol = bytes[6] ?? 0;
  let at = IPV6_LENGTH;
  const end = Math.min(bytes.length, IPV6_LENGTH + get16(bytes, 4));
  while (isExtension(protocol)) {
    if (at + 8 > end) return null;
    if (protocol === FRAGMENT && (get16(bytes, at + 2) & 0xfff8) !== 0) return null;
    const length = protocol === FRAGMENT ? 8 : extensionLength(bytes, at, protocol);
    protocol = bytes[at] ?? 0;
    at += length;
  }
  return { protocol, at, end };
}

const FRAGMENT = 44;

/** The packet with the lengths and checksums that belong to its bytes. */
export function sealed(bytes: Uint8Array, version: 4 | 6): Uint8Array {
  const sized = bytes.slice();
  if (version === 4) put16(sized, 2, sized.length);
  else put16(sized, 4, sized.length - 40);
  return encode(decode(sized, { link: 'ip' }).value);
}
