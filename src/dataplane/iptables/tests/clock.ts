/**
 * `-m time` (net/netfilter/xt_time.c time_mt()): the moment of a packet against hours, days of
 * the week and of the month, and dates, all in UTC. Which moment it is, the run says.
 */
import { type Truth } from '../../../traffic/guard.ts';
import { type KnownMatch } from '../text/match-rows.ts';

type Options = Extract<KnownMatch, { kind: 'time' }>['options'];

const DAY = 86_400;
const WEEK_DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/**
 * Whether a moment lies in what the rule asks for; -1 where its text is not understood.
 * @param now_s seconds since 1970-01-01 UTC
 */
export function isTime(options: Options, now_s: number): Truth {
  // Nobody tells the time zone of a kernel.
  if (options.kernelTimeZone !== undefined) return -1;
  const from = timeOfDay(options.start?.value ?? '00:00:00');
  const to = timeOfDay(options.stop?.value ?? '23:59:59');
  const begin = moment(options.dateStart?.value ?? '1970-01-01T00:00:00');
  const end = moment(options.dateStop?.value ?? '2038-01-19T03:14:07');
  if (from === null || to === null || begin === null || end === null) return -1;
  if (now_s < begin || now_s > end) return 0;
  const second = Math.floor(now_s) % DAY;
  let day = Math.floor(now_s / DAY);
  if (from < to) {
    if (second < from || second > to) return 0;
  } else {
    if (second < from && second > to) return 0;
    // After midnight the interval still belongs to the day on which it began.
    if (options.contiguous !== undefined && second <= to) day--;
  }
  // 1970-01-01 was a Thursday.
  const weekDay = WEEK_DAYS[(day + 3) % 7] ?? '';
  if (!isListed(options.weekDays, weekDay)) return 0;
  return isListed(options.monthDays, String(dayOfMonth(day))) ? 1 : 0;
}

function isListed(
  option: { readonly value: string; readonly not: boolean } | undefined,
  word: string,
): boolean {
  return option === undefined || option.value.split(',').includes(word) !== option.not;
}

function timeOfDay(text: string): number | null {
  const found = /^(\d+):(\d+):(\d+)$/.exec(text);
  if (found === null) return null;
  return Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]);
}

/** `2024-02-29T12:00:00` as seconds since 1970. */
function moment(text: string): number | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(.*)$/.exec(text);
  const second = timeOfDay(found?.[4] ?? '');
  if (found === null || second === null) return null;
  return daysUntil(Number(found[1]), Number(found[2]), Number(found[3])) * DAY + second;
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

function lengthOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Days from 1970-01-01 to a date. */
function daysUntil(year: number, month: number, day: number): number {
  let days = day - 1;
  for (let y = 1970; y < year; y++) days += isLeap(y) ? 366 : 365;
  for (let m = 1; m < month; m++) days += lengthOf(year, m);
  return days;
}

/** The day of its month, from 1. */
function dayOfMonth(days: number): number {
  let left = days;
  for (let year = 1970; ; year++) {
    for (let month = 1; month <= 12; month++) {
      const length = lengthOf(year, month);
      if (left < length) return left + 1;
      left -= length;
    }
  }
}
