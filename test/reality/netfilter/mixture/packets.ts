/** Random packets of a mixture, as much conversation as noise. */
import { type Rng } from '../../ovs/live/rng.ts';
import { type Step } from '../case.ts';

/** A side of the node: who lives there, by which port and MAC packets come. */
export interface Side {
  readonly port: string;
  readonly mac: string;
  readonly hosts: readonly string[];
  /** Longer packets cannot come by it. */
  readonly mtu: number;
}

/** The MAC of a host beside the node. */
export function hostMac(ip: string): string {
  const parts = ip.includes(':')
    ? [0, 6, Number.parseInt(ip.split(':').at(-1) ?? '0', 16)]
    : ip.split('.').slice(1).map(Number);
  return `02:00:01:${parts.map((n) => (n & 255).toString(16).padStart(2, '0')).join(':')}`;
}

const PORTS = [22, 53, 68, 80, 443, 500, 5000, 8080, 9697, 40000];

export interface Plan {
  readonly version: 4 | 6;
  readonly sides: readonly Side[];
  /** Addresses nobody beside the node has. */
  readonly far: readonly string[];
  /** The node's own addresses, and its name where it sends by itself. */
  readonly own: readonly string[];
  readonly node: string | null;
  /** Bytes of the datagrams that come in fragments. */
  readonly longest: number;
  readonly count: number;
}

/** The steps of a case. */
export function packetsOf(rng: Rng, plan: Plan): readonly Step[] {
  const steps: Step[] = [];
  while (steps.length < plan.count) {
    const i = steps.length;
    const before = rng.int(Math.max(0, i - 5), Math.max(0, i - 1));
    const dice = rng.next();
    if (plan.version === 4 && i > 0 && dice < 0.32) steps.push({ reply_to: before });
    else if (plan.version === 4 && i > 0 && dice < 0.42) {
      steps.push({ error_to: before, icmp: rng.pick(ERRORS) as unknown as never });
    } else if (i > 0 && dice < 0.52) steps.push(rng.pick(steps));
    else if (plan.version === 6 && i > 0 && dice < 0.66) {
      const about = steps[before];
      const made = about === undefined ? null : answer6(rng, plan, about, dice < 0.6);
      steps.push(made ?? passing(rng, plan, i));
    } else if (plan.version === 4 && plan.node !== null && dice < 0.62) {
      steps.push(ownPacket(rng, plan, plan.node, i));
    } else if (plan.version === 4 && dice < 0.68) steps.push(...pieces(rng, plan, i));
    else steps.push(passing(rng, plan, i));
  }
  return steps.slice(0, plan.count);
}

const ERRORS = [
  [3, 3],
  [3, 1],
  [11, 0],
  [3, 4, 1200],
  [3, 4, 600],
  [12, 0],
  [4, 0],
];

const ERRORS_6 = [
  { type: 1, code: 0 },
  { type: 1, code: 1 },
  { type: 1, code: 4 },
  { type: 2, code: 0, mtu: 1280 },
  { type: 3, code: 0 },
  { type: 4, code: 1 },
];

/**
 * What the receiver of an IPv6 packet answers, or an error about it; null where it has no receiver
 * beside the node. The recorder makes such answers for IPv4 only, so translations are not undone.
 */
function answer6(rng: Rng, { sides }: Plan, about: Step, replies: boolean): Step | null {
  const { ip6, tcp, udp, icmp6, payload } = about;
  const from = sides.find(({ hosts }) => ip6 !== undefined && hosts.includes(ip6.dst));
  if (ip6 === undefined || from === undefined || about.inner !== undefined) return null;
  const eth = { src: hostMac(ip6.dst), dst: from.mac };
  const back = { in: from.port, eth, ip6: { src: ip6.dst, dst: ip6.src } };
  if (!replies) {
    const inner: Step = { ip6, ...(tcp && { tcp }), ...(udp && { udp }), ...(icmp6 && { icmp6 }) };
    const carried = payload === undefined ? inner : { ...inner, payload };
    const src = rng.chance(0.5) ? rng.pick(from.hosts) : ip6.dst;
    const outer = { ...back, ip6: { ...back.ip6, src } };
    return { ...outer, icmp6: rng.pick(ERRORS_6), inner: carried, innerlen: 1232 };
  }
  if (tcp !== undefined) {
    const flags = tcp.flags === 'S' ? 'SA' : rng.pick(['A', 'RA', 'FA']);
    const ports = { sport: tcp.dport, dport: tcp.sport };
    return { ...back, tcp: { ...ports, flags, seq: 7000, ack: ((tcp.seq ?? 0) + 1) >>> 0 } };
  }
  if (udp !== undefined) return { ...back, udp: { sport: udp.dport, dport: udp.sport } };
  if (icmp6?.type !== 128) return null;
  return { ...back, icmp6: { ...icmp6, type: 129 }, ...(payload && { payload }) };
}

type Transport = Pick<Step, 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'sctp' | 'payload'>;

function transport(rng: Rng, version: 4 | 6, mtu: number): Transport {
  const sized = (...bytes: number[]) => ({ len: Math.min(rng.pick(bytes), mtu - 80) });
  const ports = { sport: rng.pick(PORTS), dport: rng.pick(PORTS) };
  const dice = rng.next();
  if (dice < 0.45) {
    const flags = rng.pick(['S', 'S', 'S', 'A', 'SA', 'R', 'FA', 'PA']);
    const mss = rng.chance(0.6) ? { mss: rng.pick([1460, 900]) } : {};
    const data = flags.includes('A') && !flags.includes('S') ? sized(0, 10, 600) : { len: 0 };
    const tcp = { ...ports, flags, seq: rng.int(1, 1 << 30), ack: 0, ...mss };
    return { tcp, payload: data };
  }
  if (dice < 0.75) return { udp: ports, payload: sized(0, 20, 500, 1300) };
  if (dice < 0.95) {
    const echo = { code: 0, id: rng.int(1, 6), seq: 1 };
    const payload = sized(8, 56, 1200);
    return version === 4
      ? { icmp: { type: rng.pick([8, 8, 8, 0, 13]), ...echo }, payload }
      : { icmp6: { type: rng.pick([128, 128, 129]), ...echo }, payload };
  }
  return { sctp: ports };
}

function destination(rng: Rng, { sides, far, own }: Plan, from: Side): string {
  const others = sides.filter((side) => side !== from).flatMap(({ hosts }) => hosts);
  return rng.pick([...others, ...others, ...from.hosts, ...far, ...own]);
}

function passing(rng: Rng, plan: Plan, i: number): Step {
  const side = rng.pick(plan.sides);
  const elsewhere = [...plan.far, ...plan.sides.flatMap(({ hosts }) => hosts)];
  const src = rng.chance(0.9) ? rng.pick(side.hosts) : rng.pick(elsewhere);
  const dst = destination(rng, plan, side);
  const eth = { src: hostMac(src), dst: side.mac };
  const carried = transport(rng, plan.version, side.mtu);
  if (plan.version === 6) {
    const ip6 = { src, dst, hl: rng.pick([64, 64, 64, 1, 2]), tc: rng.pick([0, 0, 0xb8]) };
    return { in: side.port, eth, ip6, ...carried };
  }
  const ttl = rng.pick([64, 64, 64, 64, 1, 2]);
  const tos = rng.pick([0, 0, 0x10, 0xb8]);
  const ip = { src, dst, id: i + 1, ttl, tos, ...(rng.chance(0.3) ? { df: 1 } : {}) };
  const bad = rng.chance(0.02) ? { badcsum: true } : {};
  return { in: side.port, eth, ip, ...carried, ...bad };
}

function ownPacket(rng: Rng, plan: Plan, node: string, i: number): Step {
  const src = rng.pick(plan.own);
  const dst = rng.pick([...plan.sides.flatMap(({ hosts }) => hosts), ...plan.far, ...plan.own]);
  const mark = rng.chance(0.25) ? { mark: rng.pick([1, 2, 0x300]) } : {};
  return { from: node, ip: { src, dst, id: i + 1 }, ...transport(rng, 4, 1500), ...mark };
}

/** One datagram in fragments: all of them, or not; in order, or not. */
function pieces(rng: Rng, plan: Plan, i: number): readonly Step[] {
  const side = rng.pick(plan.sides);
  const src = rng.pick(side.hosts);
  const dst = destination(rng, plan, side);
  const ports = { sport: rng.pick(PORTS), dport: rng.pick(PORTS) };
  const total = plan.longest;
  const third = [0, 480, 720, total];
  const cuts = side.mtu < 1500 ? third : rng.pick([[0, 800, total], third]);
  const id = 0x7000 + i;
  const frames = cuts.slice(0, -1).map((from, n): Step => {
    const to = cuts[n + 1] ?? total;
    const ip = { src, dst, id, proto: 17, mf: to < total ? 1 : 0 };
    const base = { in: side.port, eth: { src: hostMac(src), dst: side.mac } };
    const payload = { len: total - 8 };
    if (from === 0) return { ...base, ip, udp: ports, payload, cut: [from, to] };
    // Later pieces are plain bytes; the builder wants no transport header for them.
    return { ...base, ip: { ...ip, frag: from }, payload: { len: to - from } };
  });
  if (rng.chance(0.2)) frames.reverse();
  return rng.chance(0.15) ? frames.slice(1) : frames;
}
