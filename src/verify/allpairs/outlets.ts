/**
 * Stations that send alike: what their own flows let through ends in the same tails, and their
 * requests of ARP are heard by the same others. Where a frame arrives, and who answers for an
 * address, is asked once for all of them. Before: `tails.ts`. After: `layer2.ts`, `cohorts.ts`.
 */
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { attempt } from './attempt.ts';
import { runBridge } from './bridge-run.ts';
import { answerersIn, type Domain, openDomain, tagged } from './domains.ts';
import { type Answerer } from './ends.ts';
import { type Fabric } from './fabric.ts';
import { entry } from './floods.ts';
import { arpFrame, BROADCAST, entering, ipFrame, type Mac, NotCarried, W } from './frame.ts';
import { type Station } from './places.ts';
import { openTails, type Piece } from './tails.ts';
import { type Cell, emptyCell } from './upkeep.ts';

/** A station that frames of an outlet reach. */
export interface Reach {
  readonly station: Station;
  /** Which gates of the sender's lead there: a bit for each piece. */
  readonly pieces: number;
  /** Over the source address and the ports: what the receiver's side lets through. */
  readonly into: Region;
  readonly zones: readonly string[];
}

/** Somebody who answers a request of ARP. */
export interface Answer {
  readonly from: Answerer;
  /** What is left of the answer's way; null: each asker by itself. */
  readonly back: readonly Piece[] | null;
  /** Equal for answers that come back alike. */
  readonly way: number;
}

export interface Outlet {
  readonly id: number;
  /** Where frames to an address arrive; may throw NotCarried. */
  reach(to: Mac): readonly Reach[];
  /** Who answers for an address; may throw NotCarried. */
  answers(target: number): readonly Answer[];
}

/** How a station sends with one address. */
export interface Sending {
  readonly outlet: Outlet;
  /** By piece of the outlet: what the station's own flows let through. */
  readonly gates: Gates;
}

/** What a station's own flows let through, over the far address and the ports. */
export interface Gates {
  /** Equal texts let the same through. */
  readonly text: string;
  /** What some of the pieces let through, a bit for each. */
  through(pieces: number): Region;
}

/** How a station sends, kept. */
interface Kept {
  readonly sender: number;
  readonly source: number | null;
  readonly sending: Cell<Sending | null>;
}

/** Who hears requests that leave alike. */
interface Asking {
  readonly id: number;
  readonly domain: () => Domain;
}

export interface Outlets {
  /**
   * @param sender the address that it asks by
   * @param source the address that its packets have; null where it may be every one
   */
  sending(from: Station, sender: number, source: number | null): Sending | null;
  /** Whether an answer comes back to one of those who share an outlet; may throw NotCarried. */
  isHeard(from: Station, answer: Answer, target: number): boolean;
  /** The address that one of those who share an outlet finds for a target; null: nobody answers. */
  found(from: Station, target: number, answers: readonly Answer[]): Mac | null;
}

/** Sets of pieces are bits of a number. */
const MAX_PIECES = 16;
/** Stands for whatever address is given later. */
const LATER_MAC: Mac = 0;

/** @param hears whether an answer comes back to a station that shares nothing */
export function openOutlets(
  fabric: Fabric,
  hears: (from: Station, answer: Answerer, target: number) => boolean,
): Outlets {
  const { places, regions, upkeep } = fabric;
  const tails = openTails(fabric);
  const macs = new Map<Mac, number>();
  for (const { mac } of places.stations) macs.set(mac, (macs.get(mac) ?? 0) + 1);
  const outlets = new Map<string, Outlet>();
  const domains = new Map<string, Asking>();
  const ways = new Map<string, number>();
  /** By station. */
  const sendings: Kept[][] = [];
  const answersOf = new Map<Station, Map<number, Cell<Answer>>>();

  const askingOf = (from: Station, sender: number): Asking => {
    const frame = arpFrame(from.mac, BROADCAST, 1, sender, null, EVERYWHERE);
    const all = runBridge(regions, from.bridge, entering(frame, from.ofport)).map((one) =>
      tails.shared(from.bridge, one),
    );
    const text = `${from.bridge.host} ${from.bridge.name} ${all.map((one) => one.text)}`;
    return entry(domains, text, () => {
      const requests = all.map(({ leaving }) => leaving);
      const known = emptyCell<Domain>();
      const domain = (): Domain =>
        upkeep.use(known, () => openDomain(fabric, from.bridge, requests));
      return { id: domains.size, domain };
    });
  };

  const made = (from: Station, sender: number, source: number | null): Sending | null => {
    if (macs.get(from.mac) !== 1 || hasFixedNeighbours(from)) return null;
    const far = source === null ? 'source' : 'destination';
    const pieces = tails.pieces(from, ipFrame(from.mac, LATER_MAC, far, source, EVERYWHERE));
    if (pieces === null || pieces.length > MAX_PIECES) return null;
    const sorted = [...pieces].sort((a, b) => a.tail.id - b.tail.id);
    const { id, domain } = askingOf(from, sender);
    domain();
    const key = `${id} ${sorted.map(({ tail }) => tail.id)}`;
    const outlet = entry(outlets, key, () => openOutlet(outlets.size, from, sorted, domain));
    return { outlet, gates: gatesOf(sorted) };
  };

  const gatesOf = (pieces: readonly Piece[]): Gates => {
    const known: Region[] = [];
    return {
      text: pieces.map(({ gate }) => gate).join(' '),
      through(some) {
        let region = known[some];
        if (region === undefined) {
          region = NOWHERE;
          for (const [i, { gate }] of pieces.entries()) {
            if ((some & (1 << i)) !== 0) region = regions.or(region, gate);
          }
          known[some] = region;
        }
        return region;
      },
    };
  };

  const openOutlet = (
    id: number,
    { bridge }: Station,
    pieces: readonly Piece[],
    domain: () => Domain,
  ): Outlet => {
    const reached = new Map<Mac, Cell<readonly Reach[] | NotCarried>>();
    const asked = new Map<number, Cell<readonly Answer[] | NotCarried>>();
    return {
      id,
      reach: (to) => upkeep.kept(reached, to, () => reachOf(pieces, to)),
      answers: (target) =>
        upkeep.kept(asked, target, () =>
          answerersIn(fabric, bridge, domain(), target).map((one) => answerOf(one, target)),
        ),
    };
  };

  /** What arrives at one station by several ways arrives by any; pieces go together if they can. */
  const reachOf = (pieces: readonly Piece[], to: Mac): readonly Reach[] => {
    const out: Reach[] = [];
    for (const [i, { tail }] of pieces.entries()) {
      for (const { station, into, zones } of arrivingBy(tail, to)) {
        const at = out.findIndex((one) => one.station === station && one.into === into);
        const known = out[at];
        if (known === undefined) out.push({ station, pieces: 1 << i, into, zones });
        else {
          const all = [...new Set([...known.zones, ...zones])];
          out[at] = { ...known, pieces: known.pieces | (1 << i), zones: all };
        }
      }
    }
    return out;
  };

  const arrivingBy = (tail: Piece['tail'], to: Mac): Iterable<Omit<Reach, 'pieces'>> => {
    const byStation = new Map<Station, Omit<Reach, 'pieces'>>();
    for (const { station, where, zones } of tail.arrivals(to)) {
      if (where === NOWHERE) continue;
      const known = byStation.get(station);
      const into = regions.or(known?.into ?? NOWHERE, where);
      const all = known === undefined ? zones : [...new Set([...known.zones, ...zones])];
      byStation.set(station, { station, into, zones: all });
    }
    return byStation.values();
  };

  const answerOf = (from: Answerer, target: number): Answer => {
    if (from.kind === 'flow') return madeAnswer(from, target);
    const mine = entry(answersOf, from.station, () => new Map<number, Cell<Answer>>());
    return upkeep.get(mine, target, () => madeAnswer(from, target));
  };

  const madeAnswer = (from: Answerer, target: number): Answer => {
    const back =
      from.kind === 'flow'
        ? null
        : tails.pieces(from.station, arpFrame(from.mac, LATER_MAC, 2, target, null, EVERYWHERE));
    const { kind } = from;
    const text =
      kind === 'flow'
        ? `${from.bridge.host} ${from.bridge.name} ${from.port} ${from.frame.words[W.vlan]}`
        : back === null
          ? `${from.station.id} ${target}`
          : `- ${back.map(({ tail }) => tail.id)}`;
    return { from, back, way: entry(ways, text, () => ways.size) };
  };

  const heard = new Map<number, Map<number, Cell<boolean | NotCarried>>>();
  const isHeard = (from: Station, { from: answer, back, way }: Answer, target: number): boolean => {
    const mine = entry(heard, way, () => new Map<number, Cell<boolean | NotCarried>>());
    return upkeep.kept(mine, from.id, () => {
      if (back !== null) {
        return back.some(({ tail }) =>
          tail.arrivals(from.mac).some(({ station }) => station === from),
        );
      }
      if (answer.kind === 'station') return hears(from, answer, target);
      const reply = arpFrame(answer.mac, from.mac, 2, target, null, EVERYWHERE);
      return fabric
        .outBy(answer.bridge, answer.port, tagged(reply, answer.frame))
        .some(({ station }) => station === from);
    });
  };

  return {
    isHeard,
    sending(from, sender, source) {
      let mine = sendings[from.id];
      if (mine === undefined) {
        mine = [];
        sendings[from.id] = mine;
      }
      let kept = mine.find((one) => one.sender === sender && one.source === source);
      if (kept === undefined) {
        kept = { sender, source, sending: emptyCell() };
        mine.push(kept);
      }
      return upkeep.use(kept.sending, () => {
        const told = attempt(() => made(from, sender, source));
        return told instanceof NotCarried ? null : told;
      });
    },
    found(from, target, answers) {
      let mac: Mac | null = null;
      for (const answer of answers) {
        if (answer.from.mac === mac || !isHeard(from, answer, target)) continue;
        if (mac !== null) throw new NotCarried('two stations answer for one address');
        mac = answer.from.mac;
      }
      return mac;
    },
  };
}

function hasFixedNeighbours({ state }: Station): boolean {
  return state.neighbours.some(
    ({ address, state: of }) => address.version === 4 && (of === 'permanent' || of === 'noarp'),
  );
}
