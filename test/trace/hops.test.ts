/**
 * What crossed real interfaces against what our traces say crosses them: every sighting of every
 * probe, in order, with all headers, in both directions.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { captures, demo, withoutCaptures } from '../snapshot/shared.ts';
import { ROOT } from '../sources.ts';
import { compareBytes } from './hops/bytes.ts';
import { type CapturedPacket, packetsOf } from './hops/pcaps.ts';
import { capturePoints } from './hops/points.ts';
import { type RecordedHops, recordedHops } from './hops/recorded.ts';
import {
  type ComparedProbe,
  compareCaptured,
  compareRecorded,
  type Ground,
  groundOf,
} from './hops/run.ts';

/** A capture's sightings, its frames and the snapshot of each phase. */
interface Capture {
  readonly hops: readonly RecordedHops[];
  readonly packets: readonly CapturedPacket[];
  readonly problems: readonly string[];
  /** Null for a phase that nobody took a snapshot of. */
  ground(hops: RecordedHops): Ground | null;
}

function bytesAt(path: string): Uint8Array {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

function openCapture(folder: string, snapshot: (hops: RecordedHops) => string | null): Capture {
  const files = readdirSync(folder);
  const text = (name: string): string => {
    const file = files.find((one) => one === name || one === `${name}.gz`) ?? name;
    return Buffer.from(bytesAt(join(folder, file))).toString('utf8');
  };
  const points = capturePoints(text('events.md'));
  const read = readdirSync(join(folder, 'pcap')).map((name) => {
    return packetsOf(bytesAt(join(folder, 'pcap', name)), name.replace(/\.pcap(\.gz)?$/, ''));
  });
  const grounds = new Map<string, Ground>();
  return {
    hops: recordedHops(text('hops.json'), text('truth.json')),
    packets: read.flatMap(({ packets }) => packets),
    problems: read.flatMap(({ problems }) => problems),
    ground(one) {
      const path = snapshot(one);
      if (path === null) return null;
      const known = grounds.get(path) ?? groundOf(openSnapshot(openFolder(path)), points);
      grounds.set(path, known);
      return known;
    },
  };
}

type Compare = (
  ground: Ground,
  hops: RecordedHops,
  packets: readonly CapturedPacket[],
) => ComparedProbe;

/** Everything that differs, as `PROBE: SENTENCE`; and how many sightings were compared. */
function compareAll(
  { hops, packets, ground }: Capture,
  compare: Compare,
): { readonly sightings: number; readonly differs: readonly string[] } {
  const compared = hops.flatMap((one) => {
    const on = ground(one);
    return on === null ? [] : [compare(on, one, packets)];
  });
  return {
    sightings: compared.reduce((sum, one) => sum + one.sightings, 0),
    differs: compared.flatMap(({ name, differs }) => differs.map((what) => `${name}: ${what}`)),
  };
}

/** Frames that were compared byte for byte, and those that came out different. */
function compareAllBytes({ hops, packets, ground }: Capture): {
  readonly compared: number;
  readonly differs: readonly string[];
} {
  const results = hops.flatMap((one) => {
    const on = ground(one);
    return on === null ? [] : compareCaptured(on, one, packets).pairs.map(compareBytes);
  });
  return {
    compared: results.filter(({ isCut }) => !isCut).length,
    differs: results.flatMap(({ differs }) => (differs === null ? [] : [differs])),
  };
}

describe('the bundled deployment', () => {
  const capture = openCapture(join(ROOT, 'test/fixtures/hops/ovs-vxlan-ovsfw'), () => demo);

  it('has captures that are read without problems', () => {
    expect(capture.problems).toEqual([]);
    expect(capture.packets.length).toBeGreaterThan(400);
  });

  it('agrees with every recorded sighting', () => {
    const { sightings, differs } = compareAll(capture, compareRecorded);
    expect(differs).toEqual([]);
    expect(sightings).toBe(222);
  });

  it('agrees with every frame of a probe in the captures, and misses none', () => {
    const { sightings, differs } = compareAll(capture, compareCaptured);
    expect(differs).toEqual([]);
    expect(sightings).toBeGreaterThanOrEqual(222);
  });

  it('gives the very bytes of these frames, but for what senders are free to choose', () => {
    const { compared, differs } = compareAllBytes(capture);
    expect(differs).toEqual([]);
    expect(compared).toBeGreaterThanOrEqual(220);
  });
});

/**
 * Sightings of each capture that are compared. Of the failovers 36 more were recorded in phases
 * that no dump was taken in.
 */
const EXPECTED: Readonly<Record<string, number>> = {
  'linuxbridge-vxlan-flat': 179,
  'ovs-dvr': 424,
  'ovs-ha-router': 95,
  'ovs-lbaas-haproxy': 70,
  'ovs-vlan-hybrid': 299,
  'ovs-vxlan-learn': 125,
  'ovs-vxlan-ovsfw': 222,
};

/** Probes of a phase that was run before each dump: those after this time belong to a later one. */
const LATER_DUMP = {
  capture: 'ovs-ha-router',
  phase: 'just-before-capture',
  after_s: 1_795_256_090,
  dump: '2-after-ha-interface-down',
} as const;

describe.skipIf(withoutCaptures())('every capture', () => {
  for (const [name, count] of Object.entries(EXPECTED)) {
    const folder = join(captures, name);
    const open = (): Capture => {
      const phases = JSON.parse(readFileSync(join(folder, 'phases.json'), 'utf8')) as Readonly<
        Record<string, string | null>
      >;
      return openCapture(folder, ({ probe: { phase }, t }) => {
        const { capture, after_s, dump } = LATER_DUMP;
        const isLater = name === capture && phase === LATER_DUMP.phase && t > after_s;
        const path = isLater ? dump : phases[phase];
        return path === undefined || path === null ? null : join(folder, path);
      });
    };

    it(`${name} agrees with every recorded sighting`, () => {
      const { sightings, differs } = compareAll(open(), compareRecorded);
      expect(differs).toEqual([]);
      expect(sightings).toBe(count);
    });

    it(`${name} agrees with every frame of a probe in its captures`, () => {
      const capture = open();
      expect(capture.problems).toEqual([]);
      const { sightings, differs } = compareAll(capture, compareCaptured);
      expect(differs).toEqual([]);
      expect(sightings).toBeGreaterThanOrEqual(count);
      const bytes = compareAllBytes(capture);
      expect(bytes.differs).toEqual([]);
      expect(bytes.compared).toBeGreaterThan(0.95 * count);
    });
  }
});
