/** Laws of the codec over generated frames: nothing is lost, nothing throws. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/packet/wire/bytes.ts';
import {
  addBytes,
  crc32c,
  finish,
  internetChecksum,
  updated,
} from '../../src/packet/wire/checksum.ts';
import { encode } from '../../src/packet/wire/encode.ts';
import { decode } from '../../src/packet/wire/frame.ts';
import { frame, wireBytes } from './frames.ts';

const SEED = { seed: 20_261_121, numRuns: 3000 };

describe('the codec', () => {
  it('writes every frame back as it was read, damaged or not', () => {
    fc.assert(
      fc.property(wireBytes, fc.boolean(), (bytes, tunnels) => {
        const { value } = decode(bytes, { tunnels });
        expect(toHex(encode(value, 'given'))).toBe(toHex(bytes));
      }),
      SEED,
    );
  });

  it('computes the same lengths and checksums again from what it wrote', () => {
    fc.assert(
      fc.property(frame, (made) => {
        const bytes = encode(made);
        expect(toHex(encode(decode(bytes).value))).toBe(toHex(bytes));
      }),
      SEED,
    );
  });

  it('finds nothing wrong with a frame it made', () => {
    fc.assert(
      fc.property(frame, (made) => {
        expect(decode(encode(made)).problems).toEqual([]);
      }),
      SEED,
    );
  });

  it('never throws on any bytes, whatever they are said to be', () => {
    const link = fc.constantFrom('ethernet' as const, 'ip' as const, 'linux-sll', 'linux-sll2');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), link, fc.nat(300), (bytes, of, wireLength) => {
        const { value } = decode(bytes, { link: of, tunnels: true, wireLength });
        expect(toHex(encode(value, 'given'))).toBe(toHex(bytes));
      }),
      SEED,
    );
  });

  it('says where a frame is malformed', () => {
    const bytes = fromHex('fa163eecfe83fa163e61b42608004500003cc5e240004006602c0a1400350a140051');
    const { problems } = decode(bytes ?? new Uint8Array(0), { file: 'a.pcap', line: 7 });
    expect(problems).toEqual([
      {
        file: 'a.pcap',
        line: 7,
        column: 17,
        text: '003cc5e240004006602c0a1400350a14',
        message: 'IPv4 total length exceeds the frame',
      },
    ]);
  });

  it('takes missing bytes for cut off when the wire length says so', () => {
    const bytes = fromHex(
      'fa163eecfe83fa163e61b42608004500003cc5e240004006602c0a1400350a140051b3d61388',
    );
    const { value, problems } = decode(bytes ?? new Uint8Array(0), { wireLength: 74 });
    expect(problems).toEqual([]);
    expect(value.layers.map(({ kind }) => kind)).toEqual(['ethernet', 'ipv4', 'ports']);
  });
});

describe('checksums', () => {
  it('are those of RFC 1071 §3 and of the CRC catalogue', () => {
    const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(addBytes(0, example, 0, 8)).toBe(0x2ddf0);
    expect(internetChecksum(example)).toBe(0xddf2 ^ 0xffff);
    const digits = new TextEncoder().encode('123456789');
    expect(crc32c(digits, 0, 9, 100)).toBe(0xe306_9283);
  });

  it('are updated as RFC 1624 §4 works it out', () => {
    // HC = 0xDD2F, m = 0x5555, m' = 0x3285; the old header's other words sum to 0xCD7A.
    const rest = 0xcd7a;
    expect(updated(0xdd2f, finish(rest + 0x5555), finish(rest + 0x3285))).toBe(0x0000);
  });

  it('stay wrong by the same amount when they were wrong', () => {
    const u16 = fc.integer({ min: 1, max: 0xfffe });
    fc.assert(
      fc.property(u16, u16, u16, (given, before, after) => {
        const error = (given + 0xffff - before) % 0xffff;
        const now = (updated(given, before, after) + 0xffff - after) % 0xffff;
        expect(now).toBe(error);
      }),
      SEED,
    );
  });
});
