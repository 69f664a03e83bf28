/**
 * The theorem of the whole design: what a walk of sets says of each packet is what happens to
 * that packet when it walks alone through the same network.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allBits } from '../../../src/packet/fields.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { type CompiledNetwork, compileNetwork } from '../../../src/trace/compiled-network.ts';
import { resolveEnd } from '../../../src/trace/ends.ts';
import { outsideTarget, withOutside } from '../../../src/trace/outside.ts';
import { type TraceEnd } from '../../../src/trace/types.ts';
import { type Ending } from '../../../src/trace/walk.ts';
import { onePacket } from '../../../src/traffic/one-packet.ts';
import { blankPacket, type Packet } from '../../../src/traffic/packet.ts';
import { holds } from '../../../src/traffic/sets/images.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { inputPacket } from '../../../src/traffic/sets/space.ts';
import { propagate } from '../../../src/verify/proof/propagate.ts';
import { COORDINATES, setsTo, written } from '../../../src/verify/proof/source.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { ROOT } from '../../sources.ts';

function end(compiled: CompiledNetwork, word: string): TraceEnd {
  const found = resolveEnd(compiled.network, word, {});
  if (found.kind === 'ambiguous') throw new Error(found.candidates.join());
  if (found.kind !== 'found') throw new Error(`no end is called ${word}`);
  return found.resolved.end;
}

/** One line for an ending: where, how. */
function told<P>({ device, outcome }: Ending<P>): string {
  const how =
    outcome.kind === 'delivered'
      ? `delivered ${outcome.to}`
      : `${outcome.drop.reason} ${outcome.drop.where}`;
  return `${device.host} ${device.name} ${how}`;
}

/** Compares both walks for inputs of every ending: packets at the edges of what is told apart. */
function disagreements(compiled: CompiledNetwork, from: string, to: string): unknown[] {
  const sender = end(compiled, from);
  const receiver = end(compiled, to);
  const target = receiver.address;
  const borrowed = outsideTarget(compiled.network, receiver);
  const place = { host: sender.host ?? '', namespace: sender.namespace ?? '' };
  if (target === null) throw new Error('no address');
  const sets = setsTo(target, ALL_WANTED);
  const walked = propagate(compiled, packetSets, place, sets, { borrowed, sets: true });
  if (walked === null) throw new Error('no such sender');
  const wrong: unknown[] = [];
  const asked = new Set<string>();
  for (const { p } of walked.endings) {
    const { words } = inputPacket(p.space, p.where, blankPacket());
    const name = COORDINATES.map((of) => words[of.word]).join();
    if (asked.has(name)) continue;
    asked.add(name);
    const alone = oneByOne(compiled, place, target, borrowed, words);
    const together = walked.endings
      .filter((one) => holds(one.p, words))
      .map(told)
      .sort();
    if (JSON.stringify(alone) !== JSON.stringify(together)) wrong.push({ name, alone, together });
  }
  expect(asked.size).toBeGreaterThan(2);
  return wrong;
}

function oneByOne(
  compiled: CompiledNetwork,
  place: { readonly host: string; readonly namespace: string },
  target: NonNullable<TraceEnd['address']>,
  borrowed: ReturnType<typeof outsideTarget>,
  input: Uint32Array,
): readonly string[] {
  const protocol = input[COORDINATES[0].word]!;
  const kind = ({ 1: 'icmp', 58: 'icmp', 6: 'tcp', 17: 'udp' } as const)[protocol] ?? 'others';
  let p: Packet = blankPacket();
  const source: Packet = { ...blankPacket(), words: input };
  for (const of of COORDINATES) p = onePacket.copy(p, allBits(of), source, allBits(of));
  p = written(onePacket, p, kind, target);
  const walked = propagate(compiled, onePacket, place, [{ version: target.version, p }], {
    borrowed,
  });
  return (walked?.endings ?? []).map(told).sort();
}

const SHARED = join(ROOT, '../shared/truth/captures');

/** The demonstration everywhere; every capture where they are. */
const CASES: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    join(ROOT, 'demo/ovs-vxlan-ovsfw'),
    [
      ['a1', 'a2'],
      ['a1', 'b1'],
      ['a2', 'a1'],
      ['a1', 'external:203.0.113.9'],
    ],
  ],
  ...(existsSync(SHARED) ? readdirSync(SHARED) : [])
    .map((name) => join(SHARED, name))
    .filter((folder) => existsSync(join(folder, 'hosts')))
    .map((folder) => [folder, pairsOf(folder)] as const),
];

/** Some pairs of servers of a capture, each server once. */
function pairsOf(folder: string): readonly (readonly [string, string])[] {
  const { endpoints } = openSnapshot(openFolder(folder));
  const names = endpoints.flatMap(({ role, name }) => (role === 'vm' ? [name] : []));
  const others = names.map((_, i) => names[(i * 7 + 3) % names.length] ?? '');
  return names.flatMap((name, i) => (others[i] === name ? [] : [[name, others[i]!] as const]));
}

describe('a walk of all packets at once', () => {
  for (const [folder, pairs] of CASES) {
    const compiled = compileNetwork(withOutside(openSnapshot(openFolder(folder))), {});
    it(`says of every packet in ${basename(folder)} what befalls it alone`, () => {
      for (const [from, to] of pairs) expect(disagreements(compiled, from, to)).toEqual([]);
    });
  }
});
