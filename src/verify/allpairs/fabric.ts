/**
 * Layer 2 between stations: from a port of a bridge through bridges, tunnels and segments to the
 * stations a frame arrives at, whatever its source is. Kept by bridge, port, VLAN, tunnel key and
 * destination, so that all senders share what is the same for them.
 */
import { type InterfaceId } from '../../dataplane/network.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { ownersOf } from '../../trace/compiled-network.ts';
import { namespaceOf } from '../../trace/world.ts';
import { EVERYWHERE, NOWHERE, type Regions } from '../../traffic/sets/regions.ts';
import {
  type Answerer,
  ARP,
  type Arrival,
  answersFor,
  arrivals,
  type End,
  isAnswerToAnyone,
  narrowed,
  sourceless,
  wordsOf,
} from './ends.ts';
import { isDead, type Kind, openEntrances, openKind } from './entrances.ts';
import { entry, openFloods } from './floods.ts';
import {
  BROADCAST,
  copyOf,
  entering,
  type Frame,
  isGroup,
  isKnown,
  knowsMac,
  NEEDS_MORE,
  NeedsMore,
  NotCarried,
  OPEN,
  readMac,
  W,
} from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { FLOOD, type Leaving } from './normal.ts';
import { type Places, type Station } from './places.ts';
import { localDevice, settingsOf } from './routes.ts';
import { type Underlay } from './tunnel-end.ts';
import { type Upkeep } from './upkeep.ts';

/** Who hears a broadcast. */
export interface Everybody {
  readonly stations: readonly Station[];
  /** Namespaces that stand on a segment with NICs of their own. */
  readonly hosts: readonly Namespace[];
}

export interface Fabric {
  readonly places: Places;
  readonly regions: Regions;
  readonly upkeep: Upkeep;
  /** Everything that leaves a bridge, followed to its end. */
  follow(bridge: IndexedBridge, leaving: readonly Leaving[]): readonly Arrival[];
  /** A frame that comes into a bridge. */
  arrive(bridge: IndexedBridge, inPort: number, frame: Frame): readonly Arrival[];
  /** A frame that leaves a bridge by a port. */
  outBy(bridge: IndexedBridge, port: number, frame: Frame): readonly Arrival[];
  /** Who hears a request of ARP, whatever it asks for; null where flows look into it. */
  everybody(bridge: IndexedBridge, leaving: Leaving): Everybody | null;
  /** Those frames that somebody may get, whatever their destination is. */
  alive(bridge: IndexedBridge, leaving: readonly Leaving[]): readonly Leaving[];
  /** Who answers a request of ARP that leaves a bridge. */
  askers(bridge: IndexedBridge, leaving: readonly Leaving[]): readonly Answerer[];
}

const MAX_HOPS = 12;

/** By tunnel key and operation of ARP, then by what else tells frames apart. */
type Kinds = Map<number, Map<number, Kind<Arrived>>>;

/** How a frame comes into a bridge. */
interface Entrance {
  readonly inPort: number;
  /** The table that the port's frames go on by, the port forgotten; null: with their port. */
  readonly door: number | null;
  readonly tunnelKey: number;
}

/** What becomes of a frame that came into a bridge, and the ports of it that it left by. */
interface Arrived {
  readonly ends: readonly End[] | Error;
  readonly ports: readonly number[];
}

const NOTHING: Arrived = { ends: [], ports: [] };

export function openFabric(
  places: Places,
  regions: Regions,
  upkeep: Upkeep,
  underlayOf: (fabric: Fabric) => Underlay,
): Fabric {
  const kept = new Map<IndexedBridge, Map<number, Kinds>>();
  const entrances = openEntrances(regions, upkeep);
  let hops = 0;

  const across = (bridge: IndexedBridge, { port, frame, dumped }: Leaving): readonly End[] => {
    if (isAnswerToAnyone(frame)) {
      if (port === FLOOD) throw new NotCarried('an answer that is flooded');
      const mac = readMac(frame.words, W.arpSha);
      return [{ kind: 'flow', bridge, port, frame, mac, zones: [] }];
    }
    if (port === FLOOD) return flooded(bridge, frame);
    const found = reached(bridge, port, frame);
    if (dumped && found.length === 0) throw new NotCarried('an address of the dump leads nowhere');
    return found;
  };

  /** By every port of the frame's VLAN; what happens behind a port is the same for all senders. */
  const flooded = (bridge: IndexedBridge, frame: Frame): readonly End[] => {
    const out: End[] = [];
    for (const ends of floods.ends(bridge, frame)) {
      for (const end of narrowed(regions, ends, frame.where)) out.push(end);
    }
    return out;
  };

  const reached = (bridge: IndexedBridge, port: number, frame: Frame): readonly End[] => {
    const behind = places.behind(bridge, port);
    switch (behind.kind) {
      case 'nobody':
        return [];
      case 'unknown':
        throw new NotCarried(behind.why);
      case 'bridge':
        return arrive(behind.bridge, behind.inPort, frame);
      case 'tunnel':
        return through(bridge, behind.port, frame);
      case 'nic':
        return offSegment(behind.segment, behind.at, frame);
      case 'station':
        return atStation(behind.station, frame);
    }
  };

  const atStation = (station: Station, frame: Frame): readonly End[] => {
    const { device, mac } = station;
    if (!knowsMac(frame, W.ethDst)) throw NEEDS_MORE;
    const to = readMac(frame.words, W.ethDst);
    const group = isGroup(to);
    if (to !== mac && !group) {
      if (device.promiscuous) throw new NotCarried('an interface that takes every frame');
      return [];
    }
    if (!device.up || !device.running) return [];
    // A tag that the station does not expect is for one of its VLAN devices.
    if (frame.words[W.vlan] !== 0) throw new NotCarried('a tagged frame at a station');
    if (group && frame.words[W.arpOp] === 1 && isKnown(frame, W.arpTpa)) {
      if (!answersFor(station, frame.words[W.arpTpa]!)) return [];
    }
    return [{ kind: 'arrival', station, where: frame.where, zones: [] }];
  };

  const offSegment = (
    name: string,
    from: { readonly host: string; readonly name: string },
    frame: Frame,
  ): readonly End[] => {
    const members = places.onSegment(name);
    const { compiled } = places;
    const segment = compiled.network.segments.find((one) => one.name === name);
    if (segment === undefined || !knowsMac(frame, W.ethDst)) throw NEEDS_MORE;
    const to = readMac(frame.words, W.ethDst);
    const group = isGroup(to);
    const owner = group
      ? null
      : (ownersOf(compiled, segment).find(wordsOf(frame))[0]?.entry ?? null);
    return members.flatMap(({ at, into }) => {
      if (at.host === from.host && at.name === from.name) return [];
      if (owner !== null && (owner.host !== at.host || owner.name !== at.name)) return [];
      if (into === null) return listen(at, frame, group);
      return arrive(into.bridge, into.inPort, frame);
    });
  };

  /** A NIC that belongs to a namespace alone takes frames and must not send any on. */
  const listen = (at: InterfaceId, frame: Frame, group: boolean): readonly End[] => {
    const state = namespaceOf(places.compiled, at.host, at.namespace);
    const device = state?.interfaces.find(({ name }) => name === at.name);
    const { words } = frame;
    if (state === undefined || device === undefined || device.master !== null) {
      throw new NotCarried('a NIC that nobody knows');
    }
    if (group) {
      if (words[W.ethType] !== ARP) throw new NotCarried('a broadcast leaves the cloud');
      if (settingsOf(state, at.name).proxyArp) throw new NotCarried('a host answers ARP');
      if (!isKnown(frame, W.arpTpa)) return [{ kind: 'host', state, zones: [] }];
      if (localDevice(state, words[W.arpTpa]!) !== null) throw new NotCarried('a host answers ARP');
    } else if (readMac(words, W.ethDst) === Number(device.mac)) {
      if (settingsOf(state, at.name).forwarding) throw new NotCarried('a host that routes');
    }
    return [];
  };

  const through = (bridge: IndexedBridge, port: Port, frame: Frame): readonly End[] => {
    const to = underlay.farEnd(bridge.host, port);
    if (to === null) return [];
    const key = port.tunnel?.outKey;
    const inner = copyOf(frame);
    if (key !== 'flow') inner.words[W.tunId + 1] = Number(key ?? 0);
    const tunnelKey = inner.words[W.tunId + 1]!;
    return arrive(to.bridge, to.inPort, inner, tunnelKey, true);
  };

  const arrive = (
    bridge: IndexedBridge,
    inPort: number,
    frame: Frame,
    tunnelKey = 0,
    byTunnel = false,
  ): readonly End[] => {
    // Of tunnels a bridge has many ports, and they are mostly alike.
    const door = byTunnel ? entrances.door(bridge, inPort, frame) : null;
    if (door !== null) {
      const { ends, ports } = arrived(bridge, frame, { inPort, door, tunnelKey });
      // Where the port itself decides, its frames go alone.
      if (!(ends instanceof Error) && !ports.includes(inPort)) {
        return narrowed(regions, ends, frame.where);
      }
    }
    const { ends } = arrived(bridge, frame, { inPort, door: null, tunnelKey });
    if (ends instanceof Error) throw ends;
    return narrowed(regions, ends, frame.where);
  };

  const arrived = (bridge: IndexedBridge, frame: Frame, by: Entrance): Arrived => {
    const { words } = frame;
    const arp = words[W.ethType] !== 0x0800;
    const to = knowsMac(frame, W.ethDst) ? readMac(words, W.ethDst) : -1;
    const asked = arp && isKnown(frame, W.arpTpa) ? words[W.arpTpa]! : -1;
    const group = to === -1 || isGroup(to);
    const more = group ? (asked < 0 ? -4 - to : -2) : asked;
    const kind = kindOf(bridge, words, by, more);
    if (isDead(upkeep, kind)) return NOTHING;
    // Either a destination or the address a broadcast asks for tells frames of a kind apart.
    const key = group && asked >= 0 ? asked : to;
    return upkeep.get(kind.known, key, () => entered(bridge, frame, by, kind));
  };

  /**
   * The kind of a frame by everything but its source and what is given later.
   * @param more the group it goes to, or the address that a request to one station asks for
   */
  const kindOf = (
    bridge: IndexedBridge,
    words: readonly number[],
    { inPort, door, tunnelKey }: Entrance,
    more: number,
  ): Kind<Arrived> => {
    const operation = words[W.ethType] === ARP ? words[W.arpOp]! : 0;
    const by = door === null ? inPort : 0x1_0000 + door;
    const mine = entry(kept, bridge, () => new Map<number, Kinds>());
    const tagged = entry(mine, by * 0x2000 + (words[W.vlan]! & 0x1fff), (): Kinds => new Map());
    const asking = entry(tagged, tunnelKey * 8 + operation, () => new Map<number, Kind<Arrived>>());
    return entry(asking, more, () => openKind<Arrived>());
  };

  const entered = (
    bridge: IndexedBridge,
    frame: Frame,
    by: Entrance,
    kind: Kind<Arrived>,
  ): Arrived => {
    if (isKnown(frame, W.arpTpa) && readMac(frame.words, W.ethDst) === BROADCAST) {
      // Whom a broadcast reaches is mostly the same whatever it asks for.
      const every = arrivingForAnyone(bridge, frame, by);
      if (every !== null) return askedOf(every, frame.words[W.arpTpa]!);
    }
    hops++;
    try {
      if (hops > MAX_HOPS) throw new NotCarried('a loop between bridges');
      const next = entering(sourceless(frame), by.inPort);
      next.words[W.tunId + 1] = by.tunnelKey;
      const leaving = entrances.leavings(bridge, next, kind, by.door);
      return { ends: follow(bridge, leaving), ports: leaving.map(({ port }) => port) };
    } catch (error) {
      if (!(error instanceof NotCarried || error instanceof NeedsMore)) throw error;
      return { ends: error, ports: [] };
    } finally {
      hops--;
    }
  };

  /** Those who answer for an address, of all who hear a broadcast. */
  const askedOf = ({ ends, ports }: Arrived, asked: number): Arrived => {
    if (ends instanceof Error) return { ends, ports };
    for (const end of ends) {
      if (end.kind === 'host' && localDevice(end.state, asked) !== null) {
        return { ends: new NotCarried('a host answers ARP'), ports };
      }
    }
    const mine = ends.filter((end) => end.kind !== 'arrival' || answersFor(end.station, asked));
    return { ends: mine, ports };
  };

  /** The same for a request whose target is left open; null where flows look into it. */
  const arrivingForAnyone = (bridge: IndexedBridge, frame: Frame, by: Entrance): Arrived | null => {
    const anyone = copyOf(frame);
    anyone.words[W.arpTpa] = OPEN;
    const found = arrived(bridge, anyone, by);
    return found.ends instanceof NeedsMore ? null : found;
  };

  const follow = (bridge: IndexedBridge, leaving: readonly Leaving[]): readonly End[] => {
    const out: End[] = [];
    for (const one of leaving) {
      if (one.frame.where === NOWHERE) continue;
      const zones = one.zones.map((zone) => `${bridge.host} ${zone}`);
      for (const arrival of across(bridge, one)) {
        if (zones.length === 0) out.push(arrival);
        else if (arrival.zones.some((zone) => zones.includes(zone))) {
          throw new NotCarried('a zone is asked again');
        } else out.push({ ...arrival, zones: [...zones, ...arrival.zones] });
      }
    }
    return out;
  };

  const fabric: Fabric = {
    places,
    regions,
    upkeep,
    follow: (bridge, leaving) => arrivals(follow(bridge, leaving)),
    arrive: (bridge, inPort, frame) => arrivals(arrive(bridge, inPort, frame)),
    everybody: (bridge, leaving) => {
      try {
        const stations: Station[] = [];
        const hosts: Namespace[] = [];
        for (const end of follow(bridge, [leaving])) {
          if (end.kind === 'flow') throw NEEDS_MORE;
          if (end.kind === 'host') hosts.push(end.state);
          else stations.push(end.station);
        }
        return { stations, hosts };
      } catch (error) {
        if (error instanceof NeedsMore) return null;
        throw error;
      }
    },
    alive: (bridge, leaving) =>
      leaving.filter((one) => {
        if (one.port === FLOOD || places.behind(bridge, one.port).kind === 'station') return true;
        const anybody = copyOf(one.frame);
        anybody.where = EVERYWHERE;
        anybody.words[W.ethDst] = OPEN;
        anybody.words[W.ethDst + 1] = OPEN;
        try {
          return follow(bridge, [{ ...one, frame: anybody }]).length > 0;
        } catch (error) {
          if (error instanceof NeedsMore || error instanceof NotCarried) return true;
          throw error;
        }
      }),
    outBy: (bridge, port, frame) => arrivals(reached(bridge, port, frame)),
    askers: (bridge, leaving) =>
      follow(bridge, leaving).flatMap((end): readonly Answerer[] => {
        if (end.kind === 'flow') return [end];
        if (end.kind === 'host') return [];
        return [{ kind: 'station', station: end.station, mac: end.station.mac }];
      }),
  };
  const floods = openFloods(places, upkeep, (bridge, port, frame) =>
    reached(bridge, port, sourceless(frame)),
  );
  const underlay = underlayOf(fabric);
  return fabric;
}
