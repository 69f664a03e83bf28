/**
 * dnsmasq in a walk: reads the messages that reach its sockets and sends what its configuration
 * gives. The answer to a client without address goes to the client's MAC, which dnsmasq writes
 * into the kernel's neighbour table (dhcp.c dhcp_packet()).
 */
import { answerDhcp } from '../../dataplane/endpoint/dnsmasq/answer4.ts';
import { answerDhcp6 } from '../../dataplane/endpoint/dnsmasq/answer6.ts';
import { type Dnsmasq } from '../../dataplane/endpoint/dnsmasq/types.ts';
import { type Drop } from '../../dataplane/outcome.ts';
import { type Answer } from '../../dataplane/routing/stack.ts';
import { type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import {
  DHCP_OPTION,
  DHCP_PORT,
  type Dhcp,
  dhcpOption,
  emitDhcp,
  parseDhcp,
} from '../../packet/dhcp.ts';
import { DHCP6_PORT, emitDhcp6, parseDhcp6 } from '../../packet/dhcp6.ts';
import { type Origin } from '../../text/problem.ts';
import { type Packet } from '../../traffic/packet.ts';
import { datagram, endsOf, linkLocalTowards, valueOf } from './packets.ts';
import { made, type Program, refusing, saying } from './program.ts';

const UDP = 17n;
const EVERYBODY = 0xffff_ffffn;

/** The dnsmasq of a namespace. */
export function dhcpServer(config: Dnsmasq, of: Namespace): Program {
  return {
    receive(_run, _socket, p, device) {
      if (valueOf(p, 'ip_proto') !== UDP) return null;
      const on = of.interfaces.find(({ name }) => name === device);
      if (on === undefined) return null;
      const port = Number(valueOf(p, 'tp_dst'));
      if (port === DHCP_PORT.server) return answer4(config, of, on, p);
      return port === DHCP6_PORT.server ? answer6(config, of, on, p) : null;
    },
  };
}

function answer4(config: Dnsmasq, of: Namespace, on: Interface, p: Packet): Answer<Packet> {
  const { value: request } = parseDhcp(p.body.payload);
  if (request === null) return refusing(noLease(of, 'not a DHCP message', null));
  const answer = answerDhcp(config, on, request);
  if (answer.kind !== 'answer') return refusing(unanswered(of, answer));
  const { message } = answer;
  const payload = emitDhcp(message);
  const toClient = answer.broadcast
    ? EVERYBODY
    : BigInt(message.yourAddress || message.clientAddress);
  const ends = {
    version: 4,
    source: serverOf(message),
    destination: toClient,
    sourcePort: DHCP_PORT.server,
    destinationPort: DHCP_PORT.client,
  } as const;
  const mac = { eth_dst: macOf(message) };
  const reply = made('reply', datagram(p, ends, payload, answer.broadcast ? {} : mac));
  const said = { p: reply, device: on.name, knowsNeighbour: !answer.broadcast, opens: false };
  return { said: [said], refusal: null };
}

function unanswered(
  of: Namespace,
  answer: {
    readonly kind: 'silent' | 'open';
    readonly why: string;
    readonly origin: Origin | null;
  },
): Drop {
  // Simplification: which free address dnsmasq picks from a range (a hash of the MAC, and pings)
  // is not computed, so such an exchange ends undetermined.
  const reason = answer.kind === 'open' ? 'SNAPSHOT_INCOMPLETE' : 'DHCP_NO_ADDRESS';
  return { reason, where: `${of.name} dnsmasq`, evidence: answer.why, origin: answer.origin };
}

function noLease(of: Namespace, evidence: string, origin: Origin | null): Drop {
  return { reason: 'DHCP_NO_ADDRESS', where: `${of.name} dnsmasq`, evidence, origin };
}

function serverOf(message: Dhcp): bigint {
  const id = dhcpOption(message, DHCP_OPTION.serverId);
  return (id ?? new Uint8Array(4)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function macOf({ clientHardware }: Dhcp): bigint {
  return clientHardware.subarray(0, 6).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function answer6(config: Dnsmasq, of: Namespace, on: Interface, p: Packet): Answer<Packet> {
  const request = parseDhcp6(p.body.payload);
  if (request === null) return refusing(noLease(of, 'not a DHCPv6 message', null));
  const answer = answerDhcp6(config, on, valueOf(p, 'eth_src'), request);
  if (answer.kind !== 'answer') return refusing(unanswered(of, answer));
  const client = endsOf(p).source;
  const ends = {
    version: 6,
    source: linkLocalTowards(on, client),
    destination: client,
    sourcePort: DHCP6_PORT.server,
    destinationPort: DHCP6_PORT.client,
  } as const;
  const { said, refusal } = saying(made('reply', datagram(p, ends, emitDhcp6(answer.message))));
  return { said: said.map((one) => ({ ...one, device: on.name })), refusal };
}
