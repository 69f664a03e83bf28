/** Remembered connections and expectations in the recorder's words. */
import { type Connection, STATUS } from '../../../src/dataplane/conntrack/connection.ts';
import { invert } from '../../../src/dataplane/conntrack/protocols.ts';
import { currentConnections, type Tracker } from '../../../src/dataplane/conntrack/tracker.ts';
import { field } from '../../../src/packet/fields.ts';
import { numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { readField } from '../../../src/traffic/words.ts';
import { ipText } from './brief.ts';
import { type KernelConnection, type KernelExpectation, type KernelTuple } from './case.ts';

/** Names of the bits in the order of `enum ip_conntrack_status`. */
const NAMES: readonly (readonly [name: string, bit: number])[] = [
  ['EXPECTED', STATUS.expected],
  ['SEEN_REPLY', STATUS.seen_reply],
  ['ASSURED', STATUS.assured],
  ['CONFIRMED', STATUS.confirmed],
  ['SRC_NAT', STATUS.src_nat],
  ['DST_NAT', STATUS.dst_nat],
  ['SEQ_ADJ', STATUS.seq_adjust],
  ['SRC_NAT_DONE', STATUS.src_nat_done],
  ['DST_NAT_DONE', STATUS.dst_nat_done],
  ['DYING', STATUS.dying],
  ['FIXED_TIMEOUT', STATUS.fixed_timeout],
  ['HELPER', STATUS.helper],
];

const get = (p: Packet, name: string): number => numberOf(p, field(name));

function tupleOf(p: Packet): KernelTuple {
  const six = get(p, 'eth_type') === 0x86dd;
  const address = (name: string): string =>
    ipText(readField(p.words, field(six ? `ipv6_${name}` : `ip_${name}`)), six ? 6 : 4);
  const proto = get(p, 'ip_proto');
  const base = { src: address('src'), dst: address('dst'), proto };
  if ([6, 17, 132, 136, 33].includes(proto)) {
    return { ...base, sport: get(p, 'tp_src'), dport: get(p, 'tp_dst') };
  }
  if (proto === 1 || proto === 58) {
    const kind = { type: get(p, 'tp_src'), code: get(p, 'tp_dst') };
    return { ...base, id: get(p, 'icmp_id'), ...kind };
  }
  return base;
}

function replyOf({ after, cls }: Connection<Packet>): KernelTuple {
  return tupleOf(invert(onePacket, onePacket.fork(after), cls));
}

/** What one entry is, timeouts in seconds from now on. */
function entryOf(tracker: Tracker<Packet>, connection: Connection<Packet>): KernelConnection {
  const { status, zone, state, helper, master } = connection;
  const mark = get(connection.memo, 'ct_mark');
  const both = zone.original === zone.reply;
  const orig = tupleOf(connection.before);
  const reply = replyOf(connection);
  const inTuple = (tuple: KernelTuple, id: number): KernelTuple =>
    both || id === 0 ? tuple : { ...tuple, zone: id };
  return {
    orig: inTuple(orig, zone.original),
    reply: inTuple(reply, zone.reply),
    status: NAMES.flatMap(([name, bit]) => ((status & bit) !== 0 ? [name] : [])),
    timeout: (connection.expires_us - tracker.run.now_us) / 1e6,
    ...(mark === 0 ? {} : { mark }),
    ...(both && zone.original !== 0 ? { zone: zone.original } : {}),
    ...(state.kind === 'tcp' ? { tcp: state.tcp.state } : {}),
    ...(helper === null ? {} : { helper }),
    ...(master === null ? {} : { master: tupleOf(master.before) }),
  };
}

function same(a: KernelTuple, b: KernelTuple): boolean {
  return (['src', 'dst', 'proto', 'sport', 'dport', 'id', 'type', 'code'] as const).every(
    (key) => a[key] === b[key],
  );
}

/** The entries of a node: all of them, or those with one of the given tuples. */
export function connectionsOf(
  tracker: Tracker<Packet>,
  wanted: readonly KernelTuple[] | undefined,
): readonly KernelConnection[] {
  const all = currentConnections(tracker);
  if (wanted === undefined) return all.map((one) => entryOf(tracker, one));
  return wanted.flatMap((tuple) => {
    const zone = tuple.zone ?? 0;
    const found = all.find(
      (one) =>
        (one.zone.original === zone && same(tupleOf(one.before), tuple)) ||
        (one.zone.reply === zone && same(replyOf(one), tuple)),
    );
    return found === undefined ? [] : [entryOf(tracker, found)];
  });
}

/** What helpers wait for. */
export function expectationsOf(tracker: Tracker<Packet>): readonly KernelExpectation[] {
  const { now_us } = tracker.run;
  return tracker.expectations
    .filter((one) => one.expires_us > now_us)
    .map((one) => {
      const tuple = tupleOf(one.expected);
      return {
        master: tupleOf(one.master.before),
        tuple: one.withSourcePort ? tuple : { ...tuple, sport: 0 },
        timeout: (one.expires_us - now_us) / 1e6,
      };
    });
}
