/** Zones, translation, ICMP errors and entries of dumps at the hooks; answers of Linux 6.18. */
import { describe, expect, it } from 'vitest';
import { bothWays, type Zone } from '../../../src/dataplane/conntrack/connection.ts';
import { executeCt } from '../../../src/dataplane/conntrack/execute.ts';
import { type NatRequest } from '../../../src/dataplane/conntrack/nat.ts';
import {
  applyNat,
  bind,
  confirm,
  saveMark,
  setHelper,
  type Tracked,
  track,
  wantsRule,
} from '../../../src/dataplane/conntrack/netfilter.ts';
import { parseConntrack } from '../../../src/dataplane/conntrack/text/dump.ts';
import { createTracker, type Tracker } from '../../../src/dataplane/conntrack/tracker.ts';
import { field } from '../../../src/packet/fields.ts';
import { readIpv4, writeIp } from '../../../src/text/address-text.ts';
import { readDiary } from '../../../src/traffic/diary.ts';
import { onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { type Step } from '../../../src/traffic/traffic.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { type PacketText, packet, packetRun, read, stateOf } from './packets.ts';

function kernel(text: string | null = null): Tracker<Packet> {
  const entries = text === null ? [] : parseConntrack('conntrack.txt', text).value.entries;
  return createTracker(packetRun(), { personality: 'kernel', entries });
}

function to(
  manip: 'src' | 'dst',
  address: string,
  ports: [number, number] | null = null,
): NatRequest {
  const value = readIpv4(address) ?? 0n;
  return {
    manip,
    addresses: { from: value, to: value },
    ports: ports === null ? null : { from: ports[0], to: ports[1] },
    random: false,
  };
}

interface Rules {
  readonly dst?: NatRequest;
  readonly src?: NatRequest;
  readonly zone?: Zone;
  readonly drop?: boolean;
}

function translated(
  tracker: Tracker<Packet>,
  now: Tracked<Packet>,
  rule: NatRequest,
): Tracked<Packet> {
  let next = now;
  if (wantsRule(next.handle, rule.manip)) {
    const [bound] = bind(tracker, next.p, next.handle, rule);
    if (bound === undefined) throw new Error('no tuple is free');
    next = bound;
  }
  return { ...next, p: applyNat(tracker, next.p, next.handle, rule.manip) };
}

/** Sends a packet through a router with at most one NAT rule for each end. */
function route(tracker: Tracker<Packet>, text: PacketText, rules: Rules = {}) {
  const [first] = track(tracker, packet(text), rules.zone ?? bothWays(0));
  if (first === undefined) throw new Error('the packet is lost');
  const none = { addresses: null, ports: null, random: false };
  const behind = translated(tracker, first, rules.dst ?? { manip: 'dst', ...none });
  const out = translated(tracker, behind, rules.src ?? { manip: 'src', ...none });
  if (rules.drop !== true) confirm(tracker, out.p, out.handle);
  return { state: stateOf(first.p), sent: ends(out.p), p: out.p, handle: out.handle };
}

/** The packet with eight more bytes behind its last header. */
function lengthened(p: Packet): Packet {
  return onePacket.set(p, assignment(field('ip_len'), 40n));
}

function ends(p: Packet): string {
  const ip = (name: string) => writeIp({ version: 4, value: BigInt(read(p, name)) });
  return `${ip('ip_src')}:${read(p, 'tp_src')}>${ip('ip_dst')}:${read(p, 'tp_dst')}`;
}

/** What the diary says was left to chance. */
function choices(p: Packet): readonly Step[] {
  return readDiary(p)
    .map(({ step }) => step)
    .filter(({ kind }) => kind === 'port-choice');
}

const udp = (src: string, sport: number, dst: string, dport: number): PacketText => ({
  src,
  dst,
  sport,
  dport,
  proto: 'udp',
});
const tcp = (
  src: string,
  sport: number,
  dst: string,
  dport: number,
  flags: string,
): PacketText => ({
  ...udp(src, sport, dst, dport),
  proto: 'tcp',
  flags,
  seq: flags === 'SA' ? 5 : 1,
  ack: flags === 'SA' ? 2 : 0,
});

describe('translation at the hooks', () => {
  it('knows a connection of SCTP whose chunks nobody knows after a packet was repeated', () => {
    const tracker = kernel();
    // Twelve bytes of header, and behind them chunks of which no byte is given.
    const text = { src: '10.0.0.1', dst: '10.0.0.2', proto: 132, sport: 5, dport: 7 } as const;
    const long = (): PacketText => ({ ...text, length: 0 });
    const [first] = track(tracker, lengthened(packet(long())), bothWays(0));
    if (first === undefined) throw new Error('the packet is lost');
    confirm(tracker, first.p, first.handle);
    track(tracker, lengthened(packet(long())), bothWays(0));
    const back = { ...long(), src: text.dst, dst: text.src, sport: 7, dport: 5 };
    const [answer] = track(tracker, lengthened(packet(back)), bothWays(0));
    expect(answer?.handle.state).toBe('established');
  });

  it('translates a hairpin both ways', () => {
    const tracker = kernel();
    const rules = { dst: to('dst', '10.0.0.2', [8080, 8080]), src: to('src', '10.0.0.1') };
    const there = route(tracker, tcp('10.0.0.3', 4000, '192.0.2.1', 80, 'S'), rules);
    expect(there.sent).toBe('10.0.0.1:4000>10.0.0.2:8080');
    const back = route(tracker, tcp('10.0.0.2', 8080, '10.0.0.1', 4000, 'SA'), rules);
    expect([back.state, back.sent]).toEqual(['est+rpl+snat+dnat', '192.0.2.1:80>10.0.0.3:4000']);
  });

  it('moves the source port of a second flow within its class when the answer is taken', () => {
    const tracker = kernel();
    const rules = { src: to('src', '192.0.2.1') };
    const first = route(tracker, udp('10.0.0.3', 5000, '192.0.2.9', 53), rules);
    expect(first.sent).toBe('192.0.2.1:5000>192.0.2.9:53');
    expect(choices(first.p)).toEqual([]);
    const second = route(tracker, udp('10.0.0.4', 5000, '192.0.2.9', 53), rules);
    expect(read(second.p, 'tp_src')).not.toBe(5000);
    expect(read(second.p, 'tp_src')).toBeGreaterThanOrEqual(1024);
    expect(choices(second.p)).toEqual([
      { kind: 'port-choice', end: 'src', from: 1024, to: 65_535 },
    ]);
    route(tracker, udp('10.0.0.3', 500, '192.0.2.9', 53), rules);
    const low = route(tracker, udp('10.0.0.4', 500, '192.0.2.9', 53), rules);
    expect(read(low.p, 'tp_src')).toBeLessThan(512);
    expect(read(low.p, 'tp_src')).not.toBe(500);
  });

  it('changes the port of a flow without a rule when translation has taken its answer', () => {
    const tracker = kernel();
    route(tracker, udp('10.0.0.2', 53, '10.1.0.2', 53), { src: to('src', '10.1.0.1') });
    const own = route(tracker, udp('10.1.0.1', 53, '10.1.0.2', 53));
    expect(read(own.p, 'tp_src')).not.toBe(53);
    expect(read(own.p, 'tp_src')).toBeLessThan(512);
    const other = route(tracker, udp('10.0.0.3', 53, '10.1.0.2', 53));
    expect(other.sent).toBe('10.0.0.3:53>10.1.0.2:53');
  });

  it('moves the id of an echo request that clashes', () => {
    const tracker = kernel();
    const rules = { src: to('src', '192.0.2.1') };
    const ping = (src: string): PacketText => ({
      src,
      dst: '192.0.2.9',
      proto: 'icmp',
      type: 8,
      id: 77,
    });
    expect(read(route(tracker, ping('10.0.0.3'), rules).p, 'icmp_id')).toBe(77);
    expect(read(route(tracker, ping('10.0.0.4'), rules).p, 'icmp_id')).not.toBe(77);
  });

  it('asks for a rule once, and leaves no entry behind a dropped packet', () => {
    const tracker = kernel();
    const ask = udp('10.0.0.2', 5, '10.1.0.2', 6);
    route(tracker, ask, { drop: true });
    const again = track(tracker, packet(ask), bothWays(0))[0];
    expect(again !== undefined && wantsRule(again.handle, 'dst')).toBe(true);
    route(tracker, ask);
    const repeated = track(tracker, packet(ask), bothWays(0))[0];
    expect(repeated?.handle.state).toBe('new');
    expect(repeated !== undefined && wantsRule(repeated.handle, 'dst')).toBe(false);
  });
});

describe('ICMP errors at the hooks', () => {
  const rules = { src: to('src', '10.1.0.1') };
  const sent = packet(udp('10.1.0.1', 5, '10.1.0.2', 6));
  const error = (src: string, quoted: Packet, code: number): PacketText => ({
    src,
    dst: '10.1.0.1',
    proto: 'icmp',
    type: 3,
    code,
    quoted,
  });

  it.each(['10.1.0.2', '10.9.9.9'])('translates an error from %s outside and inside', (from) => {
    const tracker = kernel();
    route(tracker, udp('10.0.0.2', 5, '10.1.0.2', 6), rules);
    const back = route(tracker, error(from, onePacket.fork(sent), 3));
    expect(back.state).toBe('rel+rpl+snat');
    expect(back.sent).toBe(`${from}:3>10.0.0.2:3`);
    expect(back.p.quoted === null ? '' : ends(back.p.quoted)).toBe('10.0.0.2:5>10.1.0.2:6');
  });

  it('finds an error about an unknown flow invalid', () => {
    const tracker = kernel();
    const stranger = packet(udp('10.1.0.1', 777, '10.1.0.2', 778));
    expect(route(tracker, error('10.1.0.2', stranger, 3)).state).toBe('inv');
  });
});

describe('what the kernel tracks', () => {
  it.each([
    ['an echo reply without request', { proto: 'icmp', type: 0, id: 3 }, 'inv'],
    ['a redirect about nothing', { proto: 'icmp', type: 5, code: 1 }, 'inv'],
    ['a timestamp request', { proto: 'icmp', type: 13, id: 1 }, 'new'],
    ['GRE', { proto: 47 }, 'new'],
    ['protocol 250', { proto: 250 }, 'new'],
  ] as const)('calls %s %s', (_, text, state) => {
    expect(route(kernel(), { src: '10.0.0.2', dst: '10.1.0.2', ...text }).state).toBe(state);
  });

  it('leaves neighbour discovery untracked', () => {
    const text = { src: 'fe80::1', dst: 'ff02::1', proto: 'icmp6', type: 135 } as const;
    const [one] = track(kernel(), packet(text), bothWays(0));
    expect([one?.handle.state, one === undefined ? '' : stateOf(one.p)]).toEqual(['untracked', '']);
  });

  it('keeps zones apart, in both directions or in one', () => {
    const tracker = kernel();
    const ask = (port: number) => udp('10.0.0.2', 50 + port, '10.1.0.2', port);
    const answer = (port: number) => udp('10.1.0.2', port, '10.0.0.2', 50 + port);
    route(tracker, ask(1), { zone: { original: 5, reply: 0 } });
    expect(route(tracker, answer(1)).state).toBe('est+rpl');
    route(tracker, ask(2), { zone: { original: 0, reply: 6 } });
    expect(route(tracker, answer(2), { zone: { original: 0, reply: 6 } }).state).toBe('est+rpl');
    route(tracker, ask(3), { zone: bothWays(7) });
    expect(route(tracker, answer(3)).state).toBe('new');
  });

  it('relates the answer that a TFTP helper expects from another port', () => {
    const tracker = kernel();
    const request = udp('10.0.0.2', 3000, '10.1.0.2', 69);
    const [first] = track(tracker, packet(request), bothWays(0));
    if (first === undefined) throw new Error('the packet is lost');
    setHelper(first.handle, 'tftp');
    confirm(tracker, first.p, first.handle);
    const data = udp('10.1.0.2', 41000, '10.0.0.2', 3000);
    expect(track(tracker, packet(data), bothWays(0))[0]?.handle.state).toBe('related');
  });

  it('gives the saved mark to the answer', () => {
    const tracker = kernel();
    const there = route(tracker, udp('10.0.0.2', 5, '10.1.0.2', 6));
    const marked = onePacket.set(there.p, assignment(field('ct_mark'), 0x2an));
    saveMark(tracker, marked, there.handle);
    const back = route(tracker, udp('10.1.0.2', 6, '10.0.0.2', 5));
    expect(read(back.p, 'ct_mark')).toBe(0x2a);
    expect(read(back.p, 'ct_tp_dst')).toBe(6);
  });
});

describe('entries of a dump', () => {
  const line =
    'ipv4     2 udp      17 20 src=10.0.0.2 dst=10.1.0.2 sport=5 dport=6 [UNREPLIED] ' +
    'src=10.1.0.2 dst=10.1.0.1 sport=6 dport=5005 mark=7 zone=3 use=1\n';
  const answer = udp('10.1.0.2', 6, '10.1.0.1', 5005);

  it('recognise and translate answers, in their zone only', () => {
    const tracker = kernel(line);
    const back = route(tracker, answer, { zone: bothWays(3) });
    expect([back.state, back.sent]).toEqual(['est+rpl+snat', '10.1.0.2:6>10.0.0.2:5']);
    expect(read(back.p, 'ct_mark')).toBe(7);
    expect(route(kernel(line), answer).state).toBe('new');
  });

  it('end when their time is over', () => {
    const tracker = kernel(line);
    tracker.run.now_us = 21_000_000;
    expect(route(tracker, answer, { zone: bothWays(3) }).state).toBe('new');
  });

  it('are found among many', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => {
      const host = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
      return `tcp 6 99 ESTABLISHED src=${host} dst=192.0.2.1 sport=9 dport=80 src=192.0.2.1 dst=${host} sport=80 dport=9 [ASSURED] mark=${i} use=1`;
    });
    const tracker = kernel(many.join('\n'));
    const one = route(tracker, tcp('192.0.2.1', 80, '10.0.195.79', 9, 'A'));
    expect([one.state, read(one.p, 'ct_mark')]).toEqual(['est+rpl', 49_999]);
  });

  it('are missed aloud when there is no dump', () => {
    const run = packetRun();
    createTracker(run, { personality: 'kernel', entries: null });
    expect(run.assumed.join()).toContain('ASSUME_FRESH_CONNTRACK');
    const told = packetRun();
    createTracker(told, { personality: 'kernel', entries: [] });
    expect(told.assumed).toEqual([]);
  });
});

describe('the ct action of the kernel datapath', () => {
  it('translates with the commit, and back by the bare nat', () => {
    const tracker = kernel();
    const value = readIpv4('192.0.2.1') ?? 0n;
    const source = {
      manip: 'src',
      addresses: { from: value, to: value },
      ports: null,
      random: false,
    } as const;
    const request = { force: false, zone: 4, exec: null, alg: null };
    const [there] = executeCt(tracker, packet(udp('10.0.0.2', 5, '10.1.0.2', 6)), {
      ...request,
      commit: true,
      nat: source,
    });
    expect(there === undefined ? '' : ends(there.p)).toBe('192.0.2.1:5>10.1.0.2:6');
    const bare = { manip: null, addresses: null, ports: null, random: false };
    const [back] = executeCt(tracker, packet(udp('10.1.0.2', 6, '192.0.2.1', 5)), {
      ...request,
      commit: false,
      nat: bare,
    });
    expect(back === undefined ? '' : ends(back.p)).toBe('10.1.0.2:6>10.0.0.2:5');
    expect(back === undefined ? '' : stateOf(back.p)).toBe('est+rpl+dnat');
  });

  it('finds a reset of no connection invalid, unlike the userspace datapath', () => {
    const request = { commit: false, force: false, zone: 0, nat: null, exec: null, alg: null };
    const reset = tcp('10.0.0.2', 5, '10.1.0.2', 6, 'R');
    const [one] = executeCt(kernel(), packet(reset), request);
    expect(one === undefined ? '' : stateOf(one.p)).toBe('inv');
  });

  it('does not move the machine twice for a packet that passes two ct actions', () => {
    const tracker = kernel();
    const request = { force: false, zone: 0, nat: null, exec: null, alg: null };
    executeCt(tracker, packet(tcp('10.0.0.2', 5, '10.1.0.2', 6, 'S')), {
      ...request,
      commit: true,
    });
    const [first] = executeCt(tracker, packet(tcp('10.1.0.2', 6, '10.0.0.2', 5, 'SA')), {
      ...request,
      commit: false,
    });
    if (first === undefined) throw new Error('the packet is lost');
    const before = first.connection?.state;
    const [second] = executeCt(tracker, first.p, { ...request, commit: true });
    expect(second === undefined ? '' : stateOf(second.p)).toBe('est+rpl');
    expect(second?.connection?.state).toBe(before);
  });
});
