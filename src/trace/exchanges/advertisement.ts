/**
 * A guest asks for routers and forms addresses from what they advertise (RFC 4861 §6.3.7,
 * RFC 4862 §5.5).
 */
import {
  autonomousAddress,
  ND_MESSAGE,
  readPrefixes,
} from '../../dataplane/endpoint/radvd/advertisement.ts';
import { formatIpv6 } from '../../packet/addresses.ts';
import { field } from '../../packet/fields.ts';
import { guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { noPrefix } from '../diagnosis/silent-advertiser.ts';
import { type TraceOptions } from '../opening.ts';
import { endsOf, icmp6 } from '../programs/packets.ts';
import { type Traced } from '../trace.ts';
import { type Question } from '../types.ts';
import { macBytes } from './client-message.ts';
import { onLink } from './link-local.ts';
import { concludeWalk } from './sender.ts';

const ALL_ROUTERS = 0xff02_0000_0000_0000_0000_0000_0000_0002n;
const SOURCE_LINK_ADDRESS = 1;

const IS_ADVERTISEMENT = guard(
  and(
    test(field('eth_type'), 0x86ddn),
    test(field('ip_proto'), 58n),
    test(field('icmp_type'), BigInt(ND_MESSAGE.routerAdvertisement)),
  ),
);

/** Traces a router solicitation and what comes back. */
export function traceAdvertisement(
  compiled: CompiledNetwork,
  question: Question,
  options: TraceOptions,
): Traced {
  const link = onLink(compiled, question, options);
  if (link.kind === 'impossible') return link;
  const { nic, own, opening } = link;
  const addresses = new Set<string>();
  let router: string | null = null;
  link.listen('router discovery', IS_ADVERTISEMENT, (p: Packet) => {
    router ??= formatIpv6(endsOf(p).source);
    for (const prefix of readPrefixes(p.body.payload)) {
      const address = autonomousAddress(prefix, nic.mac);
      if (address !== null) addresses.add(formatIpv6(address.value));
    }
    return [];
  });
  const option = Uint8Array.from([SOURCE_LINK_ADDRESS, 1, ...macBytes(nic.mac)]);
  const ends = { version: 6, source: own, destination: ALL_ROUTERS } as const;
  const outcomes = link.say(icmp6(null, ends, ND_MESSAGE.routerSolicitation, option));
  const trace = concludeWalk(compiled, opening, outcomes);
  if (router === null) return { kind: 'traced', trace: { ...trace, delivered: false } };
  const content = { kind: 'autonomous', addresses: [...addresses].sort(), router } as const;
  // An advertisement without a prefix for autonomous addresses gives none.
  const delivered = addresses.size > 0;
  const verdict = delivered ? 'REACHABLE' : 'UNREACHABLE';
  const none = delivered ? null : noPrefix(compiled, question);
  const blockers = none === null ? trace.blockers : [none];
  return { kind: 'traced', trace: { ...trace, verdict, delivered, content, blockers } };
}
