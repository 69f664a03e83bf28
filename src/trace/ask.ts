/**
 * From words to a question: who sends to whom, and which packet. What is wrong with the words is
 * said in sentences, with the column or the candidates where there are some; nothing is guessed.
 */
import { type Network } from '../dataplane/network.ts';
import { type ResolvedEnd, resolveEnd, type Wanted } from './ends.ts';
import { exchangeTarget } from './exchanges/targets.ts';
import { type FlowFields, parseFlowFields, type Shorthand } from './flow-fields.ts';
import { type PacketQuestion, type Question } from './types.ts';

/** A question in words. Everything but the ends may be left out. */
export interface Asked {
  /** VM name, port id, tap, address, `NAME@NETWORK`, `HOST:INTERFACE`, `router:`, `external:`. */
  readonly from: string;
  /** The same, or `dhcp`, `dhcp6`, `slaac`, `metadata`, `arp:ADDRESS` for such exchanges. */
  readonly to: string;
  /** Usually `icmp`, or what `flow` says. */
  readonly protocol?: 'icmp' | 'tcp' | 'udp';
  /** Destination port of TCP and UDP. */
  readonly port?: number;
  readonly sourcePort?: number;
  /** Payload bytes; usually 56 for ICMP and 16 for the rest. */
  readonly size?: number;
  readonly dontFragment?: boolean;
  /** Header fields in the syntax of `ovs-appctl ofproto/trace`: `tcp,tcp_dst=443,dl_src=…`. */
  readonly flow?: string;
  /** Which addresses of the ends are meant; IPv4 where both have one. */
  readonly version?: 4 | 6;
}

export type Understood<T> =
  | { readonly kind: 'understood'; readonly value: T }
  | {
      readonly kind: 'wrong';
      readonly message: string;
      /** Candidates, or the place in the text; a line each, not escaped. */
      readonly details: readonly string[];
    };

/** The question that the words ask, over this network. */
export function askedQuestion(network: Network, asked: Asked): Understood<Question> {
  const packet = askedPacket(asked);
  if (packet.kind === 'wrong') return packet;
  const { flow } = packet.value;
  const version = asked.version ?? flow?.version ?? null;
  const wanted: Wanted = version === null ? {} : { version };
  const from = end(network, asked.from, { ...wanted, side: 'from' });
  if (from.kind === 'wrong') return from;
  const special = exchangeTarget(network, asked.to, from.value.end, version === 6 ? 6 : 4);
  if (special !== null) {
    const { to, packet: own } = special;
    return understood({ from: from.value.end, to, packet: { ...packet.value, ...own } });
  }
  const to = end(network, asked.to, { ...wanted, side: 'to', other: from.value });
  if (to.kind === 'wrong') return to;
  const address = flow?.destination ?? to.value.end.address;
  if (address === null) {
    const which = version === null ? '' : ` IPv${version}`;
    return wrong(`${to.value.end.label} has no${which} address in the snapshot`);
  }
  return understood({
    from: from.value.end,
    to: { ...to.value.end, address },
    packet: packet.value,
  });
}

/** Payload bytes: as ping(8) sends, and some for the others. */
const USUAL_SIZE = { icmp: 56, other: 16 } as const;

/** The packet alone: whether the words about it fit together needs no network. */
export function askedPacket(asked: Omit<Asked, 'from' | 'to'>): Understood<PacketQuestion> {
  const fields = askedFields(asked);
  if (fields.kind === 'wrong') return fields;
  const flow = fields.value;
  const protocol = asked.protocol ?? protocolOf(flow);
  if (flow !== null && asked.protocol !== undefined && protocolOf(flow) !== asked.protocol) {
    return wrong(
      `the fields describe a ${protocolOf(flow)} packet, but ${asked.protocol} was asked`,
    );
  }
  return understood({
    protocol,
    sourcePort: asked.sourcePort ?? flow?.sourcePort ?? null,
    destinationPort: asked.port ?? flow?.destinationPort ?? null,
    source: flow?.source ?? null,
    icmpId: null,
    size: asked.size ?? (protocol === 'icmp' ? USUAL_SIZE.icmp : USUAL_SIZE.other),
    dontFragment: asked.dontFragment ?? false,
    flow,
  });
}

/** IP protocol numbers that have a name of their own here. */
const PROTOCOLS: Readonly<Record<number, 'icmp' | 'tcp' | 'udp'>> = {
  1: 'icmp',
  58: 'icmp',
  6: 'tcp',
  17: 'udp',
};

function protocolOf(flow: FlowFields | null): PacketQuestion['protocol'] {
  if (flow?.protocol === undefined || flow.protocol === null) return 'icmp';
  return PROTOCOLS[flow.protocol] ?? 'flow';
}

function askedFields({
  flow: text,
  protocol,
  version,
}: Omit<Asked, 'from' | 'to'>): Understood<FlowFields | null> {
  if (text === undefined) return understood(null);
  const named = protocol ?? null;
  const shorthand: Shorthand | null = named === null ? null : version === 6 ? `${named}6` : named;
  const { value, problems } = parseFlowFields(text, shorthand);
  if (value !== null && problems.length === 0) return understood(value);
  const [first] = problems;
  if (first === undefined) return wrong('the fields were not understood');
  const hint = first.didYouMean === undefined ? '' : ` (did you mean ${first.didYouMean}?)`;
  return {
    kind: 'wrong',
    message: `${first.file} column ${first.column}: ${first.message}: ${first.text}${hint}`,
    details: [`  ${text}`, `  ${' '.repeat(Math.max(0, first.column - 1))}^`],
  };
}

function end(network: Network, word: string, wanted: Wanted): Understood<ResolvedEnd> {
  const resolution = resolveEnd(network, word, wanted);
  if (resolution.kind === 'found') return understood(resolution.resolved);
  if (resolution.kind === 'unknown') return wrong(resolution.message);
  const details = [
    ...resolution.candidates.map((one) => `  ${one}`),
    'name it by the first word of a line',
  ];
  return { kind: 'wrong', message: `${word} may be one of`, details };
}

function understood<T>(value: T): Understood<T> {
  return { kind: 'understood', value };
}

function wrong(message: string): Understood<never> {
  return { kind: 'wrong', message, details: [] };
}
