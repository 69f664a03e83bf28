/**
 * The commands of an FTP control connection that announce a data connection (RFC 959 §4.1.2,
 * RFC 2428), as net/netfilter/nf_conntrack_ftp.c finds them at the beginning of a segment.
 */

export interface FtpAnnouncement {
  readonly kind: 'PORT' | 'EPRT' | 'PASV' | 'EPSV';
  /** Where the data connection goes to; null says "to whoever speaks here". */
  readonly address: bigint | null;
  readonly port: number;
  /** The run of bytes that says so, from the start of the data. */
  readonly at: number;
  readonly length: number;
}

/** `partial`: a command that goes on in the next segment, which the kernel drops. */
export type FtpFound = FtpAnnouncement | 'partial' | null;

interface Pattern {
  readonly kind: FtpAnnouncement['kind'];
  readonly word: string;
  /** The byte behind which the numbers begin; null: right behind the word. */
  readonly skip: string | null;
  readonly read: (text: string, version: 4 | 6) => Numbers | null;
}

interface Numbers {
  readonly address: bigint | null;
  readonly port: number;
  /** Bytes in front of the numbers, and the numbers themselves. */
  readonly offset: number;
  readonly length: number;
}

/** `1,2,3,4,5,6` up to `end`; an empty `end` is any other byte. */
function sixNumbers(text: string, end: string): Numbers | null {
  const found = /^(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)/.exec(text);
  if (found === null) return null;
  const [whole, ...parts] = found;
  const next = text[whole.length];
  if (next === undefined || (end !== '' && next !== end)) return null;
  const [a = 0, b = 0, c = 0, d = 0, high = 0, low = 0] = parts.map((part) => Number(part) & 255);
  const address = BigInt(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  return { address, port: high * 256 + low, offset: 0, length: whole.length };
}

/** The six numbers stand somewhere in the text of the answer (RFC 1123 §4.1.2.6). */
function looseNumbers(text: string): Numbers | null {
  const offset = text.search(/\d/);
  const found = offset < 0 ? null : sixNumbers(text.slice(offset), '');
  return found === null ? null : { ...found, offset };
}

/** `|1|192.0.2.1|6446|`, `|2|2001:db8::1|6446|`. */
function extended(text: string, version: 4 | 6): Numbers | null {
  const found = /^(.)([12])\1(.*?)\1(\d+)\1/.exec(text);
  if (found === null || Number(found[2]) !== (version === 4 ? 1 : 2)) return null;
  const [whole, , , where = '', port = ''] = found;
  const address = version === 4 ? readIpv4(where) : readIpv6(where);
  if (address === null || Number(port) > 65_535) return null;
  return { address, port: Number(port), offset: 0, length: whole.length };
}

/** `|||6446|`. */
function portAlone(text: string): Numbers | null {
  const found = /^(.)\1\1(\d+)\1/.exec(text);
  if (found === null || Number(found[2]) > 65_535) return null;
  return { address: null, port: Number(found[2]), offset: 0, length: found[0].length };
}

function readIpv4(text: string): bigint | null {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function readIpv6(text: string): bigint | null {
  const [head = '', tail, more] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), tail === undefined ? [] : words(tail)];
  const gap = 8 - first.length - last.length;
  if (more !== undefined || gap < 0 || (tail === undefined && gap !== 0)) return null;
  const all = [...first, ...new Array<number>(gap).fill(0), ...last];
  if (all.some((word) => !(word >= 0 && word <= 0xffff))) return null;
  return all.reduce((sum, word) => sum * 65_536n + BigInt(word), 0n);
}

/** What each side may announce; the client asks, the server answers. */
const PATTERNS: readonly [readonly Pattern[], readonly Pattern[]] = [
  [
    { kind: 'PORT', word: 'PORT', skip: ' ', read: (text) => sixNumbers(text, '\r') },
    { kind: 'EPRT', word: 'EPRT', skip: ' ', read: extended },
  ],
  [
    { kind: 'PASV', word: '227 ', skip: null, read: looseNumbers },
    { kind: 'EPSV', word: '229 ', skip: '(', read: portAlone },
  ],
];

/** Looks for an announcement at the beginning of a segment's data. */
export function findAnnouncement(data: Uint8Array, reply: boolean, version: 4 | 6): FtpFound {
  const text = String.fromCharCode(...data.subarray(0, LONGEST));
  for (const pattern of PATTERNS[reply ? 1 : 0]) {
    const found = findPattern(text, pattern, version);
    if (found !== null) return found;
  }
  return null;
}

/** No announcement is longer. */
const LONGEST = 512;

function findPattern(text: string, { kind, word, skip, read }: Pattern, version: 4 | 6): FtpFound {
  if (text === '') return null;
  const begins = text.slice(0, word.length).toUpperCase() === word.slice(0, text.length);
  if (!begins) return null;
  if (text.length <= word.length) return 'partial';
  const from = skip === null ? word.length : text.indexOf(skip, word.length) + 1;
  if (skip !== null && (from === 0 || from === text.length)) return 'partial';
  const numbers = read(text.slice(from), version);
  if (numbers === null) return 'partial';
  const { address, port, offset, length } = numbers;
  return { kind, address, port, at: from + offset, length };
}

/** The announcement's numbers with another address and port (nf_nat_ftp_fmt_cmd()). */
export function writeAnnouncement(
  kind: FtpAnnouncement['kind'],
  address: bigint,
  port: number,
  version: 4 | 6,
): string {
  const byte = (shift: number): string => String((address >> BigInt(shift)) & 0xffn);
  const dotted = [24, 16, 8, 0].map(byte);
  switch (kind) {
    case 'PORT':
    case 'PASV':
      return [...dotted, String(port >> 8), String(port & 255)].join(',');
    case 'EPRT':
      return version === 4
        ? `|1|${dotted.join('.')}|${port}|`
        : `|2|${writeIpv6(address)}|${port}|`;
    case 'EPSV':
      return `|||${port}|`;
  }
}

/** RFC 5952: the first of the longest runs of zero words is cut out. */
function writeIpv6(address: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) =>
    ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const text = words.join(':');
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const longest = [...runs].sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) return text;
  const at = text.indexOf(longest);
  const head = text.slice(0, at).replace(/:$/, '');
  return `${head}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}
