/** One packet as traffic: the laws, its diary, and headers as Open vSwitch 3.1.0 changes them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allBits, FIELDS, field, PACKET_WORDS } from '../../src/packet/fields.ts';
import { readDiary } from '../../src/traffic/diary.ts';
import { blankPacket, numberOf, onePacket, type Packet } from '../../src/traffic/one-packet.ts';
import { type HeaderKind } from '../../src/traffic/traffic.ts';
import { assignment } from '../../src/traffic/words.ts';
import { trafficLaws } from './laws.ts';
import { packetWith } from './neutron-tables.ts';

const t = onePacket;

function packet(values: Readonly<Record<string, number | bigint>>): Packet {
  return { ...blankPacket(), words: packetWith(values) };
}

function show(p: Packet, ...names: string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, numberOf(p, field(name))]));
}

const ALL_FIELDS = [...FIELDS.values()];

/** Every bit that some field can hold. */
const POSSIBLE = everyFieldBit();

function everyFieldBit(): Uint32Array {
  const p = blankPacket();
  for (const of of ALL_FIELDS) t.set(p, assignment(of, (1n << BigInt(of.width)) - 1n));
  return p.words;
}

/** Random words, mostly small, so that matches hit; words are cut to what fields can hold. */
const anyPacket: fc.Arbitrary<Packet> = fc
  .uint32Array({ minLength: PACKET_WORDS, maxLength: PACKET_WORDS })
  .map((random) => {
    const p = blankPacket();
    random.forEach((word, i) => {
      p.words[i] = (i % 3 === 0 ? word : word & 3) & POSSIBLE[i]!;
    });
    return p;
  });

describe('one packet', () => {
  trafficLaws({ traffic: onePacket, arbitrary: anyPacket });
});

describe('the diary of one packet', () => {
  const operations = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat(), fc.nat()), {
    maxLength: 40,
  });

  it('gives back the header at every note, through forks, tunnels and answers', () => {
    fc.assert(
      fc.property(anyPacket, operations, (start, plan) => {
        let p = start;
        const seen: { kind: string; words: Uint32Array }[] = [];
        for (const [operation, a, b] of plan) {
          const of = ALL_FIELDS[a % ALL_FIELDS.length]!;
          if (operation < 3) p = t.set(p, assignment(of, BigInt(b)));
          else if (operation === 3)
            p = t.push(p, (['vlan', 'mpls', 'nsh'] as const)[b % 3]!, 0x8100);
          else if (operation === 4) p = t.pop(p, (['vlan', 'mpls', 'nsh'] as const)[b % 3]!, 0x800);
          else if (operation === 5) p = t.encapsulate(p);
          else if (operation === 6) p = t.decapsulate(p) ?? p;
          else if (operation === 7) {
            const other = t.fork(p);
            if (b % 2 === 0) p = other;
            t.note(t.set(b % 2 === 0 ? t.fork(p) : other, assignment(of, 1n)), () => ({
              kind: 'x',
            }));
          } else if (operation === 8 && b % 5 === 0) {
            const answer = t.blank(p);
            // The packet that was answered goes on by itself.
            t.set(p, assignment(field('eth_src'), BigInt(a)));
            p = answer;
          } else {
            const kind = `note ${seen.length}`;
            seen.push({ kind, words: p.words.slice() });
            p = t.note(p, () => ({ kind }));
          }
        }
        const entries = readDiary(p);
        expect(entries.map(({ step, words }) => ({ kind: step.kind, words }))).toEqual(seen);
        entries.forEach(({ after }, i) => {
          expect(after).toEqual(entries[i + 1]?.words ?? p.words);
        });
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('makes no step before somebody reads it', () => {
    let made = 0;
    const p = t.note(blankPacket(), () => {
      made++;
      return { kind: 'flow' };
    });
    expect(made).toBe(0);
    expect(readDiary(p).map(({ step }) => step.kind)).toEqual(['flow']);
    expect(made).toBe(1);
  });
});

describe('headers pushed and popped', () => {
  const TCP = { eth_type: 0x800, ip_proto: 6, nw_tos: 184, nw_ttl: 33, frame_len: 100 };
  const push = (p: Packet, header: HeaderKind, etherType = 0) => t.push(p, header, etherType);

  it('a pushed tag has VID 0 and PCP 0, also above a tag with others', () => {
    const tagged = packet({ ...TCP, vlan_tci: 0xb007, vlan_tpid: 0x8100 });
    const p = push(tagged, 'vlan', 0x88a8);
    expect(show(p, 'vlan_tci', 'vlan_tpid', 'vlan_tci2', 'vlan_tpid2', 'frame_len')).toEqual({
      ...{ vlan_tci: 0x1000, vlan_tpid: 0x88a8, vlan_tci2: 0xb007, vlan_tpid2: 0x8100 },
      frame_len: 104,
    });
    expect(show(p, 'eth_type')).toEqual({ eth_type: 0x800 });
  });

  it('a popped tag uncovers the one below; without a tag nothing is popped', () => {
    const names = ['vlan_tci', 'vlan_tpid', 'vlan_tci2', 'vlan_tpid2', 'frame_len'];
    const two = { vlan_tci: 0x1005, vlan_tpid: 0x88a8, vlan_tci2: 0xb007, vlan_tpid2: 0x8100 };
    const once = t.pop(packet({ ...TCP, ...two }), 'vlan');
    expect(Object.values(show(once, ...names))).toEqual([0xb007, 0x8100, 0, 0, 96]);
    const twice = t.pop(once, 'vlan');
    expect(Object.values(show(twice, ...names))).toEqual([0, 0, 0, 0, 92]);
    expect(Object.values(show(t.pop(twice, 'vlan'), ...names))).toEqual([0, 0, 0, 0, 92]);
  });

  const MPLS = ['mpls_label', 'mpls_tc', 'mpls_bos', 'mpls_ttl', 'eth_type'] as const;

  // Datapath actions of ofproto/trace: push_mpls(label=,tc=,ttl=,bos=,eth_type=).
  it.each([
    ['IPv4 with DSCP 46 and TTL 33', TCP, [0, 6, 1, 33, 0x8847]],
    ['IPv6 with TTL 9', { eth_type: 0x86dd, nw_ttl: 9 }, [2, 0, 1, 9, 0x8847]],
    ['IPv4 with TTL 0', { eth_type: 0x800 }, [0, 0, 1, 64, 0x8847]],
    ['ARP', { eth_type: 0x806 }, [0, 0, 1, 64, 0x8847]],
  ])('the first MPLS label above %s', (_name, values, expected) => {
    expect(Object.values(show(push(packet(values), 'mpls', 0x8847), ...MPLS))).toEqual(expected);
  });

  it('a label above a label copies it and is not the bottom of the stack', () => {
    const lse = (100 << 12) | (3 << 9) | 0x100 | 64;
    const p = push(packet({ eth_type: 0x8847, mpls_lse: lse, frame_len: 60 }), 'mpls', 0x8848);
    expect(Object.values(show(p, ...MPLS))).toEqual([100, 3, 0, 64, 0x8848]);
    expect(show(p, 'mpls_lse2', 'frame_len')).toEqual({ mpls_lse2: lse, frame_len: 64 });
    const back = t.pop(t.pop(p, 'mpls', 0x8847), 'mpls', 0x800);
    expect(Object.values(show(back, ...MPLS))).toEqual([0, 0, 0, 0, 0x800]);
    expect(show(t.pop(back, 'mpls', 0x86dd), 'eth_type', 'frame_len')).toEqual({
      eth_type: 0x800,
      frame_len: 56,
    });
  });

  it('encap(nsh) carries the frame, keeps the registers, and decap() brings the frame back', () => {
    const start = packet({ ...TCP, reg3: 7, eth_dst: 0x020000000002n });
    const nsh = push(start, 'nsh');
    const fields = ['nsh_flags', 'nsh_ttl', 'nsh_mdtype', 'nsh_np', 'nsh_spi', 'nsh_si', 'reg3'];
    // push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x0,si=255,c1=0x0,…)
    expect(Object.values(show(nsh, ...fields))).toEqual([0, 63, 1, 3, 0, 255, 7]);
    expect(show(nsh, 'packet_type', 'ip_proto')).toEqual({ packet_type: 0x1894f, ip_proto: 0 });
    const framed = push(nsh, 'ethernet');
    expect(show(framed, 'packet_type', 'eth_type', 'eth_dst', 'frame_len')).toEqual({
      ...{ packet_type: 0, eth_type: 0x894f, eth_dst: 0, frame_len: 138 },
    });
    t.set(framed, assignment(field('reg3'), 8n));
    const back = t.pop(t.pop(framed, 'ethernet'), 'nsh');
    expect(show(back, 'packet_type', 'ip_proto', 'eth_dst', 'reg3', 'frame_len')).toEqual({
      ...{ packet_type: 0, ip_proto: 6, eth_dst: 2, reg3: 8, frame_len: 100 },
    });
  });

  it('decap() of Ethernet leaves a packet of the type that the frame had', () => {
    const p = t.pop(packet({ ...TCP, eth_src: 1n }), 'ethernet');
    expect(show(p, 'packet_type', 'eth_src', 'frame_len')).toEqual({
      ...{ packet_type: 0x10800, eth_src: 0, frame_len: 86 },
    });
  });
});

describe('move', () => {
  it('shifts a register by a word, in either direction', () => {
    const reg = field('xxreg0');
    const low = { field: reg, start: 0, width: 96 };
    const high = { field: reg, start: 32, width: 96 };
    const start = { reg0: 1, reg1: 2, reg2: 3, reg3: 0xffff_fff4 };
    const names = ['reg0', 'reg1', 'reg2', 'reg3'];
    const up = packet(start);
    expect(Object.values(show(t.copy(up, high, up, low), ...names))).toEqual([
      2, 3, 0xffff_fff4, 0xffff_fff4,
    ]);
    const down = packet(start);
    expect(Object.values(show(t.copy(down, low, down, high), ...names))).toEqual([1, 1, 2, 3]);
  });
});

describe('an answer', () => {
  it('starts blank while the packet that it answers stays readable', () => {
    const p = packet({ eth_src: 5n });
    const answer = t.blank(p);
    t.copy(answer, allBits(field('eth_dst')), p, allBits(field('eth_src')));
    expect(show(answer, 'eth_dst', 'eth_src')).toEqual({ eth_dst: 5, eth_src: 0 });
    expect(show(p, 'eth_src')).toEqual({ eth_src: 5 });
  });
});
