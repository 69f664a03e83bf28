/**
 * A namespace between two of its devices: what its rules, its routes and NAT make of a new
 * connection between two addresses. Carried are the rules that chains.ts knows and routing by the
 * main table; everything else is left to the proof of one pair.
 */
import { ROOT } from '../../dataplane/network.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { melted } from '../../traffic/intervals.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type Chains, type Passing, passChain } from './chains.ts';
import { FROM_PORT, PROTOCOL } from './coordinates.ts';
import { type Extent, within } from './extent.ts';
import { NotCarried } from './frame.ts';
import { type Outlook, openOutlook } from './outlook.ts';
import { type Places, type Station } from './places.ts';
import { localDevice, routeTo, settingsOf } from './routes.ts';
import { chainsIn } from './wiring.ts';

/** A connection that leaves a router. */
export interface Forwarded {
  readonly by: Station;
  readonly source: number;
  readonly destination: number;
  /** The next hop: a gateway, or the destination itself. */
  readonly hop: number;
  readonly where: Region;
  readonly anyPort: boolean;
}

/** What becomes of connections that a namespace cannot tell apart; SAME stands for their own. */
export interface Treatment {
  readonly parts: readonly Forwarded[];
  /** Why nothing is said; null where everything is. */
  readonly refused: NotCarried | null;
}

export interface Routers {
  /** One object for all connections of which the same becomes. */
  treat(at: Station, source: number, destination: number): Treatment;
  /** What becomes of a connection that comes in at a station that is not meant. */
  forward(at: Station, source: number, destination: number, where: Region): readonly Forwarded[];
  /** For which other addresses the same comes of it. */
  alike(at: Station, source: Alike | null, destination: Alike): void;
  /** Whether the namespace has rules of its own. */
  filters(state: Station): boolean;
}

/** An address, and an extent that is narrowed to those that are treated like it. */
export interface Alike {
  readonly address: number;
  readonly extent: Extent;
}

/** Stands for the address that came in. */
export const SAME = -1;
const TABLES = ['raw', 'mangle', 'nat'] as const;

export function openRouters(places: Places, regions: Regions): Routers {
  const byStation: (Chains | NotCarried | undefined)[] = [];

  const chainsAt = ({ id, host, namespace }: Station): Chains => {
    let found = byStation[id];
    if (found === undefined) {
      found = chainsIn(places.compiled, host, namespace);
      byStation[id] = found;
    }
    if (found instanceof NotCarried) throw found;
    return found;
  };

  const outlooks = new Map<Namespace, Outlook>();
  const outlookOf = (at: Station): Outlook => {
    let found = outlooks.get(at.state);
    if (found === undefined) {
      found = openOutlook(at.state, chainsAt(at));
      outlooks.set(at.state, found);
    }
    return found;
  };

  /** What was found for addresses that the namespace cannot tell from these. */
  const alike = new Map<number, Map<number, Treatment>>();
  const treatments = new Map<string, Treatment>();
  const treat = (at: Station, source: number, destination: number): Treatment => {
    const { source: sources, destination: destinations } = outlookOf(at);
    const [s, d] = [sources(source), destinations(destination)];
    let mine = alike.get(at.id);
    if (mine === undefined) {
      mine = new Map();
      alike.set(at.id, mine);
    }
    const key = s * 0x100_0000 + d;
    let found = mine.get(key);
    if (found === undefined) {
      found = treatment(at, source, destination);
      mine.set(key, found);
    }
    return found;
  };

  const treatment = (at: Station, source: number, destination: number): Treatment => {
    try {
      const parts = evaluated(at, source, destination).map((one) => ({
        ...one,
        source: one.source === source ? SAME : one.source,
        hop: one.hop === destination ? SAME : one.hop,
        destination: one.destination === destination ? SAME : one.destination,
      }));
      let text = '';
      for (const { by, source: from, destination: to, hop, where, anyPort } of parts) {
        text += `${by.id} ${from} ${to} ${hop} ${where} ${anyPort},`;
      }
      let known = treatments.get(text);
      if (known === undefined) {
        known = { parts, refused: null };
        treatments.set(text, known);
      }
      return known;
    } catch (error) {
      if (!(error instanceof NotCarried)) throw error;
      return { parts: [], refused: error };
    }
  };

  const forward = (
    at: Station,
    source: number,
    destination: number,
    where: Region,
  ): readonly Forwarded[] => {
    const { parts, refused } = treat(at, source, destination);
    if (refused !== null) throw refused;
    return parts.flatMap((one): readonly Forwarded[] => {
      const here = regions.and(one.where, where);
      if (here === NOWHERE) return [];
      const to = one.destination === SAME ? destination : one.destination;
      return [
        {
          ...one,
          where: here,
          source: one.source === SAME ? source : one.source,
          destination: to,
          hop: one.hop === SAME ? destination : one.hop,
        },
      ];
    });
  };

  const evaluated = (at: Station, source: number, destination: number): readonly Forwarded[] => {
    const where: Region = EVERYWHERE;
    const { state, device } = at;
    if (at.namespace === ROOT) throw new NotCarried('a host that routes');
    const chains = chainsAt(at);
    let parts: readonly Passing[] = [
      {
        source,
        destination,
        input: device.name,
        output: '',
        mark: 0,
        connectionMark: 0,
        translated: { source: false, destination: false },
        anyPort: false,
        where,
      },
    ];
    for (const table of TABLES) parts = pass(chains, table, 'PREROUTING', parts);
    return parts.flatMap((part) => routed(at, state, chains, part));
  };

  const pass = (
    chains: Chains,
    table: Parameters<typeof passChain>[2],
    base: string,
    parts: readonly Passing[],
  ): readonly Passing[] => parts.flatMap((part) => passChain(regions, chains, table, base, part));

  const routed = (
    at: Station,
    state: Namespace,
    chains: Chains,
    part: Passing,
  ): readonly Forwarded[] => {
    const { destination } = part;
    // For the namespace itself: nothing goes on.
    if (localDevice(state, destination) !== null) return [];
    const settings = settingsOf(state, part.input);
    if (!settings.forwarding) return [];
    if (localDevice(state, part.source) !== null) throw new NotCarried('an own address as source');
    if (settings.reversePathFilter !== 0) {
      const back = routeTo(state, part.source);
      if (back?.device !== part.input) throw new NotCarried('a source of another device');
    } else if (routeTo(state, part.source) === null) throw new NotCarried('a source without route');
    const route = routeTo(state, destination);
    if (route === null) return [];
    const by = places
      .stationsOf(at.host, at.namespace)
      .find(({ device }) => device.name === route.device);
    if (by === undefined) throw new NotCarried('a device that is no station');
    if (!by.device.up || !by.device.running) return [];
    let parts: readonly Passing[] = [{ ...part, output: route.device }];
    for (const table of ['mangle', 'filter', 'security'] as const) {
      parts = pass(chains, table, 'FORWARD', parts);
    }
    for (const table of ['mangle', 'nat'] as const) {
      parts = pass(chains, table, 'POSTROUTING', parts);
    }
    return parts.map((one) => ({
      by,
      source: one.source,
      destination: one.destination,
      hop: route.gateway ?? one.destination,
      where: one.where,
      anyPort: one.anyPort,
    }));
  };

  return {
    treat,
    forward,
    alike: (at, source, destination) => {
      const { sourceCuts, destinationCuts } = outlookOf(at);
      if (source !== null) within(sourceCuts, source.address, source.extent);
      within(destinationCuts, destination.address, destination.extent);
    },
    filters: (station) => hasRules(chainsAt(station)),
  };
}

const ruled = new WeakMap<Chains, boolean>();

function hasRules(chains: Chains): boolean {
  let found = ruled.get(chains);
  if (found === undefined) {
    found = [...chains.values()].some((table) =>
      [...table.values()].some(({ rules, policy }) => rules.length > 0 || policy === 'DROP'),
    );
    ruled.set(chains, found);
  }
  return found;
}

/** Protocols whose ports NAT may choose anew. */
const WITH_PORTS = [6, 17, 33, 132, 136];
/** Privileged ports stay privileged (nf_nat_l4proto_unique_tuple()). */
const BANDS = [
  [0, 511, 1, 511],
  [512, 1023, 600, 1023],
  [1024, 65535, 1024, 65535],
] as const;

/** The inputs that some choice of the source port leads into a region. */
export function beforeNat(regions: Regions, into: Region): Region {
  const ported = regions.of(PROTOCOL, melted(WITH_PORTS.flatMap((one) => [one, one])));
  let out = regions.minus(into, ported);
  for (const [low, high, from, upTo] of BANDS) {
    const chosen = regions.and(into, regions.of(FROM_PORT, melted([from, upTo])));
    if (chosen === NOWHERE) continue;
    const some = regions.shadow(regions.and(chosen, ported), FROM_PORT);
    out = regions.or(out, regions.and(some, regions.of(FROM_PORT, melted([low, high]))));
  }
  return out;
}
