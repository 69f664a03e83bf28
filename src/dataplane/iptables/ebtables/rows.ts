/**
 * What rules of ebtables may say (ebtables(8)), each option with the text it prints.
 */
import { readMac, readNetwork, writeAddress, writeMac } from '../text/address.ts';
import {
  alwaysQuoted,
  type Codec,
  choice,
  decimal,
  hexadecimal,
  hostOrNetwork,
  interfaceName,
  interval,
  ipProtocol,
  mac,
  portRange,
  present,
  readNumber,
  word,
} from '../text/codec.ts';
import { ICMP4_NAMES, ICMP6_NAMES } from '../text/codec-special.ts';
import { type FlatOption, type FlatRule, type FlatTable, opaqueWords } from '../text/flat.ts';
import { option } from '../text/options.ts';
import { rate } from '../text/rate.ts';
import {
  byteInHex,
  etherTypeInHex,
  frameMark,
  icmpRanges,
  logLevel,
  stpFlags,
  stpType,
} from './codecs.ts';

/** A MAC address under a mask. */
export interface MaskedMac {
  readonly value: bigint;
  readonly mask: bigint;
}

const ALL = 0xffff_ffff_ffffn;
const MAC_NAMES: readonly (readonly [string, MaskedMac])[] = [
  ['Unicast', { value: 0n, mask: 0x0100_0000_0000n }],
  ['Multicast', { value: 0x0100_0000_0000n, mask: 0x0100_0000_0000n }],
  ['Broadcast', { value: ALL, mask: ALL }],
  ['BGA', { value: 0x0180_c200_0000n, mask: ALL }],
];

/** `fa:16:3e:00:00:01`, `fa:16:3e:00:00:00/ff:ff:ff:00:00:00`, `Broadcast`. */
export const maskedMac: Codec<MaskedMac> = {
  words: 1,
  read([given = '']) {
    const named = MAC_NAMES.find(([name]) => name.toLowerCase() === given.toLowerCase());
    if (named !== undefined) return { value: named[1] };
    const [head = '', tail] = given.split('/');
    const value = readMac(head);
    const mask = tail === undefined ? ALL : readMac(tail);
    if (value === null || mask === null) return { bad: 'not a MAC address' };
    return { value: { value: value & mask, mask } };
  },
  write({ value, mask }) {
    const named = MAC_NAMES.find(([, each]) => each.value === value && each.mask === mask);
    if (named !== undefined) return ` ${named[0]}`;
    return ` ${writeMac(value)}${mask === ALL ? '' : `/${writeMac(mask)}`}`;
  },
  examples: [
    { value: 0xfa163e_000001n, mask: ALL },
    { value: 0xfa163e_000000n, mask: 0xffffff_000000n },
    { value: ALL, mask: ALL },
  ],
};

/** A MAC address of `--among-src`, and the IPv4 address it goes with if any. */
export interface MacPair {
  readonly mac: bigint;
  readonly address: bigint | null;
}

/** `fa:16:3e:0:0:1=10.0.0.1,…`; printed without leading zeros as ebtables 1.8.9 does or with. */
const macPairs: Codec<{ readonly pairs: readonly MacPair[]; readonly short: boolean }> = {
  words: 1,
  read([given = '']) {
    const pairs: MacPair[] = [];
    for (const each of given.split(',')) {
      if (each === '') continue;
      const [head = '', tail] = each.split('=');
      const value = readMac(head);
      const address = tail === undefined ? null : readNetwork(tail, 4);
      if (value === null || (tail !== undefined && address === null)) {
        return { bad: 'not a list of MAC addresses' };
      }
      pairs.push({ mac: value, address: address?.value ?? null });
    }
    const short = !/(^|[:,])0[0-9a-fA-F](?=[:,=]|$)/.test(given);
    return { value: { pairs, short } };
  },
  write({ pairs, short }) {
    const one = ({ mac: value, address }: MacPair): string => {
      const long = writeMac(value);
      const printed = short ? long.replace(/(^|:)0([0-9a-f])/g, '$1$2') : long;
      return address === null ? printed : `${printed}=${writeAddress(address, 4)}`;
    };
    return ` ${pairs.map(one).join(',')}`;
  },
  examples: [
    { pairs: [{ mac: 0xfa163e_000001n, address: null }], short: true },
    { pairs: [{ mac: 0xfa163e_000001n, address: 0x0a00_0001n }], short: false },
  ],
};

/** Names of /etc/ethertypes that ebtables prints; others of the same number behind it. */
const ETHER_TYPES: readonly (readonly [string, number])[] = [
  ['IPv4', 0x0800],
  ['ip', 0x0800],
  ['ip4', 0x0800],
  ['X25', 0x0805],
  ['ARP', 0x0806],
  ['ether-arp', 0x0806],
  ['TRILL', 0x22f3],
  ['TEB', 0x6558],
  ['RARP', 0x8035],
  ['ATALK', 0x809b],
  ['AARP', 0x80f3],
  ['802_1Q', 0x8100],
  ['8021q', 0x8100],
  ['1q', 0x8100],
  ['IPX', 0x8137],
  ['NetBEUI', 0x8191],
  ['IPv6', 0x86dd],
  ['ip6', 0x86dd],
  ['PPP', 0x880b],
  ['MPLS', 0x8847],
  ['MPLS_MULTI', 0x8848],
  ['PPP_DISC', 0x8863],
  ['PPP_SES', 0x8864],
  ['EAPOL', 0x888e],
  ['S-TAG', 0x88a8],
  ['802_1ad', 0x88a8],
  ['LLDP', 0x88cc],
  ['MACSEC', 0x88e5],
  ['PBB', 0x88e7],
  ['PTP', 0x88f7],
  ['FCOE', 0x8906],
];

/** An Ethernet type; `Length` stands for frames that have a length instead (IEEE 802.3). */
export interface FrameType {
  readonly number: number | null;
  /** As written: `ARP`, `0x88cc`, `Length`. */
  readonly name: string;
}

function nameOf(number: number): string {
  const known = ETHER_TYPES.find(([, value]) => value === number);
  return known?.[0] ?? `0x${number.toString(16).toUpperCase()}`;
}

const frameType: Codec<FrameType> = {
  words: 1,
  read([given = '']) {
    if (given.toLowerCase() === 'length') return { value: { number: null, name: 'Length' } };
    const named = ETHER_TYPES.find(([name]) => name.toLowerCase() === given.toLowerCase());
    if (named !== undefined) return { value: { number: named[1], name: nameOf(named[1]) } };
    const number = readNumber(given.startsWith('0x') ? given : `0x${given}`, 0xffff);
    if (number === null || number < 0x600) return { bad: 'not an Ethernet type' };
    return { value: { number, name: nameOf(number) } };
  },
  write: ({ name }) => ` ${name}`,
  examples: [
    { number: 0x0806, name: 'ARP' },
    { number: null, name: 'Length' },
  ],
};

/** `Request`, `Reply`, `7`. */
const arpOperation: Codec<number> = {
  words: 1,
  read([given = '']) {
    const named = ARP_OPERATIONS.findIndex((name) => name.toLowerCase() === given.toLowerCase());
    const value = named >= 0 ? named + 1 : readNumber(given, 0xffff);
    return value === null ? { bad: 'not an ARP operation' } : { value };
  },
  write: (value) => ` ${ARP_OPERATIONS[value - 1] ?? value}`,
  examples: [1, 2, 77],
};
const ARP_OPERATIONS = [
  'Request',
  'Reply',
  'Request_Reverse',
  'Reply_Reverse',
  'DRARP_Request',
  'DRARP_Reply',
  'DRARP_Error',
  'InARP_Request',
  'ARP_NAK',
];

const NOT = { not: true } as const;

/** Conditions. */
export const FRAME_CONDITIONS = {
  type: option('-p', frameType, 'The Ethernet type.', {
    not: true,
    aka: ['--protocol', '--proto'],
  }),
  source: option('-s', maskedMac, 'The source MAC.', { not: true, aka: ['--source', '--src'] }),
  destination: option('-d', maskedMac, 'The destination MAC.', {
    not: true,
    aka: ['--destination', '--dst'],
  }),
  in: option('-i', interfaceName, 'The port it came in by.', {
    not: true,
    aka: ['--in-interface'],
  }),
  logicalIn: option('--logical-in', interfaceName, 'The bridge of that port.', NOT),
  out: option('-o', interfaceName, 'The port it leaves by.', {
    not: true,
    aka: ['--out-interface'],
  }),
  logicalOut: option('--logical-out', interfaceName, 'The bridge of that port.', NOT),
  amongSource: option('--among-src', macPairs, 'Source MAC (and address) in a list.', NOT),
  amongDestination: option('--among-dst', macPairs, 'The same of the destination.', NOT),
  arpOperation: option('--arp-op', arpOperation, 'The ARP operation.', {
    not: true,
    aka: ['--arp-opcode'],
  }),
  arpHardware: option('--arp-htype', decimal(0xffff), 'Hardware type.', NOT),
  arpProtocol: option('--arp-ptype', hexadecimal(0xffff), 'Protocol type.', NOT),
  arpSource: option('--arp-ip-src', hostOrNetwork, 'The sender address.', NOT),
  arpDestination: option('--arp-ip-dst', hostOrNetwork, 'The target address.', NOT),
  arpSourceMac: option('--arp-mac-src', maskedMac, 'The sender MAC.', NOT),
  arpDestinationMac: option('--arp-mac-dst', maskedMac, 'The target MAC.', NOT),
  arpGratuitous: option('--arp-gratuitous', present, 'Sender and target are equal.', NOT),
  ipSource: option('--ip-src', hostOrNetwork, 'The IPv4 source.', {
    not: true,
    aka: ['--ip-source'],
  }),
  ipDestination: option('--ip-dst', hostOrNetwork, 'The IPv4 destination.', {
    not: true,
    aka: ['--ip-destination'],
  }),
  ipTos: option('--ip-tos', byteInHex, 'The type of service byte.', NOT),
  ipProtocol: option('--ip-proto', ipProtocol, 'The protocol.', {
    not: true,
    aka: ['--ip-protocol'],
  }),
  ipSourcePort: option('--ip-sport', portRange, 'The source port.', {
    not: true,
    aka: ['--ip-source-port'],
  }),
  ipDestinationPort: option('--ip-dport', portRange, 'The destination port.', {
    not: true,
    aka: ['--ip-destination-port'],
  }),
  ipIcmp: option('--ip-icmp-type', icmpRanges(ICMP4_NAMES), 'The ICMP type.', NOT),
  ipIgmp: option('--ip-igmp-type', word, 'The IGMP type.', NOT),
  ip6Source: option('--ip6-src', hostOrNetwork, 'The IPv6 source.', {
    not: true,
    aka: ['--ip6-source'],
  }),
  ip6Destination: option('--ip6-dst', hostOrNetwork, 'The IPv6 destination.', {
    not: true,
    aka: ['--ip6-destination'],
  }),
  ip6Class: option('--ip6-tclass', byteInHex, 'The traffic class.', NOT),
  ip6Protocol: option('--ip6-proto', ipProtocol, 'The protocol.', {
    not: true,
    aka: ['--ip6-protocol'],
  }),
  ip6SourcePort: option('--ip6-sport', portRange, 'The source port.', NOT),
  ip6DestinationPort: option('--ip6-dport', portRange, 'The destination port.', NOT),
  ip6Icmp: option('--ip6-icmp-type', icmpRanges(ICMP6_NAMES), 'The ICMPv6 type.', NOT),
  vlanId: option('--vlan-id', decimal(4095), 'The VLAN.', NOT),
  vlanPriority: option('--vlan-prio', decimal(7), 'The priority.', NOT),
  vlanEncapsulated: option(
    '--vlan-encap',
    etherTypeInHex(ETHER_TYPES),
    'What the tag carries.',
    NOT,
  ),
  stpType: option('--stp-type', stpType, 'The type of a BPDU.', NOT),
  stpFlags: option('--stp-flags', stpFlags, 'Its flags.', NOT),
  stpRootPriority: option('--stp-root-prio', interval(65535), 'Priority of the root.', NOT),
  stpRootAddress: option('--stp-root-addr', maskedMac, 'MAC of the root.', NOT),
  stpRootCost: option('--stp-root-cost', interval(), 'Cost to the root.', NOT),
  stpSenderPriority: option('--stp-sender-prio', interval(65535), 'Priority of the sender.', NOT),
  stpSenderAddress: option('--stp-sender-addr', maskedMac, 'MAC of the sender.', NOT),
  stpPort: option('--stp-port', interval(65535), 'Port of the sender.', NOT),
  stpAge: option('--stp-msg-age', interval(65535), 'Age of the message.', NOT),
  stpMaximumAge: option('--stp-max-age', interval(65535), 'Largest age.', NOT),
  stpHello: option('--stp-hello-time', interval(65535), 'Time between messages.', NOT),
  stpDelay: option('--stp-forward-delay', interval(65535), 'Time before forwarding.', NOT),
  mark: option('--mark', frameMark, 'The packet mark.', NOT),
  packetType: option(
    '--pkttype-type',
    choice('host', 'broadcast', 'multicast', 'otherhost', 'outgoing', 'loopback', 'fastroute'),
    'How it was addressed.',
    NOT,
  ),
  limit: option('--limit', rate, 'Not more often than a rate.'),
  limitBurst: option('--limit-burst', decimal(10000), 'Tokens that are saved up.'),
  sap: option('--802_3-sap', word, 'The service access point.', NOT),
  snapType: option('--802_3-type', word, 'The type behind a SNAP header.', NOT),
  log: option('--log', present, 'Writes to the kernel log.'),
  logLevel: option('--log-level', logLevel, 'At this level.'),
  logPrefix: option('--log-prefix', alwaysQuoted, 'With this prefix.'),
  logIp: option('--log-ip', present, 'With the IPv4 header.'),
  logArp: option('--log-arp', present, 'With the ARP packet.'),
  logIp6: option('--log-ip6', present, 'With the IPv6 header.'),
  nflog: option('--nflog', present, 'Gives the frame to a program that logs.'),
  nflogPrefix: option('--nflog-prefix', alwaysQuoted, 'With this prefix.'),
  nflogGroup: option('--nflog-group', decimal(65535), 'In this group.'),
  nflogRange: option('--nflog-range', decimal(), 'So many bytes of it.'),
  nflogThreshold: option('--nflog-threshold', decimal(), 'Collects so many.'),
  opaque: opaqueWords,
} as const;

const verdict = choice('ACCEPT', 'DROP', 'CONTINUE', 'RETURN');

/** Settings of targets. */
export const FRAME_SETTINGS = {
  toDestination: option('--to-dst', mac, 'dnat: the new destination MAC.', {
    aka: ['--to-destination'],
  }),
  dnatTarget: option('--dnat-target', verdict, 'dnat: what happens next.'),
  toSource: option('--to-src', mac, 'snat: the new source MAC.', { aka: ['--to-source'] }),
  snatArp: option('--snat-arp', present, 'snat: changes the sender MAC of ARP as well.'),
  snatTarget: option('--snat-target', verdict, 'snat: what happens next.'),
  replyMac: option('--arpreply-mac', mac, 'arpreply: the MAC that is answered.'),
  replyTarget: option('--arpreply-target', verdict, 'arpreply: what happens next.', {
    silent: 'DROP',
  }),
  redirectTarget: option('--redirect-target', verdict, 'redirect: what happens next.', {
    silent: 'ACCEPT',
  }),
  markSet: option('--mark-set', hexadecimal(0xffff_ffff), 'mark: the new mark.', {
    aka: ['--set-mark'],
  }),
  markOr: option('--mark-or', hexadecimal(0xffff_ffff), 'mark: bits that are set.'),
  markAnd: option('--mark-and', hexadecimal(0xffff_ffff), 'mark: bits that are kept.'),
  markXor: option('--mark-xor', hexadecimal(0xffff_ffff), 'mark: bits that are flipped.'),
  markTarget: option('--mark-target', verdict, 'mark: what happens next.'),
} as const;

export type FrameCondition = FlatOption<typeof FRAME_CONDITIONS>;
export type FrameSetting = FlatOption<typeof FRAME_SETTINGS>;
export type FrameRule = FlatRule<FrameCondition, FrameSetting>;
export type FrameTable = FlatTable<FrameCondition, FrameSetting>;
