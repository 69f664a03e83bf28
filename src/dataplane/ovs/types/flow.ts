/**
 * OpenFlow flows as data: what they match, what they do. ovs-actions(7) names every action.
 * Port numbers are OpenFlow port numbers; reserved ones as in `RESERVED_PORTS`.
 */
import { type Field, type FieldBits } from '../../../packet/fields.ts';
import { type Origin } from '../../../text/problem.ts';
import { type Match } from '../../../traffic/match.ts';

/** Reserved OpenFlow 1.0 port numbers (openflow-1.0.h), the same when they come from a register. */
export const RESERVED_PORTS = {
  UNSET: 0xfff7,
  IN_PORT: 0xfff8,
  TABLE: 0xfff9,
  NORMAL: 0xfffa,
  FLOOD: 0xfffb,
  ALL: 0xfffc,
  CONTROLLER: 0xfffd,
  LOCAL: 0xfffe,
  NONE: 0xffff,
} as const;

/** Which OpenFlow version installed the flow, or which dump it was read from; decides `mod_vlan_vid`. */
export type OpenFlowVersion = '1.0' | '1.1' | '1.2' | '1.3' | '1.4' | '1.5';

/** One tested field of a flow, prerequisites included: (field & mask) == value. */
export interface FieldTest {
  readonly field: Field;
  readonly value: bigint;
  readonly mask: bigint;
}

/**
 * A flow, whoever made it. Counters and place are declared as accessors: flows of a dump keep
 * both in columns beside them, and so the compiler refuses a spread that would lose them.
 */
export declare abstract class Flow {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  /** All must hold; sorted by the field table's order; no two for the same field bits. */
  readonly tests: readonly FieldTest[];
  /** Parts of the match that were read but not understood. */
  readonly opaque: readonly string[];
  /** Applied in order; instructions stand where `ovs-ofctl` prints them. */
  readonly actions: readonly Action[];
  readonly idle_timeout_s: number;
  readonly hard_timeout_s: number;
  readonly importance: number;
  /** send_flow_rem, check_overlap, reset_counts, no_packet_counts, no_byte_counts. */
  readonly flags: readonly string[];
  get statistics(): FlowStatistics | null;
  /** Where it was read, or `learned` by which flow. */
  get origin(): Origin;
}

export interface FlowStatistics {
  readonly duration_s: number;
  readonly packets: number;
  readonly bytes: number;
  readonly idle_age_s: number | null;
  readonly hard_age_s: number | null;
}

/** A source of bits for learn(): a constant or bits of the packet. */
export type LearnSource =
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'field'; readonly from: FieldBits };

export type LearnSpec =
  | { readonly kind: 'match'; readonly to: FieldBits; readonly source: LearnSource }
  | { readonly kind: 'load'; readonly to: FieldBits; readonly source: LearnSource }
  | { readonly kind: 'output'; readonly from: FieldBits };

export interface Learn {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly idle_timeout_s: number;
  readonly hard_timeout_s: number;
  readonly fin_idle_timeout_s: number;
  readonly fin_hard_timeout_s: number;
  readonly flags: readonly string[];
  readonly limit: number;
  readonly result: FieldBits | null;
  readonly specs: readonly LearnSpec[];
}

export interface NatRange {
  readonly from: { readonly address: bigint; readonly version: 4 | 6 };
  readonly to: { readonly address: bigint; readonly version: 4 | 6 };
}

export interface Nat {
  /** Absent: `nat` alone, translate as the connection remembers. */
  readonly direction: 'src' | 'dst' | null;
  readonly addresses: NatRange | null;
  readonly ports: { readonly from: number; readonly to: number } | null;
  readonly flags: readonly ('random' | 'hash' | 'persistent')[];
}

export interface Ct {
  readonly commit: boolean;
  readonly force: boolean;
  /** Table where the tracked clone resumes; null when nothing is resumed. */
  readonly table: number | null;
  readonly zone:
    | { readonly kind: 'value'; readonly zone: number }
    | { readonly kind: 'field'; readonly from: FieldBits };
  readonly nat: Nat | null;
  /** How many of `exec` stood before `nat` in the text; without it `nat` came first. */
  readonly natAfter?: number;
  /** set_field, load, move on ct_mark and ct_label. */
  readonly exec: readonly Action[];
  readonly alg: 'ftp' | 'tftp' | null;
}

export interface Bundle {
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: 'hrw' | 'active_backup';
  readonly members: readonly number[];
  readonly to: FieldBits | null;
}

export type HashFields =
  | 'eth_src'
  | 'symmetric_l4'
  | 'symmetric_l3l4'
  | 'symmetric_l3l4+udp'
  | 'symmetric_l3'
  | 'nw_src'
  | 'nw_dst';

export type Action =
  | { readonly kind: 'output'; readonly port: number; readonly maxLength: number | null }
  | { readonly kind: 'output-field'; readonly from: FieldBits }
  | { readonly kind: 'drop' }
  | {
      readonly kind: 'controller';
      readonly maxLength: number;
      readonly reason: string;
      readonly id: number;
      readonly userdata: string | null;
      readonly pause: boolean;
      readonly meter: number | null;
    }
  | { readonly kind: 'enqueue'; readonly port: number; readonly queue: number }
  | { readonly kind: 'set-queue'; readonly queue: number }
  | { readonly kind: 'pop-queue' }
  | { readonly kind: 'bundle'; readonly bundle: Bundle }
  | { readonly kind: 'group'; readonly group: number }
  | { readonly kind: 'push-vlan'; readonly etherType: number }
  /** OpenFlow 1.0 calls it `strip_vlan`. */
  | { readonly kind: 'pop-vlan'; readonly spelling?: 'strip_vlan' }
  /**
   * `mod_vlan_vid`: an OpenFlow 1.1+ installation pushes a tag when the flow matches none.
   * With `spelling` it is the bare action `set_vlan_vid`, which never pushes.
   */
  | { readonly kind: 'set-vlan-vid'; readonly vid: number; readonly spelling?: 'set_vlan_vid' }
  | { readonly kind: 'set-vlan-pcp'; readonly pcp: number; readonly spelling?: 'set_vlan_pcp' }
  | { readonly kind: 'push-mpls'; readonly etherType: number }
  | { readonly kind: 'pop-mpls'; readonly etherType: number }
  | { readonly kind: 'dec-mpls-ttl' }
  | { readonly kind: 'dec-ttl'; readonly controllers: readonly number[] }
  | { readonly kind: 'dec-nsh-ttl' }
  | { readonly kind: 'encap'; readonly header: string; readonly properties: readonly string[] }
  | {
      readonly kind: 'decap';
      readonly packetType: { readonly ns: number; readonly type: number } | null;
    }
  /** set_field, load, mod_*, set_tunnel…; `spelling` keeps the text form for printing back. */
  | {
      readonly kind: 'set-field';
      readonly field: Field;
      readonly value: bigint;
      readonly mask: bigint;
      readonly spelling: SetSpelling;
    }
  | { readonly kind: 'move'; readonly from: FieldBits; readonly to: FieldBits }
  | { readonly kind: 'delete-field'; readonly field: Field }
  | { readonly kind: 'push'; readonly from: FieldBits }
  | { readonly kind: 'pop'; readonly to: FieldBits }
  | {
      readonly kind: 'resubmit';
      readonly port: number | null;
      readonly table: number | null;
      readonly ct: boolean;
    }
  | { readonly kind: 'exit' }
  | { readonly kind: 'note'; readonly bytes: string }
  | { readonly kind: 'clone'; readonly actions: readonly Action[] }
  | { readonly kind: 'learn'; readonly learn: Learn }
  | { readonly kind: 'ct'; readonly ct: Ct }
  | { readonly kind: 'ct-clear' }
  | {
      readonly kind: 'conjunction';
      readonly id: number;
      readonly clause: number;
      readonly clauses: number;
    }
  | {
      readonly kind: 'multipath';
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: 'modulo_n' | 'hash_threshold' | 'hrw' | 'iter_hash';
      readonly links: number;
      readonly argument: number;
      readonly to: FieldBits;
    }
  | {
      readonly kind: 'fin-timeout';
      readonly idle_timeout_s: number;
      readonly hard_timeout_s: number;
    }
  | { readonly kind: 'sample'; readonly text: string; readonly probability: number }
  | { readonly kind: 'check-pkt-larger'; readonly bytes: number; readonly to: FieldBits }
  | { readonly kind: 'debug-recirc' }
  | { readonly kind: 'debug-slow' }
  | { readonly kind: 'meter'; readonly meter: number }
  | { readonly kind: 'clear-actions' }
  | { readonly kind: 'write-actions'; readonly actions: readonly Action[] }
  | { readonly kind: 'write-metadata'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'goto-table'; readonly table: number }
  | { readonly kind: 'opaque'; readonly text: string };

/** Which words of ovs-actions(7) wrote a constant; printing gives the same back. */
export type SetSpelling =
  | 'set_field'
  | 'load'
  | 'mod_dl_src'
  | 'mod_dl_dst'
  | 'mod_nw_src'
  | 'mod_nw_dst'
  | 'mod_nw_tos'
  | 'mod_nw_ecn'
  | 'mod_nw_ttl'
  | 'mod_tp_src'
  | 'mod_tp_dst'
  | 'set_tunnel'
  | 'set_tunnel64'
  | 'set_mpls_label'
  | 'set_mpls_tc'
  | 'set_mpls_ttl';

export interface Bucket {
  readonly id: number | null;
  readonly weight: number;
  readonly watchPort: number | null;
  readonly watchGroup: number | null;
  readonly actions: readonly Action[];
}

export interface Group {
  readonly id: number;
  readonly type: 'all' | 'select' | 'indirect' | 'fast_failover';
  readonly selection: {
    readonly method: 'hash' | 'dp_hash' | '';
    readonly parameter: bigint;
    readonly fields: readonly FieldTest[];
  };
  readonly buckets: readonly Bucket[];
  readonly origin: Origin;
}

export interface MeterBand {
  readonly type: 'drop' | 'dscp_remark';
  readonly rate: number;
  readonly burst: number;
  readonly precedence: number;
}

export interface Meter {
  readonly id: number | 'controller' | 'slowpath';
  readonly unit: 'kbps' | 'pktps';
  readonly flags: readonly string[];
  readonly bands: readonly MeterBand[];
  readonly origin: Origin;
}

/** The match of a flow, as the rest of the project reads matches. */
export function flowMatch(flow: Pick<Flow, 'tests' | 'opaque' | 'origin'>): Match {
  const of: Match[] = flow.tests.map(({ field, value, mask }) => ({
    kind: 'test',
    field,
    value,
    mask,
  }));
  for (const text of flow.opaque) of.push({ kind: 'opaque', text, origin: flow.origin });
  const [only] = of;
  if (only === undefined) return { kind: 'any' };
  return of.length === 1 ? only : { kind: 'and', of };
}
