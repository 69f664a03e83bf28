/**
 * ICMP errors that the stack sends (net/ipv4/icmp.c __icmp_send(), net/ipv6/icmp.c icmp6_send();
 * RFC 1812 §4.3.2, RFC 4443 §2.4). They are packets of the host itself: they get their own route
 * and pass OUTPUT and POSTROUTING.
 */
import { guard } from '../../traffic/guard.ts';
import { and, not, or, range, test } from '../../traffic/match.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { attach } from '../iptables/attach.ts';
import { OWNER } from '../iptables/tests/owner.ts';
import { type Device } from './device.ts';
import {
  B,
  destinationOf,
  ETHERTYPE,
  F,
  IS,
  inPrefix,
  PROTOCOL,
  put,
  sourceOf,
} from './headers.ts';
import { decide } from './route.ts';
import { type Work } from './stack.ts';
import { type AnswerStep } from './steps.ts';

export interface IcmpError {
  readonly version: 4 | 6;
  /** The interface the offending packet came by; null when it was made here. */
  readonly device: Device | null;
  readonly type: number;
  readonly code: number;
  /** "Fragmentation needed", "packet too big". */
  readonly mtu?: number;
  /** The packet was on a bridge: then it is never taken for one to the host itself. */
  readonly bridged?: boolean;
  /** The better gateway of a redirect; null when it is the destination itself. */
  readonly gateway?: bigint | null;
}

// RFC 1122 §3.2.2: none about errors, later fragments, groups, or senders that are no one host.
const NO_ERROR_4 = or(
  IS.icmpError.match,
  IS.laterFragment.match,
  IS.multicast.match,
  IS.limitedBroadcast.match,
  IS.ethGroup.match,
  inPrefix(F.ipSource, 0xe000_0000n, 3),
);
const FROM_ZERO = inPrefix(F.ipSource, 0n, 8);
const NEVER_ABOUT_4 = guard(or(NO_ERROR_4, FROM_ZERO));
// Nobody looked at the source of a bridged packet; 0.0.0.0 has a route, the rest of 0/8 none.
const NEVER_ABOUT_BRIDGED_4 = guard(or(NO_ERROR_4, and(FROM_ZERO, not(test(F.ipSource, 0n)))));
const NEVER_ABOUT_6 = guard(
  or(
    IS.icmpv6Error.match,
    IS.multicast6.match,
    test(F.ipv6Source, 0n),
    inPrefix(F.ipv6Source, 0xffn << 120n, 8),
  ),
);

/** 127.0.0.1 */
const LOOPBACK = 0x7f00_0001;

/** IPv4 quotes what fits into 576 bytes, IPv6 what fits into 1280 (RFC 4443 §3.1). */
const LONGEST_QUOTE = { 4: 576 - 28, 6: 1280 - 48 } as const;

/** Sends an error about `p`, which is consumed; does nothing where no error may be sent. */
export function sendError<P>(work: Work<P>, error: IcmpError, p: P): void {
  const { traffic } = work.run;
  const four = error.bridged === true ? NEVER_ABOUT_BRIDGED_4 : NEVER_ABOUT_4;
  const never = error.version === 4 ? four : NEVER_ABOUT_6;
  const about = traffic.split(p, never).miss;
  if (about === null) return;
  const parts =
    error.bridged === true && error.version === 4
      ? [[false, about] as const]
      : byOwner(work, error.version, about);
  for (const [own, part] of parts) {
    const made = buildError(work, error, part, own);
    const { version } = error;
    for (const addressed of version === 4 ? toSomebody(traffic, made) : [made]) {
      const { p: mine, handle } = attach(traffic, addressed, work.handle, true);
      work.now({ kind: 'emit', version, device: null, handle, icmp: true, p: mine });
    }
  }
}

const TO_NOBODY = guard(test(F.ipDestination, 0n));
const FROM_LOOPBACK = put(F.ipSource, LOOPBACK);
const TO_LOOPBACK = put(F.ipDestination, LOOPBACK);

/** A bridged packet may come from 0.0.0.0; the way there is the host itself (ip_route_output()). */
function toSomebody<P>(traffic: Traffic<P>, p: P): readonly P[] {
  const { hit, miss } = traffic.split(p, TO_NOBODY);
  const own = hit === null ? null : traffic.set(traffic.set(hit, TO_LOOPBACK), FROM_LOOPBACK);
  return [own, miss].filter((part) => part !== null);
}

/** Splits by whether the destination is an address of this host: then the error comes from it. */
function byOwner<P>(work: Work<P>, version: 4 | 6, p: P): readonly (readonly [boolean, P])[] {
  return decide(work.run, work.stack.config.fib[version], p).map(({ decision, p: part }) => [
    decision.kind === 'route' && decision.route.type === 'local',
    part,
  ]);
}

/** The error as a packet; `own` makes its source the destination of the offending packet. */
export function buildError<P>(work: Work<P>, error: IcmpError, about: P, own: boolean): P {
  const { traffic } = work.run;
  const { version } = error;
  const source = sourceOf(version) === F.ipSource ? B.ipSource : B.ipv6Source;
  const destination =
    destinationOf(version) === F.ipDestination ? B.ipDestination : B.ipv6Destination;
  let made = traffic.blank(about);
  for (const write of version === 4 ? HEADER_4 : HEADER_6) made = traffic.set(made, write);
  made = traffic.copy(made, destination, about, source);
  if (own) made = traffic.copy(made, source, about, destination);
  else if (version === 6 && error.device !== null) {
    made = fromInput(work, work.routedBy ?? error.device, made);
  }
  made = traffic.set(made, put(F.icmpType, error.type));
  made = traffic.set(made, put(F.icmpCode, error.code));
  if (error.mtu !== undefined) made = traffic.set(made, put(F.icmpMtu, error.mtu));
  if (error.gateway !== undefined) {
    made =
      error.gateway === null
        ? traffic.copy(made, B.icmpMtu, about, B.ipDestination)
        : traffic.set(made, put(F.icmpMtu, error.gateway));
  }
  if (version === 4) {
    // The error keeps the wish for low delay (RFC 1812 §4.3.2.5), with precedence 6.
    made = traffic.copy(made, TOS_BITS, about, TOS_BITS);
    made = traffic.set(made, PRECEDENCE);
  }
  made = measure(work, version, made, about);
  const step = (): AnswerStep => ({
    kind: 'answer',
    namespace: work.stack.config.of.name,
    what: 'icmp-error',
    type: error.type,
    code: error.code,
  });
  return traffic.note(traffic.quote(made, about), step);
}

/** icmp6_send(): "a more meaningful" source, of the interface the packet came by. */
function fromInput<P>({ run }: Work<P>, device: Device, p: P): P {
  const parts = run.traffic.lookup(p, device.sources[6]).map(({ entries, p: part }) => {
    const write = entries[0]?.entry;
    return write === undefined ? part : run.traffic.set(part, write);
  });
  return run.traffic.join(parts)[0] ?? p;
}

const TOS_BITS = { field: F.tos, start: 1, width: 4 };
const PRECEDENCE = assignment(F.tos, 0xc0n, 0xe0n);

const OWN = [put(F.ttl, 64), put(F.owner, OWNER.kernel)];
const HEADER_4 = [put(F.ethType, ETHERTYPE.ipv4), put(F.protocol, PROTOCOL.icmp), ...OWN];
const HEADER_6 = [put(F.ethType, ETHERTYPE.ipv6), put(F.protocol, PROTOCOL.icmpv6), ...OWN];

/** Length of the error: headers and as much of the packet as may be quoted. */
function measure<P>(work: Work<P>, version: 4 | 6, made: P, about: P): P {
  const { traffic } = work.run;
  const longest = LONGEST_QUOTE[version];
  const headers = version === 4 ? 28 : 48;
  const sized = traffic.copy(made, B.ipLength, about, B.ipLength);
  const { hit, miss } = traffic.split(sized, guard(range(F.ipLength, 0n, BigInt(longest))));
  const parts: P[] = [];
  if (hit !== null) parts.push(traffic.add(hit, F.ipLength, headers));
  if (miss !== null) parts.push(traffic.set(miss, put(F.ipLength, longest + headers)));
  return traffic.join(parts)[0] ?? made;
}
