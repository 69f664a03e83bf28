/**
 * The first station of PREROUTING and OUTPUT: fragments wait for each other where connections
 * are tracked (net/ipv4/netfilter/nf_defrag_ipv4.c). Behind it: the raw table.
 */
import { guard } from '../../traffic/guard.ts';
import { not, test } from '../../traffic/match.ts';
import { type Reassembly, reassemble } from '../conntrack/defragment.ts';
import { type Drop, type Run } from '../outcome.ts';
import { bit, F } from './fields.ts';
import { type HookName } from './hooks.ts';
import { type Passed } from './passed.ts';
import { type Item } from './walk.ts';

const IS_FRAGMENT = guard(bit(F.fragment, 1));
const IS_BRIDGED = guard(not(test(F.physin, 0n)));

/** ipv4_conntrack_defrag(): fragments of bridged and routed packets are kept apart. */
export function defragmented<P>(
  { run, fragments }: { readonly run: Run<P>; readonly fragments: Reassembly<P> },
  hook: HookName,
  version: 4 | 6,
  item: Item<P>,
  out: Passed<P>[],
): readonly Item<P>[] {
  if (item.handle !== null) return [item];
  const { hit, miss } = run.traffic.split(item.p, IS_FRAGMENT);
  const rest: Item<P>[] = miss === null ? [] : [{ ...item, p: miss }];
  if (hit === null) return rest;
  const bridged = run.traffic.split(hit, IS_BRIDGED);
  for (const [user, p] of [
    [`${hook} bridge`, bridged.hit],
    [hook, bridged.miss],
  ] as const) {
    if (p === null) continue;
    const made = reassemble(run, fragments, user, version, p);
    if (made.kind === 'whole') rest.push({ ...item, p: made.p });
    else if (made.kind === 'kept') out.push(made);
    else out.push({ kind: 'dropped', p: made.p, drop: fragmentDrop(made.why) });
  }
  return rest;
}

function fragmentDrop(evidence: string): Drop {
  return { reason: 'FRAGMENTS_BROKEN', where: 'reassembly', evidence, origin: null };
}
