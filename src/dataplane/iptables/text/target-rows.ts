/**
 * Every target that is not a verdict or a chain: `-j NAME` and its options, each printed in the
 * order of this table (extensions/libxt_*.c, libipt_*.c of iptables 1.8.9).
 */
import {
  choice,
  decimal,
  dscp,
  hexadecimal,
  host,
  interfaceName,
  prefix,
  prefix6,
  present,
  text,
  tos,
  word,
  xmark,
} from './codec.ts';
import { tcpOptionKinds, trackingZone, trafficTime } from './codec-rare.ts';
import { natPorts, natRange, setReference } from './codec-special.ts';
import { type OptionsOf, option, type Row } from './options.ts';

const random = option('--random', present, 'Chooses the port by chance.');
const randomFully = option('--random-fully', present, 'The same, without a hash of addresses.');
const persistent = option('--persistent', present, 'A client keeps its address.');
const FULL = 0xffff_ffff;

const NAT = {
  DNAT: {
    means: 'Changes the destination of a new connection.',
    needs: [['to']],
    options: {
      to: option('--to-destination', natRange, 'The new destination.', { aka: ['--to'] }),
      random,
      persistent,
    },
  },
  SNAT: {
    means: 'Changes the source of a new connection.',
    needs: [['to']],
    options: {
      to: option('--to-source', natRange, 'The new source.', { aka: ['--to'] }),
      random,
      randomFully,
      persistent,
    },
  },
  MASQUERADE: {
    means: 'Changes the source to an address of the interface it leaves by.',
    options: {
      toPorts: option('--to-ports', natPorts, 'Ports to choose from.'),
      random,
      randomFully,
    },
  },
  REDIRECT: {
    means: 'Changes the destination to this host.',
    options: {
      toPorts: option('--to-ports', natPorts, 'The new port.', { aka: ['--to-port'] }),
      random,
    },
  },
  NETMAP: {
    means: 'Changes the network part of an address.',
    needs: [['to']],
    options: { to: option('--to', prefix, 'The new network.') },
  },
  SNPT: {
    means: 'Changes the source prefix without state (RFC 6296).',
    only: 6,
    needs: [['source'], ['destination']],
    options: {
      source: option('--src-pfx', prefix6, 'The prefix.'),
      destination: option('--dst-pfx', prefix6, 'The new one.'),
    },
  },
  DNPT: {
    means: 'Changes the destination prefix without state (RFC 6296).',
    only: 6,
    needs: [['source'], ['destination']],
    options: {
      source: option('--src-pfx', prefix6, 'The prefix.'),
      destination: option('--dst-pfx', prefix6, 'The new one.'),
    },
  },
} as const satisfies Record<string, Row>;

const TRACKING = {
  MARK: {
    means: 'Changes the mark: (mark & ~MASK) ^ VALUE.',
    needs: [['setXmark', 'setMark', 'orMark', 'andMark', 'xorMark']],
    options: {
      setXmark: option('--set-xmark', xmark, 'Value and mask.'),
      setMark: option('--set-mark', xmark, 'Bits are set to the value: mask | value.'),
      orMark: option('--or-mark', hexadecimal(FULL), 'Bits that are set.'),
      andMark: option('--and-mark', hexadecimal(FULL), 'Bits that are kept.'),
      xorMark: option('--xor-mark', hexadecimal(FULL), 'Bits that are flipped.'),
    },
  },
  CONNMARK: {
    means: 'Changes the mark of the connection, or copies it.',
    needs: [['setXmark', 'setMark', 'orMark', 'andMark', 'xorMark', 'save', 'restore']],
    options: {
      setXmark: option('--set-xmark', xmark, 'Value and mask.'),
      setMark: option('--set-mark', xmark, 'Bits are set to the value.'),
      orMark: option('--or-mark', hexadecimal(FULL), 'Bits that are set.'),
      andMark: option('--and-mark', hexadecimal(FULL), 'Bits that are kept.'),
      xorMark: option('--xor-mark', hexadecimal(FULL), 'Bits that are flipped.'),
      save: option('--save-mark', present, 'Packet mark to connection mark.'),
      restore: option('--restore-mark', present, 'Connection mark to packet mark.'),
      nfmask: option('--nfmask', hexadecimal(FULL), 'Bits of the packet mark.'),
      ctmask: option('--ctmask', hexadecimal(FULL), 'Bits of the connection mark.'),
      mask: option('--mask', hexadecimal(FULL), 'Bits of both.'),
    },
  },
  CT: {
    means: 'Says how the packet shall be tracked.',
    options: {
      notrack: option('--notrack', present, 'Not at all.'),
      helper: option('--helper', word, 'With this helper.'),
      timeout: option('--timeout', word, 'With this timeout policy.'),
      ctevents: option('--ctevents', word, 'Only these events are told.'),
      expevents: option('--expevents', word, 'Only these expectation events.'),
      zone: option('--zone', trackingZone, 'In this zone; `mark` takes the packet mark.'),
      zoneOriginal: option('--zone-orig', trackingZone, 'Zone of the original direction only.'),
      zoneReply: option('--zone-reply', trackingZone, 'Zone of the reply direction only.'),
    },
  },
  NOTRACK: { means: 'The packet is not tracked: the old form.', options: {} },
  CONNSECMARK: {
    means: 'Copies the security mark.',
    needs: [['save', 'restore']],
    options: {
      save: option('--save', present, 'To the connection.'),
      restore: option('--restore', present, 'From the connection.'),
    },
  },
  SECMARK: {
    means: 'Sets the security mark.',
    needs: [['context']],
    options: { context: option('--selctx', word, 'The context.') },
  },
} as const satisfies Record<string, Row>;

const ANSWERS = {
  REJECT: {
    means: 'Drops the packet and tells the sender.',
    options: {
      with: option('--reject-with', word, 'What is sent.', {}),
    },
  },
  SYNPROXY: {
    means: 'Answers SYNs in the name of the server.',
    options: {
      sack: option('--sack-perm', present, 'Offers SACK.'),
      timestamp: option('--timestamp', present, 'Offers timestamps.'),
      scale: option('--wscale', decimal(14), 'Window scale.'),
      mss: option('--mss', decimal(65535), 'MSS.'),
      ecn: option('--ecn', present, 'Offers ECN.'),
    },
  },
  TPROXY: {
    means: 'Gives the packet to a local socket without changing it.',
    needs: [['port']],
    options: {
      port: option('--on-port', decimal(65535), 'Port of the socket.'),
      address: option('--on-ip', host, 'Address of the socket.'),
      mark: option('--tproxy-mark', xmark, 'Mark to set.'),
    },
  },
  NFQUEUE: {
    means: 'Asks a program.',
    options: {
      number: option('--queue-num', decimal(65535), 'The queue.'),
      balance: option('--queue-balance', word, 'The queues.'),
      bypass: option('--queue-bypass', present, 'Accepts when nobody listens.'),
      fanout: option('--queue-cpu-fanout', present, 'Chooses by processor.'),
    },
  },
  TEE: {
    means: 'Sends a copy elsewhere.',
    needs: [['gateway']],
    options: {
      gateway: option('--gateway', host, 'The gateway.'),
      out: option('--oif', interfaceName, 'The interface.'),
    },
  },
} as const satisfies Record<string, Row>;

const HEADER_CHANGES = {
  TTL: {
    means: 'Changes the time to live.',
    only: 4,
    needs: [['set', 'dec', 'inc']],
    options: {
      set: option('--ttl-set', decimal(255), 'To this.'),
      dec: option('--ttl-dec', decimal(255), 'Less so much.'),
      inc: option('--ttl-inc', decimal(255), 'More so much.'),
    },
  },
  HL: {
    means: 'Changes the hop limit.',
    only: 6,
    needs: [['set', 'dec', 'inc']],
    options: {
      set: option('--hl-set', decimal(255), 'To this.'),
      dec: option('--hl-dec', decimal(255), 'Less so much.'),
      inc: option('--hl-inc', decimal(255), 'More so much.'),
    },
  },
  DSCP: {
    means: 'Sets the differentiated services code point.',
    needs: [['dscp']],
    options: {
      dscp: option('--set-dscp', dscp, 'The code point.', { aka: ['--set-dscp-class'] }),
    },
  },
  TOS: {
    means: 'Changes the type of service byte.',
    needs: [['tos', 'and', 'or', 'xor']],
    options: {
      tos: option('--set-tos', tos, 'Value and mask.'),
      and: option('--and-tos', hexadecimal(255, 2), 'Bits that are kept.'),
      or: option('--or-tos', hexadecimal(255, 2), 'Bits that are set.'),
      xor: option('--xor-tos', hexadecimal(255, 2), 'Bits that are flipped.'),
    },
  },
  ECN: {
    means: 'Changes explicit congestion notification.',
    only: 4,
    needs: [['remove']],
    options: { remove: option('--ecn-tcp-remove', present, 'Clears ECE and CWR.') },
  },
  TCPMSS: {
    means: 'Lowers the MSS option of a SYN.',
    needs: [['set', 'clamp']],
    options: {
      set: option('--set-mss', decimal(65535), 'To this.'),
      clamp: option('--clamp-mss-to-pmtu', present, 'To what the way bears.'),
    },
  },
  TCPOPTSTRIP: {
    means: 'Removes TCP options.',
    options: { options: option('--strip-options', tcpOptionKinds, 'Their kinds.') },
  },
  CHECKSUM: {
    means: 'Finishes a checksum that was left to the hardware.',
    needs: [['fill']],
    options: { fill: option('--checksum-fill', present, 'Does it.') },
  },
} as const satisfies Record<string, Row>;

const RECORDS = {
  LOG: {
    means: 'Writes a line to the kernel log.',
    options: {
      prefix: option('--log-prefix', text, 'It starts with this.'),
      level: option('--log-level', word, 'Its level.', { silent: '4' }),
      tcpSequence: option('--log-tcp-sequence', present, 'With TCP sequence numbers.'),
      tcpOptions: option('--log-tcp-options', present, 'With TCP options.'),
      ipOptions: option('--log-ip-options', present, 'With IP options.'),
      uid: option('--log-uid', present, 'With the user.'),
      mac: option('--log-macdecode', present, 'With the MAC header.'),
    },
  },
  NFLOG: {
    means: 'Gives the packet to a program that logs.',
    options: {
      prefix: option('--nflog-prefix', text, 'With this prefix.'),
      group: option('--nflog-group', decimal(65535), 'The group.', { silent: 0 }),
      range: option('--nflog-range', decimal(), 'Bytes of it (never worked).', { silent: 0 }),
      size: option('--nflog-size', decimal(), 'Bytes of it.'),
      threshold: option('--nflog-threshold', decimal(65535), 'Collects so many.', { silent: 0 }),
    },
  },
  ULOG: {
    means: 'Gives the packet to a program that logs: the old form.',
    only: 4,
    options: {
      prefix: option('--ulog-prefix', text, 'With this prefix.'),
      group: option('--ulog-nlgroup', decimal(32), 'The group.'),
      range: option('--ulog-cprange', decimal(), 'Bytes of it.'),
      threshold: option('--ulog-qthreshold', decimal(50), 'Collects so many.'),
    },
  },
  SET: {
    means: 'Adds the packet to an ipset, or takes it out.',
    needs: [['add', 'del', 'map']],
    options: {
      add: option('--add-set', setReference, 'Adds to this set.'),
      del: option('--del-set', setReference, 'Takes out of this set.'),
      exist: option('--exist', present, 'Renews an entry that is there.'),
      timeout: option('--timeout', decimal(), 'Seconds until it is forgotten.'),
      map: option('--map-set', setReference, 'Takes marks from this set.'),
      mapMark: option('--map-mark', present, 'The packet mark.'),
      mapPriority: option('--map-prio', present, 'The priority.'),
      mapQueue: option('--map-queue', present, 'The queue.'),
    },
  },
  CLASSIFY: {
    means: 'Sets the priority, which chooses a traffic class.',
    needs: [['class']],
    options: { class: option('--set-class', word, 'The class.') },
  },
  TRACE: { means: 'Tells of every rule that the packet matches.', options: {} },
  AUDIT: {
    means: 'Writes an audit record.',
    needs: [['type']],
    options: { type: option('--type', choice('accept', 'drop', 'reject'), 'What is written.') },
  },
  IDLETIMER: {
    means: 'Restarts a timer.',
    needs: [['timeout'], ['label']],
    options: {
      timeout: option('--timeout', decimal(), 'Seconds.'),
      label: option('--label', word, 'Its name.'),
      alarm: option('--alarm', present, 'Wakes the system.'),
    },
  },
  RATEEST: {
    means: 'Measures a rate.',
    needs: [['name'], ['interval'], ['ewma']],
    options: {
      name: option('--rateest-name', word, 'Its name.'),
      interval: option('--rateest-interval', trafficTime, 'How often.'),
      ewma: option('--rateest-ewmalog', trafficTime, 'How smoothly.'),
    },
  },
  LED: {
    means: 'Lights a lamp.',
    needs: [['id']],
    options: {
      id: option('--led-trigger-id', text, 'Which one.'),
      delay: option('--led-delay', word, 'How long.'),
      blink: option('--led-always-blink', present, 'Blinks when it is lit already.'),
    },
  },
  HMARK: {
    means: 'Sets the mark from a hash.',
    needs: [['mod'], ['rnd']],
    options: {
      source: option('--hmark-src-prefix', word, 'Part of the source.'),
      destination: option('--hmark-dst-prefix', word, 'Part of the destination.'),
      sourcePort: option('--hmark-sport-mask', hexadecimal(0xffff, 4), 'Part of the source port.'),
      destinationPort: option('--hmark-dport-mask', hexadecimal(0xffff, 4), 'And of the other.'),
      spi: option('--hmark-spi-mask', hexadecimal(FULL, 8), 'Part of the parameter index.'),
      sport: option('--hmark-sport', hexadecimal(0xffff, 4), 'Source port.'),
      dport: option('--hmark-dport', hexadecimal(0xffff, 4), 'Destination port.'),
      spiValue: option('--hmark-spi', hexadecimal(FULL, 8), 'Security parameter index.'),
      protocol: option('--hmark-proto-mask', hexadecimal(255, 2), 'Part of the protocol.'),
      rnd: option('--hmark-rnd', hexadecimal(FULL, 8), 'Seed.'),
      mod: option('--hmark-mod', decimal(), 'Modulus.'),
      offset: option('--hmark-offset', decimal(), 'Added to the result.'),
      tuple: option('--hmark-tuple', word, 'What is hashed.'),
    },
  },
  CLUSTERIP: {
    means: 'Shares an address among nodes.',
    only: 4,
    options: {
      new: option('--new', present, 'The first rule for the address.'),
      mode: option('--hashmode', word, 'What is hashed.'),
      mac: option('--clustermac', word, 'The multicast MAC.'),
      total: option('--total-nodes', decimal(), 'How many nodes.'),
      local: option('--local-node', decimal(), 'This node.'),
      init: option('--hash-init', word, 'Seed.'),
    },
  },
} as const satisfies Record<string, Row>;

/** Every target by its name. */
export const TARGETS = { ...NAT, ...TRACKING, ...ANSWERS, ...HEADER_CHANGES, ...RECORDS } as const;

export type TargetName = keyof typeof TARGETS;

/** A target whose row is known: its options by key. */
export type KnownTarget = {
  [N in TargetName]: { readonly kind: N; readonly options: OptionsOf<(typeof TARGETS)[N]> };
}[TargetName];
