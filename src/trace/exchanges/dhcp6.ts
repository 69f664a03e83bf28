/** A guest asks for an IPv6 address: SOLICIT, ADVERTISE, REQUEST, REPLY (RFC 8415 §18.2). */
import { formatIpv6 } from '../../packet/addresses.ts';
import {
  DHCP6_MESSAGE,
  DHCP6_OPTION,
  DHCP6_PORT,
  type Dhcp6,
  type Dhcp6Option,
  emitDhcp6,
  parseDhcp6,
} from '../../packet/dhcp6.ts';
import { field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { noAddress, wrongLease } from '../diagnosis/wrong-lease.ts';
import { type TraceOptions } from '../opening.ts';
import { datagram, endsOf } from '../programs/packets.ts';
import { made } from '../programs/program.ts';
import { type Traced } from '../trace.ts';
import { type Content, type Question } from '../types.ts';
import { macBytes } from './client-message.ts';
import { lease6Of } from './lease.ts';
import { onLink } from './link-local.ts';
import { concludeWalk } from './sender.ts';

const ALL_SERVERS = 0xff02_0000_0000_0000_0000_0000_0001_0002n;
/** The Ethernet address of that group (RFC 2464 §7). */
const ALL_SERVERS_MAC = 0x3333_0001_0002n;
const TRANSACTION = 0x01_0001;
const OPTION_REQUEST = 6;
const DNS_SERVERS = 23;
const DOMAIN_SEARCH = 24;

const TO_CLIENT = guard(
  and(
    test(field('eth_type'), 0x86ddn),
    test(field('ip_proto'), 17n),
    test(field('tp_dst'), BigInt(DHCP6_PORT.client)),
  ),
);

/** Traces the exchange. */
export function traceDhcp6(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const link = onLink(compiled, question, options);
  if (link.kind === 'impossible') return link;
  const { nic, own, opening } = link;
  let requested = false;
  let lease: Content | null = null;
  let heardWithout = false;
  const message = (because: Packet | null, type: number, more: readonly Dhcp6Option[]): Packet => {
    const payload = emitDhcp6({
      type,
      transaction: TRANSACTION,
      options: [...asked(nic.mac), ...more],
    });
    const ends = {
      version: 6,
      source: own,
      destination: ALL_SERVERS,
      sourcePort: DHCP6_PORT.client,
      destinationPort: DHCP6_PORT.server,
    } as const;
    const raw = because === null ? {} : { eth_src: nic.mac, eth_dst: ALL_SERVERS_MAC, nw_ttl: 1 };
    return datagram(because, ends, payload, { nw_ttl: 1, ...raw });
  };
  link.listen('dhcpv6 client', TO_CLIENT, (p: Packet) => {
    const heard = parseDhcp6(p.body.payload);
    if (heard === null || heard.transaction !== TRANSACTION) return [];
    if (heard.type === DHCP6_MESSAGE.reply) lease ??= lease6Of(heard, formatIpv6(endsOf(p).source));
    if (!offers(heard)) heardWithout = true;
    if (heard.type !== DHCP6_MESSAGE.advertise || requested || !offers(heard)) return [];
    requested = true;
    const server = heard.options.filter(({ code }) => code === DHCP6_OPTION.serverId);
    return [made('data', message(p, DHCP6_MESSAGE.request, server))];
  });
  const trace = concludeWalk(compiled, opening, link.say(message(null, DHCP6_MESSAGE.solicit, [])));
  const content: Content | null = lease;
  const delivered = content !== null;
  const verdict = trace.delivered && !delivered ? 'UNREACHABLE' : trace.verdict;
  const none = heardWithout && !delivered ? noAddress(compiled, question) : null;
  if (none !== null) {
    return { kind: 'traced', trace: { ...trace, verdict, delivered, content, blockers: [none] } };
  }
  const wrong = wrongLease(compiled, question, content);
  if (wrong !== null) {
    const blamed = { verdict: 'UNREACHABLE', blockers: [wrong] } as const;
    return { kind: 'traced', trace: { ...trace, ...blamed, delivered, content } };
  }
  return { kind: 'traced', trace: { ...trace, verdict, delivered, content } };
}

function offers(message: Dhcp6): boolean {
  return lease6Of(message, '') !== null;
}

/** Who asks, for one address and for what settings. */
function asked(mac: bigint): readonly Dhcp6Option[] {
  const hardware = macBytes(mac);
  return [
    { code: DHCP6_OPTION.clientId, data: Uint8Array.from([0, 3, 0, 1, ...hardware]) },
    { code: OPTION_REQUEST, data: Uint8Array.of(0, DNS_SERVERS, 0, DOMAIN_SEARCH) },
    {
      code: DHCP6_OPTION.nonTemporaryAddresses,
      data: Uint8Array.from([...hardware.slice(2), ...new Array<number>(8).fill(0)]),
    },
  ];
}
