/**
 * Matches on what the kernel knows beside the packet: the moment, labels and counters of the
 * connection, the node that is in charge of it, the MAC address that made an IPv6 address.
 */
import { allBits, type FieldBits, field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { and, not, test } from '../../../traffic/match.ts';
import { type FieldPairs, type Split, type Traffic } from '../../../traffic/traffic.ts';
import { assignment } from '../../../traffic/words.ts';
import { jhash2, scaled, swapped } from '../../conntrack/jhash.ts';
import { loadMark, saveMark } from '../../conntrack/netfilter.ts';
import { F } from '../fields.ts';
import { type KnownMatch } from '../text/match-rows.ts';
import { type Asking } from './ask.ts';
import { hasCarried } from './carried.ts';
import { isTime } from './clock.ts';
import { type KnowledgeTest } from './types.ts';

type Of<K extends KnowledgeTest['kind']> = Extract<KnownMatch, { kind: K }>;

/** Asks one test; null where nobody can know. */
export function askKnowledge<P>(asking: Asking<P>, match: KnowledgeTest, p: P): Split<P> | null {
  switch (match.kind) {
    case 'time': {
      const { epoch_s, now_us } = asking.run;
      if (epoch_s === undefined) return null;
      return decided(isTime(match.options, epoch_s + Math.floor(now_us / 1e6)), p);
    }
    case 'connbytes': {
      const connection = asking.handle?.connection ?? null;
      if (connection === null) return { hit: null, miss: p };
      const is = hasCarried(asking.memory.accounts, match.options, connection);
      return is === null ? null : decided(is ? 1 : 0, p);
    }
    case 'connlabel':
      return hasLabel(asking, match, p);
    case 'cluster':
      return isInCharge(asking, match, p);
    case 'eui64':
      return isMadeOfMac(asking.run.traffic, p);
  }
}

function decided<P>(is: 1 | 0 | -1, p: P): Split<P> | null {
  if (is === -1) return null;
  return is === 1 ? { hit: p, miss: null } : { hit: null, miss: p };
}

const turned = <P>({ hit, miss }: Split<P>, not: boolean): Split<P> =>
  not ? { hit: miss, miss: hit } : { hit, miss };

const LABELS = field('ct_label');

/** xt_connlabel.c connlabel_mt(): `--set` makes it true, whatever it was. */
function hasLabel<P>(
  { run, tracker, handle }: Asking<P>,
  { options: { label, set } }: Of<'connlabel'>,
  p: P,
): Split<P> | null {
  const turn = label?.not === true;
  if (handle === null || handle.connection === null || tracker === null) {
    return turned({ hit: null, miss: p }, turn);
  }
  // Labels of one part of the traffic are not those of the rest.
  if (set !== undefined && tracker.sets) return null;
  const bit = 1n << BigInt(label?.value ?? 0);
  const { hit, miss } = run.traffic.split(
    loadMark(tracker, p, handle),
    guard(test(LABELS, bit, bit)),
  );
  if (set === undefined || miss === null) return turned({ hit, miss }, turn);
  const labelled = run.traffic.set(miss, assignment(LABELS, bit, bit));
  saveMark(tracker, labelled, handle);
  return turned({ hit: labelled, miss: null }, turn);
}

const MULTICAST = {
  4: test(F.destination[4], 0xe000_0000n, 0xf000_0000n),
  6: test(F.destination[6], 0xffn << 120n, 0xffn << 120n),
} as const;
const PACKET = { host: 0n, multicast: 2n } as const;
const AS_MULTICAST = {
  4: guard(and(test(F.packetType, PACKET.multicast), not(MULTICAST[4]))),
  6: guard(and(test(F.packetType, PACKET.multicast), not(MULTICAST[6]))),
} as const;
const TO_HOST = assignment(F.packetType, PACKET.host);

/**
 * xt_cluster.c xt_cluster_mt(): the nodes share a multicast MAC address, so what came to it is
 * taken for one's own; then the hash of the connection's source says whose it is.
 */
function isInCharge<P>(
  { run, handle, version }: Asking<P>,
  { options }: Of<'cluster'>,
  p: P,
): Split<P> | null {
  const { traffic } = run;
  const { hit: multicast, miss: other } = traffic.split(p, AS_MULTICAST[version]);
  if (multicast !== null && other !== null) return null;
  const here = multicast === null ? other : traffic.set(multicast, TO_HOST);
  if (here === null) return null;
  if ((handle?.connection ?? null) === null) return { hit: null, miss: here };
  const word = sourceWord(traffic, here, version);
  if (word === null) return null;
  const { localNode, localMask, totalNodes, seed } = options;
  const mask =
    localNode === undefined ? (localMask?.value ?? 0) : (1 << (localNode.value - 1)) >>> 0;
  const node = Number(scaled(jhash2([word], seed?.value ?? 0), BigInt(totalNodes?.value ?? 1)));
  const turn = (localNode ?? localMask)?.not === true;
  return decided((((mask >>> node) & 1) === 1) !== turn ? 1 : 0, here);
}

/**
 * The word of the connection's source that the kernel hashes: of IPv6 the first one, as it
 * divides the number of words by their size (xt_cluster_hash_ipv6()). Null for more than one.
 */
function sourceWord<P>(traffic: Traffic<P>, p: P, version: 4 | 6): number | null {
  const of = F.ctSource[version];
  const bits: FieldBits = { field: of, start: of.width - 32, width: 32 };
  const [only, other] = traffic.cases(traffic.fork(p), bits, 1) ?? [];
  return only === undefined || other !== undefined ? null : swapped(only.value);
}

const IPV6 = guard(test(F.ethType, 0x86ddn));
/** The bit of a MAC address that EUI-64 turns over (RFC 4291 §2.5.1). */
const UNIVERSAL = 1n << 41n;
const IS_LOCAL_MAC = guard(test(F.ethSource, UNIVERSAL, UNIVERSAL));
const MIDDLE = test(F.source[6], 0xff_fe00_0000n, 0xff_ff00_0000n);
const INTERFACE_BIT = 1n << 57n;
const MADE_OF_LOCAL = guard(and(MIDDLE, test(F.source[6], 0n, INTERFACE_BIT)));
const MADE_OF_UNIVERSAL = guard(and(MIDDLE, test(F.source[6], INTERFACE_BIT, INTERFACE_BIT)));

const run = (start: number, width: number): FieldBits => ({
  ...allBits(F.source[6]),
  start,
  width,
});
const macRun = (start: number, width: number): FieldBits => ({
  ...allBits(F.ethSource),
  start,
  width,
});
/** All bits of the MAC address but the one that is turned over. */
const SAME: FieldPairs = [
  [run(0, 24), macRun(0, 24)],
  [run(40, 17), macRun(24, 17)],
  [run(58, 6), macRun(42, 6)],
];

/** ip6t_eui64.c eui64_mt6(). */
function isMadeOfMac<P>(traffic: Traffic<P>, p: P): Split<P> {
  const misses: P[] = [];
  const hits: P[] = [];
  const keep = ({ hit, miss }: Split<P>): P | null => {
    if (miss !== null) misses.push(miss);
    return hit;
  };
  const ipv6 = keep(traffic.split(p, IPV6));
  const same = ipv6 === null ? null : keep(traffic.same(ipv6, traffic.fork(ipv6), SAME));
  if (same !== null) {
    const { hit: local, miss: universal } = traffic.split(same, IS_LOCAL_MAC);
    const made = [
      local === null ? null : keep(traffic.split(local, MADE_OF_LOCAL)),
      universal === null ? null : keep(traffic.split(universal, MADE_OF_UNIVERSAL)),
    ];
    hits.push(...made.filter((one) => one !== null));
  }
  const [hit = null] = traffic.join(hits);
  const [miss = null] = traffic.join(misses);
  return { hit, miss };
}
