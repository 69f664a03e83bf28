/**
 * Actions that choose: groups, bundle, multipath (xlate_group_action(), lib/bundle.c,
 * lib/multipath.c).
 *
 * Simplification: which bucket, member or link a hash selects is not computed. One packet takes
 * the first that is alive, a packet set takes all, and the answer says that a hash decides.
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { test } from '../../../traffic/match.ts';
import { bitsAssignment } from '../../../traffic/words.ts';
import { type Action, type Bundle as BundleAction, RESERVED_PORTS } from '../types/flow.ts';
import { actionListOfSet } from './action-set.ts';
import { targetOf } from './actions.ts';
import { bitsOf } from './conditions.ts';
import { finishFreezing, freeze } from './freeze.ts';
import { output } from './output.ts';
import {
  forkPart,
  LIMITS,
  type Mode,
  type Part,
  remark,
  restore,
  type Translation,
  tell,
} from './part.ts';
import { type PreparedBridge, type PreparedBucket, type PreparedGroup } from './prepared.ts';

const DP_HASH = field('dp_hash');
const DP_HASH_BITS: FieldBits = { field: DP_HASH, start: 0, width: 32 };
const NOT_HASHED = guard(test(DP_HASH, 0n));
/** Groups that watch groups: how deep liveness is followed (MAX_LIVENESS_RECURSION). */
const LIVENESS_DEPTH = 128;

/** Runs a group; one that does not exist ends the list of actions. */
export function runGroup<P>(x: Translation<P>, part: Part<P>, id: number, mode: Mode): Part<P>[] {
  if (part.depth >= LIMITS.depth) part.error = 'Recursion too deep';
  else if (part.resubmits >= LIMITS.resubmits) part.error = 'Too many resubmits';
  if (part.error !== null) return [part];
  const group = part.bridge.groups.get(id);
  if (group === undefined) {
    remark(x, part, `group ${id} does not exist`);
    part.stop = true;
    return [part];
  }
  switch (group.source.type) {
    case 'all':
    case 'indirect':
      return group.buckets.reduce<Part<P>[]>(
        (parts, bucket, i) =>
          parts.flatMap((q) =>
            q.error === null
              ? runBucket(x, q, group, bucket, mode.last && i === group.buckets.length - 1)
              : [q],
          ),
        [part],
      );
    case 'fast_failover': {
      const bucket = group.buckets.find((one) => isAlive(part.bridge, one, 0));
      return bucket === undefined
        ? noBucket(x, part)
        : runBucket(x, part, group, bucket, mode.last);
    }
    case 'select':
      return select(x, part, group, mode);
  }
}

function noBucket<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  remark(x, part, 'no bucket of the group is alive');
  return [part];
}

function isAlive(bridge: PreparedBridge, bucket: PreparedBucket, depth: number): boolean {
  if (depth >= LIVENESS_DEPTH) return false;
  if (bucket.watchPort === null && bucket.watchGroup === null) return true;
  if (bucket.watchPort !== null && bridge.ports.get(bucket.watchPort)?.enabled === true)
    return true;
  const watched = bucket.watchGroup === null ? undefined : bridge.groups.get(bucket.watchGroup);
  return watched?.buckets.some((one) => isAlive(bridge, one, depth + 1)) ?? false;
}

/** A select group: by default the datapath hashes and the packet comes back for the choice. */
function select<P>(x: Translation<P>, part: Part<P>, group: PreparedGroup, mode: Mode): Part<P>[] {
  if (part.wasMpls) {
    freeze(part);
    return [part];
  }
  const weighted = group.buckets.filter(
    (bucket) => bucket.weight > 0 && isAlive(part.bridge, bucket, 0),
  );
  const take = (one: Part<P>): Part<P>[] =>
    pick(x, one, weighted.length, `group ${group.source.id}`).flatMap(({ index, part: q }) =>
      takeBucket(x, q, group, weighted[index], mode),
    );
  if (!isHashedByDatapath(group)) return take(part);
  const { hit: fresh, miss: hashed } = x.t.split(part.p, NOT_HASHED);
  const results: Part<P>[] = [];
  if (fresh !== null) {
    const q = hashed === null ? part : forkPart(part, fresh);
    q.p = fresh;
    q.hashes = true;
    freeze(q);
    results.push(q);
  }
  if (hashed === null) return results;
  const q = fresh === null ? part : forkPart(part, hashed);
  q.p = hashed;
  results.push(...take(q));
  return results;
}

/** Hash values that a group tells apart, at most (MAX_SELECT_GROUP_HASH_VALUES). */
const HASH_VALUES = 256;

/**
 * Whether the datapath hashes (ofproto-dpif.c group_set_selection_method()): the weights must fit
 * into a table of hash values, else the switch itself hashes.
 */
function isHashedByDatapath({ source, buckets }: PreparedGroup): boolean {
  if (source.selection.method === 'hash') return false;
  const weights = buckets.map(({ weight }) => weight).filter((weight) => weight > 0);
  if (weights.length === 0) return false;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const slots = Math.ceil(total / Math.min(...weights));
  return Math.max(16, 2 ** Math.ceil(Math.log2(slots))) <= HASH_VALUES;
}

function takeBucket<P>(
  x: Translation<P>,
  part: Part<P>,
  group: PreparedGroup,
  bucket: PreparedBucket | undefined,
  mode: Mode,
): Part<P>[] {
  return bucket === undefined ? noBucket(x, part) : runBucket(x, part, group, bucket, mode.last);
}

function sayHash<P>(x: Translation<P>, part: Part<P>, what: string): void {
  x.run.assume('AMBIGUOUS_HASH', `${part.bridge.name}: ${what}`);
}

/** A bucket is an action set that works on a copy of the packet (xlate_group_bucket()). */
function runBucket<P>(
  x: Translation<P>,
  part: Part<P>,
  group: PreparedGroup,
  bucket: PreparedBucket,
  last: boolean,
): Part<P>[] {
  const bridge = part.bridge.name;
  const { id, origin } = group.source;
  tell(x, part, () => ({ kind: 'group', bridge, group: id, bucket: bucket.id, origin }));
  const saved = x.t.fork(part.p);
  const { wasMpls, depth, inPort } = part;
  part.depth++;
  const done = x.engine.run(x, part, actionListOfSet(bucket.actions()), { last, bucket: true });
  for (const q of done) {
    q.depth = depth;
    if (q.freezing) finishFreezing(x, q);
    q.wasMpls = wasMpls;
    q.exit = false;
    if (q.error === 'Too many MPLS labels' || q.error === 'Unsupported packet type') q.error = null;
  }
  return restore(x, done, saved, inPort);
}

/** Any of `count`: one packet takes the first, sets keep all. */
function pick<P>(
  x: Translation<P>,
  part: Part<P>,
  count: number,
  what: string,
): { readonly index: number; readonly part: Part<P> }[] {
  if (count <= 1) return [{ index: 0, part }];
  sayHash(x, part, what);
  const saved = x.t.fork(part.p);
  part.p = x.t.choose(part.p, DP_HASH_BITS, 0n, BigInt(count - 1));
  const cases = x.t.cases(part.p, DP_HASH_BITS, 65_536) ?? [];
  return cases.map(({ value, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = x.t.copy(p, DP_HASH_BITS, saved, DP_HASH_BITS);
    return { index: value, part: q };
  });
}

/** Members that bundle may use; some reserved ports always count (member_enabled_cb()). */
function memberEnabled(bridge: PreparedBridge, port: number): boolean {
  if (port === RESERVED_PORTS.CONTROLLER) return false;
  if (port >= RESERVED_PORTS.IN_PORT && port !== RESERVED_PORTS.LOCAL) return true;
  return bridge.ports.get(port)?.enabled ?? false;
}

/** bundle and bundle_load. */
export function runBundle<P>(
  x: Translation<P>,
  part: Part<P>,
  bundle: BundleAction,
  mode: Mode,
): Part<P>[] {
  const enabled = bundle.members.filter((member) => memberEnabled(part.bridge, member));
  const members = bundle.algorithm === 'active_backup' ? enabled.slice(0, 1) : enabled;
  return pick(x, part, members.length, 'bundle').flatMap(({ index, part: q }) => {
    const port = members[index] ?? RESERVED_PORTS.NONE;
    if (bundle.to === null) return output(x, q, port, mode, 65_535);
    q.p = x.t.set(q.p, bitsAssignment(bundle.to, BigInt(port)));
    return [q];
  });
}

/** multipath: the number of a link in a field. */
export function runMultipath<P>(
  x: Translation<P>,
  part: Part<P>,
  { to, links }: Extract<Action, { kind: 'multipath' }>,
): Part<P>[] {
  if (links > 1) sayHash(x, part, 'multipath');
  part.p = x.t.set(part.p, bitsAssignment(to, 0n));
  if (links > 1) part.p = x.t.choose(part.p, to, 0n, BigInt(links - 1));
  if (targetOf(to.field) === 'in-port') {
    const [only] = x.t.cases(part.p, bitsOf('in_port'), 1) ?? [];
    if (only !== undefined) part.inPort = only.value;
  }
  return [part];
}
