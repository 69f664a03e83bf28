/**
 * A guest asks for an IPv4 address: DISCOVER, OFFER, REQUEST, ACK (RFC 2131 §3.1), each a packet
 * through the network. The client has no address yet; it works on raw frames as dhclient does.
 */
import { sendFrame } from '../../dataplane/routing/namespace.ts';
import { type PacketSocket } from '../../dataplane/routing/stack.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import {
  DHCP_MESSAGE,
  DHCP_OPTION,
  DHCP_PORT,
  type Dhcp,
  type DhcpOption,
  dhcpOption,
  emitDhcp,
  parseDhcp,
} from '../../packet/dhcp.ts';
import { field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { wrongLease } from '../diagnosis/wrong-lease.ts';
import { openQuestion, type TraceOptions } from '../opening.ts';
import { datagram } from '../programs/packets.ts';
import { made } from '../programs/program.ts';
import { portAnswers, type Traced } from '../trace.ts';
import { type Content, type Question } from '../types.ts';
import { clientMessage, macBytes, TRANSACTION } from './client-message.ts';
import { isAcknowledgement, leaseOf } from './lease.ts';
import { concludeWalk, madeAt, nicOf } from './sender.ts';

const EVERYBODY = 0xffff_ffffn;
const TO_CLIENT = guard(
  and(
    test(field('eth_type'), 0x0800n),
    test(field('ip_proto'), 17n),
    test(field('tp_dst'), BigInt(DHCP_PORT.client)),
  ),
);

/** Traces the exchange. */
export function traceDhcp(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const opening = openQuestion(compiled, question, options, portAnswers(compiled, options), 4);
  if (opening.kind === 'impossible') return opening;
  const { run, sender, asked } = opening;
  const nic = nicOf(compiled.network, sender.stack.config.of, asked.from);
  if (nic === undefined) {
    return { kind: 'impossible', why: `${asked.from.label} has no network interface` };
  }
  const client = dhcpClient(nic);
  sender.stack.packetSockets = [client.socket];
  const discover = madeAt(opening, frame(nic, null, DHCP_MESSAGE.discover, []));
  const outcomes = sendFrame(run, sender.stack, nic.name, discover);
  const trace = concludeWalk(compiled, opening, outcomes);
  const content = client.lease();
  const verdict = trace.delivered && content === null ? 'UNDETERMINED' : trace.verdict;
  const delivered = content !== null;
  const wrong = wrongLease(compiled, asked, content ?? offered(trace.copies, nic));
  if (wrong !== null) {
    const blamed = { verdict: 'UNREACHABLE', blockers: [wrong] } as const;
    return { kind: 'traced', trace: { ...trace, ...blamed, delivered, content } };
  }
  return { kind: 'traced', trace: { ...trace, verdict, delivered, content } };
}

/** What a server offered in vain: a firewall lets answers pass to the port’s own address only. */
function offered(copies: readonly Packet[], nic: Interface): Content | null {
  for (const { body } of copies) {
    const { value: message } = parseDhcp(body.payload);
    if (message?.op === 2 && isMine(message, nic)) return leaseOf(message);
  }
  return null;
}

interface DhcpClient {
  readonly socket: PacketSocket<Packet>;
  lease(): Content | null;
}

function dhcpClient(nic: Interface): DhcpClient {
  let requested = false;
  let lease: Content | null = null;
  const hear = (p: Packet): readonly Packet[] => {
    const { value: message } = parseDhcp(p.body.payload);
    if (message === null || message.op !== 2 || !isMine(message, nic)) return [];
    const type = dhcpOption(message, DHCP_OPTION.messageType)?.[0];
    if (isAcknowledgement(message)) lease ??= leaseOf(message);
    // Of several offers the first is taken (RFC 2131 §4.4.1).
    if (type !== DHCP_MESSAGE.offer || requested) return [];
    requested = true;
    const server = dhcpOption(message, DHCP_OPTION.serverId) ?? new Uint8Array(4);
    const wanted = [
      { code: DHCP_OPTION.serverId, data: server },
      { code: DHCP_OPTION.requestedAddress, data: bytes(message.yourAddress) },
    ];
    return [made('data', frame(nic, p, DHCP_MESSAGE.request, wanted))];
  };
  const socket = {
    device: nic.name,
    filter: TO_CLIENT,
    name: 'dhcp client',
    hear: (_run: unknown, p: Packet) => hear(p),
  };
  return { socket, lease: () => lease };
}

function isMine({ transaction, clientHardware }: Dhcp, { mac }: Interface): boolean {
  return (
    transaction === TRANSACTION && macBytes(mac).every((byte, i) => clientHardware[i] === byte)
  );
}

/** A message of the client as a whole frame: from nobody to everybody. */
function frame(
  { mac }: Interface,
  because: Packet | null,
  type: number,
  options: readonly DhcpOption[],
): Packet {
  const payload = emitDhcp(clientMessage(mac, type, options));
  const ends = {
    version: 4,
    source: 0n,
    destination: EVERYBODY,
    sourcePort: DHCP_PORT.client,
    destinationPort: DHCP_PORT.server,
  } as const;
  const link = { eth_src: mac, eth_dst: 0xffff_ffff_ffffn, nw_ttl: 128, nw_tos: 0x10 };
  return datagram(because, ends, payload, link);
}

function bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}
