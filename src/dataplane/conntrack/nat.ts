/**
 * Address translation: what rules ask for, and its application to every packet of a connection,
 * ICMP errors about it included. Which address and port a first packet gets is decided in
 * nat-kernel.ts and nat-userspace.ts.
 */
import { allBits } from '../../packet/fields.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { type Connection } from './connection.ts';
import { addressFields, F, hasPorts, type PacketClass } from './protocols.ts';
import { type AddressChoiceStep, type PortChoiceStep } from './steps.ts';

/** Which end of a packet is rewritten. */
export type Manip = 'src' | 'dst';

/** What a NAT rule asks for. Null: keep, unless the answer's tuple is taken. */
export interface NatRequest {
  readonly manip: Manip;
  /** Both ends included. */
  readonly addresses: { readonly from: bigint; readonly to: bigint } | null;
  /** NETMAP: only these bits of the address are replaced, by those of `addresses.from`. */
  readonly mask?: bigint;
  readonly ports: { readonly from: number; readonly to: number } | null;
  /** `--random` and `--random-fully`: the port is any of its range. */
  readonly random: boolean;
  /** `--persistent`: a source keeps its address of a range whoever it speaks to. */
  readonly persistent?: boolean;
  /** DNAT only: ports from this one on are laid over the range. */
  readonly base?: number;
}

/** Part of the traffic with its first packet after translation; null when all tuples are taken. */
export interface Bound<P> {
  readonly p: P;
  readonly after: P | null;
  /** The range of which the port is any value; absent when it was kept or given. */
  readonly anyOf?: { readonly from: number; readonly to: number };
}

/** Writes into the diary what was left to chance, so that nobody takes an example for a fact. */
export function noteChoices<P>(
  traffic: Traffic<P>,
  p: P,
  { anyOf }: Bound<P>,
  { manip, addresses, mask }: NatRequest,
): P {
  let noted = p;
  if (addresses !== null && addresses.from !== addresses.to && mask === undefined) {
    noted = traffic.note(noted, (): AddressChoiceStep => ({ kind: 'address-choice', end: manip }));
  }
  if (anyOf === undefined) return noted;
  return traffic.note(noted, (): PortChoiceStep => ({ kind: 'port-choice', end: manip, ...anyOf }));
}

/** Writes the wanted address. */
export function toAddress<P>(traffic: Traffic<P>, p: P, cls: PacketClass, request: NatRequest): P {
  if (request.addresses === null) return p;
  const { from, to } = request.addresses;
  const target = addressFields(cls.version)[request.manip];
  return from === to || request.mask !== undefined
    ? traffic.set(p, assignment(target, from, request.mask))
    : traffic.choose(p, allBits(target), from, to);
}

/** Rewrites one end of a packet of the connection; see `direction` for which values. */
export function translate<P>(
  traffic: Traffic<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  manip: Manip,
): P {
  const { cls } = connection;
  const address = addressFields(cls.version);
  const source = reply ? connection.before : connection.after;
  const from: Manip = reply ? other(manip) : manip;
  const out = traffic.copy(p, allBits(address[manip]), source, allBits(address[from]));
  if (hasPorts(cls.kind)) return translatePort(traffic, out, connection, reply, manip);
  if (cls.kind !== 'icmp') return out;
  // An id belongs to both ends, so either translation writes it (icmp_manip_pkt()).
  return traffic.copy(out, allBits(F.icmpId), source, allBits(F.icmpId));
}

const PORT = { src: F.tpSrc, dst: F.tpDst } as const;

/** Rewrites the port of one end alone; the protocol must have ports. */
export function translatePort<P>(
  traffic: Traffic<P>,
  p: P,
  { before, after, cls }: Connection<P>,
  reply: boolean,
  manip: Manip,
): P {
  if (!hasPorts(cls.kind)) return p;
  const from: Manip = reply ? other(manip) : manip;
  return traffic.copy(p, allBits(PORT[manip]), reply ? before : after, allBits(PORT[from]));
}

export function other(manip: Manip): Manip {
  return manip === 'src' ? 'dst' : 'src';
}

/**
 * Rewrites an ICMP error about the connection: the outer address, and in the quoted packet,
 * which travelled the other way, the opposite end (nf_nat_icmp_reply_translation()).
 */
export function translateError<P>(
  traffic: Traffic<P>,
  p: P,
  connection: Connection<P>,
  reply: boolean,
  manip: Manip,
): P {
  const address = addressFields(connection.cls.version);
  const source = reply ? connection.before : connection.after;
  const from: Manip = reply ? other(manip) : manip;
  const out = traffic.copy(p, allBits(address[manip]), source, allBits(address[from]));
  const quoted = traffic.quoted(out);
  if (quoted === null) return out;
  const end = other(manip);
  let inner = traffic.copy(quoted, allBits(address[end]), source, allBits(address[from]));
  const { kind } = connection.cls;
  if (hasPorts(kind)) {
    const port = { src: F.tpSrc, dst: F.tpDst };
    inner = traffic.copy(inner, allBits(port[end]), source, allBits(port[from]));
  } else if (kind === 'icmp') {
    inner = traffic.copy(inner, allBits(F.icmpId), source, allBits(F.icmpId));
  }
  return traffic.quote(out, inner);
}
