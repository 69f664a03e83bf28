/**
 * From the text of an option's value to the bytes on the wire, as dnsmasq's option.c
 * parse_dhcp_opt() decides: by the option's form where it has a name, else by the looks of the
 * text.
 */
import { readIpv4, readIpv6 } from '../../../../text/address-text.ts';
import { type OptionForm } from './option-names.ts';
import { readLeaseTime } from './words.ts';

/** Bytes, and where addresses of them stand for the server's own. */
export interface OptionData {
  readonly data: Uint8Array;
  readonly own: readonly number[];
}

const encoder = new TextEncoder();

/** The bytes of a value; null when the text does not fit the form. */
export function encodeOption(
  values: readonly string[],
  form: OptionForm | undefined,
  version: 4 | 6,
): OptionData | null {
  if (values.length === 0) return { data: new Uint8Array(0), own: [] };
  const looks = form ?? looksOf(values, version);
  const plain = (bytes: number[] | null): OptionData | null =>
    bytes === null ? null : { data: Uint8Array.from(bytes), own: [] };
  switch (looks) {
    case 'addresses':
      return version === 4 ? addresses4(values) : plain(addresses6(values));
    case 'labels':
      return plain(version === 4 ? compressedNames(values) : values.flatMap(labels));
    case 'time': {
      const time = readLeaseTime(values[0] ?? '');
      return time === undefined ? null : plain(big(time ?? 0xffff_ffff, 4));
    }
    case 'name':
    case 'text':
      return plain(bytesOfText(values.join(',')));
    default:
      return plain(number(values[0] ?? '', looks));
  }
}

/** What a value without a name looks like. */
function looksOf(values: readonly string[], version: 4 | 6): OptionForm {
  const all = (test: (value: string) => boolean): boolean => values.every(test);
  if (version === 4 && all((value) => /^\d+\.\d+\.\d+\.\d+(\/\d+)?$/.test(value))) {
    return 'addresses';
  }
  if (version === 6 && all((value) => /^\[.*\]$/.test(value))) return 'addresses';
  const [only = ''] = values;
  if (values.length === 1 && /^\d+[bsi]?$/.test(only)) return numberSize(only);
  return 'text';
}

/** `b`, `s` and `i` force one, two and four bytes; else the smallest that fits. */
function numberSize(word: string): 1 | 2 | 4 {
  const value = Number(word.replace(/[bsi]$/, ''));
  if (word.endsWith('b')) return 1;
  if (word.endsWith('s')) return 2;
  if (word.endsWith('i')) return 4;
  return value < 0x100 ? 1 : value < 0x1_0000 ? 2 : 4;
}

function number(word: string, size: 1 | 2 | 4): number[] | null {
  const value = Number(word.replace(/[bsi]$/, ''));
  return /^\d+[bsi]?$/.test(word) && value < 256 ** size ? big(value, size) : null;
}

function big(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}

/** Addresses; with a prefix length the form of RFC 3442: length, significant bytes. */
function addresses4(values: readonly string[]): OptionData | null {
  const bytes: number[] = [];
  const own: number[] = [];
  for (const value of values) {
    const [text = '', length] = value.split('/');
    const address = readIpv4(text);
    if (address === undefined) return null;
    const octets = big(Number(address), 4);
    if (length === undefined) {
      if (address === 0n) own.push(bytes.length);
      bytes.push(...octets);
    } else {
      const bits = Number(length);
      if (!/^\d+$/.test(length) || bits > 32) return null;
      bytes.push(bits, ...octets.slice(0, Math.ceil(bits / 8)));
    }
  }
  // Beside a prefix 0.0.0.0 stays as it is: the descriptors cannot be rewritten (dnsmasq option.c).
  const described = values.some((value) => value.includes('/'));
  return { data: Uint8Array.from(bytes), own: described ? [] : own };
}

function addresses6(values: readonly string[]): number[] | null {
  const bytes: number[] = [];
  for (const value of values) {
    const address = readIpv6(/^\[(.*)\]$/.exec(value)?.[1] ?? value);
    if (address === undefined) return null;
    for (let shift = 120n; shift >= 0n; shift -= 8n) bytes.push(Number((address >> shift) & 255n));
  }
  return bytes;
}

/** Names one behind the other, ends that stood before as pointers (RFC 3397 §2, RFC 1035 §4.1.4). */
function compressedNames(names: readonly string[]): number[] {
  const bytes: number[] = [];
  const known = new Map<string, number>();
  for (const name of names) {
    const parts = name.split('.').filter((part) => part !== '');
    let pointed = false;
    for (let at = 0; at < parts.length && !pointed; at++) {
      const end = parts.slice(at).join('.').toLowerCase();
      const place = known.get(end);
      if (place !== undefined) {
        bytes.push(0xc0 | (place >> 8), place & 255);
        pointed = true;
        continue;
      }
      known.set(end, bytes.length);
      const label = encoder.encode(parts[at] ?? '').slice(0, 63);
      bytes.push(label.length, ...label);
    }
    if (!pointed) bytes.push(0);
  }
  return bytes;
}

/** A domain name as labels (RFC 1035 §3.1). */
function labels(name: string): number[] {
  const parts = name.split('.').filter((part) => part !== '');
  return [...parts.flatMap((part) => [Math.min(63, part.length), ...encoder.encode(part)]), 0];
}

/** Quotes around a text do not belong to it. */
function bytesOfText(text: string): number[] {
  const inside = /^"(.*)"$/.exec(text)?.[1] ?? text;
  return [...encoder.encode(inside)];
}
