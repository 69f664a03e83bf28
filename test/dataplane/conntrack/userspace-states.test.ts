/** ct_state of packet sequences in the userspace datapath, as measured on Open vSwitch 3.1.0. */
import { describe, expect, it } from 'vitest';
import { executeCt } from '../../../src/dataplane/conntrack/execute.ts';
import { createTracker } from '../../../src/dataplane/conntrack/tracker.ts';
import { type Packet } from '../../../src/traffic/one-packet.ts';
import { type PacketText, packet, packetRun, stateOf } from './packets.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';

function tcp(back: boolean, flags: string, seq: number, ack: number, length = 0): Packet {
  const ends = back
    ? { src: B, dst: A, sport: 80, dport: 1000 }
    : { src: A, dst: B, sport: 1000, dport: 80 };
  return packet({ ...ends, proto: 'tcp', flags, seq, ack, length });
}

function udp(back: boolean, port = 5): Packet {
  const ends = back
    ? { src: B, dst: A, sport: 6, dport: port }
    : { src: A, dst: B, sport: port, dport: 6 };
  return packet({ ...ends, proto: 'udp' });
}

function echo(back: boolean): Packet {
  const ends = back ? { src: B, dst: A, type: 0 } : { src: A, dst: B, type: 8 };
  return packet({ ...ends, proto: 'icmp', id: 7 });
}

function unreachable(quoted: Packet, more: Partial<PacketText> = {}): Packet {
  return packet({ src: B, dst: A, proto: 'icmp', type: 3, code: 3, quoted, ...more });
}

/** States of the packets; what is new is committed. A number is a pause in seconds. */
function states(sequence: readonly (Packet | number)[]): string[] {
  const run = packetRun();
  const tracker = createTracker(run, { personality: 'userspace', entries: [] });
  const request = { force: false, zone: 0, nat: null, exec: null, alg: null };
  const seen: string[] = [];
  for (const one of sequence) {
    if (typeof one === 'number') {
      run.now_us += one * 1_000_000;
      continue;
    }
    const [tracked] = executeCt(tracker, one, { ...request, commit: false });
    if (tracked === undefined) throw new Error('the packet is lost');
    const state = stateOf(tracked.p);
    seen.push(state);
    if (state.includes('new')) executeCt(tracker, tracked.p, { ...request, commit: true });
  }
  return seen;
}

describe('ct_state in the userspace datapath', () => {
  it('calls a repeated SYN new, follows the closing, and recycles the entry', () => {
    const sequence = [
      tcp(false, 'S', 100, 0),
      tcp(false, 'S', 100, 0),
      tcp(true, 'SA', 500, 101),
      tcp(false, 'A', 101, 501),
      tcp(false, 'PA', 101, 501, 4),
      tcp(true, 'A', 501, 105),
      tcp(false, 'FA', 105, 501),
      tcp(true, 'FA', 501, 106),
      tcp(false, 'A', 106, 502),
      tcp(false, 'PA', 106, 502, 1),
      tcp(false, 'S', 9000, 0),
    ];
    expect(states(sequence)).toEqual([
      'new',
      'new',
      'est+rpl',
      'est',
      'est',
      'est+rpl',
      'est',
      'est+rpl',
      'est',
      'est',
      'new',
    ]);
  });

  it.each([
    ['ACK', 'A', 'new'],
    ['RST', 'R', 'new'],
    ['SYN/ACK', 'SA', 'inv'],
    ['no flags', '', 'inv'],
    ['SYN+FIN', 'SF', 'inv'],
  ])('takes a first packet with %s as recorded', (_, flags, state) => {
    expect(states([tcp(false, flags, 101, 501)])).toEqual([state]);
  });

  it('refuses an echo reply that nobody asked for', () => {
    expect(states([echo(true)])).toEqual(['inv']);
  });

  it('lets a SYN begin anew after a reset', () => {
    const sequence = [tcp(false, 'S', 100, 0), tcp(true, 'RA', 0, 101), tcp(false, 'S', 200, 0)];
    expect(states(sequence)).toEqual(['new', 'est+rpl', 'new']);
  });

  it('refuses a sequence number far outside of the window and keeps the connection', () => {
    const sequence = [
      tcp(false, 'S', 100, 0),
      tcp(true, 'SA', 500, 101),
      tcp(false, 'A', 101, 501),
      tcp(false, 'PA', 3_000_000_000, 501, 1),
      tcp(false, 'A', 101, 501),
    ];
    expect(states(sequence)).toEqual(['new', 'est+rpl', 'est', 'inv', 'est']);
  });

  it('calls UDP new until it is answered, and again after it was idle for 61 s', () => {
    const sequence = [udp(false), udp(false), udp(true), udp(false), 61, udp(false)];
    expect(states(sequence)).toEqual(['new', 'new', 'est+rpl', 'est', 'new']);
  });

  it('calls every further UDP packet new while nobody answers', () => {
    expect(states([udp(false), udp(false), udp(false)])).toEqual(['new', 'new', 'new']);
  });

  it('tracks SCTP, GRE and unknown protocols by their addresses alone', () => {
    const raw = (proto: number, back: boolean, sport: number, dport: number) =>
      packet({ src: back ? B : A, dst: back ? A : B, proto, sport, dport });
    const sctp = [raw(132, false, 5, 6), raw(132, false, 5, 7), raw(132, true, 6, 5)];
    expect(states(sctp)).toEqual(['new', 'new', 'est+rpl']);
    expect(states([raw(47, false, 0, 0), raw(47, true, 0, 0)])).toEqual(['new', 'est+rpl']);
    expect(states([raw(250, false, 0, 0), raw(250, true, 0, 0)])).toEqual(['new', 'est+rpl']);
  });

  it('relates what a TFTP helper expects, and keeps it related', () => {
    const tracker = createTracker(packetRun(), { personality: 'userspace', entries: [] });
    const send = (src: string, sport: number, dst: string, dport: number): string => {
      const p = packet({ src, dst, sport, dport, proto: 'udp' });
      const request = { force: false, zone: 0, nat: null, exec: null };
      const [one] = executeCt(tracker, p, { ...request, commit: false, alg: null });
      if (one === undefined) throw new Error('the packet is lost');
      const state = stateOf(one.p);
      const alg = dport === 69 ? ('tftp' as const) : null;
      if (state.includes('new')) executeCt(tracker, one.p, { ...request, commit: true, alg });
      return state;
    };
    expect([
      send(A, 3000, B, 69),
      send(B, 41_000, A, 3000),
      send(A, 3000, B, 41_000),
      send(B, 41_000, A, 3000),
      send(B, 69, A, 3000),
    ]).toEqual(['new', 'new+rel', 'est+rel+rpl', 'est+rel', 'est+rpl']);
  });

  it('says dnat of the answer to a source translation', () => {
    const tracker = createTracker(packetRun(), { personality: 'userspace', entries: [] });
    const to = { from: 0x0a09_0909n, to: 0x0a09_0909n };
    const request = { force: false, zone: 1, exec: null, alg: null };
    const rest = { ports: null, random: false };
    const [there] = executeCt(tracker, udp(false), {
      ...request,
      commit: true,
      nat: { manip: 'src', addresses: to, ...rest },
    });
    const answer = packet({ src: B, dst: '10.9.9.9', sport: 6, dport: 5, proto: 'udp' });
    const [back] = executeCt(tracker, answer, {
      ...request,
      commit: false,
      nat: { manip: null, addresses: null, ...rest },
    });
    const states = [there, back].map((one) => (one === undefined ? '' : stateOf(one.p)));
    expect(states).toEqual(['new+snat', 'est+rpl+dnat']);
  });

  it('calls echo requests new until the reply', () => {
    const sequence = [echo(false), echo(false), echo(true), echo(false)];
    expect(states(sequence)).toEqual(['new', 'new', 'est+rpl', 'est']);
  });

  it('relates an ICMP error to the connection that it quotes', () => {
    expect(states([udp(false), unreachable(udp(false))])).toEqual(['new', 'rel+rpl']);
    expect(states([unreachable(udp(false, 50))])).toEqual(['inv']);
  });

  it('refuses an ICMP error that is not sent to the quoted sender', () => {
    const stray = unreachable(udp(false), { dst: '10.0.0.9' });
    expect(states([udp(false), stray])).toEqual(['new', 'inv']);
  });
});
