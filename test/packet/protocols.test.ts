/** Each protocol: the same bytes taken apart and put together again. */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/packet/wire/bytes.ts';
import { encode } from '../../src/packet/wire/encode.ts';
import { type DecodeOptions, decode, type Frame } from '../../src/packet/wire/frame.ts';
import { icmp } from '../../src/packet/wire/icmp.ts';
import { emitGroupRecords, parseGroupRecords } from '../../src/packet/wire/igmp.ts';
import { ipv4 } from '../../src/packet/wire/ipv4.ts';
import { ipv6 } from '../../src/packet/wire/ipv6.ts';
import { type Layer } from '../../src/packet/wire/layer.ts';
import { emitNd, linkAddress, linkAddressOption, parseNd } from '../../src/packet/wire/nd.ts';
import { emitTcpOptions, parseTcpOptions, tcp } from '../../src/packet/wire/tcp.ts';
import { emitGeneveOptions, parseGeneveOptions, vxlan } from '../../src/packet/wire/tunnel.ts';
import { udp } from '../../src/packet/wire/udp.ts';
import { vrrpInterval_us, vrrpIpv4Addresses } from '../../src/packet/wire/vrrp.ts';

function bytes(hex: string): Uint8Array {
  const read = fromHex(hex.replaceAll(/\s/g, ''));
  if (read === null) throw new Error('not hexadecimal');
  return read;
}

const NONE: Uint8Array = new Uint8Array(0);

function frameOf(layers: readonly Layer[], payload = NONE, trailer = NONE): Frame {
  return { layers, payload, inner: null, trailer };
}

interface Example {
  readonly name: string;
  readonly hex: string;
  /** What the bytes mean, with the lengths and checksums that a sender fills in left out. */
  readonly frame: Frame;
  readonly options?: DecodeOptions;
}

const VM = 0xfa16_3e61_b426;
const GATEWAY = 0xfa16_3eec_fe83;

/** Frames of real captures (ARP to VRRP), and of the standards' own layouts behind them. */
const EXAMPLES: readonly Example[] = [
  {
    name: 'ARP request',
    hex: 'ffffffffffff fa163e61b426 0806 0001 0800 06 04 0001 fa163e61b426 0a140035 000000000000 0a140051',
    frame: frameOf([
      { kind: 'ethernet', dst: 0xffff_ffff_ffff, src: VM, type: 0x0806 },
      { kind: 'arp', op: 1, sha: VM, spa: 0x0a14_0035, tha: 0, tpa: 0x0a14_0051 },
    ]),
  },
  {
    name: '802.1Q tag with priority and ARP behind it',
    hex: 'ffffffffffff fa163e61b426 8100 a064 0806 0001 0800 06 04 0002 fa163e61b426 0a140035 fa163eecfe83 0a140051',
    frame: frameOf([
      { kind: 'ethernet', dst: 0xffff_ffff_ffff, src: VM, type: 0x8100 },
      { kind: 'vlan', tci: (5 << 13) | 100, type: 0x0806 },
      { kind: 'arp', op: 2, sha: VM, spa: 0x0a14_0035, tha: GATEWAY, tpa: 0x0a14_0051 },
    ]),
  },
  {
    name: '802.1ad with an 802.1Q tag inside, and an unknown EtherType',
    hex: 'fa163eecfe83 fa163e61b426 88a8 0064 8100 1ac8 1234 abcd',
    frame: frameOf(
      [
        { kind: 'ethernet', dst: GATEWAY, src: VM, type: 0x88a8 },
        { kind: 'vlan', tci: 100, type: 0x8100 },
        { kind: 'vlan', tci: 0x1ac8, type: 0x1234 },
      ],
      bytes('abcd'),
    ),
  },
  {
    name: 'TCP SYN with options',
    hex:
      'fa163eecfe83 fa163e61b426 0800 4500003cc5e240004006602c0a1400350a140051' +
      'b3d613880e29256500000000a002faf007400000020405b40402080a51cee463000000000103030a',
    frame: frameOf([
      { kind: 'ethernet', dst: GATEWAY, src: VM, type: 0x0800 },
      ipv4({ id: 0xc5e2, flags: 2, protocol: 6, src: 0x0a14_0035, dst: 0x0a14_0051 }),
      tcp({
        src: 0xb3d6,
        dst: 5000,
        seq: 0x0e29_2565,
        flags: 2,
        window: 64_240,
        options: bytes('020405b4 0402 080a51cee46300000000 01 03030a'),
      }),
    ]),
  },
  {
    name: 'UDP',
    hex:
      'fa163eecfe83 fa163e61b426 0800 45000028d58b40004011508c0a1400350a140051' +
      'dd190035001495f1 6e6c35653966373730343335',
    frame: frameOf(
      [
        { kind: 'ethernet', dst: GATEWAY, src: VM, type: 0x0800 },
        ipv4({ id: 0xd58b, flags: 2, protocol: 17, src: 0x0a14_0035, dst: 0x0a14_0051 }),
        udp(0xdd19, 53),
      ],
      new TextEncoder().encode('nl5e9f770435'),
    ),
  },
  {
    name: 'ICMP echo request',
    hex:
      'fa163eecfe83 fa163e61b426 0800 4500003cb2534000400173c00a1400350a140051' +
      '080086d1995b0001 6e6c393635306366646533330000000000000000000000000000000000000000',
    frame: frameOf(
      [
        { kind: 'ethernet', dst: GATEWAY, src: VM, type: 0x0800 },
        ipv4({ id: 0xb253, flags: 2, protocol: 1, src: 0x0a14_0035, dst: 0x0a14_0051 }),
        icmp('icmp', 8, 0, 0x995b_0001),
      ],
      bytes('6e6c393635306366646533330000000000000000000000000000000000000000'),
    ),
  },
  {
    name: 'ICMPv6 router solicitation',
    hex:
      '333300000002 fa163e7661fe 86dd 6000000000103afffe80000000000000f8163efffe7661fe' +
      'ff020000000000000000000000000002 85004a1700000000 0101fa163e7661fe',
    frame: frameOf(
      [
        { kind: 'ethernet', dst: 0x3333_0000_0002, src: 0xfa16_3e76_61fe, type: 0x86dd },
        ipv6({
          nextHeader: 58,
          hopLimit: 255,
          src: [0xfe80_0000, 0, 0xf816_3eff, 0xfe76_61fe],
          dst: [0xff02_0000, 0, 0, 2],
        }),
        icmp('icmpv6', 133, 0, 0),
      ],
      bytes('0101fa163e7661fe'),
    ),
  },
  {
    name: 'VRRP version 2 with Ethernet padding',
    hex:
      '01005e000012 fa163ea00b01 0800 45c0002800010000ff707088a9fec00be0000012' +
      '21053201000202f4 a9fe0005 0000000000000000',
    frame: frameOf([
      { kind: 'ethernet', dst: 0x0100_5e00_0012, src: 0xfa16_3ea0_0b01, type: 0x0800 },
      ipv4({ tos: 0xc0, id: 1, ttl: 255, protocol: 112, src: 0xa9fe_c00b, dst: 0xe000_0012 }),
      {
        kind: 'vrrp',
        version: 2,
        type: 1,
        vrid: 5,
        priority: 50,
        count: 1,
        timing: 2,
        checksum: 0,
        rest: bytes('a9fe0005 0000000000000000'),
      },
    ]),
  },
  {
    name: 'VXLAN with ARP inside and no UDP checksum',
    hex:
      '3a23cde3d443 1eaa83fe5d49 0800 4500004e000040004011ba2eac1e1415ac1e141f' +
      'ce6512b5003a0000 0800000000034e00' +
      'fa163e563cdffa163e6002b20806 0001080006040001fa163e6002b20a0000020000000000000a000051',
    options: { tunnels: true },
    frame: {
      layers: [
        { kind: 'ethernet', dst: 0x3a23_cde3_d443, src: 0x1eaa_83fe_5d49, type: 0x0800 },
        ipv4({ flags: 2, protocol: 17, src: 0xac1e_1415, dst: 0xac1e_141f }),
        udp(0xce65, 4789),
        vxlan(0x34e),
      ],
      payload: NONE,
      inner: frameOf([
        { kind: 'ethernet', dst: 0xfa16_3e56_3cdf, src: 0xfa16_3e60_02b2, type: 0x0806 },
        { kind: 'arp', op: 1, sha: 0xfa16_3e60_02b2, spa: 0x0a00_0002, tha: 0, tpa: 0x0a00_0051 },
      ]),
      trailer: NONE,
    },
  },
];

/** Fields that `encode` fills in; cleared so that examples need not repeat them. */
function bare(frame: Frame): Frame {
  const layers = frame.layers.map((layer): Layer => {
    switch (layer.kind) {
      case 'ipv4':
        return { ...layer, totalLength: 0, checksum: 0 };
      case 'ipv6':
        return { ...layer, payloadLength: 0 };
      case 'tcp':
        return { ...layer, dataOffset: 5, checksum: 0 };
      case 'udp':
        return { ...layer, length: 0, checksum: 0 };
      case 'icmp':
      case 'icmpv6':
      case 'igmp':
      case 'vrrp':
      case 'sctp':
        return { ...layer, checksum: 0 };
      default:
        return layer;
    }
  });
  return { ...frame, layers, inner: frame.inner === null ? null : bare(frame.inner) };
}

describe.each(EXAMPLES)('$name', ({ hex, frame, options }) => {
  const wire = bytes(hex);

  it('is taken apart into its headers', () => {
    const { value, problems } = decode(wire, options);
    expect(problems).toEqual([]);
    expect(bare(value)).toEqual(frame);
  });

  it('is put together from its headers, lengths and checksums filled in', () => {
    const hasNoChecksum = hex.includes('ce6512b5');
    const made = encode(frame);
    // This sender leaves the checksum of the outer UDP header out (RFC 7348 §5).
    if (hasNoChecksum) made.fill(0, 40, 42);
    expect(toHex(made)).toBe(toHex(wire));
  });

  it('is written back as it was read', () => {
    expect(toHex(encode(decode(wire, options).value, 'given'))).toBe(toHex(wire));
  });
});

describe('options and messages', () => {
  it('reads TCP options up to the end option and writes them back', () => {
    const given = bytes('020405b4 0402 080a51cee46300000000 01 03030a');
    const options = parseTcpOptions(given);
    expect(options.map(({ kind }) => kind)).toEqual([2, 4, 8, 1, 3]);
    expect(toHex(emitTcpOptions(options))).toBe(toHex(given));
    expect(parseTcpOptions(bytes('0300'))).toEqual([]);
    expect(parseTcpOptions(bytes('00020405b4'))).toEqual([]);
  });

  it('reads Geneve options and refuses one that leads past the end', () => {
    const given = bytes('0102 80 01 deadbeef 0103 02 e0');
    const options = parseGeneveOptions(given);
    expect(options).toEqual([
      { optionClass: 0x0102, type: 0x80, reserved: 0, data: bytes('deadbeef') },
      { optionClass: 0x0103, type: 2, reserved: 7, data: NONE },
    ]);
    expect(toHex(emitGeneveOptions(options ?? []))).toBe(toHex(given));
    expect(parseGeneveOptions(bytes('0102 80 02 deadbeef'))).toBeNull();
  });

  it('reads a neighbour advertisement (RFC 4861 §4.4)', () => {
    const given = bytes('fe800000000000000000000000000001 0201fa163e7661fe');
    const message = parseNd(136, given);
    expect(message).toEqual({
      kind: 'neighbor-advert',
      target: [0xfe80_0000, 0, 0, 1],
      options: [linkAddressOption(2, 0xfa16_3e76_61fe)],
    });
    expect(message?.options.map(linkAddress)).toEqual([0xfa16_3e76_61fe]);
    expect(message && toHex(emitNd(message))).toBe(toHex(given));
    // An option of length zero makes the message invalid (RFC 4861 §7.1.2).
    expect(parseNd(136, bytes('fe800000000000000000000000000001 0200fa163e7661fe'))).toBeNull();
  });

  it('reads a router advertisement with a prefix and an MTU (RFC 4861 §4.2)', () => {
    const given = bytes(
      '00007530 000003e8 05010000000005aa' +
        '030440c000015180000038400000000020010db8000000000000000000000000',
    );
    const message = parseNd(134, given);
    expect(message).toMatchObject({
      kind: 'router-advert',
      reachable_ms: 30_000,
      retransmit_ms: 1000,
    });
    expect(message?.options.map(({ type }) => type)).toEqual([5, 3]);
    expect(message && toHex(emitNd(message))).toBe(toHex(given));
  });

  it('reads the records of an IGMPv3 report (RFC 3376 §4.2)', () => {
    const given = bytes('04000000 e1000001 01000002 e1000002 0a000001 0a000002');
    const records = parseGroupRecords(given, 2, 4);
    expect(
      records?.map(({ type, group, sources }) => [type, toHex(group), sources.length]),
    ).toEqual([
      [4, 'e1000001', 0],
      [1, 'e1000002', 2],
    ]);
    expect(toHex(emitGroupRecords(records ?? []))).toBe(toHex(given));
    expect(parseGroupRecords(given, 3, 4)).toBeNull();
  });

  it('knows the interval and addresses of VRRP version 3 (RFC 5798 §5.2)', () => {
    const wire = bytes(
      '01005e000012 00005e000105 0800 45c0002000010000ff7070900a00000be0000012' +
        '31056401 00640000 0a000001',
    );
    const advert = decode(wire).value.layers.at(-1);
    if (advert?.kind !== 'vrrp') throw new Error('no VRRP header was read');
    expect(advert).toMatchObject({ version: 3, vrid: 5, priority: 100 });
    expect(vrrpInterval_us(advert)).toBe(1_000_000);
    expect(vrrpIpv4Addresses(advert)).toEqual([0x0a00_0001]);
  });
});
