/**
 * Whether the table takes one more connection (net/netfilter/nf_conntrack_core.c
 * __nf_conntrack_alloc()): asked before a connection is begun.
 */
import { type Drop } from '../outcome.ts';
import { type Tracker } from './tracker.ts';

/**
 * Counts a connection that is about to begin; where the table is full, why it may not. With
 * nf_conntrack_max connections a new one needs an unassured one near its place that goes for it
 * (early_drop()). Where that is, a hash with a random seed decides: it is taken that there is none,
 * and the answer says so.
 */
export function takeRoom<P>(tracker: Tracker<P>): Drop | null {
  const { limit, run } = tracker;
  const count = (limit?.count ?? 0) + tracker.begun;
  if (limit === null || count < limit.most) {
    tracker.begun++;
    return null;
  }
  const evidence = `${count} connections of at most ${limit.most}`;
  if (limit.makesRoom === 'perhaps') {
    const doubt = "whether one of them makes room, the kernel's hash decides";
    run.assume('SNAPSHOT_INCOMPLETE', `${evidence}: ${doubt}`);
  }
  return { reason: 'CT_TABLE_FULL', where: 'nf_conntrack', evidence, origin: null };
}
