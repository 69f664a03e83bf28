/**
 * The options of the `hashlimit` match as `iptables-save` prints them. The kernel keeps the time
 * or the cost between two packets, so a rate comes back rounded (libxt_hashlimit.c
 * hashlimit_mt_save(), third revision).
 */
import { type Given } from './options.ts';
import { printedRate, RATE_UNITS, type Rate, readRateWord } from './rate.ts';

type Options = Record<string, Given<unknown>>;

/** Parts of a second in which the time between packets is kept (XT_HASHLIMIT_SCALE_v2). */
const SCALE = 1_000_000;
const FULL = 0xffff_ffff;
const MODES = ['srcip', 'srcport', 'dstip', 'dstport'];
/** Milliseconds after which a bucket is forgotten when rates count bytes. */
const BYTES_EXPIRE = { plain: 15_000, burst: 60_000 } as const;

const plain = (value: unknown): Given<unknown> => ({ value, not: false });

/** Brings the options to the printed form. What is no rate is left as it is. */
export function hashLimit(options: Options, version: 4 | 6): void {
  // `! --hashlimit-upto` is the other of the two.
  const given = options['upto'] ?? options['above'];
  if (given === undefined) return;
  const above = (options['upto'] === undefined) !== given.not;
  delete options['upto'];
  delete options['above'];
  const key = above ? 'above' : 'upto';
  const rate = String(given.value);
  options[key] = plain(rate);
  const quantum = /b\/s/.test(rate) ? byBytes(options, key, rate) : byPackets(options, key, rate);
  if (options['rateMatch'] === undefined) delete options['rateInterval'];
  const mode = options['mode'];
  if (mode !== undefined) {
    const named = String(mode.value).split(',');
    const known = named.every((each) => MODES.includes(each));
    if (known) options['mode'] = plain(MODES.filter((each) => named.includes(each)).join(','));
  }
  const silent: readonly (readonly [string, number])[] = [
    ['size', 0],
    ['max', 0],
    ['gc', 1000],
    ['expire', quantum],
    ['sourceMask', version === 4 ? 32 : 128],
    ['destinationMask', version === 4 ? 32 : 128],
    ['rateInterval', 1],
  ];
  for (const [name, usual] of silent) if (options[name]?.value === usual) delete options[name];
}

function byPackets(options: Options, key: string, text: string): number {
  const burst = bytesIn(String(options['burst']?.value ?? '5'), BURST);
  if (burst !== null) options['burst'] = plain(String(burst));
  const read = readRateWord(text);
  if (read === null) return -1;
  // A bucket is kept as long as the unit that was given, and the unit that is printed may differ.
  options['expire'] ??= plain((RATE_UNITS[read.per] / RATE_UNITS.sec) * 1000);
  let rate: Rate = read;
  if (options['rateMatch'] !== undefined) {
    // The rate is measured over an interval, which is the unit when none is given.
    rate = { count: read.count, per: 'sec' };
    options['rateInterval'] ??= plain(RATE_UNITS[read.per] / RATE_UNITS.sec);
  }
  const printed = printedRate(rate, SCALE);
  if (printed === null) return -1;
  options[key] = plain(`${printed.count}/${printed.per}`);
  return (RATE_UNITS[printed.per] / RATE_UNITS.sec) * 1000;
}

/** A number, or bytes with a unit. */
const BURST = /^(\d+)([mk]?)b?$/;
const FACTORS: readonly (readonly [string, number])[] = [
  ['m', 1024 * 1024],
  ['k', 1024],
  ['', 1],
];

const costOf = (bytes: number): number => Math.floor(FULL / (Math.floor(bytes / 16) + 1));
const bytesOf = (cost: number): number => ((cost === 0 ? FULL : Math.floor(FULL / cost)) - 1) * 16;

function bytesIn(text: string, ends: RegExp): number | null {
  const found = ends.exec(text);
  const factor = FACTORS.find(([name]) => name === found?.[2])?.[1];
  return factor === undefined ? null : Number(found?.[1]) * factor;
}

/** `4kb/s`, with a burst in bytes if there is one. */
function byBytes(options: Options, key: string, text: string): number {
  const bytes = bytesIn(text, /^(\d+)([mk]?)b\/s$/);
  if (bytes === null) return -1;
  const cost = costOf(bytes);
  const kept = bytesOf(cost);
  const [unit, size] = FACTORS.find(
    ([, factor]) => kept >= factor && costOf(kept - (kept % factor)) === cost,
  ) ?? ['', 1];
  options[key] = plain(`${Math.floor(kept / size)}${unit}b/s`);
  const burst = options['burst'];
  const given = burst === undefined ? null : bytesIn(String(burst.value), BURST);
  if (given === null || kept === 0) return BYTES_EXPIRE.plain;
  const total = Math.ceil(given / kept) * kept;
  const [name, factor] = FACTORS.find((each) => total >= each[1]) ?? ['', 1];
  options['burst'] = plain(`${Math.floor(total / factor)}${name}b`);
  return BYTES_EXPIRE.burst;
}
