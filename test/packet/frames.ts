/** Generators of frames: header by header what a cloud's wires carry, well-formed and damaged. */
import fc from 'fast-check';
import { encode } from '../../src/packet/wire/encode.ts';
import { type Frame } from '../../src/packet/wire/frame.ts';
import { icmp } from '../../src/packet/wire/icmp.ts';
import { ipv4 } from '../../src/packet/wire/ipv4.ts';
import { ipv6 } from '../../src/packet/wire/ipv6.ts';
import { type Layer } from '../../src/packet/wire/layer.ts';
import { emitNd } from '../../src/packet/wire/nd.ts';
import { tcp } from '../../src/packet/wire/tcp.ts';
import { udp } from '../../src/packet/wire/udp.ts';

export const NONE: Uint8Array = new Uint8Array(0);

const u8 = fc.integer({ min: 0, max: 255 });
const u12 = fc.integer({ min: 0, max: 0xfff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const mac = fc.integer({ min: 0, max: 0xffff_ffff_ffff });
const address6 = fc.tuple(u32, u32, u32, u32);
const bytes = (max: number) => fc.uint8Array({ maxLength: max });

/** Options of IPv4 and TCP: whole words. */
const words = (max: number) =>
  fc.nat(max).chain((n) => fc.uint8Array({ minLength: 4 * n, maxLength: 4 * n }));

interface Upper {
  readonly protocol: number;
  readonly layers: readonly Layer[];
  readonly payload: Uint8Array;
}

const tcpUpper: fc.Arbitrary<Upper> = fc
  .record({
    header: fc.record({
      src: u16,
      dst: u16,
      seq: u32,
      ack: u32,
      flags: u12,
      window: u16,
      urgent: u16,
      options: words(10),
    }),
    payload: bytes(40),
  })
  .map(({ header, payload }) => ({ protocol: 6, layers: [tcp(header)], payload }));

const udpUpper: fc.Arbitrary<Upper> = fc
  .record({ src: u16, dst: u16, payload: bytes(40) })
  .map(({ src, dst, payload }) => ({ protocol: 17, layers: [udp(src, dst)], payload }));

const sctpUpper: fc.Arbitrary<Upper> = fc
  .record({ src: u16, dst: u16, tag: u32, payload: bytes(40) })
  .map(({ src, dst, tag, payload }) => ({
    protocol: 132,
    layers: [{ kind: 'sctp', src, dst, tag, checksum: 0 }],
    payload,
  }));

const igmpUpper: fc.Arbitrary<Upper> = fc
  .record({ type: u8, code: u8, group: u32 })
  .map(({ type, code, group }) => ({
    protocol: 2,
    layers: [{ kind: 'igmp', type, code, checksum: 0, group }],
    payload: NONE,
  }));

const vrrpUpper: fc.Arbitrary<Upper> = fc
  .record({
    version: fc.constantFrom(2, 3),
    vrid: u8,
    priority: u8,
    addresses: fc.array(u32, { minLength: 1, maxLength: 3 }),
    timing: u12,
  })
  .map(({ version, vrid, priority, addresses, timing }) => {
    const rest = new Uint8Array(addresses.length * 4 + (version === 2 ? 8 : 0));
    addresses.forEach((address, i) => {
      new DataView(rest.buffer).setUint32(4 * i, address);
    });
    const count = addresses.length;
    return {
      protocol: 112,
      layers: [
        {
          kind: 'vrrp',
          version,
          type: 1,
          vrid,
          priority,
          count,
          timing: version === 2 ? timing & 0xff : timing,
          checksum: 0,
          rest,
        },
      ],
      payload: NONE,
    };
  });

const icmpTypes = fc.constantFrom(0, 8, 3, 4, 5, 11, 12, 13, 14, 17, 42);
const icmpUpper: fc.Arbitrary<Upper> = fc
  .record({ type: icmpTypes, code: fc.constantFrom(0, 1, 3, 4), rest: u32, payload: bytes(60) })
  .map(({ type, code, rest, payload }) => ({
    protocol: 1,
    layers: [icmp('icmp', type, code, rest)],
    payload,
  }));

const icmp6Types = fc.constantFrom(1, 2, 3, 4, 128, 129, 130, 131, 133, 134, 135, 136, 143);
const icmp6Upper: fc.Arbitrary<Upper> = fc
  .record({ type: icmp6Types, code: fc.constantFrom(0, 0, 1), rest: u32, payload: bytes(60) })
  .map(({ type, code, rest, payload }) => ({
    protocol: 58,
    layers: [icmp('icmpv6', type, code, rest)],
    payload,
  }));

const ndOption = fc
  .record({ type: fc.constantFrom(1, 2, 3, 5, 14), more: fc.nat(2) })
  .chain(({ type, more }) =>
    fc
      .uint8Array({ minLength: 6 + 8 * more, maxLength: 6 + 8 * more })
      .map((data) => ({ type, data })),
  );

const ndUpper: fc.Arbitrary<Upper> = fc
  .record({
    kind: fc.constantFrom('neighbor-solicit' as const, 'neighbor-advert' as const),
    target: address6,
    rest: u32,
    options: fc.array(ndOption, { maxLength: 3 }),
  })
  .map(({ kind, target, rest, options }) => ({
    protocol: 58,
    layers: [icmp('icmpv6', kind === 'neighbor-solicit' ? 135 : 136, 0, rest)],
    payload: emitNd({ kind, target, options }),
  }));

const otherUpper: fc.Arbitrary<Upper> = fc
  .record({ protocol: fc.constantFrom(47, 50, 89, 59, 255), payload: bytes(40) })
  .map(({ protocol, payload }) => ({ protocol, layers: [], payload }));

const fragment4 = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom({ flags: 0, offset: 0 }, { flags: 2, offset: 0 }) },
  fc.record({ flags: fc.constantFrom(0, 1, 3, 4), offset: fc.constantFrom(0, 0, 1, 185) }),
);

/** A packet of IPv4 with anything behind it. */
const ipv4Packet: fc.Arbitrary<Upper> = fc
  .record({
    header: fc.record({ tos: u8, id: u16, ttl: u8, src: u32, dst: u32, options: words(3) }),
    fragment: fragment4,
    upper: fc.oneof(tcpUpper, udpUpper, icmpUpper, sctpUpper, igmpUpper, vrrpUpper, otherUpper),
  })
  .map(({ header, fragment, upper }) => {
    const ip = ipv4({ ...header, ...fragment, protocol: upper.protocol });
    const isLater = fragment.offset !== 0;
    return {
      protocol: 0x0800,
      layers: isLater ? [ip] : [ip, ...upper.layers],
      payload: upper.payload,
    };
  });

const extension = fc.record({
  kind: fc.constantFrom(0, 43, 60, 51, 44),
  more: fc.nat(1),
  id: u32,
  offset: fc.constantFrom(0, 0, 1, 100),
  flags: fc.constantFrom(0, 1),
});

/** Extension headers in front of `protocol`; the answer's `later` says that nothing follows. */
function chain(
  wanted: readonly { kind: number; more: number; id: number; offset: number; flags: number }[],
  protocol: number,
): { first: number; layers: Layer[]; later: boolean } {
  const layers: Layer[] = [];
  let later = false;
  wanted.forEach(({ kind, more, id, offset, flags }, i) => {
    if (later) return;
    const next = wanted[i + 1]?.kind ?? protocol;
    if (kind === 44) {
      layers.push({ kind: 'ipv6-fragment', next, reserved: 0, offset, flags, id });
      later = offset !== 0;
    } else {
      const header = new Uint8Array(8 + 8 * more);
      header[0] = next;
      header[1] = kind === 51 ? header.length / 4 - 2 : more;
      layers.push({ kind: 'ipv6-extension', bytes: header });
    }
  });
  return { first: wanted[0]?.kind ?? protocol, layers, later };
}

/** A packet of IPv6 with extension headers and anything behind them. */
const ipv6Packet: fc.Arbitrary<Upper> = fc
  .record({
    header: fc.record({
      trafficClass: u8,
      flowLabel: fc.integer({ min: 0, max: 0xf_ffff }),
      hopLimit: u8,
      src: address6,
      dst: address6,
    }),
    extensions: fc.oneof(
      fc.array(extension, { maxLength: 0 }),
      fc.array(extension, { maxLength: 3 }),
    ),
    upper: fc.oneof(tcpUpper, udpUpper, icmp6Upper, ndUpper, sctpUpper, otherUpper),
  })
  .map(({ header, extensions, upper }) => {
    const { first, layers, later } = chain(extensions, upper.protocol);
    const ip = ipv6({ ...header, nextHeader: first });
    return {
      protocol: 0x86dd,
      layers: [ip, ...layers, ...(later ? [] : upper.layers)],
      payload: upper.payload,
    };
  });

const arpPacket: fc.Arbitrary<Upper> = fc
  .record({
    op: fc.constantFrom(1, 2, 3, 4, 255, 256),
    sha: mac,
    spa: u32,
    tha: mac,
    tpa: u32,
    type: fc.constantFrom(0x0806, 0x8035),
  })
  .map(({ type, ...arp }) => ({
    protocol: type,
    layers: [{ kind: 'arp', ...arp }],
    payload: NONE,
  }));

const mplsPacket: fc.Arbitrary<Upper> = fc
  .record({
    labels: fc.array(u32, { minLength: 1, maxLength: 4 }),
    below: fc.oneof(ipv4Packet, ipv6Packet),
  })
  .map(({ labels, below }) => ({
    protocol: 0x8847,
    layers: [
      ...labels.map((entry, i): Layer => {
        const bottom = i === labels.length - 1 ? 0x100 : 0;
        return { kind: 'mpls', entry: ((entry & ~0x100) | bottom) >>> 0 };
      }),
      ...below.layers,
    ],
    payload: below.payload,
  }));

const otherPacket: fc.Arbitrary<Upper> = fc
  .record({ protocol: fc.constantFrom(0x88cc, 0x1234, 0x0600), payload: bytes(40) })
  .map(({ protocol, payload }) => ({ protocol, layers: [], payload }));

const tag = fc.record({ tpid: fc.constantFrom(0x8100, 0x88a8), tci: u16 });

/** A complete frame: Ethernet, up to three tags, a packet, Ethernet padding. */
export const frame: fc.Arbitrary<Frame> = fc
  .record({
    src: mac,
    dst: mac,
    tags: fc.oneof(fc.array(tag, { maxLength: 0 }), fc.array(tag, { maxLength: 3 })),
    packet: fc.oneof(
      { weight: 4, arbitrary: ipv4Packet },
      { weight: 4, arbitrary: ipv6Packet },
      arpPacket,
      mplsPacket,
      otherPacket,
    ),
    padding: fc.oneof(fc.constant(0), fc.nat(20)),
  })
  .map(({ src, dst, tags, packet, padding }) => {
    const types = [...tags.map(({ tpid }) => tpid), packet.protocol];
    const hasLength = packet.layers.length > 0;
    return {
      layers: [
        { kind: 'ethernet', dst, src, type: types[0] ?? 0 },
        ...tags.map(({ tci }, i): Layer => ({ kind: 'vlan', tci, type: types[i + 1] ?? 0 })),
        ...packet.layers,
      ],
      payload: packet.payload,
      inner: null,
      trailer: hasLength ? new Uint8Array(padding) : NONE,
    };
  });

/** Bytes of a frame, whole or damaged: cut, with changed bytes, with wrong checksums. */
export const wireBytes: fc.Arbitrary<Uint8Array> = fc
  .record({
    frame,
    cut: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
    flips: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      fc.array(fc.tuple(fc.nat(80), u8), { maxLength: 3 }),
    ),
  })
  .map(({ frame: whole, cut, flips }) => {
    const out = encode(whole);
    for (const [at, value] of flips) if (at < out.length) out[at] = value;
    return out.slice(0, Math.floor(out.length * cut));
  });

export { address6, mac, u8, u16, u32 };
