/** Remembered connections, as `dpctl/dump-conntrack` and `conntrack -L` show them. */
import { type Origin } from '../../text/problem.ts';

export interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** One direction of a connection. Ports hold ICMP type, code and id for ICMP. */
export interface Tuple {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly icmpId: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}

/** One entry of a dump. Times in seconds. */
export interface ConnectionEntry {
  readonly zone: number;
  readonly zoneReply: number | null;
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly state: string | null;
  /** `confirmed`, `assured`, `seen_reply`, `src_nat`, `dst_nat`, … in lower case. */
  readonly status: readonly string[];
  readonly mark: number;
  readonly labels: bigint;
  readonly timeout_s: number | null;
  readonly helper: string | null;
  /** TCP state of the replying side where a dump tells both (`dpctl/dump-conntrack -m`). */
  readonly stateReply: string | null;
  /** What was read beside the above and is only printed back: counters, `use`, `id`, `wscale_orig`. */
  readonly extra: Readonly<Record<string, string>>;
  readonly origin: Origin;
}

/** The form a dump is written in; `printConnections` writes the same form back. */
export type DumpFormat = 'dpctl' | 'conntrack' | 'xml';

/** Whose rules: Linux's nf_conntrack, or the Open vSwitch userspace datapath's own tracker. */
export type Personality = 'kernel' | 'userspace';
