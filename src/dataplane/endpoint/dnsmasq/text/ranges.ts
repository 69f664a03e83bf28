/** `--dhcp-range`: `[tag:T,][set:T,]START[,END|MODE…][,NETMASK|LENGTH[,BROADCAST]][,TIME]`. */
import { writeIp } from '../../../../text/address-text.ts';
import { type IpAddress } from '../../../routing/types.ts';
import { type DhcpRange, type Tag } from '../types.ts';
import {
  complain,
  type Place,
  readAddress,
  readLeaseTime,
  readSet,
  readTag,
  splitCommas,
  writeLeaseTime,
  writeTag,
} from './words.ts';

/** Words that say what a range is for. */
const MODES = [
  'static',
  'proxy',
  'ra-only',
  'ra-names',
  'ra-stateless',
  'ra-advrouter',
  'slaac',
  'off-link',
] as const;

/** An hour for IPv4, a day for IPv6 (dnsmasq(8)). */
const DEFAULT_LEASE_S = { 4: 3600, 6: 86400 } as const;

/** Reads one range; undefined with a problem when it names no address. */
export function readRange(text: string, place: Place): DhcpRange | undefined {
  const tags: Tag[] = [];
  const modes: string[] = [];
  const addresses: IpAddress[] = [];
  let set: string | null = null;
  let prefixLength: number | null = null;
  let lease_s: number | null | undefined;
  for (const word of splitCommas(text)) {
    const tag = readTag(word);
    const named = readSet(word);
    const address = readAddress(word);
    if (tag !== undefined) tags.push(tag);
    else if (named !== undefined) set = named;
    else if (MODES.some((mode) => mode === word)) modes.push(word);
    else if (address !== undefined) addresses.push(address);
    else if (addresses[0]?.version === 6 && prefixLength === null && isLength(word)) {
      prefixLength = Number(word);
    } else if (readLeaseTime(word) !== undefined) lease_s = readLeaseTime(word);
    // Simplification: addresses taken from an interface (`constructor:`) are not formed.
    else if (word.startsWith('constructor:')) modes.push(word);
    else complain(place, word, 'unknown word of a range', MODES);
  }
  const [start] = addresses;
  if (start === undefined) {
    complain(place, text, 'the range has no address');
    return undefined;
  }
  const { end, netmask, broadcast } = furtherAddresses(addresses);
  return {
    version: start.version,
    tags,
    set,
    start,
    end,
    modes,
    prefixLength: netmask ?? prefixLength,
    broadcast,
    lease_s: lease_s === undefined ? DEFAULT_LEASE_S[start.version] : lease_s,
    origin: { file: place.file, line: place.line },
  };
}

function isLength(word: string): boolean {
  return /^\d{1,3}$/.test(word) && Number(word) <= 128;
}

/** Behind the start: an end, a netmask (its bits are contiguous from the left), a broadcast. */
function furtherAddresses(addresses: readonly IpAddress[]): {
  end: IpAddress | null;
  netmask: number | null;
  broadcast: IpAddress | null;
} {
  const rest = addresses.slice(1);
  const at = rest.findIndex((one) => one.version === 4 && maskLength(one.value) !== null);
  const netmask = rest[at];
  return {
    end: at === 0 ? null : (rest[0] ?? null),
    netmask: netmask === undefined ? null : maskLength(netmask.value),
    broadcast: at < 0 ? null : (rest[at + 1] ?? null),
  };
}

function maskLength(value: bigint): number | null {
  const host = 0xffff_ffffn ^ value;
  if (value < 0x8000_0000n || (host & (host + 1n)) !== 0n) return null;
  return 32 - (host === 0n ? 0 : host.toString(2).length);
}

/** The value of `--dhcp-range`. */
export function writeRange(range: DhcpRange): string {
  const { version, prefixLength, broadcast } = range;
  const mask = prefixLength === null ? [] : [maskText(version, prefixLength)];
  return [
    ...range.tags.map(writeTag),
    ...(range.set === null ? [] : [`set:${range.set}`]),
    writeIp(range.start),
    ...(range.end === null ? [] : [writeIp(range.end)]),
    ...range.modes,
    ...mask,
    ...(broadcast === null ? [] : [writeIp(broadcast)]),
    writeLeaseTime(range.lease_s),
  ].join(',');
}

function maskText(version: 4 | 6, length: number): string {
  if (version === 6) return String(length);
  const all = 0xffff_ffffn;
  return writeIp({ version: 4, value: all ^ (all >> BigInt(length)) });
}
