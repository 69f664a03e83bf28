/** Renamings of addresses: prefixes stay prefixes, and every form of one address is renamed alike. */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6, parseMac } from '../../packet/addresses.ts';
import { BitTree, type KeptPrefix, type Keyed, type KnownPrefix } from './trees.ts';

const LOW = 0xff_ffffn;

const V4: readonly (readonly [string, number, boolean])[] = [
  ['0.0.0.0', 8, true],
  ['127.0.0.0', 8, true],
  ['169.254.0.0', 16, true],
  // Multicast, broadcast, and masks.
  ['224.0.0.0', 3, true],
  // Private ones stay private (RFC 1918).
  ['10.0.0.0', 8, false],
  ['172.16.0.0', 12, false],
  ['192.168.0.0', 16, false],
];
const V6: readonly (readonly [string, number, boolean])[] = [
  ['::', 8, true],
  ['fe80::', 10, true],
  ['ff00::', 8, true],
  ['fc00::', 7, false],
];

export interface Subnets {
  readonly v4: readonly KnownPrefix[];
  readonly v6: readonly KnownPrefix[];
}

/** One renaming of all addresses of a snapshot. */
export class Addresses {
  readonly #v4: BitTree;
  readonly #v6: BitTree;
  readonly #cards: BitTree;
  /** Last halves of the MACs that were seen, by which solicited-node groups are told. */
  readonly #seen: ReadonlySet<bigint>;

  constructor(keyed: Keyed, subnets: Subnets, macs: Iterable<bigint>) {
    const kept4 = V4.map(([text, length, whole]): KeptPrefix => {
      return { value: parseIpv4(text) ?? 0n, length, whole };
    });
    const kept6 = V6.map(([text, length, whole]): KeptPrefix => {
      return { value: (parseIpv6(text) ?? 0n) >> 64n, length, whole };
    });
    this.#v4 = new BitTree('v4', 32, keyed, kept4, subnets.v4);
    const routed = subnets.v6
      .filter(({ length }) => length <= 64)
      .map(({ value, length }) => ({ value: value >> 64n, length }));
    this.#v6 = new BitTree('v6', 64, keyed, kept6, routed);
    // Zero is the end of the base addresses that routers share.
    this.#cards = new BitTree('mac', 24, keyed, [{ value: 0n, length: 24, whole: false }]);
    this.#seen = new Set([...macs].map((mac) => mac & LOW));
  }

  v4(value: bigint): bigint {
    return this.#v4.renamed(value);
  }

  /** The first half is renamed as a prefix; of the second what was made of a MAC. */
  v6(value: bigint): bigint {
    const low = value & 0xffff_ffff_ffff_ffffn;
    const made = ((low >> 24n) & 0xffffn) === 0xfffen;
    // Solicited-node multicast ends as the address does (RFC 4291 §2.7.1).
    const asked = value >> 24n === 0xff02_0000_0000_0000_0000_0001_ffn && this.#seen.has(low & LOW);
    const end = made || asked ? (low & ~LOW) | this.#cards.renamed(low & LOW) : low;
    return (this.#v6.renamed(value >> 64n) << 64n) | end;
  }

  /** The maker's half stays; groups stay, but for those of neighbour discovery. */
  mac(value: bigint): bigint {
    const group = (value >> 40n) & 1n;
    const asked = value >> 24n === 0x3333ffn && this.#seen.has(value & LOW);
    if (group === 1n && !asked) return value;
    return (value & ~LOW) | this.#cards.renamed(value & LOW);
  }

  /** `10.0.0.0/24`, also with a mask; behind the prefix zeros stay zeros. */
  v4Text(address: string, tail: string): string {
    const value = parseIpv4(address);
    if (value === null) return address + tail;
    return formatIpv4(masked(value, this.v4(value), lengthOf(tail), 32)) + tail;
  }

  v6Text(address: string, tail: string): string {
    const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
    if (embedded !== null) return `${embedded[1]}${this.v4Text(embedded[2] ?? '', '')}${tail}`;
    const value = parseIpv6(address);
    if (value === null) return address + tail;
    return formatIpv6(masked(value, this.v6(value), lengthOf(tail), 128)) + tail;
  }

  macText(text: string): string {
    const value = parseMac(text);
    if (value === null) return text;
    const to = this.mac(value).toString(16).padStart(12, '0');
    const parts = to.match(/../g) ?? [];
    // ebtables leaves out leading zeros.
    const short = text.length < 17;
    return parts.map((part) => (short ? part.replace(/^0/, '') : part)).join(':');
  }
}

function lengthOf(tail: string): number | null {
  const word = tail.slice(1);
  if (word === '') return null;
  if (!word.includes('.')) return Number(word);
  const bits = (parseIpv4(word) ?? 0n).toString(2).padStart(32, '0');
  return /^1*0*$/.test(bits) ? bits.indexOf('0') : null;
}

function masked(from: bigint, to: bigint, length: number | null, width: number): bigint {
  if (length === null || length < 0 || length >= width) return to;
  const host = (1n << BigInt(width - length)) - 1n;
  return (from & host) === 0n ? to & ~host : to;
}
