/** All kinds of events. A new one is a row in one of these lists, or a list of its own. */
import { nearest } from '../../text/suggest.ts';
import { DAEMON_EVENTS } from './daemons.ts';
import { HOST_EVENTS } from './hosts.ts';
import { LINK_EVENTS } from './links.ts';
import { PROCESS_EVENTS } from './processes.ts';
import { RELOAD_EVENTS } from './reloads.ts';
import { REREAD_EVENTS } from './rereads.ts';
import { SERVER_EVENTS } from './servers.ts';
import { type EventRow, type PlannedEvent, type Play } from './types.ts';

export const EVENTS: readonly EventRow[] = [
  ...HOST_EVENTS,
  ...LINK_EVENTS,
  ...PROCESS_EVENTS,
  ...RELOAD_EVENTS,
  ...DAEMON_EVENTS,
  ...REREAD_EVENTS,
  ...SERVER_EVENTS,
];

/** What is wrong with the words of an event. */
export interface EventProblem {
  readonly text: string;
  readonly message: string;
}

const UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, min: 6e7 };

/** A time as `5s`, `7.25s`, `300ms`, in microseconds; null when it is none. */
export function readTime_us(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|min)$/.exec(text);
  const unit = UNITS[match?.[2] ?? ''];
  return match === null || unit === undefined ? null : Math.round(Number(match[1]) * unit);
}

/** Reads `t=5s fail host net1`. */
export function readEvent(text: string, play: Play): PlannedEvent | EventProblem {
  const [when = '', ...words] = text.trim().split(/\s+/);
  const at_us = when.startsWith('t=') ? readTime_us(when.slice(2)) : null;
  if (at_us === null) return { text, message: 'it begins with its time, as in `t=5s`' };
  const rows = EVENTS.filter(({ begins }) => begins.every((word, i) => words[i] === word));
  const row = rows.sort((a, b) => b.begins.length - a.begins.length)[0];
  if (row === undefined) {
    return { text, message: unknownEvent(words) };
  }
  const read = row.read(words.slice(row.begins.length), play);
  if (read.kind === 'wrong') return { text, message: `${read.message} (${row.usage})` };
  return { at_us, text: words.join(' '), apply: read.apply };
}

/** The event that was probably meant, else all of them. */
function unknownEvent(words: readonly string[]): string {
  for (const count of [2, 1]) {
    const said = words.slice(0, count).join(' ');
    const known = EVENTS.map(({ begins }) => begins.slice(0, count).join(' '));
    const near = nearest(said, known);
    const meant = EVENTS.filter(({ begins }) => begins.slice(0, count).join(' ') === near);
    if (near !== undefined && meant.length > 0) {
      return `there is no event ${said}; did you mean ${meant.map(({ usage }) => usage).join(' or ')}?`;
    }
  }
  return `there is no such event; there are ${usages().join('; ')}`;
}

/** How events are written. */
function usages(): readonly string[] {
  return EVENTS.map(({ usage }) => usage);
}
