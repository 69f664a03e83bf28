/** A packet's bytes behind its link header, read, rewritten and verified. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { field } from '../../src/packet/fields.ts';
import { fromHex, get16, put16, toHex } from '../../src/packet/wire/bytes.ts';
import { encode } from '../../src/packet/wire/encode.ts';
import { ipv4 } from '../../src/packet/wire/ipv4.ts';
import { udp } from '../../src/packet/wire/udp.ts';
import { blankPacket, numberOf, onePacket } from '../../src/traffic/one-packet.ts';
import { bytesFromPacket, packetFromBytes } from '../../src/traffic/wire.ts';
import { assignment } from '../../src/traffic/words.ts';
import { frame } from './frames.ts';

const SEED = { seed: 20_261_121, numRuns: 500 };
const SYN =
  fromHex(
    'fa163eecfe83fa163e61b42608004500003cc5e240004006602c0a1400350a140051' +
      'b3d613880e29256500000000a002faf007400000020405b40402080a51cee463000000000103030a',
  ) ?? new Uint8Array(0);

const bad = (bytes: Uint8Array): readonly number[] => {
  const p = packetFromBytes(bytes).value;
  return [numberOf(p, field('ip_csum_bad')), numberOf(p, field('tp_csum_bad'))];
};

describe('the content of a packet', () => {
  it('is what stands behind the link header, and can be written back', () => {
    fc.assert(
      fc.property(frame, (given) => {
        const wire = encode(given);
        const p = packetFromBytes(wire).value;
        const content = onePacket.content(p);
        if (content === null) return;
        expect(content.known).toBe(content.bytes.length);
        const again = onePacket.withContent(p, content.bytes);
        expect(onePacket.content(again)?.bytes).toEqual(content.bytes);
        const trailer = p.body.asRead?.trailer.length ?? 0;
        expect(toHex(bytesFromPacket(again))).toBe(toHex(wire.subarray(0, wire.length - trailer)));
      }),
      SEED,
    );
  });

  it('keeps metadata, and what it was put together from', () => {
    const p = onePacket.set(packetFromBytes(SYN).value, assignment(field('pkt_mark'), 7n));
    const { bytes = SYN } = onePacket.content(p) ?? {};
    const longer = new Uint8Array([...bytes, 1, 2, 3]);
    put16(longer, 2, longer.length);
    const made = onePacket.withContent(p, longer, [8, 35]);
    expect(numberOf(made, field('pkt_mark'))).toBe(7);
    expect(numberOf(made, field('ip_len'))).toBe(63);
    expect(onePacket.pieces(onePacket.fork(made))).toEqual([8, 35]);
  });

  it('is known only as far as somebody gave it', () => {
    let p = blankPacket();
    for (const [name, value] of Object.entries({ eth_type: 0x0800, ip_proto: 17, ip_len: 100 })) {
      p = onePacket.set(p, assignment(field(name), BigInt(value)));
    }
    expect(onePacket.content(p)).toMatchObject({ known: 28 });
    expect(onePacket.content(p)?.bytes.length).toBe(100);
    expect(onePacket.content(blankPacket())).toBeNull();
  });
});

describe('a checksum', () => {
  it('is found wrong in the header it belongs to', () => {
    expect(bad(SYN)).toEqual([0, 0]);
    const header = SYN.slice();
    put16(header, 24, get16(header, 24) ^ 0x0100);
    expect(bad(header)).toEqual([1, 0]);
    const segment = SYN.slice();
    put16(segment, 50, get16(segment, 50) ^ 1);
    expect(bad(segment)).toEqual([0, 1]);
  });

  it('that the sender left to its NIC is not wrong', () => {
    // The sum over the pseudo-header: 10.20.0.53, 10.20.0.81, protocol 6, 40 bytes.
    const left = SYN.slice();
    put16(left, 50, 0x0a14 + 0x0035 + 0x0a14 + 0x0051 + 6 + 40);
    expect(bad(left)).toEqual([0, 0]);
  });

  it('of a datagram that has none, or that is a fragment, is not wrong', () => {
    const link = { kind: 'ethernet', dst: 1, src: 2, type: 0x0800 } as const;
    const of = (flags: number): Uint8Array =>
      encode({
        layers: [link, ipv4({ protocol: 17, src: 1, dst: 2, flags }), udp(1000, 53)],
        payload: new Uint8Array(4),
        inner: null,
        trailer: new Uint8Array(0),
      });
    const without = of(0);
    put16(without, 40, 0);
    expect(bad(without)).toEqual([0, 0]);
    put16(without, 40, 1);
    expect(bad(without)).toEqual([0, 1]);
    const piece = of(1);
    put16(piece, 40, 1);
    expect(bad(piece)).toEqual([0, 0]);
  });
});
