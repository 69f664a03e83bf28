/** The walk of all packets beside the walks of single ones, and where they say different things. */
import { allBits, field } from '../../../src/packet/fields.ts';
import { type CompiledNetwork } from '../../../src/trace/compiled-network.ts';
import { type Resolution, resolveEnd } from '../../../src/trace/ends.ts';
import { outsidePlace, outsideTarget } from '../../../src/trace/outside.ts';
import { type TraceEnd } from '../../../src/trace/types.ts';
import { type Ending } from '../../../src/trace/walk.ts';
import { onePacket } from '../../../src/traffic/one-packet.ts';
import { blankPacket, type Packet } from '../../../src/traffic/packet.ts';
import { holds, imageOf } from '../../../src/traffic/sets/images.ts';
import { TooManyRegions } from '../../../src/traffic/sets/regions.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { propagate } from '../../../src/verify/proof/propagate.ts';
import { COORDINATES, setsTo, written } from '../../../src/verify/proof/source.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { type Draw } from '../../traffic/random-rules.ts';
import { edgeInputs } from './edges.ts';

/** What was compared between two ends. */
export interface Comparison {
  /** Packets that walked alone. */
  readonly packets: number;
  /** Packets of which the sets say that they cannot say: nothing is claimed of them. */
  readonly doubtful: number;
  readonly wrong: readonly unknown[];
  /** Why nothing was compared, or null. */
  readonly none: string | null;
}

const WORDS = COORDINATES.map(({ word }) => word);

type Place = { readonly host: string; readonly namespace: string };

/** One line for an ending: where, how, and all words of the packet. */
function told<P>({ device, outcome }: Ending<P>, words: Uint32Array): string {
  const how =
    outcome.kind === 'delivered'
      ? `delivered ${outcome.to}`
      : `${outcome.drop.reason} ${outcome.drop.where} ${outcome.drop.evidence}`;
  return `${device.host} ${device.name} ${how} ${words.join()}`;
}

/**
 * Compares both walks from one end to another, for packets at the edges of what the sets tell
 * apart: about `most` of them, of all endings.
 */
export function compareWalks(
  compiled: CompiledNetwork,
  from: string,
  to: string,
  most: number,
  draw: Draw,
): Comparison {
  const nothing = (none: string): Comparison => ({ packets: 0, doubtful: 0, wrong: [], none });
  const { network } = compiled;
  const sender = found(resolveEnd(network, from, {}));
  const receiver = found(resolveEnd(network, to, {}));
  const target = receiver?.address ?? null;
  if (sender === null || receiver === null || target === null) return nothing('no such end');
  const outside = sender.kind === 'external' && sender.host === null;
  const at = { ...sender, ...(outside ? outsidePlace(network, target) : null) };
  if (at.host === null || at.namespace === null) return nothing('no place to send from');
  const place: Place = { host: at.host, namespace: at.namespace };
  const source = outside ? sender.address : null;
  const borrowed = [
    ...outsideTarget(network, receiver),
    ...(source === null ? [] : [{ ...place, address: source }]),
  ];
  const space = openSpace();
  const sets = setsTo(target, ALL_WANTED, space, source);
  let walked: ReturnType<typeof propagate<(typeof sets)[number]['p']>>;
  try {
    walked = propagate(compiled, packetSets, place, sets, { borrowed, sets: true });
  } catch (error) {
    if (error instanceof TooManyRegions) return nothing('more sets than the budget allows');
    throw error;
  }
  if (walked === null) return nothing('no such namespace');
  const wrong: unknown[] = [];
  const asked = new Map<string, Uint32Array>();
  const share = Math.max(2, Math.ceil((2 * most) / walked.endings.length));
  for (const { p } of mixed(walked.endings, draw)) {
    if (asked.size >= most) break;
    for (const words of edgeInputs(space, p.where, blankPacket().words, WORDS, share, draw)) {
      asked.set(COORDINATES.map((of) => words[of.word]).join(), words);
    }
  }
  let doubtful = 0;
  for (const [name, words] of asked) {
    const here = walked.endings.filter(({ p }) => holds(p, words));
    if (here.some(({ p }) => p.doubts.length > 0)) {
      doubtful++;
      continue;
    }
    const alone = oneByOne(compiled, place, target, source, borrowed, words);
    const together = here.map((one) => told(one, imageOf(one.p, words))).sort();
    if (JSON.stringify(alone) !== JSON.stringify(together)) {
      wrong.push({ from, to, name, alone, together });
    }
  }
  return { packets: asked.size, doubtful, wrong, none: null };
}

function mixed<T>(all: readonly T[], draw: Draw): readonly T[] {
  const keyed = all.map((each) => [draw(1 << 30), each] as const);
  return keyed.sort(([a], [b]) => a - b).map(([, each]) => each);
}

function found(resolution: Resolution): TraceEnd | null {
  return resolution.kind === 'found' ? resolution.resolved.end : null;
}

/** The endings of the packet of an input that walks alone. */
function oneByOne(
  compiled: CompiledNetwork,
  place: Place,
  target: NonNullable<TraceEnd['address']>,
  source: TraceEnd['address'],
  borrowed: ReturnType<typeof outsideTarget>,
  input: Uint32Array,
): readonly string[] {
  const protocol = input[COORDINATES[0].word]!;
  const kind = ({ 1: 'icmp', 58: 'icmp', 6: 'tcp', 17: 'udp' } as const)[protocol] ?? 'others';
  let p: Packet = blankPacket();
  const sent: Packet = { ...blankPacket(), words: input };
  for (const of of COORDINATES) p = onePacket.copy(p, allBits(of), sent, allBits(of));
  p = written(onePacket, p, kind, target);
  if (source !== null) {
    const name = source.version === 6 ? 'ipv6_src' : 'ip_src';
    p = onePacket.set(p, assignment(field(name), source.value));
  }
  const walked = propagate(compiled, onePacket, place, [{ version: target.version, p }], {
    borrowed,
  });
  return (walked?.endings ?? []).map((one) => told(one, one.p.words)).sort();
}
