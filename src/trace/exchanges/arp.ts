/**
 * Somebody asks who has an IPv4 address (RFC 826), as arping(8) does: a raw frame out of one
 * interface, and every answer that comes back to it.
 */
import { sendFrame } from '../../dataplane/routing/namespace.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { formatMac } from '../../packet/addresses.ts';
import { field } from '../../packet/fields.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type Answerer, answererOf } from '../claims.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { duplicateBlocker, isContested } from '../diagnosis/duplicate-address.ts';
import { type Opening, openQuestion, type TraceOptions } from '../opening.ts';
import { arpRequest, valueOf } from '../programs/packets.ts';
import { portAnswers, type Traced } from '../trace.ts';
import { type Blocker, type Question, type Trace } from '../types.ts';
import { concludeWalk, madeAt, nicOf } from './sender.ts';

const ARP_ETHERTYPE = 0x0806n;
const REPLY = 2n;

/** Traces the question for the address of `question.to`. */
export function traceArp(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const { address } = question.to;
  if (address?.version !== 4) {
    return { kind: 'impossible', why: `${question.to.label} is no IPv4 address to ask for` };
  }
  const opening = openQuestion(compiled, question, options, portAnswers(compiled, options));
  if (opening.kind === 'impossible') return opening;
  const nic = askingNic(compiled, opening, address.value);
  if (nic === undefined) {
    return { kind: 'impossible', why: `${question.from.label} has no network interface` };
  }
  const macs = new Map<string, Answerer>();
  const { run, sender, asked } = opening;
  sender.stack.packetSockets = [
    {
      device: nic.name,
      filter: guard(
        and(
          test(field('eth_type'), ARP_ETHERTYPE),
          test(field('arp_op'), REPLY),
          test(field('arp_spa'), address.value),
        ),
      ),
      name: 'arping',
      hear: (_run, p: Packet) => {
        const mac = valueOf(p, 'arp_sha');
        macs.set(formatMac(mac), answererOf(compiled.network, p, mac));
        return [];
      },
    },
  ];
  const own = nic.addresses.find((one) => one.address.version === 4)?.address;
  const source = asked.packet.source ?? own;
  const frame = madeAt(opening, arpRequest(nic.mac, source?.value ?? 0n, address.value));
  const trace = concludeWalk(compiled, opening, sendFrame(run, sender.stack, nic.name, frame));
  const delivered = macs.size > 0;
  const { host, name: namespace } = sender;
  const answerers = [...macs.values()];
  const claim = { host, namespace, device: nic.name, address, answerers };
  const contested = isContested(claim);
  return {
    kind: 'traced',
    trace: {
      ...trace,
      ...judged(trace, delivered, contested ? duplicateBlocker(compiled, claim, 'reply') : null),
      // Who answers has received the question.
      requestDelivered: delivered || trace.requestDelivered,
      delivered,
      receivedBy: null,
      receiverRole: null,
      observed: null,
      reply: null,
      content: delivered ? { kind: 'neighbour', macs: [...macs.keys()].sort() } : null,
    },
  };
}

/** Of several who answer any may be believed. */
function judged(
  { verdict, blockers }: Trace,
  delivered: boolean,
  contest: Blocker | null,
): Pick<Trace, 'verdict' | 'blockers'> {
  if (contest !== null) return { verdict: 'AMBIGUOUS', blockers: [contest] };
  if (delivered) return { verdict: 'REACHABLE', blockers: [] };
  return { verdict: blockers.length === 0 ? 'UNREACHABLE' : verdict, blockers };
}

/** The interface on whose network the address is, else that of the sender's port. */
function askingNic(
  { network }: CompiledNetwork,
  { asked, sender }: Opening,
  value: bigint,
): Interface | undefined {
  const { interfaces } = sender.stack.config.of;
  const near = interfaces.find(({ addresses, loopback }) =>
    addresses.some(
      (own) => !loopback && own.scope !== 'host' && prefixCovers(own, { version: 4, value }),
    ),
  );
  return near ?? nicOf(network, sender.stack.config.of, asked.from);
}
