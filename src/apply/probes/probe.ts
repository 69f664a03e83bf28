/**
 * A chosen packet as a frame that a guest would send, and what the model says becomes of it. Before:
 * choices and the network as it shall be; after: probes with their places on live hosts.
 *
 * Simplification: servers whose NIC is no device of the host's kernel (vhost-user) are not probed,
 * and virtual machines on a Linux bridge only as receivers: no switch takes a frame for their port.
 */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { deviceName } from '../../model/ids.ts';
import { field } from '../../packet/fields.ts';
import { readIp, writeIp, writeMac } from '../../text/address-text.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { sightingsOf } from '../../trace/sightings.ts';
import { prepareTracing, type Tracer } from '../../trace/tracer.ts';
import { type Observation, type TraceEnd } from '../../trace/types.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { forkPacket, numberOf, type Packet } from '../../traffic/packet.ts';
import { bytesFromPacket, packetFromBytes } from '../../traffic/wire.ts';
import { assignment, readField } from '../../traffic/words.ts';
import { type Chosen } from './choose.ts';

/** Where a guest's frames are seen, and where some are sent as if they were its own. */
export interface Seat {
  readonly host: string;
  /** The host's end of the guest's cable. */
  readonly tap: string;
  /** The other end, where the host shows it (a container); frames are sent from it. */
  readonly inside: { readonly namespace: string; readonly device: string } | null;
  /** The bridge of the switch that the tap is a port of: it takes frames for a port. */
  readonly bridge: string | null;
  readonly mac: string;
  /** The guest's own address, to ask whether it is there; null for IPv6. */
  readonly address: string | null;
}

export interface Probe extends Chosen {
  readonly sender: Seat;
  readonly receiver: Seat;
  readonly arrives: boolean;
  /** What the receiver shall see; null when it shall see nothing, or anything of it is open. */
  readonly observed: Observation | null;
  /** The frame that the sender's guest would put on its cable. */
  readonly frame: Packet;
}

/** One sending of a probe: no two carry the same mark. */
export interface Shot {
  readonly probe: Probe;
  readonly bytes: Uint8Array;
  /** Bytes that are found in this frame alone, wherever and however it arrives. */
  readonly mark: Uint8Array;
}

/** Probes, and sentences about choices that cannot be sent or are not sure. */
export interface Readied {
  readonly probes: readonly Probe[];
  readonly left: readonly string[];
}

/**
 * @param end the network as it shall be
 * @param seen hosts as they were read, with the insides of guests that they show
 */
export function readyProbes(chosen: readonly Chosen[], end: Network, seen: Network): Readied {
  const tracer = prepareTracing(end, { oneWay: true });
  const probes: Probe[] = [];
  const left = new Set<string>();
  for (const one of chosen) {
    const made = probeOf(one, end, seen, tracer);
    if (typeof made === 'string') left.add(`${one.from} → ${one.to}: ${made}`);
    else probes.push(made);
  }
  return { probes, left: [...left] };
}

const F = {
  ethType: field('eth_type'),
  source: field('tp_src'),
  id: field('icmp_id'),
  seq: field('tcp_seq'),
} as const;
/** Bytes of a mark in a payload. */
const MARK_BYTES = 16;

function probeOf(chosen: Chosen, end: Network, seen: Network, tracer: Tracer): Probe | string {
  const { from, to, protocol, port, sourcePort, change } = chosen;
  const asked = askedQuestion(end, {
    from,
    to,
    protocol,
    size: MARK_BYTES,
    ...(protocol === 'icmp' ? {} : { port, ...(sourcePort === null ? {} : { sourcePort }) }),
  });
  if (asked.kind === 'wrong') return asked.message;
  const sender = seatOf(asked.value.from, end, seen);
  const receiver = seatOf(asked.value.to, end, seen);
  if (sender === null || receiver === null) {
    const silent = sender === null ? from : to;
    return `not sent, as the kernel of its host shows no tap of ${silent} (vhost-user, or it does not run)`;
  }
  if (sender.inside === null && sender.bridge === null)
    return `not sent, as ${sender.tap} leads a Linux bridge to a virtual machine: a frame that the host sends there goes into the guest`;
  const traced = tracer.trace(asked.value);
  if (traced.kind === 'impossible') return traced.why;
  const { verdict, requestDelivered: arrives, observed } = traced.trace;
  if (verdict === 'AMBIGUOUS' || verdict === 'UNDETERMINED')
    return 'what becomes of it is not sure';
  if (arrives !== (change === 'opened' || change === 'kept'))
    return 'the walk of one packet and the proof differ';
  const first = sightingsOf(traced.trace).find(
    ({ role, packet }) =>
      role === 'request' && [0x0800, 0x86dd].includes(numberOf(packet, F.ethType)),
  );
  if (first === undefined) return 'the sender would find no neighbour to send it to';
  return { ...chosen, sender, receiver, arrives, observed, frame: first.packet };
}

function seatOf(at: TraceEnd, end: Network, seen: Network): Seat | null {
  const { host, port, address } = at;
  if (host === null || port === null) return null;
  const tap = deviceName('tap', port);
  const root = seen.namespace(host, ROOT)?.state.interfaces ?? [];
  if (!root.some(({ name }) => name === tap)) return null;
  const id = { host, namespace: ROOT, name: tap };
  const wire = seen.wire(id);
  const inside =
    wire.kind === 'interface' && wire.to.host === host && wire.to.namespace !== ROOT
      ? { namespace: wire.to.namespace, device: wire.to.name }
      : null;
  const neutron = end.neutron.ports.find(({ id: one }) => one === port);
  if (neutron === undefined) return null;
  const own = neutron.fixedIps[0]?.address;
  return {
    host,
    tap,
    inside,
    bridge: end.switchPortOf(id)?.bridge ?? null,
    mac: writeMac(neutron.mac),
    address: own?.version === 4 && address?.version === 4 ? writeIp(own) : null,
  };
}

/** A frame of a probe with a mark of its own, and a port or id that no connection has yet. */
export function shot(probe: Probe, random: Uint8Array): Shot {
  const { protocol, sourcePort, frame } = probe;
  const number = ((random[0]! << 8) | random[1]!) & 0xfff;
  const mark = protocol === 'tcp' ? random.slice(2, 6) : random.slice(0, MARK_BYTES);
  let p = forkPacket(frame);
  if (protocol === 'tcp') p = onePacket.set(p, assignment(F.seq, BigInt(numberAt(mark))));
  else p = { ...p, body: { ...p.body, payload: mark } };
  if (protocol === 'icmp') p = onePacket.set(p, assignment(F.id, BigInt(0x5000 | number)));
  else if (sourcePort === null) p = onePacket.set(p, assignment(F.source, BigInt(0xd000 + number)));
  return { probe, bytes: bytesFromPacket(p), mark };
}

function numberAt(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

/** In what a frame that arrived is not what its receiver should see; null when it is. */
export function arrivedOtherwise({ observed }: Probe, bytes: Uint8Array): string | null {
  if (observed === null) return null;
  const { words } = packetFromBytes(bytes).value;
  const ip = words[F.ethType.word] === 0x86dd ? 'ipv6' : 'ip';
  for (const [side, wanted] of [
    ['src', observed.source],
    ['dst', observed.destination],
  ] as const) {
    const value = wanted === null ? undefined : readIp(wanted)?.value;
    if (value === undefined || readField(words, field(`${ip}_${side}`)) === value) continue;
    return `with another ${side === 'src' ? 'source' : 'destination'} address`;
  }
  return null;
}

/** `b1 → b2 tcp 80`. */
export function probeName({ from, to, protocol, port }: Chosen): string {
  return `${from} → ${to} ${protocol}${protocol === 'icmp' ? '' : ` ${port}`}`;
}
