/** Rates as rules give them: packets or bytes per unit of time (`limit`, `hashlimit`, `rateest`). */
import { type Codec, readNumber } from './codec.ts';

/** Packets per unit of time, in the unit that iptables would print. */
export interface Rate {
  readonly count: number;
  readonly per: 'sec' | 'min' | 'hour' | 'day';
}

/** Ten-thousandths of a second in a unit (xt_limit's XT_LIMIT_SCALE). */
export const RATE_UNITS = {
  day: 864_000_000,
  hour: 36_000_000,
  min: 600_000,
  sec: 10_000,
} as const;
const UNIT_ORDER = ['day', 'hour', 'min', 'sec'] as const;
const UNIT_NAMES = { day: 'day', hour: 'hour', min: 'minute', sec: 'second' } as const;

/** `10/min` as count and unit; any beginning of a unit's name will do. Null when it is none. */
export function readRateWord(given: string): Rate | null {
  const found = /^(\d+)(?:\/([a-z]+))?$/i.exec(given);
  const name = (found?.[2] ?? 's').toLowerCase();
  const per = UNIT_ORDER.find((unit) => UNIT_NAMES[unit].startsWith(name));
  const count = Number(found?.[1]);
  return found === null || per === undefined || count === 0 ? null : { count, per };
}

/**
 * The rate as it is printed: the kernel keeps the time between two packets, in `scale` parts of
 * a second, and that is shown in the largest unit that loses nothing (libxt_limit.c
 * print_rate()). Null when the rate is too fast for the scale.
 */
export function printedRate({ count, per }: Rate, scale: number): Rate | null {
  const unit = (name: Rate['per']): number => (RATE_UNITS[name] / RATE_UNITS.sec) * scale;
  const period = Math.floor(unit(per) / count);
  if (period === 0) return null;
  let chosen: Rate['per'] = 'day';
  for (const name of UNIT_ORDER.slice(1)) {
    if (period > unit(name) || Math.floor(unit(name) / period) < unit(name) % period) break;
    chosen = name;
  }
  return { count: Math.floor(unit(chosen) / period), per: chosen };
}

/** `10/min`, `3/hour`. */
export const rate: Codec<Rate> = {
  words: 1,
  read([given = '']) {
    const read = readRateWord(given);
    const value = read === null ? null : printedRate(read, RATE_UNITS.sec);
    return value === null ? { bad: 'not a rate such as 10/min' } : { value };
  },
  write: ({ count, per }) => ` ${count}/${per}`,
  examples: [
    { count: 5, per: 'min' },
    { count: 3, per: 'hour' },
    { count: 100, per: 'sec' },
  ],
};

/** Packets per second that may be left out (`rateest --rateest-pps`); null then. */
export const packetRate: Codec<number | null> = {
  words: 1,
  optional: true,
  read([given]) {
    if (given === undefined) return { value: null };
    const value = readNumber(given, 0xffff_ffff);
    return value === null ? { bad: 'not a number' } : { value };
  },
  write: (value) => (value === null ? '' : ` ${value}`),
  examples: [null, 5],
};

/** Units of tc(8), in bits. */
const BIT_UNITS: ReadonlyMap<string, number> = new Map(
  ['', 'k', 'm', 'g', 't'].flatMap((unit, i) => [
    [`${unit}bit`, 1000 ** i],
    [`${unit}bps`, 8 * 1000 ** i],
    ...(i === 0
      ? []
      : ([
          [`${unit}ibit`, 1024 ** i],
          [`${unit}ibps`, 8 * 1024 ** i],
        ] as const)),
  ]),
);

/** Bytes per second that may be left out, printed in bits as tc(8) does; null then. */
export const byteRate: Codec<number | null> = {
  words: 1,
  optional: true,
  read([given]) {
    if (given === undefined) return { value: null };
    const found = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(given);
    const bits = found?.[2] === '' ? 1 : BIT_UNITS.get((found?.[2] ?? '-').toLowerCase());
    if (bits === undefined) return { bad: 'not a rate such as 5kbit' };
    return { value: Math.floor((Number(found?.[1]) * bits) / 8) };
  },
  write(value) {
    if (value === null) return '';
    const bits = value * 8;
    if (bits >= 1e9) return ` ${Math.round(bits / 1e6)}Mbit`;
    return bits >= 1e6 ? ` ${Math.round(bits / 1e3)}Kbit` : ` ${bits}bit`;
  },
  examples: [null, 125, 625_000],
};
