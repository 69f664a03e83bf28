/**
 * What a change does to all frames that servers can put on their wires: every source and every
 * destination, ARP and neighbour discovery, other Ethernet types. A difference is a frame that
 * somebody received before and not after, or the other way round, or as another frame.
 */
import { type Endpoint, type Network, ROOT } from '../../dataplane/network.ts';
import { type CompiledNetwork, compileNetwork } from '../../trace/compiled-network.ts';
import { lineageReader } from '../../trace/lineage.ts';
import { type Device } from '../../trace/walk.ts';
import { type Match } from '../../traffic/match.ts';
import { blankPacket } from '../../traffic/packet.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { inputPacket, type Space } from '../../traffic/sets/space.ts';
import { fateChanges, type Received, receivedOf } from './fates.ts';
import { frameText } from './frame-text.ts';
import {
  endingsOfFrames,
  FRAME_KINDS,
  type FrameKind,
  type FrameSource,
  followParts,
} from './frames.ts';

/** What differs for the frames of one kind that a server sends. */
export interface FrameChange {
  readonly server: string;
  readonly kind: FrameKind;
  readonly differences: readonly FrameDifference[];
  /** Why nobody can say. */
  readonly unknown: readonly string[];
}

/** One receiver, with one frame for each way in which it is concerned. */
export interface FrameDifference {
  readonly place: string;
  readonly lost: string | null;
  readonly gained: string | null;
  readonly changed: string | null;
}

/** Compares the frames of servers that both networks have, by their names. */
export function* compareFrames(
  a: Network,
  b: Network,
  servers: readonly string[],
  kinds: readonly FrameKind[] = FRAME_KINDS,
): Generator<FrameChange> {
  const compiled = [compileNetwork(a), compileNetwork(b)] as const;
  for (const server of servers) {
    for (const [before, after] of nicPairs(a, b, server)) {
      for (const kind of kinds) yield compareKind(compiled, [before, after], server, kind);
    }
  }
}

/** The NICs that a server has in both networks. */
function nicPairs(
  a: Network,
  b: Network,
  server: string,
): readonly (readonly [Endpoint, Endpoint])[] {
  const nics = ({ endpoints }: Network): readonly Endpoint[] =>
    endpoints.filter(({ role, name, port }) => role === 'vm' && name === server && port !== null);
  return nics(a).flatMap((one) => {
    const other = nics(b).find(({ mac }) => mac === one.mac);
    return other === undefined ? [] : [[one, other] as const];
  });
}

function compareKind(
  networks: readonly [CompiledNetwork, CompiledNetwork],
  nics: readonly [Endpoint, Endpoint],
  server: string,
  kind: FrameKind,
): FrameChange {
  const unknown = new Set<string>();
  const differences = new Map<string, FrameDifference>();
  followParts(networks[0].network, kind, unknown, (space, part) => {
    const [before, after] = [
      receivedFrames(networks[0], nics[0], space, kind, part),
      receivedFrames(networks[1], nics[1], space, kind, part),
    ];
    if (before === null || after === null) {
      unknown.add(`nothing is known of the wire of ${server}`);
      return false;
    }
    for (const { place, ...of } of fateChanges(space, before, after)) {
      const one = (where: Region): string | null =>
        where === NOWHERE ? null : exampleOf(space, kind, where);
      const known = differences.get(place);
      differences.set(place, {
        place,
        lost: known?.lost ?? one(of.lost),
        gained: known?.gained ?? one(of.gained),
        changed: known?.changed ?? one(of.changed),
      });
    }
    for (const { p } of [...before, ...after]) for (const doubt of p.doubts) unknown.add(doubt);
    return true;
  });
  return { server, kind, differences: [...differences.values()], unknown: [...unknown] };
}

function exampleOf(space: Space, kind: FrameKind, where: Region): string {
  return frameText(kind, inputPacket(space, where, blankPacket()).words);
}

/** Where all frames of a kind are received; null when the network does not show who sends. */
function receivedFrames(
  compiled: CompiledNetwork,
  nic: Endpoint,
  space: Space,
  kind: FrameKind,
  part: Match,
): readonly Received[] | null {
  const endings = endingsOfFrames(compiled, nic, space, kind, part, isOther);
  if (endings === null) return null;
  const lineageOf = lineageReader();
  const told = endings.map((ending) => ({ ending, role: lineageOf(ending.p).role }));
  // What hosts ask and answer among themselves to carry the frames is no fate of a frame.
  return receivedOf(told, ['WRONG_RECEIVER']).filter(({ role }) => role === 'request');
}

/** Somebody else's stack. */
export const isOther =
  (source: FrameSource) =>
  ({ stage, host, name }: Device<PacketSet>): boolean =>
    stage !== 'switch' && name !== ROOT && (host !== source.host || name !== source.namespace);
