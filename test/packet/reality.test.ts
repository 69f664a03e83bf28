/** Bytes against the programs that know them: tshark, and Open vSwitch's own frame parser. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, formatIpv6, formatMac } from '../../src/packet/addresses.ts';
import { readCapture } from '../../src/packet/capture.ts';
import { linkOf } from '../../src/packet/captured-frame.ts';
import { field } from '../../src/packet/fields.ts';
import { fromHex, toHex } from '../../src/packet/wire/bytes.ts';
import { encode } from '../../src/packet/wire/encode.ts';
import { type DecodeOptions, decode } from '../../src/packet/wire/frame.ts';
import { bytesFromPacket, packetFromBytes } from '../../src/traffic/wire.ts';
import { readField } from '../../src/traffic/words.ts';
import { frame, wireBytes } from './frames.ts';
import { ovsFields } from './programs.ts';
import { CHECKSUMS, ourFields, tsharkFields } from './tshark.ts';

const shared = resolve(import.meta.dirname, '../../../shared/truth');
const SEED = 20_261_121;

interface Recorded {
  readonly hex: string;
  readonly tshark: Readonly<Record<string, string>>;
}

const recorded: readonly Recorded[] = JSON.parse(
  gunzipSync(
    readFileSync(join(import.meta.dirname, '../fixtures/packet/frames.json.gz')),
  ).toString(),
);

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array(0);
}

describe('frames of real clouds', () => {
  it('have the fields that tshark 4.0 read in them', () => {
    expect(recorded.length).toBeGreaterThan(100);
    for (const { hex, tshark } of recorded) {
      const ours = ourFields(decode(bytesOf(hex)).value);
      const theirs = Object.fromEntries([...ours.keys()].map((name) => [name, tshark[name]]));
      expect(Object.fromEntries(ours), hex).toEqual(theirs);
    }
  });

  it('come back byte for byte from their fields', () => {
    for (const { hex } of recorded) expectSameBytes(bytesOf(hex), {});
  });
});

function expectSameBytes(bytes: Uint8Array, options: DecodeOptions): void {
  for (const tunnels of [false, true]) {
    const { value } = packetFromBytes(bytes, { ...options, tunnels });
    expect(toHex(bytesFromPacket(value))).toBe(toHex(bytes));
  }
}

const captures = join(shared, 'captures');

describe.skipIf(!existsSync(captures))(
  'all captures and golden frames (need ../shared/truth)',
  () => {
    it('come back byte for byte from their fields', () => {
      const folders = [
        ...readdirSync(captures).map((name) => join(captures, name, 'pcap')),
        join(shared, 'vrrp/pcap'),
      ];
      let count = 0;
      for (const file of folders.filter(existsSync).flatMap((folder) => filesIn(folder))) {
        const { value, problems } = readCapture(readFileSync(file), file);
        expect(problems).toEqual([]);
        for (const { bytes, wireLength, linkType } of value) {
          const link = linkOf(linkType);
          if (link === null) throw new Error(`${file} has link type ${linkType}`);
          expectSameBytes(bytes, { wireLength, link });
          count++;
        }
      }
      expect(count).toBeGreaterThan(10_000);
    });

    it.each(['ct', 'fdb'])('golden frames of %s come back byte for byte', (name) => {
      const file = join(shared, `ovs/golden/${name}.jsonl.gz`);
      const found = new Set(
        gunzipSync(readFileSync(file))
          .toString()
          .match(/(?<=")(?:[0-9a-f]{2}){14,}(?=")/g),
      );
      expect(found.size).toBeGreaterThan(100);
      for (const hex of found) expectSameBytes(bytesOf(hex), {});
    });
  },
);

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}

const made = fc.sample(frame, { seed: SEED, numRuns: 1500 }).map((of) => encode(of));
const dissected = tsharkFields(made, ['_ws.malformed']);

describe.skipIf(dissected === null)('generated frames and tshark (needs tshark)', () => {
  it('agree on every field of the outermost headers', () => {
    let compared = 0;
    made.forEach((bytes, i) => {
      const { value } = decode(bytes);
      // Random IPv4 options and IGMP types make tshark give up; it names service tags otherwise.
      const isOdd = value.layers.some(
        (layer) =>
          (layer.kind === 'ipv4' && layer.options.length > 0) ||
          layer.kind === 'igmp' ||
          (layer.kind === 'ethernet' && layer.type === 0x88a8) ||
          (layer.kind === 'vlan' && layer.type === 0x88a8),
      );
      if (isOdd) return;
      const ours = ourFields(value);
      const theirs = dissected?.[i] ?? new Map<string, string>();
      const same = Object.fromEntries([...ours.keys()].map((name) => [name, theirs.get(name)]));
      expect(Object.fromEntries(ours), toHex(bytes)).toEqual(same);
      compared++;
    });
    expect(compared).toBeGreaterThan(500);
  });

  it('agree that every checksum is good', () => {
    const seen = new Map<string, number>();
    made.forEach((bytes, i) => {
      // The checksum in a fragment is that of the whole packet.
      const isFragment = decode(bytes).value.layers.some(
        (layer) =>
          layer.kind === 'ipv6-fragment' || (layer.kind === 'ipv4' && (layer.flags & 1) !== 0),
      );
      if (isFragment) return;
      for (const name of CHECKSUMS) {
        const status = dissected?.[i]?.get(name);
        expect(status, `${name} of ${toHex(bytes)}`).not.toBe('0');
        if (status === '1') seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    });
    for (const name of CHECKSUMS) expect(seen.get(name) ?? 0, name).toBeGreaterThan(0);
  });
});

const wild = fc
  .sample(wireBytes, { seed: SEED, numRuns: 6000 })
  .filter(({ length }) => length >= 14);
const switched = ovsFields(wild);

const TCP_FLAG_NAMES = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'];

function tcpFlags(value: number): string {
  const set = Array.from({ length: 12 }, (_, i) => i).filter((i) => (value >> i) & 1);
  return set.map((i) => TCP_FLAG_NAMES[i] ?? `[${(1 << i).toString(16)}]`).join('|') || '0';
}

/** How `ovs-ofctl parse-pcap` prints our fields. */
const OVS_TEXT: Readonly<Record<string, (of: (name: string) => bigint) => string>> = {
  dl_src: (of) => formatMac(of('eth_src')),
  dl_dst: (of) => formatMac(of('eth_dst')),
  dl_type: (of) => `0x${of('eth_type').toString(16).padStart(4, '0')}`,
  vlan_tci: (of) => `0x${of('vlan_tci').toString(16).padStart(4, '0')}`,
  vlan_tci1: (of) => `0x${of('vlan_tci2').toString(16).padStart(4, '0')}`,
  dl_vlan: (of) => String(of('vlan_tci') & 0xfffn),
  dl_vlan_pcp: (of) => String(of('vlan_tci') >> 13n),
  dl_vlan1: (of) => String(of('vlan_tci2') & 0xfffn),
  dl_vlan_pcp1: (of) => String(of('vlan_tci2') >> 13n),
  nw_src: (of) => formatIpv4(of('ip_src')),
  nw_dst: (of) => formatIpv4(of('ip_dst')),
  nw_proto: (of) => String(of('ip_proto')),
  nw_tos: (of) => String(of('nw_tos') & 0xfcn),
  nw_ecn: (of) => String(of('nw_tos') & 3n),
  nw_ttl: (of) => String(of('nw_ttl')),
  nw_frag: (of) => ['no', 'first', '', 'later'][Number(of('ip_frag'))] ?? '',
  ipv6_src: (of) => formatIpv6(of('ipv6_src')),
  ipv6_dst: (of) => formatIpv6(of('ipv6_dst')),
  ipv6_label: (of) => `0x${of('ipv6_label').toString(16).padStart(5, '0')}`,
  tp_src: (of) => String(of('tp_src')),
  tp_dst: (of) => String(of('tp_dst')),
  tcp_flags: (of) => tcpFlags(Number(of('tcp_flags'))),
  icmp_type: (of) => String(of('tp_src')),
  icmp_code: (of) => String(of('tp_dst')),
  arp_op: (of) => String(of('arp_op')),
  arp_spa: (of) => formatIpv4(of('arp_spa')),
  arp_tpa: (of) => formatIpv4(of('arp_tpa')),
  arp_sha: (of) => formatMac(of('arp_sha')),
  arp_tha: (of) => formatMac(of('arp_tha')),
  nd_target: (of) => formatIpv6(of('nd_target')),
  nd_sll: (of) => formatMac(of('nd_sll')),
  nd_tll: (of) => formatMac(of('nd_tll')),
  mpls_label: (of) => String(of('mpls_label')),
  mpls_tc: (of) => String(of('mpls_tc')),
  mpls_bos: (of) => String(of('mpls_bos')),
  mpls_ttl: (of) => String(of('mpls_ttl')),
  mpls_lse1: (of) => String(of('mpls_lse2')),
  mpls_lse2: (of) => String(of('mpls_lse3')),
};

/** The protocol a line of flow text begins with: EtherType, and IP protocol where it says one. */
const OVS_NAMES: Readonly<Record<string, readonly [type: bigint, protocol?: bigint]>> = {
  ip: [0x0800n],
  tcp: [0x0800n, 6n],
  udp: [0x0800n, 17n],
  icmp: [0x0800n, 1n],
  sctp: [0x0800n, 132n],
  ipv6: [0x86ddn],
  tcp6: [0x86ddn, 6n],
  udp6: [0x86ddn, 17n],
  icmp6: [0x86ddn, 58n],
  sctp6: [0x86ddn, 132n],
  arp: [0x0806n],
  rarp: [0x8035n],
  mpls: [0x8847n],
};

describe.skipIf(switched === null)('damaged frames and Open vSwitch (needs ovs-ofctl)', () => {
  it('agree on every field', () => {
    expect(switched).toHaveLength(wild.length);
    wild.forEach((bytes, i) => {
      const { words } = packetFromBytes(bytes).value;
      const of = (name: string) => readField(words, field(name));
      for (const [name, value] of switched?.[i] ?? []) {
        if (name === 'in_port') continue;
        const where = `${name} of ${toHex(bytes)}`;
        if (name === 'name') {
          const [type, protocol] = OVS_NAMES[value] ?? [];
          expect(of('eth_type'), where).toBe(type);
          if (protocol !== undefined) expect(of('ip_proto'), where).toBe(protocol);
        } else {
          expect(OVS_TEXT[name]?.(of), where).toBe(value);
        }
      }
    });
  });

  it('come back byte for byte from their fields', () => {
    for (const bytes of wild) expectSameBytes(bytes, {});
  });
});
