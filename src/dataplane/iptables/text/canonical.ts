/**
 * Spellings that mean the same, brought to the one that `iptables-save` prints: what the
 * parse functions of extensions/libxt_*.c do with defaults, old forms and names.
 */
import { type Interval, type Masked } from './codec.ts';
import { hashLimit } from './hashlimit.ts';
import { type Given } from './options.ts';

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

/** Any index at all is no condition, and is not printed. */
function wholeRange(options: Options): void {
  const range = options['spi']?.value as Interval | undefined;
  if (range?.from === 0 && range.to === FULL && options['spi']?.not === false) {
    delete options['spi'];
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
    options['mask'] ??= plain(version === 4 ? 32 : 128);
    if (options['destination'] === undefined) options['source'] = yes;
  },
  hashlimit: hashLimit,
  esp: wholeRange,
  ah: wholeRange,
  ipcomp: wholeRange,
  rateest(options) {
    // With two estimators the first is printed as `--rateest1`.
    const [wrong, right] = options['rateest2'] === undefined ? ['1', ''] : ['', '1'];
    const given = options[`rateest${wrong}`];
    if (given === undefined) return;
    delete options[`rateest${wrong}`];
    options[`rateest${right}`] ??= given;
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
      if (given?.value === 'root') options[key] = { ...given, value: '0' };
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
