/**
 * The options of the `time` match as `iptables-save` prints them (libxt_time.c time_save()): sets
 * of days are complete, both ends of the day are there, and an end of all days is always named.
 */
import { type Given } from './options.ts';

type Options = Record<string, Given<unknown>>;

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const NAMES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
/** The last second of a signed 32-bit clock: what the kernel takes for no end. */
const NO_END = '2038-01-19T03:14:07';
const BEGINNING = '1970-01-01T00:00:00';

const plain = (value: unknown): Given<unknown> => ({ value, not: false });
const two = (text: string | undefined, otherwise: string): string =>
  (text ?? otherwise).padStart(2, '0');

/** Brings the options to the printed form. What is no time or day is left as it is. */
export function timeMatch(options: Options): void {
  const start = options['start'];
  const stop = options['stop'];
  if (start !== undefined || stop !== undefined) {
    const from = timeOfDay(start) ?? '00:00:00';
    const to = timeOfDay(stop) ?? '23:59:59';
    delete options['start'];
    delete options['stop'];
    if (from !== '00:00:00' || to !== '23:59:59') {
      options['start'] = plain(from);
      options['stop'] = plain(to);
    }
  }
  days(options, 'monthDays', 31, (word) => (/^\d+$/.test(word) ? Number(word) : 0), String);
  const weekDay = (word: string): number =>
    /^\d$/.test(word)
      ? Number(word)
      : DAYS.findIndex((day) => word.toLowerCase().startsWith(day.slice(0, 2))) + 1;
  days(options, 'weekDays', 7, weekDay, (day) => NAMES[day - 1] ?? '');
  const begin = date(options['dateStart']);
  if (begin === BEGINNING) delete options['dateStart'];
  else if (begin !== undefined) options['dateStart'] = plain(begin);
  options['dateStop'] = plain(date(options['dateStop']) ?? NO_END);
}

function timeOfDay(given: Given<unknown> | undefined): string | undefined {
  const found = /^(\d+):(\d+)(?::(\d+))?$/.exec(String(given?.value ?? ''));
  if (found === null) return undefined;
  return `${two(found[1], '0')}:${two(found[2], '0')}:${two(found[3], '0')}`;
}

function date(given: Given<unknown> | undefined): string | undefined {
  if (given === undefined) return undefined;
  const text = String(given.value);
  const found = /^(\d{4})(?:-(\d+)(?:-(\d+)(?:T(\d+)(?::(\d+)(?::(\d+))?)?)?)?)?$/.exec(text);
  if (found === null) return text;
  const [, year = '', month, day, hour, minute, second] = found;
  const time = `${two(hour, '0')}:${two(minute, '0')}:${two(second, '0')}`;
  return `${year}-${two(month, '1')}-${two(day, '1')}T${time}`;
}

/** A set of days from 1 to `last`; a negated one is printed as what is left. */
function days(
  options: Options,
  key: string,
  last: number,
  read: (word: string) => number,
  print: (day: number) => string,
): void {
  const given = options[key];
  if (given === undefined) return;
  const named = String(given.value).split(',').map(read);
  if (named.some((day) => day < 1 || day > last)) return;
  const all = Array.from({ length: last }, (_, i) => i + 1);
  const chosen = all.filter((day) => named.includes(day) !== given.not);
  if (chosen.length === last) delete options[key];
  else options[key] = plain(chosen.map(print).join(','));
}
