/**
 * The condition of a file before anybody reads its meaning: its encoding, bytes that no text has,
 * an end within a line. Dumps are copied through terminals, shells and archives, and what went
 * wrong on the way shows here. Behind this stand the readers.
 */
import { type FilePlace } from '../../dataplane/network.ts';
import { type Problem } from '../../text/problem.ts';

/** A file's bytes as UTF-8 without a byte order mark, and what is wrong with them. */
export interface Condition {
  readonly bytes: Uint8Array;
  readonly problems: readonly Problem[];
}

/** Commands that always print something: a heading, the loopback device. */
const NEVER_EMPTY: ReadonlySet<string> = new Set([
  ...['groups', 'meters', 'of-show', 'ports-desc', 'fdb'],
  ...['ovsdb-dump', 'vsctl-show', 'ip-addr', 'ip-link', 'sysctl'],
]);

/** ovs-ofctl prints no heading with `--no-stats` or `--names`, so an empty table looks like a failure. */
const SELDOM_EMPTY: ReadonlySet<string> = new Set(['flows', 'flows-names']);

const NEWLINE = 0x0a;

/** Looks at a file as it was stored; `place` says what it should hold. */
export function conditionOf(file: string, raw: Uint8Array, place: FilePlace | null): Condition {
  const bytes = asUtf8(raw);
  const problems: Problem[] = [];
  const complain = (at: number, message: string): void => {
    problems.push({ file, ...positionOf(bytes, at), text: '', message });
  };
  if (place !== null && NEVER_EMPTY.has(place.name) && isBlank(bytes)) {
    complain(0, 'The file is empty; the command always prints something');
  }
  if (place !== null && SELDOM_EMPTY.has(place.name) && isBlank(bytes)) {
    complain(
      0,
      'The file is empty: the command failed, or the bridge has no flows and the command ran with --no-stats or --names',
    );
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) complain(nul, 'A NUL byte stands in the text: the file is binary or damaged');
  const printed = place !== null && place.kind !== 'api' && place.kind !== 'config';
  if (printed && !file.endsWith('.json') && bytes.length > 0 && bytes.at(-1) !== NEWLINE) {
    complain(bytes.length, 'The file ends within a line; it may be cut');
  }
  return { bytes, problems };
}

/** The text, with U+FFFD for bytes that are no UTF-8; the first of them is a problem. */
export function textOf(file: string, bytes: Uint8Array): { text: string; problem: Problem | null } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), problem: null };
  } catch {
    const text = new TextDecoder().decode(bytes);
    const at = new TextEncoder().encode(text.slice(0, Math.max(0, text.indexOf('\ufffd')))).length;
    const message = 'Bytes that are no UTF-8: the file is binary or in another encoding';
    return { text, problem: { file, ...positionOf(bytes, at), text: '', message } };
  }
}

/** What Windows shells write is as good as UTF-8 when its byte order mark says what it is. */
function asUtf8(raw: Uint8Array): Uint8Array {
  const [first, second, third] = raw;
  if (first === 0xef && second === 0xbb && third === 0xbf) return raw.subarray(3);
  const little = first === 0xff && second === 0xfe;
  if (!little && !(first === 0xfe && second === 0xff)) return raw;
  const text = new TextDecoder(little ? 'utf-16le' : 'utf-16be').decode(raw);
  return new TextEncoder().encode(text);
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte <= 0x20);
}

/** Line and column of a byte, both from 1. */
function positionOf(bytes: Uint8Array, at: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let i = 0; i < at; i++) {
    if (bytes[i] !== NEWLINE) continue;
    line++;
    start = i + 1;
  }
  return { line, column: at - start + 1 };
}
