/**
 * Spellings that mean the same, brought to the one that `iptables-save` prints: what the
 * parse functions of extensions/libxt_*.c do with defaults, old forms and names.
 */
import { type Interval, type Masked } from './codec.ts';
import { hashLimit } from './hashlimit.ts';
import { type Given } from './options.ts';
import { timeMatch } from './time-match.ts';

type Options = Record<string, Given<unknown>>;
type Canonical = (options: Options, version: 4 | 6) => void;

const FULL = 0xffff_ffff;
const yes: Given<unknown> = { value: true, not: false };
const plain = (value: unknown): Given<unknown> => ({ value, not: false });

/** The four old ways to write a mark are one (libxt_MARK.c mark_tg_parse()). */
function marks(options: Options): void {
  const { setMark, orMark, andMark, xorMark } = options;
  let xmark: Masked | undefined;
  if (setMark !== undefined) {
    const { value, mask } = setMark.value as Masked;
    xmark = { value, mask: (value | mask) >>> 0 };
  }
  if (orMark !== undefined) xmark = { value: orMark.value as number, mask: orMark.value as number };
  if (andMark !== undefined) xmark = { value: 0, mask: ~(andMark.value as number) >>> 0 };
  if (xorMark !== undefined) xmark = { value: xorMark.value as number, mask: 0 };
  for (const key of ['setMark', 'orMark', 'andMark', 'xorMark']) delete options[key];
  if (xmark !== undefined) options['setXmark'] = plain(xmark);
}

/** `GET|0d 0A|`: text, and between bars bytes in hexadecimal. Null when it is none of that. */
function hexStringBytes(given: string): readonly number[] | null {
  const bytes: number[] = [];
  for (const [i, part] of given.split('|').entries()) {
    if (i % 2 === 0) bytes.push(...new TextEncoder().encode(part.replace(/\\(.)/g, '$1')));
    else {
      const digits = part.replaceAll(' ', '');
      if (!/^([0-9a-fA-F]{2})*$/.test(digits)) return null;
      for (const pair of digits.match(/../g) ?? []) bytes.push(Number.parseInt(pair, 16));
    }
  }
  return bytes.length === 0 ? null : bytes;
}

const REJECT_SHORT: Readonly<Record<string, string>> = {
  'net-unreach': 'icmp-net-unreachable',
  'host-unreach': 'icmp-host-unreachable',
  'proto-unreach': 'icmp-proto-unreachable',
  'port-unreach': 'icmp-port-unreachable',
  'net-prohib': 'icmp-net-prohibited',
  'host-prohib': 'icmp-host-prohibited',
  'admin-prohib': 'icmp-admin-prohibited',
  'tcp-rst': 'tcp-reset',
};
const REJECT6_SHORT: Readonly<Record<string, string>> = {
  'no-route': 'icmp6-no-route',
  'adm-prohibited': 'icmp6-adm-prohibited',
  'addr-unreach': 'icmp6-addr-unreachable',
  'port-unreach': 'icmp6-port-unreachable',
  'policy-fail': 'icmp6-policy-fail',
  'reject-route': 'icmp6-reject-route',
};
const LOG_LEVELS = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
const LOG_OTHER: Readonly<Record<string, string>> = { panic: '0', error: '3', warn: '4' };

/** Any number at all is no condition, and is not printed. */
function whole(...keys: readonly string[]): Canonical {
  return (options) => {
    for (const key of keys) {
      const range = options[key]?.value as Interval | undefined;
      if (range?.from === 0 && range.to === FULL && options[key]?.not === false) {
        delete options[key];
      }
    }
  };
}

/** Any port at all is no condition either; negated it stays, as nothing meets it. */
function wholePorts(options: Options): void {
  for (const key of ['sport', 'dport']) {
    const given = options[key];
    const ports = given?.value as Interval | undefined;
    if (ports?.from === 0 && ports.to === 0xffff && given?.not === false) delete options[key];
  }
}

/** What each match does with its options before they are stored. */
export const CANONICAL_MATCH: Readonly<Record<string, Canonical>> = {
  recent(options, version) {
    if (options['rdest'] === undefined) options['rsource'] = yes;
    const value = version === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
    options['mask'] ??= plain({ version, value });
  },
  connlimit(options, version) {
    const longest = version === 4 ? 32 : 128;
    options['mask'] = plain(Math.min(Number(options['mask']?.value ?? longest), longest));
    if (options['destination'] === undefined) options['source'] = yes;
  },
  hashlimit: hashLimit,
  time: timeMatch,
  tcp: wholePorts,
  udp: wholePorts,
  conntrack(options) {
    // NONE is the absence of bits, so it says nothing beside others.
    const status = options['status'];
    if (!Array.isArray(status?.value) || status.value.length < 2) return;
    options['status'] = { ...status, value: status.value.filter((each) => each !== 'NONE') };
  },
  set(options) {
    // Counting is what happens anyway.
    for (const key of ['updateCounters', 'updateSubcounters']) {
      if (options[key]?.not === false) delete options[key];
    }
  },
  esp: whole('spi'),
  ah: whole('spi'),
  frag: whole('id'),
  rt: whole('segmentsLeft'),
  ipcomp(options) {
    // Unlike elsewhere, no index is index 0, so all of them must be written.
    options['spi'] ??= plain({ from: 0, to: 0 });
  },
  rateest(options) {
    // With two estimators the first is printed as `--rateest1`.
    const [wrong, right] = options['rateest2'] === undefined ? ['1', ''] : ['', '1'];
    const given = options[`rateest${wrong}`];
    if (given !== undefined) {
      delete options[`rateest${wrong}`];
      options[`rateest${right}`] ??= given;
    }
    // Two estimators are compared with each other, unless a rate is taken off both.
    const rates = options['delta'] !== undefined || options['rateest2'] === undefined;
    for (const key of ['bps', 'pps', 'bps1', 'pps1', 'bps2', 'pps2']) {
      const rate = options[key];
      if (rate !== undefined) options[key] = plain(rates ? (rate.value ?? 0) : null);
    }
  },
  cluster(options) {
    const node = options['localNode'];
    if (node === undefined) return;
    delete options['localNode'];
    options['localMask'] = { ...node, value: (1 << (Number(node.value) - 1)) >>> 0 };
  },
  owner(options) {
    // Other names are known to the host only.
    for (const key of ['uid', 'gid']) {
      const given = options[key];
      if (given === undefined) continue;
      const [from = '', to] = String(given.value).split('-');
      if (from === 'root') options[key] = { ...given, value: '0' };
      else if (from === to) options[key] = { ...given, value: from };
    }
  },
  connbytes(options) {
    const range = options['range'];
    if (range === undefined || !String(range.value).endsWith(':')) return;
    options['range'] = { ...range, value: String(range.value).slice(0, -1) };
  },
  string(options) {
    if (options['to']?.value === 65535) delete options['to'];
    if (options['from']?.value === 0) delete options['from'];
    const hex = options['hex'];
    const bytes = hex === undefined ? null : hexStringBytes(String(hex.value));
    if (hex === undefined || bytes === null) return;
    delete options['hex'];
    const plainText = bytes.every((byte) => byte >= 32 && byte < 127) && bytes.at(-1) !== 92;
    if (plainText) options['string'] = { ...hex, value: String.fromCharCode(...bytes) };
    else {
      const digits = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
      options['hex'] = { ...hex, value: `|${digits}|` };
    }
  },
};

/** The same for targets. */
export const CANONICAL_TARGET: Readonly<Record<string, Canonical>> = {
  MARK: marks,
  CONNMARK(options) {
    marks(options);
    if (options['save'] === undefined && options['restore'] === undefined) return;
    const both = options['mask'];
    delete options['mask'];
    options['nfmask'] ??= both ?? plain(FULL);
    options['ctmask'] ??= both ?? plain(FULL);
  },
  REJECT(options, version) {
    const given = String(options['with']?.value ?? 'port-unreach');
    const short = version === 4 ? REJECT_SHORT : { ...REJECT6_SHORT, 'tcp-rst': 'tcp-reset' };
    options['with'] = plain((short as Record<string, string>)[given] ?? given);
  },
  HMARK(options, version) {
    // The tuple is short for whole fields; `ct` alone is printed.
    const words = String(options['tuple']?.value ?? '').split(',');
    const whole: Readonly<Record<string, readonly [string, unknown]>> = {
      src: ['source', version === 4 ? '32' : '128'],
      dst: ['destination', version === 4 ? '32' : '128'],
      sport: ['sourcePort', 0xffff],
      dport: ['destinationPort', 0xffff],
      proto: ['protocol', 0xff],
      spi: ['spi', FULL],
    };
    for (const each of words) {
      const [key, value] = whole[each] ?? [];
      if (key !== undefined) options[key] ??= plain(value);
    }
    if (words.includes('ct')) options['tuple'] = plain('ct');
    else delete options['tuple'];
  },
  NFQUEUE(options) {
    if (options['balance'] === undefined) options['number'] ??= plain(0);
  },
  TOS(options) {
    const { and, or, xor } = options;
    if (and !== undefined) {
      options['tos'] = plain({ value: 0, mask: ~(and.value as number) & 0xff });
    }
    if (or !== undefined) options['tos'] = plain({ value: or.value, mask: or.value });
    if (xor !== undefined) options['tos'] = plain({ value: xor.value, mask: 0 });
    for (const key of ['and', 'or', 'xor']) delete options[key];
  },
  TPROXY(options, version) {
    options['address'] ??= plain({ version, value: 0n });
    options['mark'] ??= plain({ value: 0, mask: 0 });
  },
  CLASSIFY(options) {
    const [major = '', minor = ''] = String(options['class']?.value ?? '').split(':');
    options['class'] = plain(`${major.padStart(4, '0')}:${minor.padStart(4, '0')}`);
  },
  LOG(options) {
    const level = options['level'];
    if (level === undefined) return;
    const name = String(level.value).toLowerCase();
    const number = LOG_LEVELS.indexOf(name);
    options['level'] = plain(number >= 0 ? String(number) : (LOG_OTHER[name] ?? name));
  },
};

/** Options as `iptables-save` would show them. */
export function canonical(
  table: Readonly<Record<string, Canonical>>,
  name: string,
  options: Options,
  version: 4 | 6,
): Options {
  table[name]?.(options, version);
  return options;
}
