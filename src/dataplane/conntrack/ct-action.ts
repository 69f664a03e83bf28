/** What OVS's ct action asks of a tracker, and what it gives back (ovs-actions(7) "ct"). */
import { type Drop } from '../outcome.ts';
import { type Connection } from './connection.ts';

/** `nat`, `nat(src=…)` or `nat(dst=…)`. */
export interface CtNat {
  /** Null: `nat` alone, translate as the connection remembers. */
  readonly manip: 'src' | 'dst' | null;
  readonly addresses: { readonly from: bigint; readonly to: bigint } | null;
  readonly ports: { readonly from: number; readonly to: number } | null;
  readonly random: boolean;
}

export interface CtRequest<P> {
  readonly commit: boolean;
  readonly force: boolean;
  readonly zone: number;
  readonly nat: CtNat | null;
  /**
   * exec(…): changes the ct_mark and ct_label fields of the packet it is given, which hold the
   * connection's; null when there is nothing to change.
   */
  readonly exec: ((p: P) => P) | null;
  readonly alg: 'ftp' | 'tftp' | null;
}

/** One part of the traffic with its ct_* fields set, translated where the action says so. */
export interface CtResult<P> {
  readonly p: P;
  readonly connection: Connection<P> | null;
  /** Why the packet ends here: the table had no room for its connection. */
  readonly refused?: Drop;
}
