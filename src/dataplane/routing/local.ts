/**
 * A packet is for the host itself: the INPUT hook, then ICMP, TCP, UDP or a raw socket
 * (net/ipv4/ip_input.c ip_local_deliver(), net/ipv6/ip6_input.c ip6_input()).
 * Before it: the route decision. After it: a program, and what the host answers by itself.
 */
import { reassemble } from '../conntrack/defragment.ts';
import { receiveVxlan } from '../linuxbridge/vxlan.ts';
import { answerEcho, answerTimestamp, reset, synAck } from './answer.ts';
import { type Device } from './device.ts';
import { ADDRESSES, B, IS } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { receiveAdvertisement, receiveSolicitation } from './nd.ts';
import { learn } from './neighbour.ts';
import { learnPathMtu } from './path-mtu.ts';
import { repeatedSyn, serve } from './served.ts';
import { drop, passHook, SILENCE, type Work } from './stack.ts';
import { type Socket } from './types.ts';

/** How a packet came to the host. */
interface Arrival {
  readonly device: Device;
  readonly version: 4 | 6;
  /** Broadcast or multicast: nobody answers errors or resets to it. */
  readonly group: boolean;
}

/** Delivers to the host; `group` is true for broadcast and multicast. */
export function deliver<P>(
  work: Work<P>,
  device: Device,
  version: 4 | 6,
  p: P,
  group: boolean,
): void {
  const arrival: Arrival = { device, version, group };
  // IPv6 puts fragments together behind INPUT, IPv4 in front of it.
  const whole = version === 4 ? reassembled(work, arrival, p) : p;
  if (whole === null) return;
  const accepted = passHook(work, 'input', version, whole, (own, passed) =>
    sendError(own, { version, device, type: passed.type, code: passed.code }, passed.p),
  );
  for (const { p: part, work: next } of accepted) {
    const own = toSwitch(next, part);
    if (own !== null) toTransport(next, arrival, own);
  }
}

/** The kernel's tunnel devices of a switch take what is theirs; the rest is for the host. */
function toSwitch<P>(work: Work<P>, p: P): P | null {
  const { switchTunnels } = work.stack;
  if (switchTunnels === null) return p;
  const { hit, miss } = work.run.traffic.split(p, switchTunnels.takes);
  if (hit !== null) work.out.push({ kind: 'sent', port: switchTunnels.port, p: hit });
  return miss;
}

/** ip_defrag(), ipv6_frag_rcv(): what is not a fragment or became whole. */
function reassembled<P>(work: Work<P>, { version }: Arrival, p: P): P | null {
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, IS.fragment);
  if (hit === null) return miss;
  const made = reassemble(work.run, work.stack.fragments, 'local', version, hit);
  if (made.kind === 'kept') delivered(work, 'reassembly', made.p);
  else if (made.kind === 'refused') {
    drop(work, made.p, 'FRAGMENTS_BROKEN', 'reassembly', made.why);
  } else return traffic.join([made.p, ...(miss === null ? [] : [miss])])[0] ?? made.p;
  return miss;
}

/** TCP, UDP and ICMP throw away without a word what arrives damaged. */
function verified<P>(work: Work<P>, p: P): P | null {
  const { hit, miss } = work.run.traffic.split(p, IS.badChecksum);
  if (hit !== null) drop(work, hit, 'CHECKSUM_WRONG', 'transport', 'of the transport header');
  if (miss === null) return null;
  // udp6_csum_zero_error(): programs get none without a checksum, unless they ask (RFC 6935 §5).
  const { hit: bare, miss: summed } = work.run.traffic.split(miss, IS.noChecksum);
  if (bare !== null) drop(work, bare, 'CHECKSUM_WRONG', 'transport', 'UDP over IPv6 without one');
  return summed;
}

function toTransport<P>(work: Work<P>, arrival: Arrival, received: P): void {
  const { traffic } = work.run;
  const joined = arrival.version === 6 ? reassembled(work, arrival, received) : received;
  const p = joined === null ? null : verified(work, joined);
  if (p === null) return;
  const icmp = traffic.split(p, arrival.version === 4 ? IS.icmp : IS.icmpv6);
  if (icmp.hit !== null) {
    if (arrival.version === 4) receiveIcmp(work, arrival, icmp.hit);
    else receiveIcmp6(work, arrival, icmp.hit);
  }
  if (icmp.miss === null) return;
  const tcp = traffic.split(icmp.miss, IS.tcp);
  if (tcp.hit !== null) receiveTcp(work, arrival, tcp.hit);
  if (tcp.miss === null) return;
  const udp = traffic.split(tcp.miss, IS.udp);
  if (udp.hit !== null) receiveUdp(work, arrival, udp.hit);
  if (udp.miss !== null) receiveOther(work, arrival, udp.miss);
}

function delivered<P>(work: Work<P>, to: string, p: P): void {
  work.out.push({ kind: 'delivered', to, p });
}

function receiveIcmp<P>(work: Work<P>, { group }: Arrival, p: P): void {
  const { traffic } = work.run;
  learnPathMtu(work, 4, p);
  // Echo requests to a group stay unanswered (net.ipv4.icmp_echo_ignore_broadcasts = 1).
  const echo = traffic.split(p, IS.echoRequest);
  if (echo.hit !== null) {
    if (!group) answerEcho(work, 4, traffic.fork(echo.hit));
    delivered(work, 'icmp echo', echo.hit);
  }
  if (echo.miss === null) return;
  const time = traffic.split(echo.miss, IS.timestampRequest);
  if (time.hit !== null) {
    if (!group) answerTimestamp(work, traffic.fork(time.hit));
    delivered(work, 'icmp timestamp', time.hit);
  }
  if (time.miss !== null) delivered(work, 'icmp', time.miss);
}

function receiveIcmp6<P>(work: Work<P>, arrival: Arrival, p: P): void {
  const { traffic } = work.run;
  const { device } = arrival;
  const solicit = traffic.split(p, IS.neighbourSolicit);
  if (solicit.hit !== null) receiveSolicitation(work, device, solicit.hit);
  if (solicit.miss === null) return;
  const advert = traffic.split(solicit.miss, IS.neighbourAdvert);
  if (advert.hit !== null) receiveAdvertisement(work, device, advert.hit);
  if (advert.miss === null) return;
  const echo = traffic.split(advert.miss, IS.echoRequest6);
  if (echo.hit !== null) {
    answerEcho(work, 6, traffic.fork(echo.hit));
    delivered(work, 'icmpv6 echo', echo.hit);
  }
  if (echo.miss === null) return;
  learnPathMtu(work, 6, echo.miss);
  toProgram(work, arrival, null, 'icmpv6', echo.miss);
}

/** A known connection first, then a listener for a SYN, else a reset. */
function receiveTcp<P>(work: Work<P>, arrival: Arrival, segment: P): void {
  const { traffic } = work.run;
  const { stack } = work;
  // tcp_v4_rcv(): what came in a broadcast frame is not answered, whatever its address became.
  const { hit: p, miss: cast } = traffic.split(segment, IS.toHost);
  if (cast !== null) refuseTcp(work, { ...arrival, group: true }, cast);
  if (p === null) return;
  const known = repeatedSyn(work, arrival.version, p);
  const rest = known === null ? null : toConnection(work, arrival, known);
  if (rest === null) return;
  const opening = traffic.split(rest, IS.syn);
  if (opening.hit !== null) {
    for (const { entries, p: part } of traffic.lookup(opening.hit, stack.config.sockets.tcp)) {
      const socket = entries[0]?.entry ?? null;
      if (socket === null && stack.applications?.listensEverywhere !== true) {
        refuseTcp(work, arrival, part);
      } else if (!arrival.group) {
        stack.connections = [traffic.fork(part), ...stack.connections].slice(0, CONNECTIONS_MAX);
        const answer = synAck(work, arrival.version, socket, traffic.fork(part));
        serve(work, arrival.version, traffic.fork(part), answer);
        delivered(work, describe(socket, 'tcp'), part);
      }
    }
  }
  if (opening.miss !== null) refuseTcp(work, arrival, opening.miss);
}

/** Connections that one walk remembers; older ones are forgotten. */
const CONNECTIONS_MAX = 1024;

/** Hands over to the connection that was opened before; returns what belongs to none. */
function toConnection<P>(work: Work<P>, arrival: Arrival, p: P): P | null {
  const { traffic } = work.run;
  const { version } = arrival;
  const bits = [
    ADDRESSES[version].source,
    ADDRESSES[version].destination,
    B.sourcePort,
    B.destinationPort,
    B.protocol,
  ];
  const pairs = bits.map((one) => [one, one] as const);
  let rest: P | null = p;
  for (const opened of work.stack.connections) {
    if (rest === null) return null;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.same(rest, opened, pairs);
    if (hit !== null) toProgram(work, arrival, null, 'connection', hit);
    rest = miss;
  }
  return rest;
}

function refuseTcp<P>(work: Work<P>, { version, group }: Arrival, p: P): void {
  const { traffic } = work.run;
  // RFC 9293 §3.5.2: a reset is never answered with a reset.
  const dead = traffic.split(p, IS.rst);
  if (dead.hit !== null) delivered(work, 'tcp', dead.hit);
  if (dead.miss === null) return;
  if (!group) reset(work, version, traffic.fork(dead.miss));
  drop(
    work,
    dead.miss,
    'NOT_LISTENING',
    'tcp',
    group ? 'no socket' : 'no socket; a reset was sent',
  );
}

function receiveUdp<P>(work: Work<P>, arrival: Arrival, p: P): void {
  const { traffic } = work.run;
  const { stack } = work;
  const plain = fromTunnels(work, p);
  const unowned = plain === null ? null : toConnection(work, arrival, plain);
  if (unowned === null) return;
  for (const { entries, p: part } of traffic.lookup(unowned, stack.config.sockets.udp)) {
    const socket = entries[0]?.entry ?? null;
    if (socket !== null || stack.applications?.listensEverywhere === true) {
      toProgram(work, arrival, socket, describe(socket, 'udp'), part);
      continue;
    }
    if (!arrival.group) {
      const [type, code] = arrival.version === 4 ? [3, 3] : [1, 4];
      const { version, device } = arrival;
      // UDP lets go of the connection before it answers (nf_reset_ct()).
      sendError({ ...work, handle: null }, { version, device, type, code }, traffic.fork(part));
    }
    drop(work, part, 'NOT_LISTENING', 'udp', 'no socket; port unreachable was sent');
  }
}

/** The kernel's own VXLAN sockets come before any program's. */
function fromTunnels<P>(work: Work<P>, p: P): P | null {
  const { frames, unknownVni, rest } = receiveVxlan(work.run, work.stack.vxlans, p);
  for (const { device, p: inner } of frames) {
    work.later({ kind: 'arrive', device, handle: null, prerouted: false, p: inner });
  }
  if (unknownVni !== null) drop(work, unknownVni, 'VNI_MAP_MISSING', 'vxlan', 'no device has it');
  return rest;
}

/** Lets the program answer; what it says is sent as the host's own packet. */
function toProgram<P>(
  work: Work<P>,
  { device, version }: Arrival,
  socket: Socket | null,
  name: string,
  p: P,
): void {
  const { applications } = work.stack;
  const { traffic } = work.run;
  const own = device.of.name;
  const { said, refusal } = applications?.answer(work.run, socket, traffic.fork(p), own) ?? SILENCE;
  for (const one of said) {
    if (one.knowsNeighbour) {
      const bits = { address: ADDRESSES[version].destination, mac: B.ethDestination };
      learn(work, { device: one.device ?? own, version, p: traffic.fork(one.p), ...bits });
    }
    const { opens, p: made } = one;
    work.later({ kind: 'emit', version, device: one.device, handle: null, opens, p: made });
  }
  if (refusal === null) delivered(work, name, p);
  else work.out.push({ kind: 'dropped', drop: refusal, p });
}

/** Other protocols belong to raw sockets; without one they are unreachable. */
function receiveOther<P>(work: Work<P>, { version, device, group }: Arrival, p: P): void {
  const { traffic } = work.run;
  const { config } = work.stack;
  for (const { entries, p: part } of traffic.lookup(p, config.sockets.rawProtocols)) {
    const socket = entries[0]?.entry;
    if (socket !== undefined) {
      delivered(work, describe(socket, 'raw'), part);
      continue;
    }
    if (!group) {
      const [type, code] = version === 4 ? [3, 2] : [4, 1];
      sendError(work, { version, device, type, code }, traffic.fork(part));
    }
    drop(work, part, 'NOT_LISTENING', 'ip', 'no socket; protocol unreachable was sent');
  }
}

function describe(socket: Socket | null, protocol: string): string {
  if (socket === null) return `${protocol} socket`;
  return `${protocol} ${socket.port}${socket.process === '' ? '' : ` (${socket.process})`}`;
}
