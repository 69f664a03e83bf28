/** Capture files: what is read, and which damage is told. */
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/packet/capture.ts';
import { linkOf } from '../../src/packet/captured-frame.ts';
import { readPcap, readPcapChunks } from '../../src/packet/pcap.ts';
import { readPcapng } from '../../src/packet/pcapng.ts';
import { type FrameToWrite, writePcapng } from '../../src/packet/pcapng-write.ts';
import { onFile } from './programs.ts';

interface Wanted {
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
  readonly version?: readonly [number, number];
  readonly linkType?: number;
}

/** A pcap file as the format's description has it, in either byte order and resolution. */
function pcap(frames: readonly Uint8Array[], wanted: Wanted = {}): Uint8Array {
  const little = wanted.littleEndian ?? true;
  const out = new Uint8Array(24 + frames.reduce((sum, { length }) => sum + 16 + length, 0));
  const view = new DataView(out.buffer);
  view.setUint32(0, wanted.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, little);
  view.setUint16(4, wanted.version?.[0] ?? 2, little);
  view.setUint16(6, wanted.version?.[1] ?? 4, little);
  view.setUint32(16, 65_535, little);
  view.setUint32(20, wanted.linkType ?? 1, little);
  let at = 24;
  frames.forEach((bytes, i) => {
    view.setUint32(at, 1_700_000_000 + i, little);
    view.setUint32(at + 4, 123_456, little);
    view.setUint32(at + 8, bytes.length, little);
    view.setUint32(at + 12, bytes.length + 4, little);
    out.set(bytes, at + 16);
    at += 16 + bytes.length;
  });
  return out;
}

const FRAMES = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4, 5)];

describe('a pcap file', () => {
  it.each([
    [true, false, 123_456_000],
    [false, false, 123_456_000],
    [true, true, 123_456],
    [false, true, 123_456],
  ])('is read (little-endian %s, nanoseconds %s)', (littleEndian, nanoseconds, time_ns) => {
    const { value, problems } = readPcap(pcap(FRAMES, { littleEndian, nanoseconds }), 'a.pcap');
    expect(problems).toEqual([]);
    expect(value).toEqual(
      FRAMES.map((bytes, i) => ({
        number: i + 1,
        time_s: 1_700_000_000 + i,
        time_ns,
        linkType: 1,
        wireLength: bytes.length + 4,
        bytes,
      })),
    );
  });

  it('is read the same whatever the pieces it arrives in', async () => {
    const file = pcap(FRAMES);
    for (const size of [1, 7, 24, 40, 1000]) {
      const pieces = Array.from({ length: Math.ceil(file.length / size) }, (_, i) =>
        file.subarray(i * size, (i + 1) * size),
      );
      const frames = [];
      for await (const part of readPcapChunks(Readable.from(pieces), 'a.pcap')) {
        expect(part.problems).toEqual([]);
        frames.push(...part.value);
      }
      expect(frames.map(({ number, bytes }) => [number, bytes])).toEqual(
        FRAMES.map((bytes, i) => [i + 1, bytes]),
      );
    }
  });

  it('says where it was cut, and keeps the frames before', () => {
    const file = pcap(FRAMES);
    const cut = readPcap(file.subarray(0, file.length - 1), 'a.pcap');
    expect(cut.value).toHaveLength(2);
    expect(cut.problems).toMatchObject([
      { file: 'a.pcap', line: 3, column: 60, message: 'the file ends inside of a frame' },
    ]);
    expect(readPcap(file.subarray(0, 60), 'a.pcap').problems).toHaveLength(1);
    expect(readPcap(file.subarray(0, 23), 'a.pcap').problems[0]?.message).toContain('shorter');
    expect(readPcap(new Uint8Array(0), 'a.pcap').problems).toHaveLength(1);
  });

  it('is refused for an absurd length, without waiting for the bytes', () => {
    const file = pcap(FRAMES);
    new DataView(file.buffer).setUint32(24 + 16 + 3 + 8, 0x7fff_ffff, true);
    const { value, problems } = readPcap(file, 'a.pcap');
    expect(value).toHaveLength(1);
    expect(problems).toMatchObject([
      { line: 2, column: 44, message: 'captured length 2147483647 of a frame is absurd' },
    ]);
  });

  it.each([[[3, 4]], [[2, 3]], [[3, 3]]] as const)('is refused in version %s', (version) => {
    const { problems } = readPcap(pcap(FRAMES, { version }), 'a.pcap');
    expect(problems[0]?.message).toBe(`pcap version ${version[0]}.${version[1]}, not 2.4`);
  });

  it('has its link type without the bits that tell about frame checksums', () => {
    const { value } = readPcap(pcap(FRAMES, { linkType: 0x4400_0001 }), 'a.pcap');
    expect(linkOf(value[0]?.linkType ?? 0)).toBe('ethernet');
    expect(linkOf(147)).toBeNull();
  });

  it('never makes the reader throw', () => {
    const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.nat(80), (of, length) => {
        const file = pcap(FRAMES);
        for (const [at, value] of of) if (at < file.length) file[at] = value;
        const { problems } = readCapture(file.subarray(0, length), 'a.pcap');
        expect(problems.length).toBeLessThan(5);
      }),
      { seed: 20_261_121, numRuns: 2000 },
    );
  });
});

const frameToWrite: fc.Arbitrary<FrameToWrite> = fc.record(
  {
    interfaceIndex: fc.nat(1),
    time_s: fc.integer({ min: 0, max: 4_000_000_000 }),
    time_ns: fc.nat(999_999_999),
    wireLength: fc.integer({ min: 100, max: 9000 }),
    bytes: fc.uint8Array({ maxLength: 100 }),
    comments: fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 2 }),
    packetId: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    flags: fc.nat(2),
  },
  { requiredKeys: ['interfaceIndex', 'time_s', 'time_ns', 'wireLength', 'bytes', 'comments'] },
);

const PLACES = [
  { linkType: 1, snapLength: 0, name: 'compute-1/tap0', description: 'the VM’s port' },
  { linkType: 101, snapLength: 0 },
];

describe('a pcapng file', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(frameToWrite, { maxLength: 6 }), (frames) => {
        const { value, problems } = readPcapng(writePcapng(PLACES, frames), 'a.pcapng');
        expect(problems).toEqual([]);
        expect(value.interfaces).toEqual(PLACES);
        expect(value.frames).toEqual(
          frames.map((of, i) => ({
            ...of,
            number: i + 1,
            linkType: PLACES[of.interfaceIndex]?.linkType,
          })),
        );
      }),
      { seed: 20_261_121, numRuns: 300 },
    );
  });

  it('is read in big-endian order, with power-of-two ticks, simple packets and unknown blocks', () => {
    const words = [
      // Section header, interface block with if_tsresol 0x94 (2^-20 s).
      [0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff, 28],
      [1, 32, 0x00010000, 4, 0x00090001, 0x94000000, 0, 32],
      [0x0bad, 16, 7, 16],
      // Enhanced packet, 3 s and half a second; then a simple one cut to the snap length of 4.
      [6, 36, 0, 0, 3 * 2 ** 20 + 2 ** 19, 3, 60, 0x01020300, 36],
      [3, 20, 9, 0x0a0b0c0d, 20],
    ].flat();
    const file = new Uint8Array(words.length * 4);
    const view = new DataView(file.buffer);
    words.forEach((value, i) => {
      view.setUint32(4 * i, value);
    });
    const { value, problems } = readPcapng(file, 'a.pcapng');
    expect(problems).toEqual([]);
    expect(value.frames).toMatchObject([
      { time_s: 3, time_ns: 500_000_000, wireLength: 60, bytes: Uint8Array.of(1, 2, 3) },
      { time_s: 0, time_ns: 0, wireLength: 9, bytes: Uint8Array.of(10, 11, 12, 13) },
    ]);
  });

  it('says where it is damaged, and never makes the reader throw', () => {
    const frames: FrameToWrite[] = [
      {
        interfaceIndex: 0,
        time_s: 1,
        time_ns: 2,
        wireLength: 3,
        bytes: Uint8Array.of(1),
        comments: ['a'],
      },
    ];
    const file = writePcapng(PLACES, frames);
    expect(readPcapng(file.subarray(0, file.length - 2), 'a').problems).toMatchObject([
      { message: 'the file ends inside of a block' },
    ]);
    const changes = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (of) => {
        const damaged = file.slice();
        for (const [at, value] of of) damaged[at] = value;
        expect(readPcapng(damaged, 'a').problems.length).toBeLessThan(10);
      }),
      { seed: 20_261_121, numRuns: 3000 },
    );
  });

  const frames: FrameToWrite[] = Array.from({ length: 3 }, (_, i) => ({
    interfaceIndex: 0,
    time_s: 1_700_000_000,
    time_ns: i,
    wireLength: 42,
    bytes: new Uint8Array(42).fill(255),
    comments: [`dropped by rule ${i}`],
    packetId: 99n,
    flags: 1,
  }));
  const read = onFile(writePcapng(PLACES, frames), (path) => [
    'tshark',
    ['-n', '-r', path, '-T', 'fields', '-E', 'separator=|', '-t', 'e'].concat(
      ['frame.time_epoch', 'frame.interface_name', 'frame.comment'].flatMap((of) => ['-e', of]),
    ),
  ]);

  it.skipIf(read === null)(
    'is read by tshark with names, comments and nanoseconds (needs tshark)',
    () => {
      expect(read?.trim().split('\n')).toEqual(
        frames.map((_, i) => `1700000000.00000000${i}|compute-1/tap0|dropped by rule ${i}`),
      );
    },
  );
});
