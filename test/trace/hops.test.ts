/**
 * What crossed real interfaces against what our traces say crosses them: every sighting of every
 * probe, in order, with all headers, in both directions; and the frames themselves.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { type Captured, captured, folderOf } from '../captured.ts';
import { ROOT } from '../sources.ts';
import { compareBytes } from './hops/bytes.ts';
import { type CapturedPacket, packetsOf } from './hops/pcaps.ts';
import { capturePoints } from './hops/points.ts';
import { type RecordedHops, recordedHops } from './hops/recorded.ts';
import {
  type ComparedProbe,
  compareCaptured,
  compareNeighbours,
  compareRecorded,
  type Ground,
  groundOf,
} from './hops/run.ts';

/** Probes of one phase that ran before each dump: those after this time belong to a later one. */
const LATER_DUMP = {
  capture: 'ovs-ha-router',
  phase: 'just-before-capture',
  after_s: 1_795_256_090,
  dump: '2-after-ha-interface-down',
} as const;

/** What was seen in a capture: `hops.json`, the points, and the frames around each probe. */
interface Seen {
  readonly hops: readonly RecordedHops[];
  readonly packets: readonly CapturedPacket[];
  readonly problems: readonly string[];
  /** Null for a phase that nobody took a dump of. */
  ground(hops: RecordedHops): Ground | null;
}

function openSeen(name: string): Seen {
  const packed = readFileSync(join(ROOT, `test/fixtures/hops/${name}.json.br`));
  const texts = JSON.parse(brotliDecompressSync(packed).toString('utf8')) as Readonly<
    Record<string, string>
  >;
  const capture = captured(name);
  const points = capturePoints(texts['events.md'] ?? '');
  const read = Object.entries(texts).flatMap(([path, text]) => {
    const pcap = /^pcap\/(.+)\.pcap$/.exec(path)?.[1];
    return pcap === undefined ? [] : [packetsOf(Buffer.from(text, 'base64'), pcap)];
  });
  const grounds = new Map<string, Ground>();
  return {
    hops: recordedHops(texts['hops.json'] ?? '[]', capture.recordsText),
    packets: read.flatMap(({ packets }) => packets),
    problems: read.flatMap(({ problems }) => problems),
    ground(one) {
      const folder = dumpOf(capture, one);
      if (folder === null) return null;
      const known = grounds.get(folder);
      if (known !== undefined) return known;
      const ground = groundOf(openSnapshot(folderOf(capture.files, folder)), points);
      grounds.set(folder, ground);
      return ground;
    },
  };
}

function dumpOf({ name, phaseFolder }: Captured, { probe, t }: RecordedHops): string | null {
  const { capture, phase, after_s, dump } = LATER_DUMP;
  const isLater = name === capture && probe.phase === phase && t > after_s;
  return isLater ? dump : phaseFolder(probe.phase);
}

/** The results of every probe that ran on a dump. */
function each<R extends ComparedProbe>(
  { hops, ground }: Seen,
  compare: (ground: Ground, hops: RecordedHops) => R,
): readonly R[] {
  return hops.flatMap((one) => {
    const on = ground(one);
    return on === null ? [] : [compare(on, one)];
  });
}

function sumOf(compared: readonly ComparedProbe[]): number {
  return compared.reduce((sum, { sightings }) => sum + sightings, 0);
}

/** Everything that differs, as `PROBE: SENTENCE`. */
function differencesOf(compared: readonly ComparedProbe[]): readonly string[] {
  return compared.flatMap(({ name, differs }) => differs.map((what) => `${name}: ${what}`));
}

/**
 * Sightings of each capture: as recorded, and as the captured frames show them (the recorder did
 * not look for every address a probe has on its way). Of the failovers 36 more were recorded in
 * phases that no dump was taken in.
 */
const SIGHTINGS: Readonly<Record<string, readonly [recorded: number, captured: number]>> = {
  'linuxbridge-vxlan-flat': [179, 276],
  'ovs-dvr': [424, 424],
  'ovs-ha-router': [95, 95],
  'ovs-lbaas-haproxy': [70, 70],
  'ovs-vlan-hybrid': [299, 303],
  'ovs-vxlan-learn': [125, 125],
  'ovs-vxlan-ovsfw': [222, 222],
};

describe.each(Object.entries(SIGHTINGS))('%s', (name, [recorded, all]) => {
  const seen = openSeen(name);

  it('agrees with every recorded sighting', () => {
    const compared = each(seen, compareRecorded);
    expect(differencesOf(compared)).toEqual([]);
    expect(sumOf(compared)).toBe(recorded);
  });

  it('agrees with every captured frame of a probe, and gives the same bytes', () => {
    expect(seen.problems).toEqual([]);
    const compared = each(seen, (on, one) => compareCaptured(on, one, seen.packets));
    expect(differencesOf(compared)).toEqual([]);
    expect(sumOf(compared)).toBe(all);
    const bytes = compared.flatMap(({ pairs }) =>
      pairs.map(({ ours, seen: real }) => compareBytes(ours.sighting, real.of)),
    );
    expect(bytes.flatMap(({ differs }) => differs ?? [])).toEqual([]);
    expect(bytes.filter(({ isCut }) => isCut).length).toBeLessThanOrEqual(all / 20);
  });
});

/** Most neighbours of real hosts were known before: so many questions and answers are on both. */
const RESOLUTIONS = {
  'ovs-vxlan-learn': 14,
  'ovs-vlan-hybrid': 16,
  'ovs-lbaas-haproxy': 7,
} as const;

describe.each(Object.entries(RESOLUTIONS))('ARP in %s', (name, least) => {
  it('is asked and answered with the bytes of real hosts', () => {
    const seen = openSeen(name);
    const compared = seen.hops.flatMap((one) => {
      const on = seen.ground(one);
      return on === null ? [] : compareNeighbours(on, one, seen.packets);
    });
    expect(compared.flatMap(({ differs }) => differs ?? [])).toEqual([]);
    expect(compared.length).toBeGreaterThanOrEqual(least);
  });
});

describe('the comparison', () => {
  const seen = openSeen('ovs-vxlan-learn');
  const [one] = seen.hops;
  const ground = one === undefined ? null : seen.ground(one);
  if (one === undefined || ground === null) throw new Error('the fixture is empty');
  const [first, ...rest] = one.sightings;
  if (first === undefined) throw new Error('the fixture is empty');

  it('notices a wrong TTL, a missing sighting and a wrong order', () => {
    const changed = (sightings: RecordedHops['sightings']): readonly string[] => {
      return compareRecorded(ground, { ...one, sightings }).differs;
    };
    expect(changed([first, ...rest])).toEqual([]);
    expect(changed([{ ...first, ttl: first.ttl - 1 }, ...rest])).not.toEqual([]);
    expect(changed(rest)).not.toEqual([]);
    const last = one.sightings.at(-1)?.t ?? 0;
    expect(changed([...rest, { ...first, t: last + 1 }])).not.toEqual([]);
  });
});
