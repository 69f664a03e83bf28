/** One stopped packet with everything a diagnosis may look at, and what a diagnosis says. */

import { type Drop } from '../../dataplane/outcome.ts';
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { field } from '../../packet/fields.ts';
import { type Reason } from '../../reasons/codes.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { readField } from '../../traffic/words.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { type Read } from '../lineage.ts';
import { type NeutronRef } from '../objects.ts';
import { type Fix, type NearMiss, type Question } from '../types.ts';

export interface Case {
  readonly compiled: CompiledNetwork;
  readonly question: Question;
  readonly direction: 'request' | 'reply';
  readonly host: string;
  /** `ovs` or the namespace in which it ended. */
  readonly device: string;
  readonly drop: Drop;
  /** Every copy of every packet of the walk, and where it ended. */
  readonly reads: readonly Read[];
  readonly diary: readonly DiaryEntry[];
  /** It is but one of many flooded copies, and ended where such copies always end. */
  readonly stray?: boolean;
  /** The packet as it was when it ended. */
  readonly words: Uint32Array;
}

/** What a diagnosis adds to the bare drop; what it leaves out stays as the element said. */
export interface Finding {
  readonly code: Reason;
  readonly host?: string;
  readonly component?: string;
  readonly evidence?: string;
  readonly origin?: Drop['origin'];
  /** Sentences about this very case, the cause first; escaped only when printed. */
  readonly because: readonly string[];
  readonly nearMisses?: readonly NearMiss[];
  readonly neutron?: readonly NeutronRef[];
  readonly fix?: Fix | null;
  /** Read-only commands that show it on the live host. */
  readonly confirm?: readonly string[];
}

/** A diagnosis of one family of causes: null when this case is not of that family. */
export type Diagnosis = (of: Case) => Finding | null;

/** Endings of packets that waited for a neighbour in vain. */
export const UNANSWERED: ReadonlySet<Reason> = new Set(['ARP_UNANSWERED', 'NO_NEIGHBOR']);

/** The lookups since the packet came into the device it ended in, oldest first. */
export function flowsOf({ diary }: Case): readonly (DiaryEntry & { readonly step: FlowStep })[] {
  const entered = diary.findLastIndex(({ step }) => step.kind === 'enter');
  return diary.slice(Math.max(0, entered)).flatMap((entry) => {
    return entry.step.kind === 'flow' ? [{ ...entry, step: entry.step as FlowStep }] : [];
  });
}

const FIELDS = {
  ethType: field('eth_type'),
  protocol: field('ip_proto'),
  sourcePort: field('tp_src'),
  destinationPort: field('tp_dst'),
  four: { source: field('ip_src'), destination: field('ip_dst') },
  six: { source: field('ipv6_src'), destination: field('ipv6_dst') },
} as const;

/** The five-tuple of a packet's words; ICMP type and code stand where the ports are. */
export interface Tuple {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const IPV4 = 0x0800n;
const IPV6 = 0x86ddn;

/** Null for frames that carry no IP. */
export function tupleOf(words: Uint32Array): Tuple | null {
  const type = readField(words, FIELDS.ethType);
  if (type !== IPV4 && type !== IPV6) return null;
  const version = type === IPV6 ? 6 : 4;
  const { source, destination } = version === 6 ? FIELDS.six : FIELDS.four;
  return {
    version,
    protocol: Number(readField(words, FIELDS.protocol)),
    source: { version, value: readField(words, source) },
    destination: { version, value: readField(words, destination) },
    sourcePort: Number(readField(words, FIELDS.sourcePort)),
    destinationPort: Number(readField(words, FIELDS.destinationPort)),
  };
}

/** A number field of a packet's words. */
export function numberIn(words: Uint32Array, name: string): number {
  return Number(readField(words, field(name)));
}
