/**
 * The headers that Linux invents for captures on "any" interface, in place of Ethernet:
 * LINUX_SLL and LINUX_SLL2 (tcpdump.org link types 113 and 276). IP or ARP comes next.
 */
import { get16, get48, put16, put48, slice } from './bytes.ts';

export interface Cooked {
  readonly kind: 'cooked';
  readonly version: 1 | 2;
  /** EtherType of what follows. */
  readonly type: number;
  /** The sender's MAC address. */
  readonly src: number;
  /** The whole header as read. */
  readonly bytes: Uint8Array;
}

const LAYOUT = {
  1: { length: 16, type: 14, src: 6 },
  2: { length: 20, type: 0, src: 12 },
} as const;

export function cookedLength(version: Cooked['version']): number {
  return LAYOUT[version].length;
}

export function parseCooked(bytes: Uint8Array, at: number, version: Cooked['version']): Cooked {
  const { length, type, src } = LAYOUT[version];
  return {
    kind: 'cooked',
    version,
    type: get16(bytes, at + type),
    src: get48(bytes, at + src),
    bytes: slice(bytes, at, at + length),
  };
}

export function emitCooked(header: Cooked, out: Uint8Array, at: number): void {
  const { type, src } = LAYOUT[header.version];
  out.set(header.bytes, at);
  put16(out, at + type, header.type);
  put48(out, at + src, header.src);
}
