/**
 * Layer 2 between stations: from a port of a bridge through bridges, tunnels and segments to the
 * stations a frame arrives at, whatever its source is. Kept by bridge, port, VLAN, tunnel key and
 * destination, so that all senders share what is the same for them.
 */
import { type InterfaceId } from '../../dataplane/network.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { field, PACKET_WORDS } from '../../packet/fields.ts';
import { ownersOf } from '../../trace/compiled-network.ts';
import { namespaceOf } from '../../trace/world.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type IndexedBridge, type Leaving, runBridge } from './bridge-run.ts';
import {
  BROADCAST,
  copyOf,
  entering,
  type Frame,
  KNOWN,
  type Mac,
  NEEDS_MORE,
  NeedsMore,
  NotCarried,
  OPEN,
  readMac,
  SYMBOLIC,
  W,
} from './frame.ts';
import { type Places, type Station } from './places.ts';
import { localDevice, settingsOf } from './routes.ts';
import { type Underlay } from './tunnel-end.ts';

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

/** Who hears a broadcast. */
export interface Everybody {
  readonly stations: readonly Station[];
  /** Namespaces that stand on a segment with NICs of their own. */
  readonly hosts: readonly Namespace[];
}

export interface Fabric {
  readonly places: Places;
  readonly regions: Regions;
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

/** What becomes of a frame: it is at a station, or a flow has turned it into an answer. */
type End =
  | (Arrival & { readonly kind: 'arrival' })
  /** A request that a namespace hears by a NIC of its own. */
  | { readonly kind: 'host'; readonly state: Namespace; readonly zones: readonly string[] }
  | (Extract<Answerer, { kind: 'flow' }> & { readonly zones: readonly string[] });

/** Frames whose source does not matter from here on. */
function sourceless(frame: Frame): Frame {
  const next = copyOf(frame);
  next.where = EVERYWHERE;
  const { known, words } = next;
  const open = (at: number): void => {
    known[at] = OPEN;
    words[at] = 0;
  };
  open(W.ethSrc);
  open(W.ethSrc + 1);
  if (words[W.ethType] === 0x0800) {
    open(W.ipDst);
    words[W.ipSrc] = 0;
    known[W.ipSrc] = SYMBOLIC;
  }
  return next;
}

export function openFabric(
  places: Places,
  regions: Regions,
  underlayOf: (fabric: Fabric) => Underlay,
): Fabric {
  const kept = new Map<IndexedBridge, Map<string, Map<number, readonly End[] | Error>>>();
  let hops = 0;

  const across = (bridge: IndexedBridge, { port, frame, dumped }: Leaving): readonly End[] => {
    if (isAnswerToAnyone(frame)) {
      const mac = readMac(frame.words, W.arpSha);
      return [{ kind: 'flow', bridge, port, frame, mac, zones: [] }];
    }
    const found = reached(bridge, port, frame);
    if (dumped && found.length === 0) throw new NotCarried('an address of the dump leads nowhere');
    return found;
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
    if (frame.known[W.ethDst] !== KNOWN) throw NEEDS_MORE;
    const to = readMac(frame.words, W.ethDst);
    const group = Math.floor(to / 0x100_0000_0000) % 2 === 1;
    if (to !== mac && !group) {
      if (device.promiscuous) throw new NotCarried('an interface that takes every frame');
      return [];
    }
    if (!device.up || !device.running) return [];
    // A tag that the station does not expect is for one of its VLAN devices.
    if (frame.words[W.vlan] !== 0) throw new NotCarried('a tagged frame at a station');
    if (group && frame.words[W.arpOp] === 1 && frame.known[W.arpTpa] === KNOWN) {
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
    if (segment === undefined || frame.known[W.ethDst] !== KNOWN) throw NEEDS_MORE;
    const to = readMac(frame.words, W.ethDst);
    const group = Math.floor(to / 0x100_0000_0000) % 2 === 1;
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
      if (frame.known[W.arpTpa] !== KNOWN) return [{ kind: 'host', state, zones: [] }];
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
    return arrive(to.bridge, to.inPort, inner, tunnelKey);
  };

  const arrive = (
    bridge: IndexedBridge,
    inPort: number,
    frame: Frame,
    tunnelKey = 0,
  ): readonly End[] => {
    const arp = frame.words[W.ethType] !== 0x0800;
    const to = frame.known[W.ethDst] === KNOWN ? readMac(frame.words, W.ethDst) : -1;
    const { where, words } = frame;
    const asked = arp && frame.known[W.arpTpa] === KNOWN ? words[W.arpTpa]! : -1;
    const kind = arp ? words[W.arpOp] : '';
    // Either a destination or the address a broadcast asks for tells frames of a kind apart.
    const kindOf = `${inPort} ${words[W.vlan]} ${tunnelKey} ${kind} ${asked < 0 ? '' : to}`;
    const mine = memoryOf(bridge, kindOf);
    const key = asked < 0 ? to : asked;
    let found = mine.get(key);
    if (found === undefined && asked >= 0 && to === BROADCAST) {
      // Whom a broadcast reaches is mostly the same whatever it asks for.
      const every = arrivingForAnyone(bridge, inPort, frame, tunnelKey);
      if (every !== null) {
        found = every.filter((end) => end.kind !== 'arrival' || answersFor(end.station, asked));
        for (const end of found) {
          if (end.kind === 'host' && localDevice(end.state, asked) !== null) {
            throw new NotCarried('a host answers ARP');
          }
        }
        mine.set(key, found);
      }
    }
    if (found === undefined) {
      if (++hops > MAX_HOPS) {
        hops--;
        throw new NotCarried('a loop between bridges');
      }
      try {
        const next = entering(sourceless(frame), inPort);
        next.words[W.tunId + 1] = tunnelKey;
        found = follow(bridge, runBridge(regions, bridge, next));
      } catch (error) {
        if (!(error instanceof NotCarried || error instanceof NeedsMore)) throw error;
        found = error;
      } finally {
        hops--;
      }
      mine.set(key, found);
    }
    if (found instanceof Error) throw found;
    return narrowed(regions, found, where);
  };

  /** The same for a request whose target is left open; null where flows look into it. */
  const arrivingForAnyone = (
    bridge: IndexedBridge,
    inPort: number,
    frame: Frame,
    tunnelKey: number,
  ): readonly End[] | null => {
    const anyone = copyOf(frame);
    anyone.known[W.arpTpa] = OPEN;
    anyone.words[W.arpTpa] = 0;
    try {
      return arrive(bridge, inPort, anyone, tunnelKey);
    } catch (error) {
      if (error instanceof NeedsMore) return null;
      throw error;
    }
  };

  const memoryOf = (bridge: IndexedBridge, kind: string): Map<number, readonly End[] | Error> => {
    let kinds = kept.get(bridge);
    if (kinds === undefined) {
      kinds = new Map();
      kept.set(bridge, kinds);
    }
    let found = kinds.get(kind);
    if (found === undefined) {
      found = new Map();
      kinds.set(kind, found);
    }
    return found;
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
        if (places.behind(bridge, one.port).kind === 'station') return true;
        const anybody = copyOf(one.frame);
        anybody.where = EVERYWHERE;
        anybody.known[W.ethDst] = OPEN;
        anybody.known[W.ethDst + 1] = OPEN;
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
  const underlay = underlayOf(fabric);
  return fabric;
}

function arrivals(ends: readonly End[]): readonly Arrival[] {
  return ends.filter((end) => end.kind === 'arrival');
}

/** An answer whose addressee was left open: whoever asks is told it one by one. */
function isAnswerToAnyone({ words, known }: Frame): boolean {
  if (words[W.ethType] !== ARP || words[W.arpOp] !== 2 || known[W.ethDst] === KNOWN) return false;
  if (known[W.arpSha] !== KNOWN) throw new NotCarried('an answer without an address');
  return true;
}

/** The destination address where a table of addresses looks for it. */
function wordsOf({ words }: Frame): Uint32Array {
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

const ARP = 0x0806;

function narrowed(regions: Regions, ends: readonly End[], where: Region): readonly End[] {
  if (where === EVERYWHERE) return ends;
  return ends.flatMap((one): readonly End[] => {
    if (one.kind !== 'arrival') throw new NotCarried('an answer that depends on ports');
    const here = regions.and(one.where, where);
    return here === NOWHERE ? [] : [{ ...one, where: here }];
  });
}
