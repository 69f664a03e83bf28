/** Addresses of `virtual_ipaddress`, in the words of `ip address add` (ip-address(8)). */
import { readPrefix, writeIp } from '../../../text/address-text.ts';
import { type Attribute, type VirtualAddress } from '../types.ts';
import { type Complaints, complain, type Line, quoted } from './lexer.ts';

/** Words with a value behind them, and words that stand alone. */
const WITH_VALUE = new Set(['brd', 'broadcast', 'label', 'peer', 'preferred_lft', 'track_group']);
const ALONE = new Set([
  'home',
  '-nodad',
  'nodad',
  'mngtmpaddr',
  'noprefixroute',
  'autojoin',
  'use_vmac',
]);
const KNOWN = ['dev', 'scope', 'no_track', ...WITH_VALUE, ...ALONE];

/** One address per line. */
export const VIRTUAL_ADDRESS = {
  read(line: Line, complaints: Complaints): VirtualAddress | undefined {
    const [first, ...rest] = line.words;
    if (first === undefined) return undefined;
    const prefix = readPrefix(first.text);
    if (prefix === undefined) {
      complain(complaints, first, 'expected an address with its prefix length');
      return undefined;
    }
    const attributes: Attribute[] = [];
    let device: string | null = null;
    let scope: string | null = null;
    let noTrack = false;
    for (let at = 0; at < rest.length; at++) {
      const word = rest[at];
      if (word === undefined) break;
      const name = word.text;
      if (name === 'no_track') noTrack = true;
      else if (ALONE.has(name)) attributes.push({ name, value: null });
      else if (name === 'dev' || name === 'scope' || WITH_VALUE.has(name)) {
        const value = rest[++at];
        if (value === undefined) complain(complaints, word, 'a value is missing');
        else if (name === 'dev') device = value.text;
        else if (name === 'scope') scope = value.text;
        else attributes.push({ name, value: value.text });
      } else complain(complaints, word, 'unknown word of an address', KNOWN);
    }
    const { address, length } = prefix;
    const origin = { file: complaints.file, line: first.line };
    return { address, length, device, scope, attributes, noTrack, origin };
  },

  write({
    address,
    length,
    device,
    scope,
    attributes,
    noTrack,
  }: VirtualAddress): readonly string[] {
    return [
      `${writeIp(address)}/${length}`,
      ...(device === null ? [] : ['dev', quoted(device)]),
      ...(scope === null ? [] : ['scope', quoted(scope)]),
      ...writeAttributes(attributes),
      ...(noTrack ? ['no_track'] : []),
    ];
  },
};

/** Names with their values, in order. */
export function writeAttributes(attributes: readonly Attribute[]): readonly string[] {
  return attributes.flatMap(({ name, value }) => (value === null ? [name] : [name, quoted(value)]));
}
