/** What a scenario holds: a cloud that compiles or is refused, traces over it, and faults. */
import { type Asked } from '../../trace/ask.ts';
import { type Verdict } from '../../trace/types.ts';

/** One scenario's `expect.yaml`. */
export interface Scenario {
  /** What the reader of its cloud.yaml must refuse; empty for a cloud that compiles. */
  readonly refused: readonly Refusal[];
  /** Routes that BGP speakers announce, or must not. */
  readonly announces: readonly Announced[];
  /** What happens over time. */
  readonly simulations: readonly Simulation[];
  /** Over the hosts as the agents configure them. */
  readonly traces: readonly Expectation[];
  readonly faults: readonly Fault[];
}

/** A problem that reading the cloud must give. */
export interface Refusal {
  readonly line: number;
  /** Line of the cloud.yaml; null for any. */
  readonly at: number | null;
  /** Words that its message holds. */
  readonly says: string;
}

/** Events on a clock, and who is master of a router when it ends. */
export interface Simulation {
  readonly line: number;
  /** Hosts that are not as the agents left them when it begins. */
  readonly edits: readonly Edit[];
  /** As `hopwise simulate` takes them; names in them may be `<…>`. */
  readonly events: readonly string[];
  readonly probes: readonly string[];
  readonly until_s: number;
  readonly ways: number;
  readonly router: string;
  /** Hosts of which each is master in some way it may go, and no others are. */
  readonly masters: readonly string[];
  /** How many are master at once. */
  readonly atOnce: number;
  /** Reason code of the first lost probe; null when none may be lost. */
  readonly because: string | null;
  /** All reasons that probes are lost for, in some way it may go; empty when nobody asks. */
  readonly causes: readonly string[];
  /** Seconds that the longest loss takes in every way, from and to; null when nobody asks. */
  readonly loss_s: readonly [number, number] | null;
  /** What becomes of the router's instances, as `net1 master, net2 backup` in the order of names. */
  readonly changes: readonly string[];
  /** Parts of sentences that the timeline of some way holds. */
  readonly says: readonly string[];
  /** Over the hosts as the first way leaves them. */
  readonly traces: readonly Expectation[];
}

export interface Announced {
  readonly line: number;
  readonly speaker: string;
  /** `10.30.0.107/32`. */
  readonly to: string;
  /** The next hop; null for any. */
  readonly via: string | null;
  readonly never: boolean;
}

/** Hosts that are not as the agents left them, and what is then otherwise. */
export interface Fault {
  readonly line: number;
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly traces: readonly Expectation[];
}

/** One thing that is lost or wrong on a host; `edits/rows.ts` knows the kinds. */
export interface Edit {
  readonly line: number;
  readonly kind: string;
  /** Every word may hold `<…>` names, see `names.ts`. */
  readonly words: ReadonlyMap<string, readonly string[]>;
}

export interface Expectation {
  readonly line: number;
  /** As `hopwise trace` takes it; names in it may be `<…>`. */
  readonly asked: Asked;
  readonly verdict: Verdict;
  /** Reason code of the first blocker. */
  readonly because: string | null;
  /** Host of the first blocker. */
  readonly at: string | null;
  /** Part of the first blocker's component: `br-int table 25`. */
  readonly component: string | null;
  readonly direction: string | null;
  /** Source and destination address as the receiver sees them. */
  readonly seenFrom: string | null;
  readonly seenTo: string | null;
  readonly receivedBy: string | null;
  readonly answerFrom: string | null;
  /** What the answer gives: an address of DHCP, a MAC of ARP, an instance of metadata. */
  readonly gives: readonly string[];
  /** Codes among the trace's assumptions and unmodelled things. */
  readonly assumes: readonly string[];
  /** Codes among the remarks beside the verdict. */
  readonly warns: readonly string[];
  /** Who may receive it in one of several worlds. */
  readonly mayReach: readonly string[];
  /** Devices or namespaces that the request passes, in this order; others may stand between. */
  readonly via: readonly string[];
  readonly replyVia: readonly string[];
  readonly avoids: readonly string[];
  readonly sees: readonly Seen[];
}

/** What a capture on one interface must show, or must not. */
export interface Seen {
  readonly line: number;
  readonly host: string;
  readonly interface: string;
  /** `request`, `answer`, `data`, `resolution`…; null for any. */
  readonly role: string | null;
  readonly direction: 'in' | 'out' | null;
  /** Fields as the field table writes them; those of the frame in a tunnel begin `inner.`. */
  readonly fields: ReadonlyMap<string, string>;
  readonly never: boolean;
}

/** One thing that a scenario expects, and what is otherwise. */
export interface ScenarioAnswer {
  readonly line: number;
  /** What was asked, in words. */
  readonly what: string;
  /** What is not as expected, as sentences; empty when all is. */
  readonly otherwise: readonly string[];
}
