/**
 * From one station to the stations a frame reaches: what the sender's own port lets through, as
 * far as it depends on the destination address and the ports, and what the fabric makes of it;
 * and by ARP over the same fabric, which MAC address a sender takes.
 */
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { runBridge } from './bridge-run.ts';
import { answerersIn, type Domain, openDomain, tagged } from './domains.ts';
import { type Answerer, type Arrival } from './ends.ts';
import { type Kind, openEntrances, openKind } from './entrances.ts';
import { type Fabric } from './fabric.ts';
import { entry } from './floods.ts';
import {
  arpFrame,
  BROADCAST,
  copyOf,
  entering,
  HEADER,
  ipFrame,
  type Mac,
  NotCarried,
  W,
  writeMac,
} from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { FLOOD, type Leaving } from './normal.ts';
import { type Station } from './places.ts';
import { type Cell } from './upkeep.ts';

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
  /** Whether an answer comes back to who asked. */
  isHeard(from: Station, answer: Answerer, target: number): boolean;
}

type Kept<T> = Cell<T | NotCarried>;

/** What a sender's bridge makes of its frames; by destination, -1 for those that no flow names. */
interface Runs {
  readonly kind: Kind<unknown>;
  readonly ways: Map<number, Kept<readonly Leaving[]>>;
}

/** By sender, then by what is asked: kept results. */
type Memory<T> = Map<number, Kept<T>>[];

function of<T>(memory: Memory<T>, { id }: Station): Map<number, Kept<T>> {
  let found = memory[id];
  if (found === undefined) {
    found = new Map();
    memory[id] = found;
  }
  return found;
}

export function openLayer2(fabric: Fabric): Layer2 {
  const { regions, places, upkeep } = fabric;
  const entrances = openEntrances(regions, upkeep);
  const runs = new Map<number, Map<number, Runs>>();
  const reached: Memory<readonly Reached[]> = [];
  const reachedAny: Memory<readonly Reached[]> = [];
  const resolved: Memory<Mac | null> = [];

  const leavingTo = (from: Station, to: Mac, source: number | null): readonly Leaving[] => {
    const { naming } = from.bridge;
    upkeep.read(naming.cell);
    const other = naming.parts === 0 && !naming.macs.has(to) && !isLocal(from.bridge, to);
    const mine = entry(runs, from.id, () => new Map<number, Runs>());
    const { kind, ways } = entry(mine, source ?? -1, (): Runs => {
      return { kind: openKind(), ways: new Map() };
    });
    const found = upkeep.kept(ways, other ? -1 : to, () => {
      // A router's port filters nothing by destination; the source is then told apart.
      const far = source === null ? 'source' : 'destination';
      const frame = entering(ipFrame(from.mac, to, far, source, EVERYWHERE), from.ofport);
      const all = entrances.leavings(from.bridge, frame, kind, null);
      return fabric.alive(from.bridge, united(all));
    });
    if (!other) return found;
    return found.map((one) => {
      const frame = copyOf(one.frame);
      writeMac(frame.words, W.ethDst, to);
      return { ...one, frame };
    });
  };

  /** Frames that leave by one port alike, as one. */
  const united = (all: readonly Leaving[]): readonly Leaving[] => {
    const out: Leaving[] = [];
    for (const one of all) {
      const at = out.findIndex((other) => alike(one, other));
      if (at < 0) out.push(one);
      else {
        const frame = copyOf(one.frame);
        frame.where = regions.or(frame.where, out[at]!.frame.where);
        const zones = [...new Set([...one.zones, ...out[at]!.zones])];
        out[at] = { ...one, frame, zones };
      }
    }
    return out;
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
    upkeep.kept(of(source === null ? reachedAny : reached, from), to, () => {
      // A server has one address, so its sources are told apart by the server.
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
  const joined = (ways: readonly Reached[]): Reached => ways.reduce(both);

  const both = (a: Reached, b: Reached): Reached => {
    const zones = [...new Set([...a.zones, ...b.zones])];
    if (a.into === b.into) return { ...a, out: regions.or(a.out, b.out), zones };
    if (a.out === b.out) return { ...a, into: regions.or(a.into, b.into), zones };
    throw new NotCarried('two ways to one station');
  };

  const requests = (from: Station, sender: number): readonly Leaving[] => {
    const frame = arpFrame(from.mac, BROADCAST, 1, sender, null, EVERYWHERE);
    return runBridge(regions, from.bridge, entering(frame, from.ofport));
  };

  const resolve = (from: Station, sender: number, target: number): Mac | null => {
    const { neighbours } = from.state;
    const configured =
      neighbours.length === 0
        ? undefined
        : neighbours.find(
            ({ address, device, state }) =>
              device === from.device.name &&
              (state === 'permanent' || state === 'noarp') &&
              address.version === 4 &&
              Number(address.value) === target,
          );
    if (configured?.mac != null) return Number(configured.mac);
    return upkeep.kept(of(resolved, from), target, () => {
      // By one device a target is asked for with one address.
      const macs = new Set<Mac>();
      for (const answer of answerers(from, sender, target)) {
        if (answer.mac !== [...macs][0] && isHeard(from, answer, target)) macs.add(answer.mac);
      }
      if (macs.size > 1) throw new NotCarried('two stations answer for one address');
      const [mac] = macs;
      return mac ?? null;
    });
  };

  const domains = new Map<string, Kept<Domain>>();
  const answerers = (from: Station, sender: number, target: number): readonly Answerer[] => {
    const domain = upkeep.kept(domains, `${from.id} ${sender}`, () =>
      openDomain(fabric, from.bridge, requests(from, sender)),
    );
    return answerersIn(fabric, from.bridge, domain, target);
  };

  const heard = new Map<string, Kept<boolean>>();
  const isHeard = (from: Station, answer: Answerer, target: number): boolean => {
    const who =
      answer.kind === 'flow'
        ? `${answer.bridge.host} ${answer.bridge.name} ${answer.port} ${answer.frame.words[W.vlan]}`
        : `${answer.station.id} ${target}`;
    return upkeep.kept(heard, `${from.id} ${who}`, () => {
      const reply = arpFrame(answer.mac, from.mac, 2, target, null, EVERYWHERE);
      const back =
        answer.kind === 'flow'
          ? fabric.outBy(answer.bridge, answer.port, tagged(reply, answer.frame))
          : fabric.follow(
              answer.station.bridge,
              runBridge(regions, answer.station.bridge, entering(reply, answer.station.ofport)),
            );
      return back.some(({ station }) => station.id === from.id);
    });
  };

  return { reach, resolve, isHeard };
}

/** Whether two frames go the same way: all but registers and where they are is equal. */
function alike(a: Leaving, b: Leaving): boolean {
  if (a.port !== b.port || a.dumped !== b.dumped) return false;
  if (a.port === FLOOD && a.frame.words[W.inPort] !== b.frame.words[W.inPort]) return false;
  for (const at of HEADER) {
    if (a.frame.words[at] !== b.frame.words[at]) return false;
  }
  return true;
}
