/** The packet that the flags of a command describe. */
import { type FlowFields, parseFlowFields, type Shorthand } from '../trace/flow-fields.ts';
import { type PacketQuestion } from '../trace/types.ts';
import { UsageError } from './exit-codes.ts';

export interface PacketFlags {
  readonly icmp?: boolean;
  readonly tcp?: number;
  readonly udp?: number;
  readonly flow?: string;
  readonly ipv6?: boolean;
  readonly size?: number;
  readonly df?: boolean;
}

/** Payload bytes: as ping(8) sends, and some for the others. */
const USUAL_SIZE = { icmp: 56, other: 16 } as const;

/** The question about a packet; wrong or contradicting flags are usage errors. */
export function packetQuestion(flags: PacketFlags): PacketQuestion {
  const asked = [
    ...(flags.icmp === true ? (['icmp'] as const) : []),
    ...(flags.tcp === undefined ? [] : (['tcp'] as const)),
    ...(flags.udp === undefined ? [] : (['udp'] as const)),
  ];
  if (asked.length > 1) throw new UsageError('give one of --icmp, --tcp, --udp');
  const [named] = asked;
  const flow = flags.flow === undefined ? null : flowFields(flags.flow, named, flags.ipv6 === true);
  const protocol = named ?? protocolOf(flow);
  return {
    protocol,
    sourcePort: flow?.sourcePort ?? null,
    destinationPort: flags.tcp ?? flags.udp ?? flow?.destinationPort ?? null,
    source: flow?.source ?? null,
    icmpId: null,
    size: flags.size ?? (protocol === 'icmp' ? USUAL_SIZE.icmp : USUAL_SIZE.other),
    dontFragment: flags.df ?? false,
    flow,
  };
}

/** IP protocol numbers that have a flag of their own. */
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

function flowFields(
  text: string,
  named: 'icmp' | 'tcp' | 'udp' | undefined,
  six: boolean,
): FlowFields {
  const shorthand: Shorthand | null = named === undefined ? null : six ? `${named}6` : named;
  const { value, problems } = parseFlowFields(text, shorthand);
  if (value === null || problems.length > 0) {
    const [first] = problems;
    const where = first === undefined ? [] : [`  ${text}`, `  ${' '.repeat(first.column - 1)}^`];
    const hint = first?.didYouMean === undefined ? '' : ` (did you mean ${first.didYouMean}?)`;
    const what = first === undefined ? 'not understood' : `${first.message}: ${first.text}${hint}`;
    throw new UsageError(`--flow column ${first?.column ?? 1}: ${what}`, ...where);
  }
  const wanted = named === undefined ? null : protocolOf(value);
  if (wanted !== null && wanted !== named) {
    throw new UsageError(`--flow describes a ${wanted} packet, but --${named} was given`);
  }
  return value;
}
