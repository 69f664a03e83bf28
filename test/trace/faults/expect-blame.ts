/** Rows of faults: what is edited, what is asked, who must be blamed. */
import { expect } from 'vitest';
import { type PacketQuestion } from '../../../src/trace/types.ts';
import { type Captured } from '../../captured.ts';
import { askOf } from '../asked.ts';
import { type Edit, injure } from './edits.ts';

export type Asked = readonly [from: string, to: string, packet?: Partial<PacketQuestion>];

export interface Fault {
  /** A sentence that begins with what is wrong. */
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly asked: readonly Asked[];
  /** The first blocker of every question; null when the fault must not be felt. */
  readonly blames: {
    readonly code: string;
    readonly host: string;
    readonly component: RegExp;
  } | null;
}

export const ICMP: Partial<PacketQuestion> = {};

export function tcp(port: number): Partial<PacketQuestion> {
  return { protocol: 'tcp', destinationPort: port };
}

/** Edits the dump, asks, and compares the first blocker of every question. */
export function expectBlame(
  capture: Captured,
  phase: string,
  { edits, asked, blames }: Fault,
): void {
  const ask = askOf(injure(capture, phase, edits));
  for (const [from, to, packet] of asked) {
    const trace = ask(from, to, packet);
    const [first] = trace.blockers;
    const said = { question: `${from} → ${to}`, verdict: trace.verdict };
    if (blames === null) {
      expect({ ...said, blocker: first?.code }).toEqual({ ...said, verdict: 'REACHABLE' });
      continue;
    }
    expect({ ...said, code: first?.code, host: first?.host }).toEqual({
      ...said,
      code: blames.code,
      host: blames.host,
    });
    expect(first?.component).toMatch(blames.component);
    expect(trace.verdict).not.toBe('REACHABLE');
  }
}
