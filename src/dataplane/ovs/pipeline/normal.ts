/**
 * NORMAL: what a learning VLAN switch does with the packet (xlate_normal()). In front stands an
 * output action; behind it every port that gets a copy.
 *
 * Simplification: multicast snooping is not emulated; with it on, multicast is flooded and the
 * answer says so.
 */

import { field } from '../../../packet/fields.ts';
import { type Reason } from '../../../reasons/codes.ts';
import { guard } from '../../../traffic/guard.ts';
import { and, not, test } from '../../../traffic/match.ts';
import { RESERVED_PORTS } from '../types/flow.ts';
import { IS_RESERVED_MAC } from './conditions.ts';
import { learnAddress, lookupAddress } from './fdb.ts';
import { forkPart, type Part, splitting, type Translation, tell } from './part.ts';
import { type Bundle, type PreparedPort } from './prepared.ts';
import { type NormalStep } from './steps.ts';
import { includesVlan, innerTags, inputAllowed, outputTo, type Tags, tagsOf } from './vlan.ts';

const BROADCAST = 0xffff_ffff_ffffn;
const ETH_DST = field('eth_dst');
const IS_MULTICAST = guard(and(test(ETH_DST, 1n << 40n, 1n << 40n), not(test(ETH_DST, BROADCAST))));
/** The type of a tag, and no tag: one that the switch does not look into, or a part of one. */
const HAS_PARTIAL_TAG = guard(
  and(test(field('eth_type'), 0x8100n), test(field('vlan_tci'), 0n, 0x1000n)),
);

function refuse<P>(
  x: Translation<P>,
  part: Part<P>,
  decision: NormalStep['decision'],
  reason: Reason,
  vlan: number | null,
  port: string | null,
): Part<P>[] {
  const { bridge, table, flow } = part;
  tell(x, part, () => ({ kind: 'normal', bridge: bridge.name, decision, vlan, port }));
  part.why = () => ({
    reason,
    where: `${bridge.name} NORMAL in table ${table}`,
    evidence: `${decision}${port === null ? '' : ` ${port}`}${vlan === null ? '' : ` VLAN ${vlan}`}`,
    origin: flow?.flow.origin ?? null,
  });
  return [part];
}

/** Forwards as a learning switch. */
export function forwardNormally<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  const port = part.bridge.ports.get(part.inPort) ?? null;
  const nobody = part.inPort === RESERVED_PORTS.CONTROLLER || part.inPort === RESERVED_PORTS.NONE;
  if (port === null && !nobody) {
    return refuse(x, part, 'unknown-port', 'OF_NO_SUCH_PORT', null, null);
  }
  const bundle = port?.bundle ?? null;
  const { hit: partial, miss: sound } = x.t.split(part.p, HAS_PARTIAL_TAG);
  const results: Part<P>[] = [];
  if (partial !== null) {
    const q = sound === null ? part : forkPart(part, partial);
    q.p = partial;
    const name = bundle?.name ?? null;
    results.push(...refuse(x, q, 'partial-tag', 'VLAN_NOT_TRUNKED', null, name));
  }
  if (sound === null) return results;
  const whole = partial === null ? part : forkPart(part, sound);
  whole.p = sound;
  return [...results, ...forwardSound(x, whole, port, bundle)];
}

function forwardSound<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort | null,
  bundle: Bundle | null,
): Part<P>[] {
  if (bundle !== null && bundle.mirrorOutput !== 0) {
    return refuse(x, part, 'mirror-port', 'BRIDGE_PORT_NOT_FORWARDING', null, bundle.name);
  }
  return splitting(tagsOf(x, part), ({ part: q, tags }) => admit(x, q, port, bundle, tags));
}

function admit<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort | null,
  bundle: Bundle | null,
  tags: Tags,
): Part<P>[] {
  if (port === null || bundle === null) return forward(x, part, null, tags, tags);
  if (!inputAllowed(bundle, tags[0].vid)) {
    return refuse(x, part, 'vlan-not-allowed', 'VLAN_NOT_TRUNKED', tags[0].vid, bundle.name);
  }
  const inner = innerTags(bundle, tags);
  const vlan = inner[0].vid;
  const reserved = part.bridge.forwardBpdu
    ? { hit: null, miss: part.p }
    : x.t.split(part.p, IS_RESERVED_MAC);
  const results: Part<P>[] = [];
  if (reserved.hit !== null) {
    const q = reserved.miss === null ? part : forkPart(part, reserved.hit);
    q.p = reserved.hit;
    results.push(...refuse(x, q, 'reserved-mac', 'FLOOD_BLOCKED', vlan, bundle.name));
  }
  if (reserved.miss === null) return results;
  const q = reserved.hit === null ? part : forkPart(part, reserved.miss);
  q.p = reserved.miss;
  for (const learned of learnAddress(x, q, vlan, { port, bundle })) {
    results.push(...forward(x, learned, bundle, inner, tags));
  }
  return results;
}

/** To the port the destination was learned on, else to every port of the VLAN. */
function forward<P>(
  x: Translation<P>,
  part: Part<P>,
  from: Bundle | null,
  inner: Tags,
  packet: Tags,
): Part<P>[] {
  const bridge = part.bridge.name;
  const vlan = inner[0].vid;
  if (part.bridge.source.multicastSnooping) saySnooping(x, part);
  return splitting(lookupAddress(x, part, vlan), ({ part: q, entry }) => {
    if (entry === null) return flood(x, q, from, inner, packet);
    const target = q.bridge.bundles.get(entry.bundle ?? '');
    if (target === undefined) {
      return refuse(x, q, 'unknown-port', 'FDB_STALE', vlan, entry.bundle);
    }
    if (target.mirrorOutput !== 0) {
      return refuse(x, q, 'mirror-port', 'BRIDGE_PORT_NOT_FORWARDING', vlan, target.name);
    }
    if (target === from) return refuse(x, q, 'same-port', 'FDB_STALE', vlan, target.name);
    tell(x, q, () => ({ kind: 'normal', bridge, decision: 'learned', vlan, port: target.name }));
    return outputTo(x, q, target, inner, packet);
  });
}

function saySnooping<P>(x: Translation<P>, part: Part<P>): void {
  if (x.t.split(x.t.fork(part.p), IS_MULTICAST).hit === null) return;
  x.run.assume('UNSUPPORTED_ACTION', `${part.bridge.name}: multicast snooping; flooded instead`);
}

function flood<P>(
  x: Translation<P>,
  part: Part<P>,
  from: Bundle | null,
  inner: Tags,
  packet: Tags,
): Part<P>[] {
  const bridge = part.bridge.name;
  const vlan = inner[0].vid;
  tell(x, part, () => ({ kind: 'normal', bridge, decision: 'flooded', vlan, port: null }));
  let parts = [part];
  const carriers = part.bridge.flooded(vlan);
  for (const bundle of x.run.heeding?.(carriers, part.p) ?? carriers) {
    if (bundle === from || !includesVlan(bundle, inner)) continue;
    parts = splitting(parts, (q) => outputTo(x, q, bundle, inner, packet));
  }
  return parts;
}
