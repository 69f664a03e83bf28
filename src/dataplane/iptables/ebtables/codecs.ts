/** Values of ebtables' own options, read and printed (extensions/libebt_*.c of iptables 1.8.9). */
import { type Codec, readNumber } from '../text/codec.ts';
import { type IcmpName } from '../text/codec-special.ts';

/** One word that is kept in the form in which ebtables prints it. */
function spelled(print: (given: string) => string | null, wants: string, examples: string[]) {
  const codec: Codec<string> = {
    words: 1,
    read([given = '']) {
      const value = print(given);
      return value === null ? { bad: `not ${wants}` } : { value };
    },
    write: (value) => ` ${value}`,
    examples,
  };
  return codec;
}

/** A word by a number's name, or the number. */
function namedNumber(names: Readonly<Record<string, number>>, limit: number, wants: string) {
  return spelled(
    (given) => {
      const number = names[given.toLowerCase()] ?? readNumber(given, limit);
      const name = Object.keys(names).find((each) => names[each] === number);
      return number === null ? null : (name ?? String(number));
    },
    wants,
    [Object.keys(names)[0] ?? '1', '5'],
  );
}

/** Types of a BPDU (IEEE 802.1D §9.3). */
export const stpType = namedNumber({ config: 0, tcn: 128 }, 255, 'a type of BPDU');

/** Flags of a BPDU. */
export const stpFlags = namedNumber(
  { 'topology-change': 1, 'topology-change-ack': 128 },
  255,
  'flags of a BPDU',
);

const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];

/** A level of syslog(3), printed by name. */
export const logLevel = spelled(
  (given) => {
    const number = readNumber(given, 7);
    return number === null
      ? (LEVELS.find((each) => each === given) ?? null)
      : (LEVELS[number] ?? null);
  },
  'a level of the log',
  ['notice', 'debug'],
);

/** A byte printed as `0xFF`. */
export const byteInHex: Codec<number> = {
  words: 1,
  read([given = '']) {
    const value = readNumber(given.startsWith('0x') ? given : `0x${given}`, 255);
    return value === null ? { bad: 'not a byte in hexadecimal' } : { value };
  },
  write: (value) => ` 0x${value.toString(16).toUpperCase().padStart(2, '0')}`,
  examples: [0, 0x10, 255],
};

/** (mark & mask) == value, or with no value at all that one bit of the mask is set. */
export interface FrameMark {
  readonly value: number;
  readonly mask: number;
  readonly some: boolean;
}

const FULL = 0xffff_ffff;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** `0x2a`, `0x2a/0xff`, `/0xff`. */
export const frameMark: Codec<FrameMark> = {
  words: 1,
  read([given = '']) {
    const [head = '', tail, more] = given.split('/');
    const some = head === '' && tail !== undefined;
    const value = some ? 0 : readNumber(head, FULL);
    const mask = tail === undefined ? FULL : readNumber(tail, FULL);
    if (value === null || mask === null || more !== undefined) return { bad: 'not VALUE[/MASK]' };
    return { value: { value, mask, some } };
  },
  write({ value, mask, some }) {
    const tail = mask === FULL ? '' : `/${hex(mask)}`;
    return ` ${some ? '' : hex(value)}${tail}`;
  },
  examples: [
    { value: 42, mask: FULL, some: false },
    { value: 1, mask: 255, some: false },
    { value: 0, mask: 2, some: true },
  ],
};

/** Types and codes of ICMP: `echo-request`, `1:10/0:255`. */
export function icmpRanges(names: readonly IcmpName[]): Codec<string> {
  const interval = (text: string | undefined, limit: number): readonly number[] | null => {
    const [head = '', tail = head, more] = (text ?? `0:${limit}`).split(':');
    const [from, to] = [readNumber(head, limit), readNumber(tail, limit)];
    return from === null || to === null || more !== undefined ? null : [from, to];
  };
  const print = (given: string): string | null => {
    const named = names.find(([name]) => name === given);
    if (named !== undefined) return firstName(named);
    const [head, tail, more] = given.split('/');
    const types = interval(head, 255);
    const codes = interval(tail, 255);
    if (types === null || codes === null || more !== undefined) return null;
    const [from = 0, to = 0] = types;
    const [first = 0, last = 0] = codes;
    const code = first === last ? String(first) : `${first}:${last}`;
    if (from !== to) return `${from}:${to}/${code}`;
    const known = names.find(([, type, only]) =>
      only === undefined
        ? type === from && first === 0 && last === 255
        : type === from && first === last && only === first,
    );
    return known?.[0] ?? `${from}/${code}`;
  };
  /** Where two names mean the same, the first is printed. */
  const firstName = ([, type, code]: IcmpName): string =>
    names.find(([, each, other]) => each === type && other === code)?.[0] ?? '';
  return spelled(print, 'types and codes of ICMP', [names[1]?.[0] ?? '1/1', '200:210/0:255']);
}

const ENCAPSULATED: Readonly<Record<string, number>> = { ip: 0x800, arp: 0x806, ip6: 0x86dd };

/** An Ethernet type as four digits: `0800`. */
export function etherTypeInHex(types: readonly (readonly [string, number])[]): Codec<string> {
  return spelled(
    (given) => {
      const lower = given.toLowerCase();
      const named = types.find(([name]) => name.toLowerCase() === lower)?.[1];
      const number =
        named ?? ENCAPSULATED[lower] ?? readNumber(`0x${lower.replace(/^0x/, '')}`, 0xffff);
      return number === null ? null : number.toString(16).toUpperCase().padStart(4, '0');
    },
    'an Ethernet type',
    ['0800', '86DD'],
  );
}
