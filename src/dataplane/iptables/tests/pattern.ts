/** `-m string`: a run of bytes somewhere in the packet (net/netfilter/xt_string.c). */
import { type Truth } from '../../../traffic/guard.ts';
import { type PacketBytes } from './types.ts';

/** The bytes of `--string`. */
export function plainPattern(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `--hex-string`: text with hexadecimal bytes between bars, `|0d 0a|`; null where it is wrong. */
export function hexPattern(text: string): Uint8Array | null {
  const parts = text.split('|');
  if (parts.length % 2 === 0) return null;
  const bytes: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (i % 2 === 0) bytes.push(...plainPattern(part.replaceAll(/\\(.)/g, '$1')));
    else {
      const digits = part.replaceAll(/\s/g, '');
      if (!/^([0-9a-f]{2})*$/i.test(digits)) return null;
      for (const pair of digits.match(/../g) ?? []) bytes.push(Number.parseInt(pair, 16));
    }
  }
  return Uint8Array.from(bytes);
}

export interface Search {
  readonly pattern: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly anyCase: boolean;
}

const lower = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);

/** Whether the pattern lies between `from` and `to`, counted from the IP header on. */
export function search({ pattern, from, to, anyCase }: Search, packet: PacketBytes): Truth {
  const { bytes, end, known } = packet;
  const last = Math.min(end, to) - pattern.length;
  let open = false;
  for (let at = from; at <= last; at++) {
    let i = 0;
    while (i < pattern.length && at + i < known) {
      const [a = 0, b = 0] = [bytes[at + i], pattern[i]];
      if (a !== b && !(anyCase && lower(a) === lower(b))) break;
      i++;
    }
    if (i === pattern.length) return 1;
    if (at + i >= known) open = true;
  }
  return open ? -1 : 0;
}
