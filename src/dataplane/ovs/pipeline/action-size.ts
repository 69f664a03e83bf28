/**
 * How long a translation's datapath actions are as netlink attributes (linux/openvswitch.h,
 * lib/odp-util.c). Nobody sends them here; but once they are longer than 64 kB, resubmits are not
 * followed any more (xlate_resubmit_resource_check()), which is how floods that loop come to an
 * end. Only those are measured.
 */
import { allBits, field } from '../../../packet/fields.ts';
import { type FieldPairs, type Traffic } from '../../../traffic/traffic.ts';
import {
  type Chain,
  type DatapathAction,
  type Outside,
  type Part,
  type Translation,
} from './part.ts';

/** UINT16_MAX: as long as they may be. */
const LONGEST = 65_535;
/** So few actions never come near it. */
const FEW = 128;

/** Whether the actions so far are longer than a resubmit may follow. */
export function isTooLong<P>(x: Translation<P>, part: Part<P>): boolean {
  return part.sends >= FEW && lengthOf(x, part) > LONGEST;
}

interface Measured<P> {
  readonly bytes: number;
  /** The packet as the actions leave it (ctx->base_flow). */
  readonly base: P;
}

function lengthOf<P>(x: Translation<P>, part: Part<P>): number {
  const around: Outside<P>[] = [];
  for (let at = part.outside; at !== null; at = at.outside) around.unshift(at);
  let before: Measured<P> = { bytes: 0, base: x.start };
  for (const { effects, p, header } of around) {
    const { bytes, base } = measured(x, effects, before);
    const own = p === null ? 0 : committed(x.t, base, p);
    before = { bytes: bytes + own + header(), base: p ?? base };
  }
  return measured(x, part.effects, before).bytes;
}

/** A chain only grows at its end, so what was measured of it once stays true. */
const known = new WeakMap<object, Measured<unknown>>();

function measured<P>(
  x: Translation<P>,
  chain: Chain<DatapathAction<P>> | null,
  start: Measured<P>,
): Measured<P> {
  const fresh: Chain<DatapathAction<P>>[] = [];
  let sum = start;
  for (let at = chain; at !== null; at = at.previous) {
    const found = known.get(at) as Measured<P> | undefined;
    if (found !== undefined) {
      sum = found;
      break;
    }
    fresh.push(at);
  }
  for (const link of fresh.reverse()) {
    sum = withAction(x.t, sum, link.value);
    known.set(link, sum);
  }
  return sum;
}

function withAction<P>(
  t: Traffic<P>,
  { bytes, base }: Measured<P>,
  action: DatapathAction<P>,
): Measured<P> {
  const p = 'p' in action && action.kind !== 'ended' ? action.p : null;
  const own = p === null ? 0 : committed(t, base, p);
  return { bytes: bytes + own + sizeOf(t, action, p ?? base), base: p ?? base };
}

function listed<P>(t: Traffic<P>, actions: readonly DatapathAction<P>[], base: P): number {
  return actions.reduce((sum, action) => withAction(t, sum, action), { bytes: 0, base }).bytes;
}

/** An attribute's header; what stands in it is padded to four bytes. */
const HEADER = 4;
const NUMBER = HEADER + 4;
/** struct ovs_action_push_tnl: ports, type, lengths and up to 512 bytes of headers. */
const TUNNEL_PUSH = 528;
/** The cookie that comes back with a packet (struct user_action_cookie). */
const COOKIE = HEADER + 48;

/** What stands between a clone and its actions. */
export function nestHeader(): number {
  return HEADER;
}

/** What stands in front of a branch of check_pkt_len(): itself, the length, the branch before. */
export function branchHeader<P>(
  x: Translation<P>,
  base: P,
  before: readonly DatapathAction<P>[] | null,
): number {
  const first = before === null ? 0 : HEADER + listed(x.t, before, base);
  return HEADER + NUMBER + first + HEADER;
}

function sizeOf<P>(t: Traffic<P>, action: DatapathAction<P>, base: P): number {
  switch (action.kind) {
    case 'output':
      return NUMBER + (action.truncate === null ? 0 : NUMBER);
    case 'tunnel':
    case 'tunnel-pop':
    case 'meter':
      return NUMBER;
    case 'tunnel-push':
      return HEADER + TUNNEL_PUSH + listed(t, action.actions, base);
    case 'ct': {
      const { ct, markMask, labelMask } = action.request;
      const marks = (markMask === 0 ? 0 : HEADER + 8) + (labelMask === 0n ? 0 : HEADER + 32);
      const commit = ct.commit ? HEADER + NUMBER : 0;
      const resumed = action.resume === null ? 0 : NUMBER;
      return HEADER + NUMBER + commit + marks + (ct.nat === null ? 0 : HEADER) + resumed;
    }
    case 'ct-clear':
      return HEADER;
    case 'recirculate':
      return NUMBER + (action.hashes ? HEADER + 8 : 0);
    case 'controller':
      return HEADER + NUMBER + COOKIE;
    case 'clone':
      return HEADER + listed(t, action.actions, base);
    case 'check-length': {
      const branches = listed(t, action.larger, base) + listed(t, action.other, base);
      return HEADER + NUMBER + 2 * HEADER + branches;
    }
    case 'ended':
      return 0;
  }
}

/**
 * Headers that one action sets, and the bytes of its value; masked, so that the value stands
 * twice (lib/odp-util.c commit_odp_actions()).
 */
const SETS: readonly { readonly pairs: FieldPairs; readonly bytes: number }[] = [
  { pairs: pairsOf('eth_src', 'eth_dst'), bytes: 12 },
  { pairs: pairsOf('ip_src', 'ip_dst', 'nw_tos', 'nw_ttl'), bytes: 12 },
  { pairs: pairsOf('ipv6_src', 'ipv6_dst', 'ipv6_label'), bytes: 40 },
  { pairs: pairsOf('arp_sha', 'arp_tha'), bytes: 24 },
  { pairs: pairsOf('tp_src', 'tp_dst'), bytes: 4 },
  { pairs: pairsOf('mpls_lse'), bytes: 4 },
  { pairs: pairsOf('pkt_mark'), bytes: 4 },
  { pairs: pairsOf('skb_priority'), bytes: 4 },
];
/** A tag that changes is popped and pushed anew. */
const TAG = pairsOf('vlan_tci', 'vlan_tpid');
const SECOND_TAG = pairsOf('vlan_tci2', 'vlan_tpid2');

function pairsOf(...names: readonly string[]): FieldPairs {
  return names.map((name) => [allBits(field(name)), allBits(field(name))]);
}

/** The bytes of the actions that bring the headers from one state to another. */
function committed<P>(t: Traffic<P>, base: P, p: P): number {
  if (base === p) return 0;
  const differs = (pairs: FieldPairs): boolean => t.same(t.fork(p), base, pairs).miss !== null;
  let bytes = 0;
  for (const set of SETS) if (differs(set.pairs)) bytes += 2 * HEADER + 2 * set.bytes;
  if (differs(TAG)) bytes += HEADER + NUMBER;
  if (differs(SECOND_TAG)) bytes += HEADER + NUMBER;
  return bytes;
}
