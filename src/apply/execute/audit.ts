/**
 * The audit log of the controller: every line has the fingerprint of the line before, so that none
 * can be changed or taken out from the middle unseen. `apply status` reads it and says so.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { fingerprint } from './hash.ts';

/** Adds one line to the log, written through to the disk. */
export function addToAudit(file: string, entry: object): void {
  const last = lastLine(file);
  appendLine(file, JSON.stringify({ ...entry, previous: last === '' ? null : fingerprint(last) }));
}

/**
 * Writes one line through to the disk. Where the machine stopped in the middle of a line, the new
 * one still begins its own.
 */
export function appendLine(file: string, line: string): void {
  const handle = openSync(file, 'a+', 0o600);
  try {
    const { size } = statSync(file);
    const end = Buffer.alloc(1);
    const cut = size > 0 && readSync(handle, end, 0, 1, size - 1) === 1 && end[0] !== 0x0a;
    writeSync(handle, `${cut ? '\n' : ''}${line}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Enough for the longest line; the whole log grows for years. */
const TAIL_BYTES = 1 << 20;

function lastLine(file: string): string {
  if (!existsSync(file)) return '';
  const { size } = statSync(file);
  const from = Math.max(0, size - TAIL_BYTES);
  const tail = Buffer.alloc(size - from);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, tail, 0, tail.length, from);
  } finally {
    closeSync(handle);
  }
  return tail.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
}

/** The first line of an audit log that does not follow from the line before; null when all do. */
export function brokenAudit(text: string): number | null {
  const lines = text.trimEnd().split('\n');
  for (const [i, line] of lines.entries()) {
    const before = i === 0 ? null : fingerprint(lines[i - 1] ?? '');
    let previous: unknown;
    try {
      ({ previous } = JSON.parse(line) as { readonly previous?: unknown });
    } catch {
      return i + 1;
    }
    if (previous !== before) return i + 1;
  }
  return null;
}

/** What a person reads of the log at `file`. */
export function auditLine(file: string): { readonly whole: boolean; readonly text: string } {
  if (!existsSync(file)) return { whole: true, text: 'audit log: nothing was ever written' };
  const text = readFileSync(file, 'utf8');
  const broken = brokenAudit(text);
  const lines = text.trimEnd().split('\n').length;
  return broken === null
    ? { whole: true, text: `audit log: ${lines} lines, each follows from the one before` }
    : {
        whole: false,
        text: `audit log: line ${broken} of ${lines} was changed, cut off, or others before it are gone: ${file}`,
      };
}
