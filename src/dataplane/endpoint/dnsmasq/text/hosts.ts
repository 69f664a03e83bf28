/** `--dhcp-host` and the lines of `--dhcp-hostsfile`: who gets which address. */
import { readMac, writeIp, writeMac } from '../../../../text/address-text.ts';
import { linesOf } from '../../../../text/lines.ts';
import { type Parsed } from '../../../../text/problem.ts';
import { type IpAddress } from '../../../routing/types.ts';
import { type DhcpHost, type Tag } from '../types.ts';
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

/** Reads `MAC|id:ID|set:T|tag:T|ADDRESS|[ADDRESS6]|NAME|TIME|ignore`, in any order. */
export function readHost(text: string, place: Place): DhcpHost {
  const macs: bigint[] = [];
  const tags: Tag[] = [];
  const sets: string[] = [];
  const addresses: IpAddress[] = [];
  let clientId: string | null = null;
  let name: string | null = null;
  let lease_s: number | null | undefined;
  let ignore = false;
  for (const word of splitCommas(text)) {
    const mac = readHardware(word);
    const tag = readTag(word);
    const set = readSet(word);
    const address = readAddress(word);
    const time = readLeaseTime(word);
    if (word === '') continue;
    if (mac !== undefined) macs.push(mac);
    else if (word === 'ignore') ignore = true;
    else if (word.startsWith('id:')) clientId = word.slice('id:'.length);
    else if (tag !== undefined) tags.push(tag);
    else if (set !== undefined) sets.push(set);
    else if (address !== undefined) addresses.push(address);
    else if (time !== undefined) lease_s = time;
    else if (/^[\w.-]+$/.test(word) && name === null) name = word;
    else complain(place, word, 'no MAC, address, name, tag or lease time');
  }
  if (macs.length === 0 && clientId === null && name === null && addresses.length === 0) {
    complain(place, text, 'the line names nobody');
  }
  const origin = { file: place.file, line: place.line };
  return { macs, clientId, tags, sets, addresses, name, lease_s, ignore, origin };
}

/** A MAC, also with the hardware type in front (`1-fa:16:…`); wildcards are not read. */
function readHardware(word: string): bigint | undefined {
  return readMac(word.replace(/^(0[16]|[16])-/, ''));
}

/** A line of the host file. */
export function writeHost(host: DhcpHost): string {
  return [
    ...host.macs.map(writeMac),
    ...(host.clientId === null ? [] : [`id:${host.clientId}`]),
    ...host.tags.map(writeTag),
    ...(host.name === null ? [] : [host.name]),
    ...host.addresses.map((one) => (one.version === 6 ? `[${writeIp(one)}]` : writeIp(one))),
    ...(host.lease_s === undefined ? [] : [writeLeaseTime(host.lease_s)]),
    ...host.sets.map((set) => `set:${set}`),
    ...(host.ignore ? ['ignore'] : []),
  ].join(',');
}

/** A file of `--dhcp-hostsfile`: one host per line, `#` starts a comment. */
export function parseHostsFile(text: string, file: string): Parsed<readonly DhcpHost[]> {
  const { lines, problems } = linesOf(file, text);
  const value = lines.flatMap((line, index) => {
    const words = line.replace(/(^|\s)#.*$/, '').trim();
    if (words === '') return [];
    return [readHost(words, { file, line: index + 1, column: 1, text: line, problems })];
  });
  return { value, problems };
}

export function printHostsFile(hosts: readonly DhcpHost[]): string {
  return hosts.map((host) => `${writeHost(host)}\n`).join('');
}
