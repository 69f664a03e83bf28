/** What a flow line says beside match and actions: table, priority, timeouts, counters, flags. */
import { PROTOCOLS } from './protocols.ts';
import { type Word } from './words.ts';

/** Everything about one flow that its words in front of the actions say. */
export interface Settings {
  /** -1 when no table is named. */
  table: number;
  priority: number;
  cookie: bigint;
  cookieMask: bigint | null;
  idle: number;
  hard: number;
  importance: number;
  /** -1 when the text has no statistics. */
  duration: number;
  packets: number;
  bytes: number;
  idleAge: number;
  hardAge: number;
  outPort: number | null;
  outGroup: number | null;
  flags: readonly string[];
  opaque: readonly string[];
  /** Protocols that can carry the words and actions as written. */
  protocols: number;
}

const NO_WORDS: readonly string[] = [];
const ANY_PROTOCOL: number = PROTOCOLS.any;

/** Forgets the line before. */
export function clearSettings(settings: Settings): void {
  settings.table = -1;
  settings.priority = 32768;
  settings.cookie = 0n;
  settings.cookieMask = null;
  settings.idle = 0;
  settings.hard = 0;
  settings.importance = 0;
  settings.duration = -1;
  settings.packets = 0;
  settings.bytes = 0;
  settings.idleAge = -1;
  settings.hardAge = -1;
  settings.outPort = null;
  settings.outGroup = null;
  settings.flags = NO_WORDS;
  settings.opaque = NO_WORDS;
  settings.protocols = ANY_PROTOCOL;
}

export function emptySettings(): Settings {
  return {
    table: -1,
    priority: 32768,
    cookie: 0n,
    cookieMask: null,
    idle: 0,
    hard: 0,
    importance: 0,
    duration: -1,
    packets: 0,
    bytes: 0,
    idleAge: -1,
    hardAge: -1,
    outPort: null,
    outGroup: null,
    flags: NO_WORDS,
    opaque: NO_WORDS,
    protocols: ANY_PROTOCOL,
  };
}

/** Takes a word that is no match into the settings. */
export function take(settings: Settings, word: Word): void {
  switch (word.setting) {
    case 'table':
      settings.table = word.number;
      return;
    case 'priority':
      settings.priority = word.number;
      return;
    case 'cookie':
      settings.cookie = word.cookie;
      settings.cookieMask = word.cookieMask;
      return;
    case 'idle_timeout':
      settings.idle = word.number;
      return;
    case 'hard_timeout':
      settings.hard = word.number;
      return;
    case 'importance':
      settings.importance = word.number;
      return;
    case 'idle_age':
      settings.idleAge = word.number;
      return;
    case 'hard_age':
      settings.hardAge = word.number;
      return;
    case 'out_port':
      settings.outPort = word.number;
      return;
    case 'out_group':
      settings.outGroup = word.number;
      return;
    case 'flag':
      if (!settings.flags.includes(word.flag)) settings.flags = [...settings.flags, word.flag];
      return;
    default:
      return;
  }
}
