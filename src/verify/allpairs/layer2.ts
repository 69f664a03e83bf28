/**
 * From one station to the stations a frame reaches: what the sender's own port lets through, as
 * far as it depends on the destination address and the ports, and what the fabric makes of it;
 * and by ARP over the same fabric, which MAC address a sender takes.
 */
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { type IndexedBridge, type Leaving, runBridge } from './bridge-run.ts';
import { type Arrival, type Fabric } from './fabric.ts';
import {
  arpFrame,
  BROADCAST,
  copyOf,
  entering,
  type Frame,
  ipFrame,
  KNOWN,
  type Mac,
  NeedsMore,
  NotCarried,
  W,
  writeMac,
} from './frame.ts';
import { type Station } from './places.ts';

/** A station that a frame reaches. */
export interface Reached {
  readonly station: Station;
  /** Over the destination address and the ports: what the sender's side lets through. */
  readonly out: Region;
  /** Over the source address and the ports: what the receiver's side lets through. */
  readonly into: Region;
  readonly zones: readonly string[];
}

export interface Layer2 {
  /** Where IPv4 frames to a MAC address arrive; `source` null where it may be any. */
  reach(from: Station, to: Mac, source: number | null): readonly Reached[];
  /** The MAC address that ARP finds for an address; null: nobody answers. */
  resolve(from: Station, sender: number, target: number): Mac | null;
}

type Kept<T> = T | NotCarried;

/** Runs and keeps what came of it, also that it is not carried. */
function kept<K, T>(map: Map<K, Kept<T>>, key: K, make: () => T): T {
  let found = map.get(key);
  if (found === undefined) {
    try {
      found = make();
    } catch (error) {
      if (error instanceof NeedsMore) found = new NotCarried('a flow asks for more of the frame');
      else if (error instanceof NotCarried) found = error;
      else throw error;
    }
    map.set(key, found);
  }
  if (found instanceof NotCarried) throw found;
  return found;
}

export function openLayer2(fabric: Fabric): Layer2 {
  const { regions, places } = fabric;
  const runs = new Map<string, Kept<readonly Leaving[]>>();
  const reached = new Map<string, Kept<readonly Reached[]>>();
  const asked = new Map<number, Kept<readonly Leaving[]>>();
  const resolved = new Map<string, Kept<Mac | null>>();

  const leavingTo = (from: Station, to: Mac, source: number | null): readonly Leaving[] => {
    const { named, namesParts } = from.bridge;
    const other = !namesParts && !named.has(to) && !isLocal(from.bridge, to);
    const key = `${from.id} ${other ? '' : to} ${source ?? ''}`;
    const found = kept(runs, key, () => {
      // A router's port filters nothing by destination; the source is then told apart.
      const far = source === null ? 'source' : 'destination';
      const frame = ipFrame(from.mac, to, far, source, EVERYWHERE);
      return runBridge(regions, from.bridge, entering(frame, from.ofport));
    });
    if (!other) return found;
    return found.map((one) => {
      const frame = copyOf(one.frame);
      writeMac(frame.words, W.ethDst, to);
      return { ...one, frame };
    });
  };

  const macsOf = new Map<IndexedBridge, ReadonlySet<Mac>>();
  const isLocal = (bridge: IndexedBridge, to: Mac): boolean => {
    let macs = macsOf.get(bridge);
    if (macs === undefined) {
      const found = new Set<Mac>();
      for (const { ofport } of bridge.ports.values()) {
        const behind = places.behind(bridge, ofport);
        if (behind.kind === 'station') found.add(behind.station.mac);
      }
      macs = found;
      macsOf.set(bridge, macs);
    }
    return macs.has(to);
  };

  const reach = (from: Station, to: Mac, source: number | null): readonly Reached[] =>
    kept(reached, `${from.id} ${to} ${source ?? ''}`, () => {
      const found = new Map<number, Reached[]>();
      for (const one of leavingTo(from, to, source)) {
        const { where } = one.frame;
        if (where === NOWHERE) continue;
        const frame = copyOf(one.frame);
        frame.where = EVERYWHERE;
        for (const mine of once(fabric.follow(from.bridge, [{ ...one, frame }]))) {
          const { station, zones } = mine;
          const list = found.get(station.id) ?? [];
          found.set(station.id, list);
          const out = source === null ? EVERYWHERE : where;
          const into = source === null ? regions.and(where, mine.where) : mine.where;
          list.push({ station, out, into, zones });
        }
      }
      return [...found.values()].map(joined);
    });

  /** What arrives at a station by one way out of the sender's bridge, once. */
  const once = (arrivals: readonly Arrival[]): readonly Arrival[] => {
    const byStation = new Map<number, Arrival>();
    for (const one of arrivals) {
      const known = byStation.get(one.station.id);
      if (known === undefined) byStation.set(one.station.id, one);
      else {
        const zones = [...new Set([...known.zones, ...one.zones])];
        const where = regions.or(known.where, one.where);
        byStation.set(one.station.id, { station: one.station, where, zones });
      }
    }
    return [...byStation.values()];
  };

  /** The ways to one station as one, where they differ on one side only. */
  const joined = (ways: readonly Reached[]): Reached =>
    ways.reduce((a, b) => {
      const zones = [...new Set([...a.zones, ...b.zones])];
      if (a.into === b.into) return { ...a, out: regions.or(a.out, b.out), zones };
      if (a.out === b.out) return { ...a, into: regions.or(a.into, b.into), zones };
      throw new NotCarried('two ways to one station');
    });

  const requests = (from: Station, sender: number, target: number): readonly Leaving[] => {
    const run = (tpa: number | null): readonly Leaving[] => {
      const frame = arpFrame(from.mac, BROADCAST, 1, sender, tpa, EVERYWHERE);
      return runBridge(regions, from.bridge, entering(frame, from.ofport));
    };
    let found: readonly Leaving[];
    try {
      found = kept(asked, from.id * 0x1_0000_0000 + sender, () => run(null));
    } catch (error) {
      if (!(error instanceof NotCarried)) throw error;
      return run(target);
    }
    return found.map((one) => {
      const frame = copyOf(one.frame);
      frame.words[W.arpTpa] = target;
      frame.known[W.arpTpa] = KNOWN;
      return { ...one, frame };
    });
  };

  const resolve = (from: Station, sender: number, target: number): Mac | null => {
    const { neighbours } = from.state;
    const configured = neighbours.find(
      ({ address, device, state }) =>
        device === from.device.name &&
        (state === 'permanent' || state === 'noarp') &&
        address.version === 4 &&
        Number(address.value) === target,
    );
    if (configured?.mac != null) return Number(configured.mac);
    return kept(resolved, `${from.id} ${sender} ${target}`, () => {
      const answers = fabric.askers(from.bridge, requests(from, sender, target));
      const macs = new Set<Mac>();
      for (const answer of answers) {
        const reply = arpFrame(answer.mac, from.mac, 2, target, null, EVERYWHERE);
        const back: readonly Arrival[] =
          answer.kind === 'flow'
            ? fabric.outBy(answer.bridge, answer.port, tagged(reply, answer.frame))
            : fabric.follow(
                answer.station.bridge,
                runBridge(
                  regions,
                  answer.station.bridge,
                  entering(reply, answer.station.ofport),
                ),
              );
        if (back.some(({ station }) => station.id === from.id)) macs.add(answer.mac);
      }
      if (macs.size > 1) throw new NotCarried('two stations answer for one address');
      const [mac] = macs;
      return mac ?? null;
    });
  };

  return { reach, resolve };
}

/** The reply with the tag that a flow sent it with. */
function tagged(reply: Frame, { words }: Frame): Frame {
  reply.words[W.vlan] = words[W.vlan]!;
  reply.words[W.inPort] = words[W.inPort]!;
  return reply;
}
