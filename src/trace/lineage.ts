/** What a packet at its end is to the question: the request itself, an answer, an ARP packet. */
import { type AnswerStep, type ResolutionStep } from '../dataplane/routing/steps.ts';
import { type DiaryEntry, foldNotes, readDiary, readSteps } from '../traffic/diary.ts';
import { type Packet } from '../traffic/packet.ts';
import { type Step } from '../traffic/traffic.ts';
import { type MadeStep, type RelayStep } from './steps.ts';
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
  /** How often a program took up what the packet carries and passed it on. */
  readonly relays: number;
  /** Whose connection it is on: 0 the client's, 1 that of the balancer it asked, and so on. */
  readonly connection: number;
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
  const lineageOf = lineageReader();
  return endings.map((ending) => new LazyRead(ending, lineageOf(ending.p)));
}

/** A class, because getters of object literals give every object a shape of its own. */
class LazyRead implements Read {
  readonly ending: Ending<Packet>;
  readonly lineage: Lineage;
  private ownSteps: readonly Step[] | null = null;
  private ownDiary: readonly DiaryEntry[] | null = null;

  constructor(ending: Ending<Packet>, lineage: Lineage) {
    this.ending = ending;
    this.lineage = lineage;
  }

  get steps(): readonly Step[] {
    this.ownSteps ??= readSteps(this.ending.p);
    return this.ownSteps;
  }

  get diary(): readonly DiaryEntry[] {
    this.ownDiary ??= readDiary(this.ending.p);
    return this.ownDiary;
  }
}

const BEFORE: Lineage = { role: 'request', since: 0, answer: null, relays: 0, connection: 0 };

/** Tells what packets, or sets of them, are at the end of their diaries. */
export function lineageReader(): (p: Pick<Packet, 'diary'>) => Lineage {
  return foldNotes(BEFORE, next);
}

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

/** A step with what the packet was when it was written, and the packet itself. */
export interface LineageStep {
  readonly step: Step;
  readonly role: Role;
  readonly connection: number;
  readonly packet: Packet;
}

/** Every step of a diary with the role of the packet at that time. */
export function lineageSteps(diary: readonly DiaryEntry[]): readonly LineageStep[] {
  let lineage = BEFORE;
  return diary.map(({ step, packet }, index) => {
    lineage = next(lineage, step, index);
    const { role, connection } = lineage;
    return { step, role, connection, packet };
  });
}

function became(
  { relays, connection }: Lineage,
  role: Role,
  since: number,
  answer: AnswerStep | null,
): Lineage {
  return { role, since, answer, relays, connection };
}

function next(current: Lineage, step: Step, since: number): Lineage {
  switch (step.kind) {
    case 'made': {
      const { role } = step as MadeStep;
      return became(current, role === 'reply' ? 'answer' : role, since, null);
    }
    case 'answer': {
      const answer = step as AnswerStep;
      if (answer.what === 'icmp-error' || answer.what === 'reset') {
        const early = current.role === 'request' || current.role === 'data';
        return became(current, early ? 'error' : 'late-error', since, answer);
      }
      return became(current, 'answer', since, answer);
    }
    case 'resolution': {
      const { message } = step as ResolutionStep;
      // A solicited answer turns the request's diary into that of the ARP packet.
      const answers = message === 'arp-reply' || message === 'advertisement';
      const begun = answers && current.role === 'resolution' ? current.since : since;
      return became(current, 'resolution', begun, null);
    }
    case 'relay': {
      const on = (step as RelayStep).direction === 'request';
      return {
        ...current,
        relays: current.relays + (on ? 1 : 0),
        connection: current.connection + (on ? 1 : -1),
      };
    }
    default:
      return current;
  }
}
