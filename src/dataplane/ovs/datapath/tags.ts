/**
 * How many VLAN tags the switch looks into (`other_config:vlan-limit`, one unless it says more):
 * with fewer than the frame has, the next tag's type is the frame's type and all behind it is
 * payload (lib/flow.c parse_vlan(), flow_limit_vlans()). In front stands the datapath when it
 * hands a packet to the pipeline; behind it the same when it sends the packet on.
 *
 * Simplification: the userspace datapath takes its offsets anew, with that limit, when it sends a
 * packet to a controller; what it writes behind two tags afterwards lands in the wrong bytes. Here
 * it lands where it belongs.
 */
import { field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { and, not, or, test } from '../../../traffic/match.ts';
import { type Traffic } from '../../../traffic/traffic.ts';
import { bitsOf, writeNumberTo } from '../pipeline/conditions.ts';

const PRESENT = 0x1000n;
// Simplification: of three tags a switch with a limit of one reads two when the packet comes back
// from the datapath.
const HAS_TWO = guard(
  and(test(field('vlan_tci2'), PRESENT, PRESENT), not(test(field('hidden_tci'), PRESENT, PRESENT))),
);
const HAS_ONE = guard(test(field('vlan_tci'), PRESENT, PRESENT));
/** The unread tag is next: no labels stand in front of it, and there is room for it. */
const IS_NEXT = guard(
  and(
    test(field('hidden_tci'), PRESENT, PRESENT),
    not(test(field('vlan_tci2'), PRESENT, PRESENT)),
    or(test(field('eth_type'), 0x8100n), test(field('eth_type'), 0x88a8n)),
  ),
);

const TYPE = bitsOf('eth_type');
const UNREAD = { tci: bitsOf('hidden_tci'), type: bitsOf('hidden_type') };
const OUTER = { tci: bitsOf('vlan_tci'), tpid: bitsOf('vlan_tpid') };
const SECOND = { tci: bitsOf('vlan_tci2'), tpid: bitsOf('vlan_tpid2') };

/** Every part of `p` as a switch with that limit reads it. Consumes `p`. */
export function withTagsRead<P>(t: Traffic<P>, p: P, limit: number): P[] {
  if (limit > 1) return [p];
  const { hit, miss } = t.split(p, HAS_TWO);
  if (hit === null) return miss === null ? [] : [miss];
  const seen = t.fork(hit);
  let q = t.copy(hit, UNREAD.tci, seen, SECOND.tci);
  q = t.copy(q, UNREAD.type, seen, TYPE);
  q = t.copy(q, TYPE, seen, SECOND.tpid);
  q = t.set(q, writeNumberTo(SECOND.tci.field, 0));
  q = t.set(q, writeNumberTo(SECOND.tpid.field, 0));
  return miss === null ? [q] : [q, miss];
}

/** Every part of `p` with the tags that anybody may read. Consumes `p`. */
export function withTagsShown<P>(t: Traffic<P>, p: P): P[] {
  const { hit, miss } = t.split(p, IS_NEXT);
  const others: P[] = miss === null ? [] : [miss];
  if (hit === null) return others;
  const tagged = t.split(hit, HAS_ONE);
  const { hit: one, miss: none } = tagged;
  if (one !== null) others.push(shown<P>(t, one, SECOND));
  if (none !== null) others.push(shown<P>(t, none, OUTER));
  return others;
}

function shown<P>(t: Traffic<P>, p: P, into: typeof OUTER): P {
  const seen = t.fork(p);
  let q = t.copy(p, into.tci, seen, UNREAD.tci);
  q = t.copy(q, into.tpid, seen, TYPE);
  q = t.copy(q, TYPE, seen, UNREAD.type);
  q = t.set(q, writeNumberTo(UNREAD.tci.field, 0));
  return t.set(q, writeNumberTo(UNREAD.type.field, 0));
}
