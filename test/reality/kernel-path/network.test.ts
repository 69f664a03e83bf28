/**
 * A small network of the real kernel (`record.py` made it): IPv4 and IPv6 probes through a router
 * that translates and refuses, small MTUs, ICMP errors of every kind. Each probe is traced over
 * the dumps; every frame that crossed any interface must be ours, byte for byte.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { parseProbeRecords } from '../../../src/trace/probe-record.ts';
import { folderOf } from '../../captured.ts';
import { ROOT } from '../../sources.ts';
import { compareBytes } from '../../trace/hops/bytes.ts';
import { packetsOf } from '../../trace/hops/pcaps.ts';
import { type CapturePoint } from '../../trace/hops/points.ts';
import { type RecordedHops } from '../../trace/hops/recorded.ts';
import {
  compareCaptured,
  compareNeighbours,
  groundOf,
  isFragment,
  type Pair,
  traceOf,
} from '../../trace/hops/run.ts';

interface Recording {
  readonly files: Readonly<Record<string, string>>;
  readonly points: readonly CapturePoint[];
  readonly probes: readonly Readonly<Record<string, unknown>>[];
  /** Capture files by point, base64. */
  readonly pcaps: Readonly<Record<string, string>>;
}

const packed = readFileSync(join(ROOT, 'test/fixtures/kernel-path/network.json.br'));
const recording = JSON.parse(brotliDecompressSync(packed).toString('utf8')) as Recording;
const network = openSnapshot(folderOf(new Map(Object.entries(recording.files)), '.'));
const points = new Map(recording.points.map((point) => [point.pcap, point]));
const ground = groundOf(network, points);
const captures = Object.entries(recording.pcaps).map(([name, text]) => {
  return packetsOf(Buffer.from(text, 'base64'), name);
});
const packets = captures.flatMap((one) => one.packets);
const probes = parseProbeRecords(JSON.stringify(recording.probes), 'probes').value.map(
  (probe): RecordedHops => {
    const raw = recording.probes[probe.index] ?? {};
    return { probe, token: String(raw['token']), t: Number(raw['t']), sightings: [] };
  },
);
/** Programs answer as briefly as they like: ours with as much as they received. */
const isBrieferAnswer = ({ ours, seen }: Pair): boolean =>
  ours.part === 'answer' && isFragment(ours.sighting.packet) && !isFragment(seen.of.packet);

describe('the recording', () => {
  it('is read without problems', () => {
    expect(network.problems).toEqual([]);
    expect(captures.flatMap(({ problems }) => problems)).toEqual([]);
    expect(probes.length).toBe(recording.probes.length);
  });
});

describe('neighbours', () => {
  it('are asked for and answer with the bytes of the kernel, in IPv4 and IPv6', () => {
    const compared = probes.flatMap((one) => compareNeighbours(ground, one, packets));
    expect(compared.flatMap(({ differs }) => differs ?? [])).toEqual([]);
    expect(compared.length).toBeGreaterThan(300);
  });
});

describe.each(
  probes.map((one) => {
    const { protocol, to, destinationPort, size } = one.probe;
    return [`${protocol} to ${to} ${destinationPort ?? ''} (${size} bytes)`, one] as const;
  }),
)('%s', (_, one) => {
  const raw = recording.probes[one.probe.index] ?? {};

  it('has the fate it really had', () => {
    const trace = traceOf(ground, one);
    if (typeof trace === 'string') throw new Error(trace);
    expect(trace.delivered).toBe(raw['delivered']);
    // Sockets of UDP and TCP do not tell their errors.
    if (one.probe.protocol !== 'icmp') return;
    expect(trace.icmpError).toEqual(raw['icmp_error'] ?? null);
  });

  it('crosses the interfaces it really crossed, with the same bytes', () => {
    const { differs, pairs, sightings } = compareCaptured(ground, one, packets);
    expect(differs).toEqual([]);
    expect(sightings).toBeGreaterThan(0);
    expect(
      pairs
        .filter((pair) => !isBrieferAnswer(pair))
        .flatMap(({ ours, seen }) => compareBytes(ours.sighting, seen.of).differs ?? []),
    ).toEqual([]);
  });
});
