/**
 * What frames become: they arrive at stations, are heard by hosts outside, or a flow turns them
 * into answers. Before: `entrances.ts`. After: `fabric.ts`.
 */
import { type Namespace } from '../../dataplane/routing/types.ts';
import { field, PACKET_WORDS } from '../../packet/fields.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { copyOf, type Frame, knowsMac, type Mac, NotCarried, OPEN, SYMBOLIC, W } from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { type Station } from './places.ts';
import { localDevice, settingsOf } from './routes.ts';

/** A frame at a station. */
export interface Arrival {
  readonly station: Station;
  /** Where, over the source address and the ports. */
  readonly where: Region;
  /** Zones in which the connection is known, as `HOST ZONE`. */
  readonly zones: readonly string[];
}

/** Who answers a request of ARP: a station, or a flow that sends the answer by a port. */
export type Answerer =
  | { readonly kind: 'station'; readonly station: Station; readonly mac: Mac }
  | {
      readonly kind: 'flow';
      readonly bridge: IndexedBridge;
      readonly port: number;
      readonly frame: Frame;
      readonly mac: Mac;
    };

/** What becomes of a frame: it is at a station, or a flow has turned it into an answer. */
export type End =
  | (Arrival & { readonly kind: 'arrival' })
  /** A request that a namespace hears by a NIC of its own. */
  | { readonly kind: 'host'; readonly state: Namespace; readonly zones: readonly string[] }
  | (Extract<Answerer, { kind: 'flow' }> & { readonly zones: readonly string[] });

/** Frames whose source does not matter from here on. */
export function sourceless(frame: Frame): Frame {
  const next = copyOf(frame);
  next.where = EVERYWHERE;
  const { words } = next;
  words[W.ethSrc] = OPEN;
  words[W.ethSrc + 1] = OPEN;
  if (words[W.ethType] === 0x0800) {
    words[W.ipDst] = OPEN;
    words[W.ipSrc] = SYMBOLIC;
  } else for (const at of [W.arpSpa, W.arpSha, W.arpSha + 1]) words[at] = OPEN;
  return next;
}

/** Those that arrive at stations. */
export function arrivals(ends: readonly End[]): readonly Arrival[] {
  return ends.filter((end) => end.kind === 'arrival');
}

/** An answer whose addressee was left open: whoever asks is told it one by one. */
export function isAnswerToAnyone(frame: Frame): boolean {
  const { words } = frame;
  if (words[W.ethType] !== ARP || words[W.arpOp] !== 2 || knowsMac(frame, W.ethDst)) return false;
  if (!knowsMac(frame, W.arpSha)) throw new NotCarried('an answer without an address');
  return true;
}

/** The destination address where a table of addresses looks for it. */
export function wordsOf({ words }: Frame): Uint32Array {
  const out = new Uint32Array(PACKET_WORDS);
  out[ETH_DST] = words[W.ethDst]!;
  out[ETH_DST + 1] = words[W.ethDst + 1]!;
  return out;
}

const ETH_DST = field('eth_dst').word;

/** Whether a station answers for the address that is asked for (net/ipv4/arp.c arp_process()). */
export function answersFor({ state, device, addresses }: Station, target: number): boolean {
  const own = localDevice(state, target) !== null;
  const { arpIgnore, arpFilter, proxyArp } = settingsOf(state, device.name);
  if (proxyArp) throw new NotCarried('proxy ARP');
  if (own && (arpIgnore > 1 || arpFilter)) throw new NotCarried('settings of ARP');
  // arp_ignore 1: only for addresses of the device itself.
  return own && (arpIgnore === 0 || addresses.includes(target));
}

export const ARP = 0x0806;

/** Ends cut with where a frame is. */
export function narrowed(regions: Regions, ends: readonly End[], where: Region): readonly End[] {
  if (where === EVERYWHERE || ends.length === 0) return ends;
  return ends.flatMap((one): readonly End[] => {
    if (one.kind !== 'arrival') throw new NotCarried('an answer that depends on ports');
    const here = regions.and(one.where, where);
    return here === NOWHERE ? [] : [{ ...one, where: here }];
  });
}
