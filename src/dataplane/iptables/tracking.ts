/**
 * The station at which packets are tracked (nf_conntrack_in()): in front stands the raw table,
 * whose templates say how; behind it the mangle table, which sees the state.
 */
import { type Guard, guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { type Handle, setHelper, type Tracked, track } from '../conntrack/netfilter.ts';
import { type Tracker } from '../conntrack/tracker.ts';
import { type Run } from '../outcome.ts';
import { isUnattached } from './attach.ts';
import { F } from './fields.ts';
import { type HookName } from './hooks.ts';
import { type Passed } from './passed.ts';
import { type Accounts, account } from './tests/carried.ts';
import { type Item } from './walk.ts';

/** What the station works with. */
export interface Tracking<P> {
  readonly run: Run<P>;
  readonly tracker: Tracker<P>;
  /** Where what connections carry is counted; null when no rule asks. */
  readonly accounts: Accounts<P> | null;
}

/** Tracks what is not tracked yet; what finds no room in the table ends here. */
export function trackItem<P>(
  { run, tracker, accounts }: Tracking<P>,
  hook: HookName,
  item: Item<P>,
  out: Passed<P>[],
): readonly Item<P>[] {
  if (item.handle !== null && !isUnattached(item.handle)) return [item];
  const zone = item.template?.zone ?? { original: 0, reply: 0 };
  const helper = item.template?.helper ?? null;
  const items: Item<P>[] = [];
  for (const tracked of track(tracker, item.p, zone, hook === 'prerouting' && tracker.verifies)) {
    const { p, handle, refused } = tracked;
    if (refused !== undefined) {
      out.push({ kind: 'dropped', p, drop: refused });
      continue;
    }
    if (accounts !== null) account(run.traffic, accounts, handle, p);
    for (const one of helped(run, tracker, helper, tracked)) items.push(asItem(one));
  }
  return items;
}

function asItem<P>({ p, handle }: Tracked<P>): Item<P> {
  return { p, handle, template: null };
}

function byPort(protocol: bigint, port: bigint, helper: string): readonly [Guard, string] {
  return [guard(and(test(F.protocol, protocol), test(F.destinationPort, port))), helper];
}

/**
 * Helpers by their usual ports.
 * Simplification: with nf_conntrack_helper=1 the modules of FTP and TFTP are taken to be loaded.
 */
const HELPERS = [byPort(6n, 21n, 'ftp'), byPort(17n, 69n, 'tftp')] as const;

/** __nf_ct_try_assign_helper(): the template's helper, or with the sysctl the port's. */
function helped<P>(
  run: Run<P>,
  tracker: Tracker<P>,
  helper: string | null,
  tracked: Tracked<P>,
): readonly Tracked<P>[] {
  const { handle } = tracked;
  if (!opens(handle)) return [tracked];
  if (helper !== null) {
    setHelper(handle, helper);
    return [tracked];
  }
  if (!tracker.helpsByPort) return [tracked];
  for (const [is, name] of HELPERS) {
    const { hit, miss } = run.traffic.split(run.traffic.fork(tracked.p), is);
    // A set of which only a part goes to the port has no helper: nothing may rely on one.
    if (hit !== null && miss === null) setHelper(handle, name);
  }
  return [tracked];
}

function opens<P>({ state, connection }: Handle<P>): boolean {
  return state === 'new' && connection !== null;
}
