/** What a packet at its end is to the question: the request itself, an answer, an ARP packet. */
import { type AnswerStep, type ResolutionStep } from '../dataplane/routing/steps.ts';
import { once } from '../snapshot/read/folder.ts';
import { type DiaryEntry, foldNotes, readDiary, readSteps } from '../traffic/diary.ts';
import { type Packet } from '../traffic/packet.ts';
import { type Step } from '../traffic/traffic.ts';
import { type MadeStep } from './steps.ts';
import { type Ending } from './walk.ts';

export type Role =
  | 'request'
  /** SYN,ACK, echo reply, or the program's answer. */
  | 'answer'
  /** Data on the connection that the request opened. */
  | 'data'
  /** An ICMP error or reset about the request. */
  | 'error'
  /** An ICMP error about the answer. */
  | 'late-error'
  /** ARP and neighbour discovery on the way. */
  | 'resolution';

export interface Lineage {
  readonly role: Role;
  /** Index in the diary of the entry that made the packet what it is. */
  readonly since: number;
  /** The last answer the stack made, when the packet is one. */
  readonly answer: AnswerStep | null;
}

/** One ending with what its diary says. */
export interface Read {
  readonly ending: Ending<Packet>;
  /** Every note on its way, oldest first. */
  readonly steps: readonly Step[];
  /** The same with the header at each of them; restored when somebody asks for it. */
  readonly diary: readonly DiaryEntry[];
  readonly lineage: Lineage;
}

/** Reads the diaries of packets that have ended, as far as it is needed. */
export function readEndings(endings: readonly Ending<Packet>[]): readonly Read[] {
  const lineageOf = foldNotes(BEFORE, next);
  return endings.map((ending) => {
    const steps = once(() => readSteps(ending.p));
    const diary = once(() => readDiary(ending.p));
    return {
      ending,
      get steps() {
        return steps();
      },
      get diary() {
        return diary();
      },
      lineage: lineageOf(ending.p),
    };
  });
}

const BEFORE: Lineage = { role: 'request', since: 0, answer: null };

/** Goes through steps with what the packet was when each of them was written. */
export function eachStep(
  steps: readonly Step[],
  see: (step: Step, lineage: Lineage) => void,
): void {
  let lineage = BEFORE;
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index]!;
    lineage = next(lineage, step, index);
    see(step, lineage);
  }
}

/** Every step with the role that the packet had when it was written, and the packet itself. */
export function lineageSteps(
  diary: readonly DiaryEntry[],
): readonly { readonly step: Step; readonly role: Role; readonly packet: Packet }[] {
  let lineage = BEFORE;
  return diary.map(({ step, packet }, index) => {
    lineage = next(lineage, step, index);
    return { step, role: lineage.role, packet };
  });
}

function next(current: Lineage, step: Step, since: number): Lineage {
  switch (step.kind) {
    case 'made': {
      const { role } = step as MadeStep;
      if (role === 'request') return { role: 'request', since, answer: null };
      return { role: role === 'data' ? 'data' : 'answer', since, answer: null };
    }
    case 'answer': {
      const answer = step as AnswerStep;
      if (answer.what === 'icmp-error' || answer.what === 'reset') {
        const early = current.role === 'request' || current.role === 'data';
        return { role: early ? 'error' : 'late-error', since, answer };
      }
      return { role: 'answer', since, answer };
    }
    case 'resolution': {
      const { message } = step as ResolutionStep;
      // A solicited answer turns the request's diary into that of the ARP packet.
      return {
        role: 'resolution',
        since: message === 'arp-reply' ? current.since : since,
        answer: null,
      };
    }
    default:
      return current;
  }
}
