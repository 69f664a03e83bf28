/**
 * `-m u32`: small programs over 32-bit words of the packet (net/netfilter/xt_u32.c
 * u32_match_it(); the language is in iptables-extensions(8)).
 */
import { get32 } from '../../../packet/wire/bytes.ts';
import { type Truth } from '../../../traffic/guard.ts';
import { type PacketBytes } from './types.ts';

type Operator = '&' | '<<' | '>>' | '@';

interface U32Test {
  readonly start: number;
  readonly steps: readonly { readonly operator: Operator; readonly number: number }[];
  readonly values: readonly { readonly from: number; readonly to: number }[];
}

/** The tests of a `--u32` text, all of which must hold; null when it is not such a text. */
export function parseU32(text: string): readonly U32Test[] | null {
  const tests = text.split('&&').map(parseTest);
  return tests.every((one) => one !== null) ? tests : null;
}

const NUMBER = '(?:0x[0-9a-f]+|[0-9]+)';
const LOCATION = new RegExp(`^\\s*(${NUMBER})((?:\\s*(?:&|<<|>>|@)\\s*${NUMBER})*)\\s*$`, 'i');

function parseTest(text: string): U32Test | null {
  const [left = '', right, more] = text.split('=');
  const found = LOCATION.exec(left);
  if (found === null || right === undefined || more !== undefined) return null;
  const steps = [...(found[2] ?? '').matchAll(new RegExp(`(&|<<|>>|@)\\s*(${NUMBER})`, 'gi'))].map(
    ([, operator, number]) => ({
      operator: operator as Operator,
      number: numberIn(number ?? '0'),
    }),
  );
  const values = right.split(',').map((part) => {
    const [from = '', to = from] = part.trim().split(':');
    return { from: numberIn(from), to: numberIn(to) };
  });
  if (values.some(({ from, to }) => Number.isNaN(from) || Number.isNaN(to))) return null;
  return { start: numberIn(found[1] ?? '0'), steps, values };
}

/** strtoul() with base 0: a leading zero means octal. */
function numberIn(text: string): number {
  const word = text.trim();
  const value = /^0[0-7]+$/.test(word) ? Number.parseInt(word, 8) : Number(word);
  return word === '' || value > 0xffff_ffff ? Number.NaN : value;
}

/** Runs the tests. A word outside of the packet makes them fail. */
export function runU32(tests: readonly U32Test[], packet: PacketBytes): Truth {
  for (const test of tests) {
    const value = evaluate(test, packet);
    if (value === UNKNOWN) return -1;
    if (value === null) return 0;
    if (!test.values.some(({ from, to }) => from <= value && value <= to)) return 0;
  }
  return 1;
}

/** A word that nobody knows; words themselves are not negative. */
const UNKNOWN = -1;

/** The word a test ends with; null outside of the packet. */
function evaluate({ start, steps }: U32Test, { bytes, known, end }: PacketBytes): number | null {
  const load = (at: number): number | null => {
    if (at + 4 > end) return null;
    return at + 4 > known ? UNKNOWN : get32(bytes, at);
  };
  let base = 0;
  let value = load(start);
  for (const { operator, number } of steps) {
    if (value === null || value === UNKNOWN) return value;
    if (operator === '&') value = (value & number) >>> 0;
    else if (operator === '<<') value = (value << number) >>> 0;
    else if (operator === '>>') value = value >>> number;
    else {
      base += value;
      value = load(base + number);
    }
  }
  return value;
}
