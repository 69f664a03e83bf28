/**
 * What every part of a `cloud.yaml` is read with: names that refer to other things, ids and MACs
 * made of names, and words from a fixed list. Every slip is a problem at its place.
 */
import { readIp, readMac, readPrefix } from '../../text/address-text.ts';
import {
  isRecord,
  items,
  type JsonNode,
  member,
  numberOf,
  readAs,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';
import { nearest } from '../../text/suggest.ts';
import { type CloudAddress, type CloudPrefix } from '../neutron.ts';

/** Things that others refer to by name, with the place of their definition. */
export class Names<T> {
  private readonly byName = new Map<string, T>();
  private readonly kind: string;
  /** All of them, until another one is added. */
  private listed: readonly T[] | null = null;

  constructor(kind: string) {
    this.kind = kind;
  }

  /** Adds a thing; a second one of the same name is a problem. */
  add(name: string, thing: T, at: JsonNode): void {
    if (this.byName.has(name)) {
      wrong(at, `There is another ${this.kind} called ${JSON.stringify(name)}`);
      return;
    }
    this.byName.set(name, thing);
    this.listed = null;
  }

  /** What a name stands for; a name that stands for nothing is a problem. */
  find(node: JsonNode | undefined): T | undefined {
    const name = textOf(node);
    if (name === undefined || node === undefined) return undefined;
    const found = this.byName.get(name);
    if (found !== undefined) return found;
    const near = nearest(name, this.byName.keys());
    wrong(node, `There is no ${this.kind} called ${JSON.stringify(name)}`, near);
    return undefined;
  }

  get(name: string): T | undefined {
    return this.byName.get(name);
  }

  get count(): number {
    return this.byName.size;
  }

  get all(): readonly T[] {
    this.listed ??= [...this.byName.values()];
    return this.listed;
  }
}

export function text(node: JsonNode, key: string, usual = ''): string {
  return textOf(member(node, key)) ?? usual;
}

/** A name that must be there, for others to refer to. */
export function nameOf(node: JsonNode): string {
  const found = textOf(member(node, 'name'));
  if (found === undefined || found === '') {
    wrong(node, 'This needs a name');
    return '';
  }
  return found;
}

export function truth(node: JsonNode, key: string, usual: boolean): boolean {
  return truthOf(member(node, key)) ?? usual;
}

/** A whole number within bounds; null when absent. */
export function whole(node: JsonNode, key: string, from: number, to: number): number | null {
  const at = member(node, key);
  const value = numberOf(at);
  if (at === undefined || value === undefined) return null;
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  wrong(at, `Expected a whole number from ${from} to ${to}`);
  return null;
}

/** One of some words. */
export function oneOf<const W extends string>(
  node: JsonNode,
  key: string,
  words: readonly W[],
  usual: W,
): W {
  const at = member(node, key);
  const value = textOf(at);
  if (at === undefined || value === undefined) return usual;
  const found = words.find((word) => word === value);
  if (found === undefined) wrong(at, `Expected one of ${words.join(', ')}`, nearest(value, words));
  return found ?? usual;
}

/** Objects of a list that a person wrote: an empty one is there as well, and lacks what it needs. */
export function objects(node: JsonNode | undefined): readonly JsonNode[] {
  return items(node).filter((item) => {
    if (!isRecord(item.value)) wrong(item, 'Expected an object');
    return isRecord(item.value);
  });
}

/** Members that a row cannot do without. */
export function needs(node: JsonNode, ...keys: readonly string[]): void {
  for (const key of keys) {
    if (member(node, key) === undefined) wrong(node, `This needs ${key}`);
  }
}

export function address(node: JsonNode | undefined): CloudAddress | null {
  return readAs(node, readIp, 'an IP address') ?? null;
}

export function prefix(node: JsonNode | undefined): CloudPrefix | null {
  const found = readAs(node, readPrefix, 'a prefix such as 10.0.0.0/24');
  if (found === undefined || node === undefined) return null;
  const width = found.address.version === 4 ? 32 : 128;
  const low = (1n << BigInt(width - found.length)) - 1n;
  if ((found.address.value & low) !== 0n) wrong(node, 'This prefix has bits behind its length');
  return { ...found, address: { ...found.address, value: found.address.value & ~low } };
}

export function mac(node: JsonNode, key: string): bigint | null {
  return readAs(member(node, key), readMac, 'a MAC address') ?? null;
}

export function texts(node: JsonNode, key: string): string[] {
  return items(member(node, key)).flatMap((each) => textOf(each) ?? []);
}

export function addresses(node: JsonNode, key: string): CloudAddress[] {
  return items(member(node, key)).flatMap((each) => address(each) ?? []);
}

/** 128 bits of a text: four rounds of FNV-1a with other starts; the same text, the same id. */
function hash(of: string): string {
  let hex = '';
  for (let round = 0; round < 4; round++) {
    let state = (0x811c_9dc5 ^ (round * 0x9e37_79b9)) >>> 0;
    for (let i = 0; i < of.length; i++) {
      state = Math.imul(state ^ of.charCodeAt(i), 0x0100_0193) >>> 0;
    }
    // A last mixing, so that short names differ in all digits.
    state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) >>> 0;
    state = (state ^ (state >>> 12)) >>> 0;
    hex += state.toString(16).padStart(8, '0');
  }
  return hex;
}

/** An id in the form of a UUID, made of what it is for: `idOf('network', 'blue')`. */
export function idOf(...parts: readonly string[]): string {
  const hex = hash(parts.join('\u0000'));
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}

/** A MAC of Neutron's range (`base_mac` fa:16:3e) made of what it is for. */
export function macOf(...parts: readonly string[]): bigint {
  return 0xfa_16_3e_00_00_00n | BigInt(`0x${hash(`mac ${parts.join('\u0000')}`).slice(0, 6)}`);
}

/** MACs of a cloud's ports: each is given once, what somebody names to nobody else. */
export class Macs {
  private readonly taken = new Set<bigint>();

  /** Somebody names this MAC. */
  reserve(mac: bigint): void {
    this.taken.add(mac);
  }

  /** One that follows from the port's name; 24 bits are few, so that names may have to try again. */
  give(name: string): bigint {
    let mac = macOf('port', name);
    for (let again = 1; this.taken.has(mac); again++) mac = macOf('port', name, String(again));
    this.taken.add(mac);
    return mac;
  }
}
