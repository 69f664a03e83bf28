/**
 * Connections that a helper waits for (nf_conntrack_expect.c, lib/conntrack.c alg_expectations):
 * their first packet is RELATED. TFTP's are known from the request alone; for FTP's see control-connection.ts.
 * Simplification: helpers of other protocols (SIP, H.323, PPTP, IRC, Amanda, SNMP) expect nothing.
 */
import { allBits } from '../../packet/fields.ts';
import { type FieldPairs } from '../../traffic/traffic.ts';
import { type Connection, STATUS } from './connection.ts';
import { addressFields, F, invert, type PacketClass } from './protocols.ts';
import { timeout_us } from './timeouts.ts';
import { type Expectation, type Follow, type Tracker } from './tracker.ts';

/**
 * Expects a connection; `first` is its first packet and is consumed. Its source port counts
 * only `withSourcePort`.
 */
export function expect<P>(
  tracker: Tracker<P>,
  master: Connection<P>,
  cls: PacketClass,
  first: P,
  withSourcePort: boolean,
  follow: Follow | null = null,
): void {
  const expires_us = tracker.run.now_us + timeout_us(tracker.timeouts, 'expectation');
  const { zone } = master;
  const expected = first;
  const times = { withSourcePort, follow, expires_us };
  tracker.expectations.push({ master, zone, expected, cls, ...times });
}

const TP_SRC = allBits(F.tpSrc);

/** A TFTP request expects an answer from any port to the port it came from (RFC 1350 §4). */
export function expectTftp<P>(tracker: Tracker<P>, master: Connection<P>): void {
  const { traffic } = tracker.run;
  const answer = invert(traffic, traffic.fork(master.after), master.cls);
  const translated = (master.status & (STATUS.src_nat | STATUS.dst_nat)) !== 0;
  const content = translated ? traffic.cases(traffic.fork(master.before), TP_SRC, 1) : null;
  const port = content?.[0]?.value ?? null;
  const follow = port === null ? null : { reply: false, port };
  expect(tracker, master, master.cls, answer, false, follow);
}

/** Part of the traffic, with the connection that expects it. */
export interface Expected<P> {
  readonly p: P;
  readonly expectation: Expectation<P> | null;
}

function pairsOf<P>({ cls, withSourcePort }: Expectation<P>): FieldPairs {
  const { src, dst } = addressFields(cls.version);
  const fields = [src, dst, F.tpDst, ...(withSourcePort ? [F.tpSrc] : [])];
  return fields.map((of) => [allBits(of), allBits(of)] as const);
}

/**
 * In the kernel an expectation is good for one connection: this one. (The kernel takes it away
 * with the first packet, which carries its connection on; here a packet may be looked up again.)
 */
export function useUp<P>(tracker: Tracker<P>, connection: Connection<P>): void {
  const { traffic } = tracker.run;
  if (connection.master === null || tracker.sets) return;
  const at = tracker.expectations.findIndex(
    (one) =>
      one.master === connection.master &&
      traffic.same(traffic.fork(connection.before), one.expected, pairsOf(one)).hit !== null,
  );
  if (at >= 0) tracker.expectations.splice(at, 1);
}

/** Tells which first packets were expected. */
export function expectedBy<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: number,
): readonly Expected<P>[] {
  const { traffic, now_us } = tracker.run;
  const parts: Expected<P>[] = [];
  let rest: P | null = p;
  for (const one of tracker.expectations) {
    if (rest === null) break;
    if (one.expires_us <= now_us || one.zone.original !== zone) continue;
    if (one.cls.kind !== cls.kind || one.cls.version !== cls.version) continue;
    const split: { hit: P | null; miss: P | null } = traffic.same(rest, one.expected, pairsOf(one));
    rest = split.miss;
    if (split.hit === null) continue;
    parts.push({ p: split.hit, expectation: one });
  }
  if (rest !== null) parts.push({ p: rest, expectation: null });
  return parts;
}
