/**
 * What a flooded frame meets behind the ports of its VLAN: worked out once for all senders, and
 * for frames to one address without asking the stations that have another.
 * Before: `normal.ts`. After: `fabric.ts`.
 */
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import {
  type Frame,
  isKnown,
  knowsMac,
  type Mac,
  NeedsMore,
  NotCarried,
  readMac,
  W,
} from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { asLeaving, floodPorts } from './normal.ts';
import { type Places } from './places.ts';
import { type Cell, emptyCell, type Upkeep } from './upkeep.ts';

export interface Floods<End> {
  /** What the ports make of it; `frame` stands in NORMAL with a bare VLAN. */
  ends(bridge: IndexedBridge, frame: Frame): readonly (readonly End[])[];
}

/** Behind one port: what a frame becomes there, or why nobody knows. */
interface BehindPort<End> {
  readonly port: Port;
  readonly ends: Cell<readonly End[] | Error>;
}

/** The ports of a VLAN, arranged for frames to one address. */
interface Plan {
  readonly all: readonly Port[];
  /** Ports of stations that take only what is for them. */
  readonly stations: ReadonlyMap<Mac, readonly Port[]>;
  readonly others: readonly Port[];
}

const ARP = 0x0806;

/** @param reached what a frame becomes behind a port, wherever it came from */
export function openFloods<End>(
  places: Places,
  upkeep: Upkeep,
  reached: (bridge: IndexedBridge, port: number, frame: Frame) => readonly End[],
): Floods<End> {
  const plans = new Map<IndexedBridge, Map<number, Plan>>();
  const kept = new Map<IndexedBridge, Map<string, BehindPort<End>[]>>();

  const planned = (bridge: IndexedBridge, vlan: number): Plan => {
    const mine = entry(plans, bridge, () => new Map<number, Plan>());
    return entry(mine, vlan, () => {
      const all = floodPorts(bridge, vlan);
      const stations = new Map<Mac, Port[]>();
      const others: Port[] = [];
      for (const port of all) {
        const behind = places.behind(bridge, port.ofport);
        if (behind.kind === 'nobody') continue;
        if (behind.kind !== 'station' || behind.station.device.promiscuous) others.push(port);
        else entry(stations, behind.station.mac, (): Port[] => []).push(port);
      }
      return { all, stations, others };
    });
  };

  const behind = (bridge: IndexedBridge, frame: Frame): readonly BehindPort<End>[] => {
    const { words } = frame;
    const vlan = words[W.vlan]!;
    const to = knowsMac(frame, W.ethDst) ? readMac(words, W.ethDst) : -1;
    const arp = words[W.ethType] === ARP;
    const asked = arp && isKnown(frame, W.arpTpa) ? words[W.arpTpa]! : -1;
    const kind = arp ? words[W.arpOp] : 'ip';
    const key = `${kind} ${vlan} ${words[W.tunId]} ${words[W.tunId + 1]} ${to} ${asked}`;
    const mine = entry(kept, bridge, () => new Map<string, BehindPort<End>[]>());
    return entry(mine, key, () => {
      const { all, stations, others } = planned(bridge, vlan);
      const group = to < 0 || Math.floor(to / 0x100_0000_0000) % 2 === 1;
      const ports = group ? all : [...(stations.get(to) ?? []), ...others];
      return ports.map((port) => ({ port, ends: emptyCell() }));
    });
  };

  return {
    ends(bridge, frame) {
      const inPort = frame.words[W.inPort]!;
      const out: (readonly End[])[] = [];
      for (const one of behind(bridge, frame)) {
        const { port } = one;
        // Never back by the port it came from: behind that one it might go in circles.
        if (port.ofport === inPort) continue;
        const ends = upkeep.use(one.ends, () =>
          attempt(() => reached(bridge, port.ofport, asLeaving(frame, port, frame.words[W.vlan]!))),
        );
        if (ends instanceof Error) throw ends;
        if (ends.length > 0) out.push(ends);
      }
      return out;
    },
  };
}

function attempt<T>(make: () => T): T | Error {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotCarried || error instanceof NeedsMore) return error;
    throw error;
  }
}

/** What a map has for a key, made when it is asked for first. */
export function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let found = map.get(key);
  if (found === undefined) {
    found = make();
    map.set(key, found);
  }
  return found;
}
