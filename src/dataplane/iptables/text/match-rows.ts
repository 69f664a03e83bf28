/**
 * Every match that rules may use: `-m NAME` and its options, each printed in the order of this
 * table (extensions/libxt_*.c of iptables 1.8.9). The types of all matches follow from the rows.
 */
import {
  alwaysQuoted,
  choice,
  decimal,
  dscp,
  hexadecimal,
  hostRange,
  interfaceName,
  interval,
  mac,
  mark,
  network,
  portList,
  portRange,
  present,
  protocolNumber,
  text,
  tos,
  twoWords,
  word,
  wordSet,
} from './codec.ts';
import {
  addressList,
  dccpTypes,
  extensionHeaders,
  mobilityTypes,
  u32Program,
} from './codec-rare.ts';
import {
  addressMask,
  icmp6Type,
  icmpType,
  probability,
  segment,
  setReference,
  tcpFlags,
} from './codec-special.ts';
import { type OptionsOf, option, type Row } from './options.ts';
import { byteRate, packetRate, rate } from './rate.ts';

const NOT = { not: true } as const;
const ADDRESS_TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;
const STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'] as const;
const STATUSES = ['NONE', 'EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'] as const;
const FIN_SYN = { mask: 0x17, set: 2 } as const;

const sport = option('--sport', portRange, 'The source port.', {
  not: true,
  aka: ['--source-port'],
});
const dport = option('--dport', portRange, 'The destination port.', {
  not: true,
  aka: ['--destination-port'],
});

/** Matches on the headers of the packet. */
const HEADERS = {
  tcp: {
    means: 'A TCP segment; later fragments never match.',
    options: {
      sport,
      dport,
      tcpOption: option('--tcp-option', decimal(255), 'A TCP option of that kind is there.', NOT),
      tcpFlags: option('--tcp-flags', tcpFlags, 'Of the first flags exactly the second are set.', {
        not: true,
        short: { '--syn': FIN_SYN },
      }),
    },
  },
  udp: { means: 'A UDP datagram; later fragments never match.', options: { sport, dport } },
  udplite: { means: 'A UDP-Lite datagram.', options: { sport, dport } },
  sctp: {
    means: 'An SCTP packet.',
    options: {
      sport,
      dport,
      chunks: option('--chunk-types', twoWords, 'These chunks: all, any or only.', NOT),
    },
  },
  dccp: {
    means: 'A DCCP packet.',
    options: {
      sport,
      dport,
      types: option('--dccp-types', dccpTypes, 'Its type is one of these.', NOT),
      dccpOption: option('--dccp-option', decimal(255), 'It has this option.', NOT),
    },
  },
  multiport: {
    means: 'A port is in a list; later fragments never match.',
    needs: [['sports', 'dports', 'ports']],
    options: {
      sports: option('--sports', portList, 'The source port.', {
        not: true,
        aka: ['--source-ports'],
      }),
      dports: option('--dports', portList, 'The destination port.', {
        not: true,
        aka: ['--destination-ports'],
      }),
      ports: option('--ports', portList, 'One of the two ports.', NOT),
    },
  },
  icmp: {
    means: 'An ICMP message; later fragments never match.',
    only: 4,
    needs: [['type']],
    options: { type: option('--icmp-type', icmpType, 'Type and code.', NOT) },
  },
  icmp6: {
    means: 'An ICMPv6 message.',
    only: 6,
    needs: [['type']],
    options: {
      type: option('--icmpv6-type', icmp6Type, 'Type and code.', NOT),
    },
  },
  esp: {
    means: 'An ESP packet.',
    options: { spi: option('--espspi', interval(), 'Security parameter index.', NOT) },
  },
  ah: {
    means: 'A packet with an authentication header.',
    options: {
      spi: option('--ahspi', interval(), 'Security parameter index.', NOT),
      length: option('--ahlen', decimal(), 'Length of the header.', { not: true, silent: 0 }),
      reserved: option('--ahres', present, 'The reserved field is not zero.'),
    },
  },
  ipcomp: {
    means: 'A compressed packet (RFC 3173).',
    options: {
      spi: option('--ipcompspi', interval(), 'Compression parameter index.', NOT),
      reserved: option('--compres', present, 'The reserved field is not zero.'),
    },
  },
  mac: {
    means: 'The source MAC address of a frame that came in.',
    needs: [['source']],
    options: { source: option('--mac-source', mac, 'The address.', NOT) },
  },
  length: {
    means: 'The length of the IP packet.',
    needs: [['length']],
    options: { length: option('--length', interval(65535), 'In bytes.', NOT) },
  },
  ttl: {
    means: 'The time to live.',
    only: 4,
    needs: [['eq', 'lt', 'gt']],
    options: {
      eq: option('--ttl-eq', decimal(255), 'Equal.', { not: true, aka: ['--ttl'] }),
      lt: option('--ttl-lt', decimal(255), 'Less.'),
      gt: option('--ttl-gt', decimal(255), 'Greater.'),
    },
  },
  hl: {
    means: 'The hop limit.',
    only: 6,
    needs: [['eq', 'lt', 'gt']],
    options: {
      eq: option('--hl-eq', decimal(255), 'Equal.', NOT),
      lt: option('--hl-lt', decimal(255), 'Less.'),
      gt: option('--hl-gt', decimal(255), 'Greater.'),
    },
  },
  dscp: {
    means: 'The differentiated services code point.',
    needs: [['dscp']],
    options: {
      dscp: option('--dscp', dscp, 'The code point.', {
        not: true,
        aka: ['--dscp-class'],
      }),
    },
  },
  tos: {
    means: 'The type of service byte.',
    needs: [['tos']],
    options: { tos: option('--tos', tos, 'The byte under a mask.', NOT) },
  },
  ecn: {
    means: 'Explicit congestion notification.',
    needs: [['ece', 'cwr', 'ect']],
    options: {
      ece: option('--ecn-tcp-ece', present, 'The ECE flag is set.', NOT),
      cwr: option('--ecn-tcp-cwr', present, 'The CWR flag is set.', NOT),
      ect: option('--ecn-ip-ect', decimal(3), 'The two bits of the IP header.', NOT),
    },
  },
  tcpmss: {
    means: 'The MSS option of a SYN.',
    needs: [['mss']],
    options: { mss: option('--mss', interval(65535), 'In bytes.', NOT) },
  },
  iprange: {
    means: 'Addresses in an interval.',
    needs: [['source', 'destination']],
    options: {
      source: option('--src-range', hostRange, 'The source.', NOT),
      destination: option('--dst-range', hostRange, 'The destination.', NOT),
    },
  },
  u32: {
    means: 'Computed tests on 32-bit words of the packet.',
    needs: [['u32']],
    options: { u32: option('--u32', u32Program, 'The tests.', NOT) },
  },
  string: {
    means: 'A pattern somewhere in the packet.',
    needs: [['string', 'hex'], ['algorithm']],
    options: {
      string: option('--string', alwaysQuoted, 'The pattern.', NOT),
      hex: option('--hex-string', alwaysQuoted, 'The pattern with bytes in hexadecimal.', NOT),
      algorithm: option('--algo', choice('bm', 'kmp'), 'How it is searched.'),
      from: option('--from', decimal(65535), 'First byte.'),
      to: option('--to', decimal(65535), 'Last byte.'),
      anyCase: option('--icase', present, 'Upper and lower case are the same.'),
    },
  },
  bpf: {
    means: 'A classic BPF program accepts the packet.',
    needs: [['bytecode', 'pinned']],
    options: {
      bytecode: option('--bytecode', alwaysQuoted, 'The program.'),
      pinned: option('--object-pinned', word, 'A pinned eBPF program.'),
    },
  },
  frag: {
    means: 'The fragment header.',
    only: 6,
    options: {
      id: option('--fragid', interval(), 'Identification.', NOT),
      length: option('--fraglen', decimal(), 'Length.', NOT),
      reserved: option('--fragres', present, 'The reserved field is not zero.'),
      first: option('--fragfirst', present, 'It is the first fragment.'),
      more: option('--fragmore', present, 'More fragments follow.'),
      last: option('--fraglast', present, 'It is the last fragment.'),
    },
  },
  hbh: {
    means: 'The hop-by-hop options header.',
    only: 6,
    options: {
      length: option('--hbh-len', decimal(), 'Length.', NOT),
      opts: option('--hbh-opts', word, 'The options.'),
    },
  },
  dst: {
    means: 'The destination options header.',
    only: 6,
    options: {
      length: option('--dst-len', decimal(), 'Length.', NOT),
      opts: option('--dst-opts', word, 'The options.'),
    },
  },
  rt: {
    means: 'The routing header.',
    only: 6,
    options: {
      type: option('--rt-type', decimal(), 'Its type.', NOT),
      segmentsLeft: option('--rt-segsleft', interval(), 'Segments left.', NOT),
      length: option('--rt-len', decimal(), 'Length.', NOT),
      reserved: option('--rt-0-res', present, 'The reserved field is not zero.'),
      addresses: option('--rt-0-addrs', addressList, 'Addresses of type 0.'),
      notStrict: option('--rt-0-not-strict', present, 'The addresses need not be all.'),
    },
  },
  ipv6header: {
    means: 'Which extension headers there are.',
    only: 6,
    needs: [['header']],
    options: {
      header: option('--header', extensionHeaders, 'The headers.', NOT),
      soft: option('--soft', present, 'There may be others.'),
    },
  },
  mh: {
    means: 'A mobility header.',
    only: 6,
    options: { type: option('--mh-type', mobilityTypes, 'Its type.', NOT) },
  },
  srh: {
    means: 'The segment routing header.',
    only: 6,
    options: {
      next: option('--srh-next-hdr', decimal(255), 'What follows.', NOT),
      lengthEq: option('--srh-hdr-len-eq', decimal(255), 'Its length is equal.', NOT),
      lengthGt: option('--srh-hdr-len-gt', decimal(255), 'It is greater.', NOT),
      lengthLt: option('--srh-hdr-len-lt', decimal(255), 'It is less.', NOT),
      leftEq: option('--srh-segs-left-eq', decimal(255), 'Segments left are equal.', NOT),
      leftGt: option('--srh-segs-left-gt', decimal(255), 'They are more.', NOT),
      leftLt: option('--srh-segs-left-lt', decimal(255), 'They are fewer.', NOT),
      lastEq: option('--srh-last-entry-eq', decimal(255), 'The last entry is equal.', NOT),
      lastGt: option('--srh-last-entry-gt', decimal(255), 'It is greater.', NOT),
      lastLt: option('--srh-last-entry-lt', decimal(255), 'It is less.', NOT),
      tag: option('--srh-tag', decimal(65535), 'The tag.', NOT),
      previous: option('--srh-psid', segment, 'The segment before.', NOT),
      nextSegment: option('--srh-nsid', segment, 'The segment that follows.', NOT),
      lastSegment: option('--srh-lsid', segment, 'The last segment.', NOT),
    },
  },
  eui64: {
    means: 'The source address ends in the EUI-64 of the source MAC.',
    only: 6,
    options: {},
  },
} as const satisfies Record<string, Row>;

/** Matches on what the kernel knows beside the packet. */
const KNOWLEDGE = {
  conntrack: {
    means: 'What connection tracking knows.',
    options: {
      state: option('--ctstate', wordSet(STATES), 'The state is one of these.', NOT),
      protocol: option('--ctproto', protocolNumber, 'Protocol of the connection.', NOT),
      originalSource: option('--ctorigsrc', network, 'Source as it was sent.', NOT),
      originalDestination: option('--ctorigdst', network, 'Destination as it was sent.', NOT),
      replySource: option('--ctreplsrc', network, 'Source of the reply.', NOT),
      replyDestination: option('--ctrepldst', network, 'Destination of the reply.', NOT),
      originalSourcePort: option('--ctorigsrcport', portRange, 'Source port as sent.', NOT),
      originalDestinationPort: option('--ctorigdstport', portRange, 'Destination port.', NOT),
      replySourcePort: option('--ctreplsrcport', portRange, 'Source port of the reply.', NOT),
      replyDestinationPort: option('--ctrepldstport', portRange, 'Its destination port.', NOT),
      status: option('--ctstatus', wordSet(STATUSES), 'One of these status bits is set.', NOT),
      expire: option('--ctexpire', interval(), 'Seconds that are left.', NOT),
      direction: option('--ctdir', choice('ORIGINAL', 'REPLY'), 'Direction of the packet.'),
    },
  },
  state: {
    means: 'What connection tracking knows: the old form.',
    needs: [['state']],
    options: {
      state: option('--state', wordSet(STATES.slice(0, 5)), 'The state is one of these.', NOT),
    },
  },
  mark: {
    means: 'The mark of the packet.',
    needs: [['mark']],
    options: { mark: option('--mark', mark, 'Value under a mask.', NOT) },
  },
  connmark: {
    means: 'The mark of the connection; false when there is none.',
    needs: [['mark']],
    options: { mark: option('--mark', mark, 'Value under a mask.', NOT) },
  },
  connlabel: {
    means: 'A label of the connection.',
    needs: [['label']],
    options: {
      label: option('--label', alwaysQuoted, 'Number or name of the label.', NOT),
      set: option('--set', present, 'Sets it as well.'),
    },
  },
  set: {
    means: 'The packet is a member of an ipset.',
    needs: [['set']],
    options: {
      set: option('--match-set', setReference, 'The set.', { not: true, aka: ['--set'] }),
      returnNoMatch: option('--return-nomatch', present, 'Entries marked nomatch count.'),
      updateCounters: option('--update-counters', present, 'Counts in the entry.', NOT),
      updateSubcounters: option('--update-subcounters', present, 'Counts in members.', NOT),
      packetsEq: option('--packets-eq', decimal(), 'The packet counter is equal.', NOT),
      packetsLt: option('--packets-lt', decimal(), 'It is less.'),
      packetsGt: option('--packets-gt', decimal(), 'It is greater.'),
      bytesEq: option('--bytes-eq', decimal(), 'The byte counter is equal.', NOT),
      bytesLt: option('--bytes-lt', decimal(), 'It is less.'),
      bytesGt: option('--bytes-gt', decimal(), 'It is greater.'),
    },
  },
  addrtype: {
    means: 'What routing thinks of an address.',
    needs: [['source', 'destination']],
    options: {
      source: option('--src-type', wordSet(ADDRESS_TYPES), 'Types of the source.', NOT),
      destination: option('--dst-type', wordSet(ADDRESS_TYPES), 'Types of the destination.', NOT),
      limitIn: option('--limit-iface-in', present, 'Only the interface it came in by.'),
      limitOut: option('--limit-iface-out', present, 'Only the interface it leaves by.'),
    },
  },
  comment: {
    means: 'A remark; always true.',
    needs: [['comment']],
    options: { comment: option('--comment', text, 'The text.') },
  },
  physdev: {
    means: 'Bridge ports of a bridged packet.',
    needs: [['isIn', 'in', 'isOut', 'out', 'isBridged']],
    options: {
      isIn: option('--physdev-is-in', present, 'It came in by a bridge port.', NOT),
      in: option('--physdev-in', interfaceName, 'The port it came in by.', NOT),
      isOut: option('--physdev-is-out', present, 'It leaves by a bridge port.', NOT),
      out: option('--physdev-out', interfaceName, 'The port it leaves by.', NOT),
      isBridged: option('--physdev-is-bridged', present, 'It is bridged, not routed.', NOT),
    },
  },
  pkttype: {
    means: 'How the frame was addressed.',
    needs: [['type']],
    options: {
      type: option('--pkt-type', choice('unicast', 'broadcast', 'multicast'), 'The way.', NOT),
    },
  },
  owner: {
    means: 'The socket that sent the packet.',
    needs: [['uid', 'gid', 'socket']],
    options: {
      socket: option('--socket-exists', present, 'There is one.', NOT),
      uid: option('--uid-owner', word, 'Its user.', NOT),
      gid: option('--gid-owner', word, 'Its group.', NOT),
      groups: option('--suppl-groups', present, 'Supplementary groups count.'),
    },
  },
  helper: {
    means: 'The connection tracking helper of the connection.',
    needs: [['helper']],
    options: { helper: option('--helper', text, 'Its name.', NOT) },
  },
  rpfilter: {
    means: 'The way back leads to where the packet came from.',
    options: {
      loose: option('--loose', present, 'Any interface will do.'),
      validMark: option('--validmark', present, 'The mark counts.'),
      acceptLocal: option('--accept-local', present, 'Own addresses are accepted.'),
      invert: option('--invert', present, 'Matches when it does not.'),
    },
  },
  socket: {
    means: 'There is an open socket for the packet.',
    options: {
      transparent: option('--transparent', present, 'Only transparent ones.'),
      noWildcard: option('--nowildcard', present, 'Listeners on any address count.'),
      restoreMark: option('--restore-skmark', present, 'Takes the mark of the socket.'),
    },
  },
  realm: {
    means: 'The routing realm.',
    only: 4,
    needs: [['realm']],
    options: { realm: option('--realm', mark, 'The realm.', NOT) },
  },
  devgroup: {
    means: 'The group of an interface.',
    needs: [['source', 'destination']],
    options: {
      source: option('--src-group', mark, 'Group of the one it came in by.', NOT),
      destination: option('--dst-group', mark, 'Group of the one it leaves by.', NOT),
    },
  },
  cgroup: {
    means: 'The control group of the sending process.',
    needs: [['path', 'classId']],
    options: {
      path: option('--path', text, 'Its path.', NOT),
      classId: option('--cgroup', decimal(), 'Its class.', NOT),
    },
  },
  cpu: {
    means: 'The processor that handles the packet.',
    needs: [['cpu']],
    options: { cpu: option('--cpu', decimal(), 'Its number.', NOT) },
  },
  cluster: {
    means: 'This node is in charge of the connection.',
    needs: [['localNode', 'localMask'], ['totalNodes'], ['seed']],
    options: {
      localNode: option('--cluster-local-node', decimal(), 'This node.', NOT),
      localMask: option('--cluster-local-nodemask', hexadecimal(0xffff_ffff, 8), 'Nodes.', NOT),
      totalNodes: option('--cluster-total-nodes', decimal(), 'How many there are.'),
      seed: option('--cluster-hash-seed', hexadecimal(0xffff_ffff, 8), 'Seed of the hash.'),
    },
  },
  osf: {
    means: 'The operating system that a SYN looks like.',
    needs: [['genre']],
    options: {
      genre: option('--genre', word, 'Its name.', NOT),
      ttl: option('--ttl', decimal(2), 'How the time to live is compared.'),
      log: option('--log', decimal(2), 'What is logged.'),
    },
  },
  ipvs: {
    means: 'What IPVS knows.',
    options: {
      ipvs: option('--ipvs', present, 'The packet belongs to a connection.', NOT),
      protocol: option('--vproto', word, 'Protocol of the service.', NOT),
      address: option('--vaddr', network, 'Address of the service.', NOT),
      port: option('--vport', portRange, 'Port of the service.', NOT),
      direction: option('--vdir', choice('ORIGINAL', 'REPLY'), 'Direction.'),
      method: option('--vmethod', choice('GATE', 'IPIP', 'MASQ'), 'Forwarding method.', NOT),
      control: option('--vportctl', portRange, 'Port of the controlling connection.', NOT),
    },
  },
  nfacct: {
    means: 'Counts into a named object; always true.',
    needs: [['name']],
    options: { name: option('--nfacct-name', text, 'Its name.') },
  },
} as const satisfies Record<string, Row>;

/** Matches that remember, count, or depend on the time. */
const MEMORY = {
  limit: {
    means: 'Not more often than a rate (token bucket).',
    options: {
      limit: option('--limit', rate, 'The rate.', { usual: { count: 3, per: 'hour' } }),
      burst: option('--limit-burst', decimal(10000), 'Tokens that are saved up.', {
        usual: 5,
        silent: 5,
      }),
    },
  },
  hashlimit: {
    means: 'As limit, one bucket per address or port.',
    needs: [['upto', 'above'], ['name']],
    options: {
      upto: option('--hashlimit-upto', word, 'Up to this rate.', {
        not: true,
        aka: ['--hashlimit'],
      }),
      above: option('--hashlimit-above', word, 'Above this rate.', NOT),
      burst: option('--hashlimit-burst', word, 'Tokens that are saved up.'),
      mode: option('--hashlimit-mode', word, 'What tells buckets apart.'),
      name: option('--hashlimit-name', word, 'Name of the buckets.'),
      size: option('--hashlimit-htable-size', decimal(), 'Hash buckets.'),
      max: option('--hashlimit-htable-max', decimal(), 'Most entries.'),
      gc: option('--hashlimit-htable-gcinterval', decimal(), 'Milliseconds between sweeps.'),
      expire: option('--hashlimit-htable-expire', decimal(), 'Milliseconds until forgotten.'),
      sourceMask: option('--hashlimit-srcmask', decimal(128), 'Prefix length of sources.'),
      destinationMask: option('--hashlimit-dstmask', decimal(128), 'The same of destinations.'),
      rateMatch: option('--hashlimit-rate-match', present, 'Compares the measured rate.'),
      rateInterval: option('--hashlimit-rate-interval', decimal(), 'Seconds of measuring.'),
    },
  },
  recent: {
    means: 'The address was seen lately.',
    needs: [['set', 'rcheck', 'update', 'remove']],
    options: {
      set: option('--set', present, 'Remembers it; true when it was new.', NOT),
      rcheck: option('--rcheck', present, 'It is remembered.', NOT),
      update: option('--update', present, 'It is remembered, and is now again.', NOT),
      remove: option('--remove', present, 'It is remembered, and is now forgotten.', NOT),
      seconds: option('--seconds', decimal(), 'Seen within so many seconds.'),
      reap: option('--reap', present, 'Forgets older ones.'),
      hitCount: option('--hitcount', decimal(), 'Seen at least so often.'),
      ttl: option('--rttl', present, 'The time to live is the same as well.'),
      name: option('--name', word, 'Name of the list.', { usual: 'DEFAULT' }),
      mask: option('--mask', addressMask, 'Part of the address that counts.'),
      rsource: option('--rsource', present, 'The source address.'),
      rdest: option('--rdest', present, 'The destination address.'),
    },
  },
  statistic: {
    means: 'By chance, or every so many packets.',
    options: {
      mode: option('--mode', choice('random', 'nth'), 'Which of the two.'),
      probability: option('--probability', probability, 'The chance.', NOT),
      every: option('--every', decimal(), 'One of so many packets.', NOT),
      packet: option('--packet', decimal(), 'Which of them.'),
    },
  },
  quota: {
    means: 'Until so many bytes have passed.',
    needs: [['quota']],
    options: { quota: option('--quota', word, 'Bytes.', NOT) },
  },
  connlimit: {
    means: 'How many connections an address has.',
    needs: [['upto', 'above']],
    options: {
      upto: option('--connlimit-upto', decimal(), 'Up to so many.'),
      above: option('--connlimit-above', decimal(), 'More than so many.'),
      mask: option('--connlimit-mask', decimal(128), 'Prefix length of the address.'),
      source: option('--connlimit-saddr', present, 'Of the source.'),
      destination: option('--connlimit-daddr', present, 'Of the destination.'),
    },
  },
  connbytes: {
    means: 'How much a connection has carried.',
    needs: [['range'], ['mode'], ['direction']],
    options: {
      range: option('--connbytes', word, 'From and to.', NOT),
      mode: option('--connbytes-mode', choice('packets', 'bytes', 'avgpkt'), 'Of what.'),
      direction: option('--connbytes-dir', choice('original', 'reply', 'both'), 'Which way.'),
    },
  },
  time: {
    means: 'The time of day.',
    options: {
      start: option('--timestart', word, 'From.'),
      stop: option('--timestop', word, 'To.'),
      monthDays: option('--monthdays', word, 'Days of the month.', NOT),
      weekDays: option('--weekdays', word, 'Days of the week.', { not: true, aka: ['--days'] }),
      dateStart: option('--datestart', word, 'First moment.'),
      dateStop: option('--datestop', word, 'Last moment.'),
      kernelTimeZone: option('--kerneltz', present, 'In the time zone of the kernel.'),
      contiguous: option('--contiguous', present, 'Over midnight is one interval.'),
    },
  },
  rateest: {
    means: 'Compares measured rates.',
    options: {
      delta: option('--rateest-delta', present, 'Differences from a rate.'),
      rateest: option('--rateest', word, 'The estimator.'),
      rateest1: option('--rateest1', word, 'One estimator.'),
      bps1: option('--rateest-bps1', byteRate, 'Its bytes per second.'),
      pps1: option('--rateest-pps1', packetRate, 'Its packets per second.'),
      lt: option('--rateest-lt', present, 'Less.', NOT),
      gt: option('--rateest-gt', present, 'Greater.', NOT),
      eq: option('--rateest-eq', present, 'Equal.', NOT),
      bps: option('--rateest-bps', byteRate, 'Bytes per second.'),
      bps2: option('--rateest-bps2', byteRate, 'Bytes per second of the other.'),
      pps: option('--rateest-pps', packetRate, 'Packets per second.'),
      pps2: option('--rateest-pps2', packetRate, 'Packets per second of the other.'),
      rateest2: option('--rateest2', word, 'The other estimator.'),
    },
  },
} as const satisfies Record<string, Row>;

/** Every match by its name. */
export const MATCHES = { ...HEADERS, ...KNOWLEDGE, ...MEMORY } as const;

export type MatchName = keyof typeof MATCHES;

/** A match whose row is known: its options by key. */
export type KnownMatch = {
  [N in MatchName]: { readonly kind: N; readonly options: OptionsOf<(typeof MATCHES)[N]> };
}[MatchName];

/** Protocols whose match need not be named: `-p tcp --dport 80`. */
export const IMPLIED: ReadonlyMap<number, MatchName> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
  [33, 'dccp'],
  [1, 'icmp'],
  [58, 'icmp6'],
  [50, 'esp'],
  [51, 'ah'],
  [136, 'udplite'],
  [135, 'mh'],
]);
