/** The ct action of the userspace datapath against recorded answers of Open vSwitch 3.1.0. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type CtNat, type CtRequest } from '../../../src/dataplane/conntrack/ct-action.ts';
import { executeCt } from '../../../src/dataplane/conntrack/execute.ts';
import { PEER_STATES } from '../../../src/dataplane/conntrack/tcp-userspace.ts';
import {
  createTracker,
  currentConnections,
  type Tracker,
} from '../../../src/dataplane/conntrack/tracker.ts';
import { field } from '../../../src/packet/fields.ts';
import { readIpv4, writeIp } from '../../../src/text/address-text.ts';
import { onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { packet, packetRun, read, stateOf } from './packets.ts';

interface Step {
  readonly wait?: number;
  readonly entries?: readonly string[];
  readonly port?: string;
  readonly frame?: string;
  readonly tx?: Readonly<Record<string, string>>;
}
interface Case {
  readonly id: string;
  readonly flows: readonly string[];
  readonly steps: readonly Step[];
}

const file = resolve(import.meta.dirname, '../../fixtures/conntrack/userspace-ct.json.gz');
const cases = JSON.parse(gunzipSync(readFileSync(file)).toString()) as readonly Case[];

const FIELDS = ['ip_src', 'ip_dst', 'tp_src', 'tp_dst'];

function address(bytes: Buffer, at: number): string {
  return writeIp({ version: 4, value: BigInt(bytes.readUInt32BE(at)) });
}

/** The IPv4 packet in some bytes, as far as these tests need it. */
function decode(bytes: Buffer): Packet {
  const head = ((bytes[0] ?? 0) & 15) * 4;
  const ends = { src: address(bytes, 12), dst: address(bytes, 16) };
  const l4 = bytes.subarray(head);
  const word = (at: number): number => (l4.length >= at + 4 ? l4.readUInt32BE(at) : 0);
  const half = (at: number): number => (l4.length >= at + 2 ? l4.readUInt16BE(at) : 0);
  if (bytes[9] === 1) {
    const type = l4[0] ?? 0;
    const error = [3, 4, 5, 11, 12].includes(type);
    const quoted = error ? { quoted: decode(l4.subarray(8)) } : { id: half(4) };
    return packet({ ...ends, proto: 'icmp', type, code: l4[1] ?? 0, ...quoted });
  }
  const ports = { sport: half(0), dport: half(2) };
  if (bytes[9] === 17) return packet({ ...ends, proto: 'udp', ...ports });
  const offset = ((l4[12] ?? 0) >> 4) * 4;
  const flags = [...'FSRPAUEC'].filter((_, i) => ((l4[13] ?? 0) & (1 << i)) !== 0).join('');
  return packet({
    ...ends,
    ...ports,
    proto: 'tcp',
    flags,
    seq: word(4),
    ack: word(8),
    win: half(14),
    opts: l4.subarray(20, offset).toString('hex'),
    length: Math.max(0, bytes.readUInt16BE(2) - head - offset),
  });
}

function tuple(p: Packet): string {
  return FIELDS.map((name) => read(p, name)).join(' ');
}

const BARE_NAT: CtNat = { manip: null, addresses: null, ports: null, random: false };

/** What a flow's ct(…) asks. */
function requestOf(text: string, zone: number): CtRequest<Packet> {
  const [, manip, to] = /nat\((src|dst)=([\d.]+)\)/.exec(text) ?? [];
  const value = readIpv4(to ?? '') ?? 0n;
  const nat: CtNat | null =
    manip === 'src' || manip === 'dst'
      ? { ...BARE_NAT, manip, addresses: { from: value, to: value } }
      : /nat[),]/.test(text)
        ? BARE_NAT
        : null;
  const mark = /->ct_mark/.test(text)
    ? (p: Packet) => onePacket.set(p, assignment(field('ct_mark'), 1n))
    : null;
  return { commit: /commit/.test(text), force: false, zone, nat, exec: mark, alg: null };
}

/** Whether a flow of table 1 matches. */
function matches(flow: string, port: string, p: Packet): boolean {
  const inPort = /in_port=(\d+)/.exec(flow)?.[1];
  if (inPort !== undefined && `p${inPort}` !== port) return false;
  const states = stateOf(p).split('+');
  const wanted = [...(/ct_state=(\S+?)[, ]/.exec(flow)?.[1] ?? '').matchAll(/\+(\w+)/g)];
  if (!wanted.every(([, name = '']) => name === 'trk' || states.includes(name))) return false;
  return !flow.includes('ct_mark=1 ') || read(p, 'ct_mark') === 1;
}

function priority(flow: string): number {
  return Number(/priority=(\d+)/.exec(flow)?.[1] ?? 32_768);
}

/** Sends a packet through the two tables that all cases have. */
function send(
  tracker: Tracker<Packet>,
  flows: readonly string[],
  port: string,
  p: Packet,
): { readonly port: string; readonly p: Packet } | null {
  const first = flows.find((flow) => /^table=0.*,ip actions/.test(flow)) ?? '';
  const zone = first.includes('reg6') ? 7 : first.includes('zone=5') ? 5 : 0;
  const [tracked] = executeCt(tracker, p, requestOf(first, zone));
  if (tracked === undefined) return null;
  const [flow] = flows
    .filter((one) => one.startsWith('table=1') && matches(one, port, tracked.p))
    .sort((a, b) => priority(b) - priority(a));
  if (flow === undefined || flow.endsWith('drop')) return null;
  const out = `p${/(\d)$/.exec(flow)?.[1]}`;
  if (!flow.includes('commit')) return { port: out, p: tracked.p };
  const [committed] = executeCt(tracker, tracked.p, requestOf(flow, zone));
  return committed === undefined ? null : { port: out, p: committed.p };
}

/** The table in the words of dpctl/dump-conntrack. */
function dump(tracker: Tracker<Packet>): string[] {
  const ip = (p: Packet, name: string): string =>
    writeIp({ version: 4, value: BigInt(read(p, name)) });
  return currentConnections(tracker).map(({ cls, before, after, state, zone, memo }) => {
    const ends = (p: Packet, back: boolean): string => {
      const [src, dst] = back ? ['dst', 'src'] : ['src', 'dst'];
      const type = back ? cls.replyType : cls.icmpType;
      const rest =
        cls.kind === 'icmp'
          ? `id=${read(p, 'icmp_id')},type=${type},code=${read(p, 'tp_dst')}`
          : `sport=${read(p, `tp_${src}`)},dport=${read(p, `tp_${dst}`)}`;
      return `(src=${ip(p, `ip_${src}`)},dst=${ip(p, `ip_${dst}`)},${rest})`;
    };
    const parts = [`${cls.kind},orig=${ends(before, false)},reply=${ends(after, true)}`];
    if (zone.original !== 0) parts.push(`zone=${zone.original}`);
    if (read(memo, 'ct_mark') !== 0) parts.push(`mark=${read(memo, 'ct_mark')}`);
    if (state.kind === 'tcp-peers') {
      const most = Math.max(...state.tcp.peers.map((peer) => peer.state));
      const name = most >= 9 ? 'TIME_WAIT' : most >= 5 ? 'CLOSING' : PEER_STATES[most];
      parts.push(`protoinfo=(state=${name})`);
    }
    return parts.join(',');
  });
}

function replay(one: Case): void {
  const run = packetRun();
  const tracker = createTracker(run, { personality: 'userspace', entries: [] });
  for (const [i, step] of one.steps.entries()) {
    const where = `${one.id} step ${i}`;
    run.now_us += (step.wait ?? 0) * 1000;
    if (step.entries !== undefined) {
      expect(dump(tracker).sort(), where).toEqual([...step.entries].sort());
    }
    if (step.frame === undefined || step.port === undefined || step.tx === undefined) continue;
    const frame = Buffer.from(step.frame, 'hex');
    if (frame.readUInt16BE(12) !== 0x0800) continue;
    const got = send(tracker, one.flows, step.port, decode(frame.subarray(14)));
    expect(got === null ? [] : [got.port], where).toEqual(Object.keys(step.tx));
    const [sent] = Object.values(step.tx);
    if (got === null || sent === undefined) continue;
    const real = decode(Buffer.from(sent, 'hex').subarray(14));
    expect(tuple(got.p), where).toBe(tuple(real));
    if (real.quoted !== null && got.p.quoted !== null) {
      expect(tuple(got.p.quoted), `${where}, quoted`).toBe(tuple(real.quoted));
    }
  }
}

describe('the ct action of the userspace datapath', () => {
  it('has recorded answers', () => {
    expect(cases.length).toBe(60);
  });

  it.each(cases.map((one) => [one.id, one] as const))(
    '%s: packets and entries as recorded',
    (_, one) => {
      replay(one);
    },
  );
});
