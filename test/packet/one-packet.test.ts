/** A packet's bytes after its fields were changed: what a switch, NAT or a router would send. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withTagsRead } from '../../src/dataplane/ovs/datapath/tags.ts';
import { ENCAPSULATION, field } from '../../src/packet/fields.ts';
import { fromHex, get16, put16, toHex } from '../../src/packet/wire/bytes.ts';
import { encode } from '../../src/packet/wire/encode.ts';
import { decode, type Frame } from '../../src/packet/wire/frame.ts';
import { icmp } from '../../src/packet/wire/icmp.ts';
import { ipv4 } from '../../src/packet/wire/ipv4.ts';
import { ipv6 } from '../../src/packet/wire/ipv6.ts';
import { type Layer } from '../../src/packet/wire/layer.ts';
import { emitNd, linkAddressOption } from '../../src/packet/wire/nd.ts';
import { udp } from '../../src/packet/wire/udp.ts';
import { blankPacket, numberOf, onePacket, type Packet } from '../../src/traffic/one-packet.ts';
import { bytesFromPacket, packetFromBytes } from '../../src/traffic/wire.ts';
import { assignment } from '../../src/traffic/words.ts';
import { frame } from './frames.ts';

const SEED = { seed: 20_261_121, numRuns: 1500 };
const NONE: Uint8Array = new Uint8Array(0);

function bytes(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(' ', '')) ?? NONE;
}

function read(wire: Uint8Array): Packet {
  return packetFromBytes(wire).value;
}

function set(p: Packet, values: Readonly<Record<string, bigint>>): Packet {
  for (const [name, value] of Object.entries(values)) {
    onePacket.set(p, assignment(field(name), value));
  }
  return p;
}

/** Whether every length and checksum is what a sender would have computed. */
function expectRight(wire: Uint8Array): void {
  expect(toHex(encode(decode(wire).value))).toBe(toHex(wire));
}

const SYN = bytes(
  'fa163eecfe83fa163e61b42608004500003cc5e240004006602c0a1400350a140051' +
    'b3d613880e29256500000000a002faf007400000020405b40402080a51cee463000000000103030a',
);
const NAT = { ip_src: 0xcb00_7105n, tp_src: 40_000n, nw_ttl: 63n };

describe('a changed packet', () => {
  it('has right checksums when they were right', () => {
    const changed = bytesFromPacket(set(read(SYN), NAT));
    expectRight(changed);
    // The same packet put together from scratch.
    const { value } = decode(SYN);
    const layers = value.layers.map((layer): Layer => {
      if (layer.kind === 'ipv4') return { ...layer, src: 0xcb00_7105, ttl: 63 };
      return layer.kind === 'tcp' ? { ...layer, src: 40_000 } : layer;
    });
    expect(toHex(changed)).toBe(toHex(encode({ ...value, layers })));
  });

  it('has checksums that are wrong by as much as before', () => {
    const wrong = SYN.slice();
    put16(wrong, 24, get16(wrong, 24) ^ 0x0100);
    put16(wrong, 50, get16(wrong, 50) ^ 0x0001);
    const right = bytesFromPacket(set(read(SYN), NAT));
    const changed = bytesFromPacket(set(read(wrong), NAT));
    const error = (of: Uint8Array, from: Uint8Array, at: number) =>
      (get16(of, at) - get16(from, at) + 0xffff) % 0xffff;
    for (const at of [24, 50]) {
      expect(error(changed, right, at)).toBe(error(wrong, SYN, at));
      expect(error(changed, right, at)).not.toBe(0);
    }
  });

  it('keeps a UDP checksum of zero, which says that there is none', () => {
    const wire = encode({
      layers: [
        { kind: 'ethernet', dst: 1, src: 2, type: 0x0800 },
        ipv4({ protocol: 17, src: 1, dst: 2 }),
        udp(1000, 53),
      ],
      payload: bytes('0102'),
      inner: null,
      trailer: NONE,
    });
    wire.fill(0, 40, 42);
    const changed = bytesFromPacket(set(read(wire), { ip_dst: 9n }));
    expect(get16(changed, 40)).toBe(0);
    expect(get16(changed, 32)).toBe(9);
  });

  it('has the checksum of the whole packet in its first fragment, NAT or not', () => {
    const payload = new Uint8Array(64).map((_, i) => i * 7);
    const whole = (src: number): Uint8Array =>
      encode({
        layers: [
          { kind: 'ethernet', dst: 1, src: 2, type: 0x0800 },
          ipv4({ protocol: 17, src, dst: 2 }),
          udp(1000, 53),
        ],
        payload,
        inner: null,
        trailer: NONE,
      });
    const first = whole(0x0a00_0001).slice(0, 14 + 20 + 32);
    put16(first, 16, 20 + 32);
    put16(first, 20, 0x2000);
    const changed = bytesFromPacket(set(read(first), { ip_src: 0xcb00_7105n }));
    expect(get16(changed, 40)).toBe(get16(whole(0xcb00_7105), 40));
  });

  it('differs only where its fields were changed', () => {
    const values = fc.record({
      eth_dst: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffffn }),
      nw_ttl: fc.bigInt({ min: 0n, max: 255n }),
      nw_tos: fc.bigInt({ min: 0n, max: 255n }),
      tp_dst: fc.bigInt({ min: 0n, max: 0xffffn }),
      ip_dst: fc.bigInt({ min: 0n, max: 0xffff_ffffn }),
      ipv6_dst: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    });
    fc.assert(
      fc.property(frame, values, (made, changes) => {
        const wire = encode(made);
        const p = read(wire);
        const has = (name: string) => made.layers.some(({ kind }) => kind === name);
        // A changed ICMP or IGMP type would change what the bytes behind it mean.
        const hasPorts = has('tcp') || has('udp') || has('sctp');
        const applicable = Object.entries(changes).filter(([name]) => {
          if (name === 'ip_dst') return numberOf(p, field('eth_type')) === 0x0800;
          if (name === 'ipv6_dst') return numberOf(p, field('eth_type')) === 0x86dd;
          if (name === 'tp_dst') return hasPorts && numberOf(p, field('ip_proto')) !== 0;
          const isIp = [0x0800, 0x86dd].includes(numberOf(p, field('eth_type')));
          return name === 'eth_dst' || isIp;
        });
        const isFragment = numberOf(p, field('ip_frag')) !== 0;
        const after = set(onePacket.fork(p), Object.fromEntries(applicable));
        const changed = bytesFromPacket(after);
        expect(changed).toHaveLength(wire.length);
        expect([...read(changed).words]).toEqual([...after.words]);
        if (!isFragment) expectRight(changed);
        // Undone, it is the frame it was.
        const undone = { ...after, words: p.words };
        expect(toHex(bytesFromPacket(undone))).toBe(toHex(wire));
      }),
      SEED,
    );
  });
});

describe('tags and labels', () => {
  it('are pushed in front and popped again', () => {
    const p = onePacket.push(read(SYN), 'vlan', 0x88a8);
    set(p, { vlan_vid: 0x1000n + 100n, vlan_pcp: 5n });
    const tagged = bytesFromPacket(p);
    expect(toHex(tagged)).toBe(`${toHex(SYN.subarray(0, 12))}88a8a064${toHex(SYN.subarray(12))}`);
    expect(toHex(bytesFromPacket(onePacket.pop(p, 'vlan')))).toBe(toHex(SYN));
    expect(toHex(bytesFromPacket(onePacket.pop(read(tagged), 'vlan')))).toBe(toHex(SYN));
  });

  it('keep the drop-eligible bit until the tag is changed', () => {
    const tagged = bytes(`${toHex(SYN.subarray(0, 12))}8100b064${toHex(SYN.subarray(12))}`);
    expect(toHex(bytesFromPacket(set(read(tagged), { nw_ttl: 64n })))).toBe(toHex(tagged));
    const changed = bytesFromPacket(set(read(tagged), { vlan_vid: 0x1000n + 7n }));
    expect(get16(changed, 14)).toBe(0xa007);
  });

  it('of MPLS uncover the packet they were pushed on', () => {
    const p = onePacket.push(read(SYN), 'mpls', 0x8847);
    set(p, { mpls_label: 17n, mpls_bos: 1n, mpls_ttl: 64n });
    const labelled = bytesFromPacket(p);
    expect(toHex(labelled)).toBe(
      `${toHex(SYN.subarray(0, 12))}88470001_1140${toHex(SYN.subarray(14))}`.replace('_', ''),
    );
    const popped = bytesFromPacket(onePacket.pop(read(labelled), 'mpls', 0x0800));
    expect(toHex(popped)).toBe(toHex(SYN));
  });
});

describe('labels of MPLS behind a tag that a switch does not look into', () => {
  const head = '02000000000102000000000a';
  const rest = '00064140 45200020e40009000002a2df0a0001010a000001 03e8005000080000 00000000';
  const tagged = () => {
    const [p] = withTagsRead(onePacket, read(bytes(`${head} 81000064 81000000 8847 ${rest}`)), 1);
    if (p === undefined) throw new Error('no packet');
    return p;
  };

  it('stay where they are when others are pushed in front of it', () => {
    // As ovs-vswitchd 3.1 does it with two times push_mpls:0x8847.
    const p = tagged();
    onePacket.push(p, 'mpls', 0x8847);
    set(p, { mpls_bos: 1n, mpls_ttl: 64n });
    onePacket.push(p, 'mpls', 0x8847);
    set(p, { mpls_label: 56n, mpls_bos: 0n, mpls_ttl: 64n });
    const wire = toHex(bytesFromPacket(p));
    expect(wire).toBe(
      `${head} 81000064 8847 00038040 00000140 0000 8847 ${rest}`.replaceAll(' ', ''),
    );
  });

  it('are what they were when nothing is pushed', () => {
    const wire = `${head} 81000064 81000000 8847 ${rest}`.replaceAll(' ', '');
    expect(toHex(bytesFromPacket(tagged()))).toBe(wire);
  });
});

describe('a packet inside of another', () => {
  const error = (original: Uint8Array): Uint8Array => {
    const quoted: Frame = {
      layers: [
        { kind: 'ethernet', dst: 1, src: 2, type: 0x0800 },
        ipv4({ protocol: 1, src: 0x0a00_0001, dst: 0x0a14_0035 }),
        icmp('icmp', 3, 4, 1400),
      ],
      payload: original,
      inner: null,
      trailer: NONE,
    };
    return encode(quoted);
  };

  it('is read from an ICMP error with the ports of its first eight bytes', () => {
    const p = read(error(SYN.subarray(14, 14 + 28)));
    expect(numberOf(p, field('icmp_mtu'))).toBe(1400);
    if (p.quoted === null) throw new Error('nothing is quoted');
    expect(numberOf(p.quoted, field('ip_src'))).toBe(0x0a14_0035);
    expect(numberOf(p.quoted, field('ip_proto'))).toBe(6);
    expect(numberOf(p.quoted, field('tp_dst'))).toBe(5000);
    expect(numberOf(p.quoted, field('tcp_seq'))).toBe(0x0e29_2565);
  });

  it('is translated in place, and the checksums around it stay right', () => {
    const p = read(error(SYN.subarray(14, 14 + 28)));
    if (p.quoted === null) throw new Error('nothing is quoted');
    onePacket.quote(p, set(onePacket.fork(p.quoted), { ip_src: 0xcb00_7105n, tp_src: 40_000n }));
    const whole = bytesFromPacket(set(read(SYN), { ip_src: 0xcb00_7105n, tp_src: 40_000n }));
    expect(toHex(bytesFromPacket(p))).toBe(toHex(error(whole.subarray(14, 14 + 28))));
  });

  it('is quoted by a new ICMP error, cut to what fits (RFC 1812 §4.3.2.3)', () => {
    const long = encode({
      layers: decode(SYN).value.layers,
      payload: new Uint8Array(1000).fill(7),
      inner: null,
      trailer: NONE,
    });
    const p = set(blankPacket(), {
      eth_type: 0x0800n,
      ip_src: 0x0a00_0001n,
      ip_dst: 0x0a14_0035n,
      ip_proto: 1n,
      nw_ttl: 64n,
      icmp_type: 11n,
    });
    const wire = bytesFromPacket(onePacket.quote(p, read(long)));
    expectRight(wire);
    expect(wire).toHaveLength(14 + 576);
    expect(toHex(wire.subarray(42))).toBe(toHex(long.subarray(14, 14 + 548)));
  });

  it('is carried by a new VXLAN, Geneve or GRE packet', () => {
    const outer = { eth_type: 0x0800n, ip_src: 1n, ip_dst: 2n, nw_ttl: 64n, encap_id: 0x34en };
    for (const [kind, protocol, port] of [
      ['vxlan', 17n, 4789n],
      ['geneve', 17n, 6081n],
      ['gre', 47n, 0n],
    ] as const) {
      const p = set(onePacket.encapsulate(read(SYN)), {
        ...outer,
        ip_proto: protocol,
        tp_dst: port,
        encap_kind: BigInt(ENCAPSULATION[kind]),
      });
      const { value, problems } = packetFromBytes(bytesFromPacket(p), { tunnels: true });
      expect(problems).toEqual([]);
      expect(numberOf(value, field('encap_kind')), kind).toBe(ENCAPSULATION[kind]);
      expect(numberOf(value, field('encap_id')), kind).toBe(0x34e);
      if (value.inner === null) throw new Error(`${kind} carries nothing`);
      expect(toHex(bytesFromPacket(value.inner)), kind).toBe(toHex(SYN));
    }
  });

  it('is changed inside of its tunnel, and the outer checksums follow', () => {
    const p = set(onePacket.encapsulate(read(SYN)), {
      eth_type: 0x0800n,
      ip_proto: 17n,
      tp_dst: 4789n,
      encap_kind: 1n,
      encap_csum: 1n,
    });
    const { value } = packetFromBytes(bytesFromPacket(p), { tunnels: true });
    if (value.inner === null) throw new Error('nothing is carried');
    expect(numberOf(value, field('encap_csum'))).toBe(1);
    onePacket.push(value.inner, 'vlan', 0x8100);
    expectRight(bytesFromPacket(value));
  });

  it('has no checksum in the UDP header in front of it, unless the tunnel wants one', () => {
    const p = set(onePacket.encapsulate(read(SYN)), {
      eth_type: 0x0800n,
      ip_proto: 17n,
      tp_dst: 4789n,
      encap_kind: 1n,
    });
    const wire = bytesFromPacket(p);
    expect(toHex(wire.subarray(40, 42))).toBe('0000');
    expect(numberOf(packetFromBytes(wire, { tunnels: true }).value, field('encap_csum'))).toBe(0);
  });
});

describe('neighbour discovery', () => {
  it('is rewritten in its target and its link-layer address', () => {
    const made = (target: number, mac: number): Uint8Array =>
      encode({
        layers: [
          { kind: 'ethernet', dst: 1, src: 2, type: 0x86dd },
          ipv6({ nextHeader: 58, hopLimit: 255, src: [1, 2, 3, 4], dst: [5, 6, 7, 8] }),
          icmp('icmpv6', 136, 0, 0x6000_0000),
        ],
        payload: emitNd({
          kind: 'neighbor-advert',
          target: [0xfe80_0000, 0, 0, target],
          options: [linkAddressOption(2, mac)],
        }),
        inner: null,
        trailer: NONE,
      });
    const p = set(read(made(1, 0xfa16_3e00_0001)), {
      nd_target: (0xfe80n << 112n) | 2n,
      nd_tll: 0xfa16_3e00_0002n,
    });
    expect(toHex(bytesFromPacket(p))).toBe(toHex(made(2, 0xfa16_3e00_0002)));
  });
});

describe('a packet built from fields', () => {
  it('gets lengths, checksums, and zeros up to its lengths', () => {
    const p = set(blankPacket(), {
      eth_type: 0x0800n,
      ip_src: 0x0a00_0001n,
      ip_dst: 0x0a00_0002n,
      ip_proto: 6n,
      nw_ttl: 64n,
      tcp_dst: 80n,
      ip_len: 60n,
      frame_len: 80n,
    });
    const wire = bytesFromPacket(p);
    expect(wire).toHaveLength(80);
    expect(get16(wire, 16)).toBe(60);
    expectRight(wire);
  });

  it('is ARP when its type says so', () => {
    const p = set(blankPacket(), { eth_type: 0x0806n, arp_op: 1n, arp_spa: 1n, arp_tpa: 2n });
    expect(toHex(bytesFromPacket(p).subarray(12))).toBe(
      '080600010800060400010000000000000000000100000000000000000002',
    );
  });
});
