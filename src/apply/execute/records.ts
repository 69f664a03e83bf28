/**
 * What the controller writes down: a journal per transaction, written through to the disk before
 * anything happens, and one audit log in which every line has the fingerprint of the line before.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { forTerminal } from '../../text/escape.ts';
import { addToAudit, appendLine, auditLine } from './audit.ts';

/** One line of a journal. */
export interface Entry {
  readonly time: string;
  readonly what:
    | 'begin'
    | 'armed'
    | 'step'
    | 'done'
    | 'probed'
    | 'failed'
    | 'verified'
    | 'commit'
    | 'confirmed'
    | 'rollback'
    | 'rolled-back'
    | 'end';
  readonly host?: string;
  readonly step?: string;
  readonly detail?: string;
}

export interface Journal {
  readonly transaction: string;
  write(entry: Omit<Entry, 'time'>): void;
}

/** What is on the disk of one transaction. */
export interface Recorded {
  readonly transaction: string;
  readonly entries: readonly Entry[];
  /** The plan as it was run. */
  readonly plan: string;
}

export interface Records {
  begin(transaction: string, plan: string): Journal;
  open(transaction: string): Journal;
  read(transaction: string): Recorded | null;
  /** Newest last. */
  all(): readonly Recorded[];
  /** Whether every line of the audit log follows from the one before, in words. */
  audit(): ReturnType<typeof auditLine>;
  /** Takes the controller's lock; the answer lets it go. Null: somebody has it. */
  lock(): (() => void) | null;
}

const LOCK = 'lock';
const AUDIT = 'audit.jsonl';

/** @param folder of the controller's own state; made when it is new */
export function openRecords(folder: string): Records {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (transaction: string): string => join(folder, 'transactions', transaction);
  const journal = (transaction: string): Journal => ({
    transaction,
    write: (entry) => {
      const line = { time: new Date().toISOString(), ...entry };
      appendLine(join(at(transaction), 'journal.jsonl'), JSON.stringify(line));
      addToAudit(join(folder, AUDIT), { ...line, transaction });
    },
  });
  const read = (transaction: string): Recorded | null => {
    const file = join(at(transaction), 'journal.jsonl');
    if (!existsSync(file)) return null;
    const entries = readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line): readonly Entry[] => {
        try {
          return line === '' ? [] : [JSON.parse(line) as Entry];
        } catch {
          // The last line of a journal may be cut off where the machine stopped.
          return [];
        }
      });
    const plan = join(at(transaction), 'plan.json');
    return { transaction, entries, plan: existsSync(plan) ? readFileSync(plan, 'utf8') : '' };
  };
  return {
    begin: (transaction, plan) => {
      mkdirSync(at(transaction), { recursive: true, mode: 0o700 });
      appendLine(join(at(transaction), 'plan.json'), plan);
      return journal(transaction);
    },
    open: journal,
    read,
    all: () => {
      const top = join(folder, 'transactions');
      if (!existsSync(top)) return [];
      return readdirSync(top)
        .sort()
        .flatMap((name) => read(name) ?? []);
    },
    audit: () => auditLine(join(folder, AUDIT)),
    lock: () => lockFile(join(folder, LOCK)),
  };
}

/** A lock whose holder is alive; that of a process that is gone is taken over. */
function lockFile(file: string): (() => void) | null {
  for (let tries = 0; tries < 3; tries++) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'EEXIST') throw error;
      const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
      if (holder > 0 && isAlive(holder)) return null;
      rmSync(file, { force: true });
    }
  }
  return null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}

/** A journal as a person reads it. */
export function journalLines({ transaction, entries }: Recorded): readonly string[] {
  return [
    `transaction ${transaction}`,
    ...entries.map(({ time, what, host = '', step = '', detail = '' }) =>
      forTerminal(
        `  ${time.slice(11, 23)}  ${what.padEnd(11)} ${[host, step, detail].filter(Boolean).join('  ')}`,
      ),
    ),
  ];
}
