/**
 * haproxy in a walk: takes a connection at a frontend, opens one of its own to a server, and
 * passes data in both directions. Which server of several is left to a choice of the walk.
 */
import {
  type ChosenServer,
  type Fate,
  fateOf,
  frontendOf,
  type Health,
} from '../../dataplane/endpoint/haproxy/choose.ts';
import { type Haproxy, type HaproxyProxy } from '../../dataplane/endpoint/haproxy/types.ts';
import { type Drop } from '../../dataplane/outcome.ts';
import { type Answer, SILENCE } from '../../dataplane/routing/stack.ts';
import { type IpAddress, type Namespace } from '../../dataplane/routing/types.ts';
import { TCP_FLAGS } from '../../packet/fields.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { type Packet } from '../../traffic/packet.ts';
import { nextSegment, openingSegment, sameConnection } from '../request.ts';
import { type Choices } from './choices.ts';
import { endsOf, valueOf } from './packets.ts';
import { made, type Program, refusing, relayed, saying } from './program.ts';

const TCP = 6n;

/** What the balancer knows of the rest of the walk. */
export interface BalancerContext {
  readonly choices: Choices;
  /** Payload bytes of what is passed on. */
  readonly size: number;
  /** Whether a server's port answers to a connection from here. */
  answers(address: IpAddress, port: number): boolean;
  assume(code: 'ASSUME_HEALTH_CHECK', detail: string): void;
}

/** One connection that is passed on. */
interface Relay {
  readonly by: string;
  /** The client's data as it came. */
  readonly asked: Packet;
  /** What went to the server; its answer has these addresses turned around. */
  readonly opened: Packet;
  sent: boolean;
  answered: boolean;
}

/** The haproxy of a namespace. */
export function balancer(config: Haproxy, of: Namespace, context: BalancerContext): Program {
  const relays: Relay[] = [];
  return {
    receive(_run, _socket, p) {
      if (valueOf(p, 'ip_proto') !== TCP) return null;
      const relay = relays.find(({ opened }) => sameConnection(opened, p));
      if (relay !== undefined) return backToClient(relay, p, context.size);
      const incoming = incomingOf(p);
      const at = frontendOf(config, incoming.destination, incoming.destinationPort);
      if (at === null || isControl(p)) return null;
      // Copies of the same data (a flooded frame) open no second connection.
      if (relays.some(({ asked }) => isSameSegment(asked, p))) return SILENCE;
      const isUp: Health = (backend, server) => health(context, backend, server);
      const { frontend, bind } = at;
      const fate = fateOf(config, frontend, { ...incoming, tls: bind.tls, request: null }, isUp);
      return takeUp(of, frontend, fate, context, relays, p);
    },
  };
}

function incomingOf(p: Packet): {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
} {
  const { version, source, destination } = endsOf(p);
  return {
    source: { version, value: source },
    destination: { version, value: destination },
    sourcePort: Number(valueOf(p, 'tp_src')),
    destinationPort: Number(valueOf(p, 'tp_dst')),
  };
}

/** Segments that open or end a connection are the kernel's. */
function isControl(p: Packet): boolean {
  const flags = Number(valueOf(p, 'tcp_flags'));
  return (flags & (TCP_FLAGS.syn | TCP_FLAGS.rst | TCP_FLAGS.fin)) !== 0;
}

function isSameSegment(a: Packet, b: Packet): boolean {
  const names = ['tp_src', 'tp_dst', 'tcp_seq'];
  return (
    endsOf(a).source === endsOf(b).source &&
    names.every((one) => valueOf(a, one) === valueOf(b, one))
  );
}

/** A server is up while its port answers, at the address that its check asks. */
function health(
  context: BalancerContext,
  backend: HaproxyProxy,
  server: Parameters<Health>[1],
): boolean {
  const address = server.checkAddress ?? server.address;
  const port = server.checkPort ?? server.port;
  if (address === null || port === null) return true;
  if (!context.answers(address, port)) return false;
  if (backend.check !== null)
    context.assume('ASSUME_HEALTH_CHECK', `${backend.name}/${server.name}`);
  return true;
}

/** Chooses what becomes of the connection, and begins it. */
function takeUp(
  of: Namespace,
  frontend: HaproxyProxy,
  fate: Fate,
  context: BalancerContext,
  relays: Relay[],
  p: Packet,
): Answer<Packet> | null {
  const key = `${of.host} ${of.name} haproxy ${frontend.name}`;
  const ends = [
    ...fate.servers.map(({ backend, server }) => `${backend.name}/${server.name}`),
    ...fate.refusals.map(({ why }) => why),
  ];
  const index = context.choices.pick(key, ends);
  const chosen = fate.servers[index];
  if (chosen === undefined) {
    const refusal = fate.refusals[index - fate.servers.length];
    // haproxy's own answer is an answer: the client gets it on its connection.
    if (refusal?.answers === true) return null;
    return refusing(
      noServer(of, frontend, refusal?.why ?? 'no server', refusal?.origin ?? frontend.origin),
    );
  }
  return toServer(of, frontend, chosen, relays, p);
}

function noServer(
  of: Namespace,
  frontend: HaproxyProxy,
  evidence: string,
  origin: Drop['origin'],
): Drop {
  return { reason: 'LB_NO_SERVER', where: `${of.name} haproxy ${frontend.name}`, evidence, origin };
}

function toServer(
  of: Namespace,
  frontend: HaproxyProxy,
  { backend, server }: ChosenServer,
  relays: Relay[],
  p: Packet,
): Answer<Packet> | null {
  // A unix socket leads to a program of the same host: whoever listens there has the answer.
  if (server.path !== null) return null;
  const name = `${backend.name}/${server.name}`;
  if (server.address === null) {
    const evidence = `${name}: the address of ${server.host ?? 'the server'} is not known`;
    const where = `${of.name} haproxy ${frontend.name}`;
    return refusing({ reason: 'SNAPSHOT_INCOMPLETE', where, evidence, origin: server.origin });
  }
  const port = server.port ?? Number(valueOf(p, 'tp_dst'));
  const ends = endsOf(p);
  const transparent = backend.transparent ? { version: ends.version, value: ends.source } : null;
  const source = transparent ?? server.source ?? backend.source;
  const opened = openingSegment(p, server.address, port, source);
  relays.push({
    by: `haproxy ${frontend.name}`,
    asked: onePacket.fork(p),
    opened,
    sent: false,
    answered: false,
  });
  const by = `haproxy ${frontend.name}`;
  const noted = relayed({ direction: 'request', by, to: name }, onePacket.fork(opened));
  const said = { p: made('request', noted), device: null, knowsNeighbour: false, opens: true };
  return { said: [said], refusal: null };
}

/** The server's SYN,ACK gets the client's data, its answer goes on to the client. */
function backToClient(relay: Relay, p: Packet, size: number): Answer<Packet> {
  const flags = Number(valueOf(p, 'tcp_flags'));
  if ((flags & TCP_FLAGS.rst) !== 0) return SILENCE;
  if ((flags & TCP_FLAGS.syn) !== 0) {
    if (relay.sent) return SILENCE;
    relay.sent = true;
    return saying(made('data', nextSegment(p, Math.max(1, size))));
  }
  if (relay.answered) return SILENCE;
  relay.answered = true;
  const reply = nextSegment(relay.asked, 1);
  // The answer's story is that of the server's answer, not that of the question.
  reply.diary = onePacket.blank(p).diary;
  const noted = relayed({ direction: 'reply', by: relay.by, to: 'the client' }, reply);
  return saying(made('reply', noted));
}
