/** Packets and runs for the tests of connection tracking. */

import { type Run } from '../../../src/dataplane/outcome.ts';
import { FIELDS, field, TCP_FLAGS } from '../../../src/packet/fields.ts';
import { readIp } from '../../../src/text/address-text.ts';
import { blankPacket, numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { assignment } from '../../../src/traffic/words.ts';

/** A run on one packet whose clock the test sets. */
export function packetRun(): Run<Packet> & { readonly assumed: string[] } {
  const assumed: string[] = [];
  return {
    traffic: onePacket,
    now_us: 0,
    assumed,
    assume: (reason, detail) => {
      assumed.push(`${reason} ${detail}`);
    },
  };
}

export interface PacketText {
  readonly src: string;
  readonly dst: string;
  readonly proto: 'tcp' | 'udp' | 'icmp' | 'icmp6' | number;
  readonly sport?: number;
  readonly dport?: number;
  /** Letters of S A F R P U E C. */
  readonly flags?: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly win?: number;
  /** Hexadecimal TCP options. */
  readonly opts?: string;
  readonly length?: number;
  readonly type?: number;
  readonly code?: number;
  readonly id?: number;
  readonly quoted?: Packet;
}

const LETTERS: Readonly<Record<string, number>> = {
  F: TCP_FLAGS.fin,
  S: TCP_FLAGS.syn,
  R: TCP_FLAGS.rst,
  P: TCP_FLAGS.psh,
  A: TCP_FLAGS.ack,
  U: TCP_FLAGS.urg,
  E: TCP_FLAGS.ece,
  C: TCP_FLAGS.cwr,
};
const NUMBERS = { tcp: 6, udp: 17, icmp: 1, icmp6: 58 } as const;

export function packet(text: PacketText): Packet {
  const p = blankPacket();
  const put = (name: string, value: number | bigint): void => {
    for (const { word, value: bits, mask } of assignment(field(name), BigInt(value)).words) {
      p.words[word] = (((p.words[word] ?? 0) & ~mask) | bits) >>> 0;
    }
  };
  const src = readIp(text.src);
  const dst = readIp(text.dst);
  if (src === undefined || dst === undefined) throw new Error('an address of the test is wrong');
  put('eth_type', src.version === 4 ? 0x800 : 0x86dd);
  put(src.version === 4 ? 'ip_src' : 'ipv6_src', src.value);
  put(src.version === 4 ? 'ip_dst' : 'ipv6_dst', dst.value);
  put('ip_proto', typeof text.proto === 'number' ? text.proto : NUMBERS[text.proto]);
  put('tp_src', text.sport ?? text.type ?? 0);
  put('tp_dst', text.dport ?? text.code ?? 0);
  put('icmp_id', text.id ?? 0);
  let flags = 0;
  for (const letter of text.flags ?? '') flags |= LETTERS[letter] ?? 0;
  put('tcp_flags', flags);
  put('tcp_seq', (text.seq ?? 0) >>> 0);
  put('tcp_ack', (text.ack ?? 0) >>> 0);
  put('tcp_window', text.win ?? 65_535);
  p.quoted = text.quoted ?? null;
  p.body = {
    ...p.body,
    payload: new Uint8Array(text.length ?? 0),
    tcpOptions: Uint8Array.from((text.opts ?? '').match(/../g) ?? [], (b) =>
      Number.parseInt(b, 16),
    ),
  };
  return p;
}

/** A field of a packet, low 32 bits. */
export function read(p: Packet, name: string): number {
  const of = FIELDS.get(name);
  if (of === undefined) throw new Error(`no field ${name}`);
  return numberOf(p, of);
}

/** The names of the ct_state bits that are set, in the order of ovs-fields(7). */
export function stateOf(p: Packet): string {
  const bits = read(p, 'ct_state');
  return ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat']
    .filter((_, i) => (bits & (1 << i)) !== 0)
    .filter((name) => name !== 'trk')
    .join('+');
}
