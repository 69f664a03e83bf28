/**
 * A snapshot that can be shown to others: every name, address and id has a pseudonym, the same in
 * all files, in paths and inside of device and chain names. Prefixes hold what they held, so that
 * packets fare as before. Before: files by path; after: the same with other words.
 *
 * Simplification: names of physical networks, bridges and NICs stay, and so do settings.
 */
import { parseIpv4, parseIpv6, parseMac } from '../../packet/addresses.ts';
import { redacted } from '../collect/redact.ts';
import { Addresses, type Subnets } from './addresses.ts';
import { isOrdinary, Names, wordsRenamed } from './names.ts';
import { renamedText } from './text.ts';
import { DigitTree, type Keyed, type KnownPrefix } from './trees.ts';

export interface Anonymized {
  readonly files: ReadonlyMap<string, string>;
  /** Files that are no text and were left out. */
  readonly left: readonly string[];
  /** What a word of the old snapshot is called in the new one. */
  renamed(word: string): string;
}

/**
 * @param files texts by their paths
 * @param keyed a hash with a secret: with the same secret the pseudonyms are the same
 */
export function anonymized(files: ReadonlyMap<string, string>, keyed: Keyed): Anonymized {
  const texts = [...files].filter(([, text]) => !text.includes('\0'));
  const left = [...files.keys()].filter((path) => files.get(path)?.includes('\0') === true);
  const addresses = new Addresses(keyed, subnetsIn(texts), macsIn(texts));
  const ids = new DigitTree(keyed);
  const names = new Names(keyed);
  const words = new Map<string, string>();
  for (const [path, text] of texts) {
    const host = /(?:^|\/)hosts\/([^/]+)\//.exec(path)?.[1] ?? '';
    if (!isOrdinary(host)) words.set(host, names.of(host));
    if (!path.endsWith('netns-list.txt')) continue;
    for (const [, name = ''] of text.matchAll(/^vm-(\S+)/gm))
      words.set(`vm-${name}`, `vm-${names.of(name)}`);
  }
  const exchange = wordsRenamed(words);
  const text = (of: string): string => renamedText(exchange(of), addresses, ids);
  const out = new Map<string, string>();
  for (const [path, of] of texts) {
    const named = /(?:^|\/)api\/[^/]+\.json$/.test(path) ? names.json(of) : null;
    out.set(text(path), text(redacted(named ?? of)));
  }
  return {
    files: out,
    left,
    renamed: (word) => {
      const other = text(word);
      return other === word ? names.of(word) : other;
    },
  };
}

const CIDR4 = /(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:\/|",\s*"prefixlen":\s*)(\d{1,2})(?!\d)/g;
const CIDR6 = /(?<![\w:.])([0-9a-fA-F:]*:[0-9a-fA-F:]*)(?:\/|",\s*"prefixlen":\s*)(\d{1,3})(?!\d)/g;

/** Every prefix that a text speaks of: its first and last address mean something. */
function subnetsIn(texts: readonly (readonly [string, string])[]): Subnets {
  const collect = (form: RegExp, width: number, read: (text: string) => bigint | null) => {
    const found = new Map<string, KnownPrefix>();
    for (const [, text] of texts) {
      for (const [, address = '', word = ''] of text.matchAll(form)) {
        const [value, length] = [read(address), Number(word)];
        if (value === null || length < 1 || length >= width) continue;
        const rest = BigInt(width - length);
        const network = (value >> rest) << rest;
        found.set(`${network}/${length}`, { value: network, length });
      }
    }
    return [...found.values()];
  };
  return { v4: collect(CIDR4, 32, parseIpv4), v6: collect(CIDR6, 128, parseIpv6) };
}

const MAC = /(?<![\w:.])(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}(?![\w:])/g;

function macsIn(texts: readonly (readonly [string, string])[]): ReadonlySet<bigint> {
  const found = new Set<bigint>();
  for (const [, text] of texts) {
    for (const [word] of text.matchAll(MAC)) {
      const mac = parseMac(word);
      if (mac !== null && ((mac >> 40n) & 1n) === 0n) found.add(mac);
    }
  }
  return found;
}
