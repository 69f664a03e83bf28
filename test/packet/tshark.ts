/** What tshark reads in frames, and what our decoder reads, under tshark's field names. */
import { formatIpv4Number, formatIpv6Words, formatMacNumber } from '../../src/packet/addresses.ts';
import { type Frame } from '../../src/packet/wire/frame.ts';
import { type Layer } from '../../src/packet/wire/layer.ts';
import { onFile, pcapFile } from './programs.ts';

const hex = (digits: number) => (value: number) => `0x${value.toString(16).padStart(digits, '0')}`;
const dec = String;
const hex4 = hex(4);
const hex8 = hex(8);

type Row<K extends Layer['kind']> = readonly [
  name: string,
  of: (layer: Extract<Layer, { kind: K }>) => string,
];

function rows<K extends Layer['kind']>(kind: K, of: readonly Row<K>[]) {
  return of.map(([name, read]) => ({
    name,
    read: (layer: Layer) =>
      layer.kind === kind ? read(layer as Extract<Layer, { kind: K }>) : null,
  }));
}

/** tshark's name of a field and how it prints what we read. */
const FIELDS = [
  ...rows('ethernet', [
    ['eth.dst', ({ dst }) => formatMacNumber(dst)],
    ['eth.src', ({ src }) => formatMacNumber(src)],
  ]),
  ...rows('vlan', [
    ['vlan.id', ({ tci }) => dec(tci & 0xfff)],
    ['vlan.priority', ({ tci }) => dec(tci >>> 13)],
  ]),
  ...rows('arp', [
    ['arp.opcode', ({ op }) => dec(op)],
    ['arp.src.hw_mac', ({ sha }) => formatMacNumber(sha)],
    ['arp.src.proto_ipv4', ({ spa }) => formatIpv4Number(spa)],
    ['arp.dst.hw_mac', ({ tha }) => formatMacNumber(tha)],
    ['arp.dst.proto_ipv4', ({ tpa }) => formatIpv4Number(tpa)],
  ]),
  ...rows('ipv4', [
    ['ip.src', ({ src }) => formatIpv4Number(src)],
    ['ip.dst', ({ dst }) => formatIpv4Number(dst)],
    ['ip.ttl', ({ ttl }) => dec(ttl)],
    ['ip.proto', ({ protocol }) => dec(protocol)],
    ['ip.id', ({ id }) => hex4(id)],
    ['ip.len', ({ totalLength }) => dec(totalLength)],
    ['ip.dsfield', ({ tos }) => hex(2)(tos)],
    ['ip.checksum', ({ checksum }) => hex4(checksum)],
  ]),
  ...rows('ipv6', [
    ['ipv6.src', ({ src }) => formatIpv6Words(src)],
    ['ipv6.dst', ({ dst }) => formatIpv6Words(dst)],
    ['ipv6.hlim', ({ hopLimit }) => dec(hopLimit)],
    ['ipv6.plen', ({ payloadLength }) => dec(payloadLength)],
    ['ipv6.flow', ({ flowLabel }) => `0x${flowLabel.toString(16).padStart(6, '0')}`],
    ['ipv6.nxt', ({ nextHeader }) => dec(nextHeader)],
  ]),
  ...rows('tcp', [
    ['tcp.srcport', ({ src }) => dec(src)],
    ['tcp.dstport', ({ dst }) => dec(dst)],
    ['tcp.seq_raw', ({ seq }) => dec(seq)],
    ['tcp.ack_raw', ({ ack }) => dec(ack)],
    ['tcp.flags', ({ flags }) => hex4(flags)],
    ['tcp.window_size_value', ({ window }) => dec(window)],
    ['tcp.checksum', ({ checksum }) => hex4(checksum)],
    ['tcp.hdr_len', ({ dataOffset }) => dec(dataOffset * 4)],
  ]),
  ...rows('udp', [
    ['udp.srcport', ({ src }) => dec(src)],
    ['udp.dstport', ({ dst }) => dec(dst)],
    ['udp.length', ({ length }) => dec(length)],
    ['udp.checksum', ({ checksum }) => hex4(checksum)],
  ]),
  ...rows('sctp', [
    ['sctp.srcport', ({ src }) => dec(src)],
    ['sctp.dstport', ({ dst }) => dec(dst)],
    ['sctp.verification_tag', ({ tag }) => hex8(tag)],
  ]),
  ...rows('icmp', [
    ['icmp.type', ({ type }) => dec(type)],
    ['icmp.code', ({ code }) => dec(code)],
    ['icmp.checksum', ({ checksum }) => hex4(checksum)],
  ]),
  ...rows('icmpv6', [
    ['icmpv6.type', ({ type }) => dec(type)],
    ['icmpv6.code', ({ code }) => dec(code)],
    ['icmpv6.checksum', ({ checksum }) => hex4(checksum)],
  ]),
  ...rows('igmp', [['igmp.type', ({ type }) => hex(2)(type)]]),
  ...rows('vrrp', [
    ['vrrp.virt_rtr_id', ({ vrid }) => dec(vrid)],
    ['vrrp.prio', ({ priority }) => dec(priority)],
    ['vrrp.addr_count', ({ count }) => dec(count)],
    ['vrrp.checksum', ({ checksum }) => hex4(checksum)],
  ]),
];

/** Checksums that tshark verifies; 1 is good, 0 is bad. */
export const CHECKSUMS = [
  'ip.checksum.status',
  'tcp.checksum.status',
  'udp.checksum.status',
  'icmp.checksum.status',
  'icmpv6.checksum.status',
  'sctp.checksum.status',
  'igmp.checksum.status',
  'vrrp.checksum.status',
] as const;

const NAMES = [...new Set(FIELDS.map(({ name }) => name))];

/** The fields of a frame's outermost headers. */
export function ourFields(frame: Frame): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const layer of frame.layers) {
    for (const { name, read } of FIELDS) {
      const value = read(layer);
      if (value !== null && !found.has(name)) found.set(name, value);
    }
  }
  return found;
}

/** Verify every checksum; show the headers of first fragments as well. */
const PREFERENCES = [
  'ip.check_checksum:TRUE',
  'tcp.check_checksum:TRUE',
  'udp.check_checksum:TRUE',
  'sctp.checksum:CRC 32c',
  'ip.defragment:FALSE',
  'ipv6.defragment:FALSE',
];

/** tshark's fields of every frame, first occurrence each; null when tshark is not installed. */
export function tsharkFields(
  frames: readonly Uint8Array[],
  extra: readonly string[] = [],
): readonly ReadonlyMap<string, string>[] | null {
  const names = [...NAMES, ...CHECKSUMS, ...extra];
  const text = onFile(pcapFile(frames), (path) => [
    'tshark',
    [
      ...['-n', '-r', path, '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=f'],
      ...PREFERENCES.flatMap((preference) => ['-o', preference]),
      ...names.flatMap((name) => ['-e', name]),
    ],
  ]);
  if (text === null) return null;
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const values = line.split('|');
      return new Map(
        names.flatMap((name, i): [string, string][] => {
          const value = values[i] ?? '';
          return value === '' ? [] : [[name, value]];
        }),
      );
    });
}
