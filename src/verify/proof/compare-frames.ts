/**
 * What a change does to all frames that servers can put on their wires: every source and every
 * destination, ARP and neighbour discovery, other Ethernet types. A difference is a frame that
 * somebody received before and not after, or the other way round, or as another frame.
 */
import { type Endpoint, type Network, ROOT } from '../../dataplane/network.ts';
import { type CompiledNetwork, compileNetwork } from '../../trace/compiled-network.ts';
import { lineageReader } from '../../trace/lineage.ts';
import { type Device, type Ending } from '../../trace/walk.ts';
import { type Match } from '../../traffic/match.ts';
import { blankPacket } from '../../traffic/packet.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { NOWHERE, type Region, TooManyRegions } from '../../traffic/sets/regions.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { inputPacket, openSpace, type Space } from '../../traffic/sets/space.ts';
import { fateChanges, type Received, receivedOf } from './fates.ts';
import { frameText } from './frame-text.ts';
import {
  FRAME_BUDGET,
  FRAME_KINDS,
  type FrameKind,
  framesOf,
  partsOf,
  walkFrames,
  wireOf,
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
  for (const part of partsOf(networks[0].network, kind)) {
    const space = openSpace(FRAME_BUDGET);
    try {
      const [before, after] = [
        receivedFrames(networks[0], nics[0], space, kind, part),
        receivedFrames(networks[1], nics[1], space, kind, part),
      ];
      if (before === null || after === null) {
        return {
          server,
          kind,
          differences: [],
          unknown: [`nothing is known of the wire of ${server}`],
        };
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
    } catch (error) {
      if (!(error instanceof TooManyRegions)) throw error;
      unknown.add(error.message);
    }
  }
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
  const endings = endingsOfFrames(compiled, nic, space, kind, part);
  if (endings === null) return null;
  const lineageOf = lineageReader();
  const told = endings.map((ending) => ({ ending, role: lineageOf(ending.p).role }));
  // What hosts ask and answer among themselves to carry the frames is no fate of a frame.
  return receivedOf(told, ['WRONG_RECEIVER']).filter(({ role }) => role === 'request');
}

/**
 * The frames of a part of a kind that a server can send, until somebody else's stack has them; null when the
 * network does not show who sends.
 */
export function endingsOfFrames(
  compiled: CompiledNetwork,
  nic: Endpoint,
  space: Space,
  kind: FrameKind,
  part: Match,
): readonly Ending<PacketSet>[] | null {
  const source = wireOf(compiled.network, nic);
  const frames = framesOf(space, kind, part);
  if (source === null || frames === null) return source === null ? null : [];
  const isOther = ({ stage, host, name }: Device<PacketSet>): boolean =>
    stage !== 'switch' && name !== ROOT && (host !== source.host || name !== source.namespace);
  return walkFrames(compiled, packetSets, source, [frames], isOther);
}
