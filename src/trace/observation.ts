/**
 * What the receiver of a packet saw: addresses and ports of its header, less those values that
 * were left to chance on the way. Part of the conclusion.
 */
import { type AddressChoiceStep, type PortChoiceStep } from '../dataplane/conntrack/steps.ts';
import { formatIpv4, formatIpv6 } from '../packet/addresses.ts';
import { field } from '../packet/fields.ts';
import { type Packet } from '../traffic/packet.ts';
import { type Step } from '../traffic/traffic.ts';
import { readField } from '../traffic/words.ts';
import { eachStep } from './lineage.ts';
import { type Observation } from './types.ts';

const PROTOCOLS_WITH_PORTS = [6, 17, 132, 136];

/** Reads the observation off a packet as it was delivered. */
export function observationOf(p: Packet, steps: readonly Step[]): Observation {
  const chosen = choicesOf(steps);
  const protocol = Number(readField(p.words, field('ip_proto')));
  const port = (end: 'src' | 'dst'): number | null => {
    if (!PROTOCOLS_WITH_PORTS.includes(protocol) || chosen.ports.has(end)) return null;
    return Number(readField(p.words, field(`tp_${end}`)));
  };
  return {
    source: chosen.addresses.has('src') ? null : addressOf(p, 'src'),
    destination: chosen.addresses.has('dst') ? null : addressOf(p, 'dst'),
    sourcePort: port('src'),
    destinationPort: port('dst'),
  };
}

/** An address of the packet as text. */
export function addressOf({ words }: Packet, end: 'src' | 'dst'): string {
  return readField(words, field('eth_type')) === 0x86ddn
    ? formatIpv6(readField(words, field(`ipv6_${end}`)))
    : formatIpv4(readField(words, field(`ip_${end}`)));
}

/** The ends of which some value was picked while the request was on its way. */
function choicesOf(steps: readonly Step[]): {
  readonly ports: ReadonlySet<'src' | 'dst'>;
  readonly addresses: ReadonlySet<'src' | 'dst'>;
} {
  const ports = new Set<'src' | 'dst'>();
  const addresses = new Set<'src' | 'dst'>();
  eachStep(steps, (step, { role }) => {
    if (role !== 'request' && role !== 'data') return;
    if (step.kind === 'port-choice') ports.add((step as PortChoiceStep).end);
    if (step.kind === 'address-choice') addresses.add((step as AddressChoiceStep).end);
  });
  return { ports, addresses };
}
