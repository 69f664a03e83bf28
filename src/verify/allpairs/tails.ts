/**
 * Senders whose frames go on alike: once a sender's own flows have let a frame pass, mostly nothing
 * looks at who sent it any more. What is left of its way, a tail, is worked out once for all of them.
 * A flow that does look at the sender later finds that word open, and then nothing is shared.
 * Before: `bridge-run.ts`, `choices.ts`. After: `outlets.ts`.
 */
import { type Region } from '../../traffic/sets/regions.ts';
import { attempt } from './attempt.ts';
import { AT_NORMAL, goOnBy, goOnNormal, type Paused, runTogether } from './bridge-run.ts';
import { choiceFor, choicesOf, textOfChoices } from './choices.ts';
import { type Arrival, sourceless } from './ends.ts';
import { type Fabric } from './fabric.ts';
import {
  entering,
  type Frame,
  HEADER,
  type Mac,
  NotCarried,
  OPEN,
  REGISTERS,
  sentTo,
  W,
  withLater,
} from './frame.ts';
import { type IndexedBridge, likeOf, tableOf } from './indexed-bridge.ts';
import { type Leaving } from './normal.ts';
import { type Station } from './places.ts';
import { type Cell } from './upkeep.ts';

/** What is left of the way of frames that differ in their destination only. */
export interface Tail {
  readonly id: number;
  /** Where frames to an address arrive, over the source address and the ports; may throw NotCarried. */
  arrivals(to: Mac): readonly Arrival[];
}

/** A part of what a station sends. */
export interface Piece {
  /** What its own flows let through, over the far address and the ports. */
  readonly gate: Region;
  readonly tail: Tail;
}

export interface Tails {
  /** What becomes of a station's frame, whatever its destination; null: that cannot be shared. */
  pieces(from: Station, frame: Frame): readonly Piece[] | null;
  /** A frame that left, as of any sender, and a text that is equal for those that go on alike. */
  shared(
    bridge: IndexedBridge,
    leaving: Leaving,
  ): { readonly leaving: Leaving; readonly text: string };
}

export function openTails(fabric: Fabric): Tails {
  const { regions, upkeep } = fabric;
  const tails = new Map<IndexedBridge, Map<string, Tail>>();
  let count = 0;

  const tailOf = (
    bridge: IndexedBridge,
    text: string,
    leavings: (to: Mac) => readonly Leaving[],
  ): Tail => {
    let mine = tails.get(bridge);
    if (mine === undefined) {
      mine = new Map();
      tails.set(bridge, mine);
    }
    let found = mine.get(text);
    if (found === undefined) {
      const known = new Map<Mac, Cell<readonly Arrival[] | NotCarried>>();
      found = {
        id: count++,
        arrivals: (to) => upkeep.kept(known, to, () => fabric.follow(bridge, leavings(to))),
      };
      mine.set(text, found);
    }
    return found;
  };

  const shared: Tails['shared'] = (bridge, { port, frame, zones, dumped }) => {
    const next = anonymous(bridge, frame);
    let text = `${port} ${dumped} ${zones} ${next.words[W.inPort]} ${next.words[W.tunId]} ${next.words[W.tunId + 1]}`;
    for (const at of HEADER) text += ` ${next.words[at]}`;
    return { leaving: { port, frame: next, zones, dumped }, text };
  };

  const ofLeaving = (bridge: IndexedBridge, one: Leaving): Piece => {
    const { leaving, text } = shared(bridge, one);
    const tail = tailOf(bridge, text, (to) => [{ ...leaving, frame: sentTo(leaving.frame, to) }]);
    return { gate: one.frame.where, tail };
  };

  const ofPaused = (bridge: IndexedBridge, paused: Paused): Piece => {
    const { table, frame, zones, depth } = paused;
    if (table === AT_NORMAL) return beforeNormal(bridge, paused);
    const choices = choicesOf(regions, tableOf(bridge, table)!, frame);
    const next = anonymous(bridge, frame);
    const text = `at ${table} ${depth} ${zones} ${next.words.join(' ')} ${textOfChoices(choices)}`;
    const tail = tailOf(bridge, text, (to) => {
      const choice = choiceFor(choices, to);
      if (choice === null) return [];
      return goOnBy(regions, bridge, paused, choice.rule.flow, sentTo(next, to));
    });
    return { gate: frame.where, tail };
  };

  const beforeNormal = (bridge: IndexedBridge, paused: Paused): Piece => {
    const { frame, zones } = paused;
    const next = anonymous(bridge, frame);
    const text = `normal ${zones} ${next.words.join(' ')}`;
    const tail = tailOf(bridge, text, (to) =>
      goOnNormal(regions, bridge, paused, sentTo(next, to)),
    );
    return { gate: frame.where, tail };
  };

  return {
    shared,
    pieces({ bridge, ofport }, frame) {
      const later = withLater(entering(frame, ofport));
      if (later === null) return null;
      const made = attempt(() => {
        const { out, paused } = runTogether(regions, bridge, 0, later);
        return [
          ...out.map((one) => ofLeaving(bridge, one)),
          ...paused.map((one) => ofPaused(bridge, one)),
        ];
      });
      if (made instanceof NotCarried) return null;
      const byTail = new Map<Tail, Region>();
      for (const { gate, tail } of made) {
        byTail.set(tail, regions.or(byTail.get(tail) ?? gate, gate));
      }
      return [...byTail].map(([tail, gate]) => ({ tail, gate }));
    },
  };
}

/** The frame of any sender behind a port of the same VLANs. */
function anonymous(bridge: IndexedBridge, frame: Frame): Frame {
  const next = sourceless(frame);
  const { words } = next;
  const inPort = words[W.inPort]!;
  words[W.inPort] = likeOf(bridge, inPort) ?? OPEN;
  const tag = bridge.ports.get(inPort)?.vlan.tag ?? null;
  for (const at of REGISTERS) {
    if (inPort === 0 || words[at] !== inPort) continue;
    // The number of the port, and of its VLAN only by chance.
    words[at] = OPEN;
    if (tag === inPort) break;
  }
  return next;
}
