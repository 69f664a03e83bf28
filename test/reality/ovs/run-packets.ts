/** Real frames through the emulated switch: what every port sends, the MAC tables, connections. */

import { PEER_STATES } from '../../../src/dataplane/conntrack/tcp-userspace.ts';
import { createTracker, currentConnections } from '../../../src/dataplane/conntrack/tracker.ts';
import { conntrackOf } from '../../../src/dataplane/ovs/datapath/conntrack.ts';
import { receive } from '../../../src/dataplane/ovs/datapath/receive.ts';
import { type PreparedSwitch } from '../../../src/dataplane/ovs/pipeline/prepared.ts';
import {
  everyAddress,
  type LearnedAddress,
  type SwitchState,
  switchState,
} from '../../../src/dataplane/ovs/pipeline/state.ts';
import { field } from '../../../src/packet/fields.ts';
import { type Packet } from '../../../src/traffic/one-packet.ts';
import { bytesFromPacket, packetFromBytes } from '../../../src/traffic/wire.ts';
import { readField } from '../../../src/traffic/words.ts';
import { type OracleCase } from './cases.ts';
import { onePacketRun } from './compare-trace.ts';
import { type Comparison, preparedCase } from './run-case.ts';

interface RealStep {
  readonly tx?: Readonly<Record<string, readonly string[]>>;
  readonly fdb?: readonly (readonly [string, string, string, string])[];
  readonly conntrack?: readonly string[];
}

/** Ports whose frames the oracle sees. */
function visible(one: OracleCase): ReadonlySet<string> {
  return new Set(
    one.bridges.flatMap(({ ports }) =>
      (ports ?? []).filter(({ type }) => (type ?? 'dummy') === 'dummy').map(({ name }) => name),
    ),
  );
}

function number(p: Packet, name: string): number {
  return Number(readField(p.words, field(name)));
}

function mac(value: bigint): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?=.)/g, '$1:');
}

function macOf({ mac: known, seen }: LearnedAddress<Packet>): bigint {
  return known ?? readField(seen?.words ?? new Uint32Array(), field('eth_src'));
}

/** The MAC table in the words of fdb/show, entries past their time left out. */
function fdbOf(state: SwitchState<Packet>, bridge: string, now_us: number): string[] {
  const known = state.bridges.get(bridge);
  return (known === undefined ? [] : everyAddress(known)).flatMap((entry) => {
    const age = Math.floor((now_us - entry.learned_us) / 1e6);
    if (age >= 300) return [];
    const port = entry.port === 0xfffe ? 'LOCAL' : String(entry.port);
    return [`${port} ${entry.vlan} ${mac(macOf(entry))} ${age}`];
  });
}

function address(p: Packet, name: string): string {
  const value = number(p, name);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** The connections in the words of dpctl/dump-conntrack. */
function connectionsOf(tracker: ReturnType<typeof createTracker<Packet>>): string[] {
  return currentConnections(tracker).map(({ cls, before, after, state, zone, memo }) => {
    const ends = (p: Packet, back: boolean): string => {
      const [source, destination] = back ? ['dst', 'src'] : ['src', 'dst'];
      const rest =
        cls.kind === 'icmp'
          ? `id=${number(p, 'icmp_id')},type=${back ? cls.replyType : cls.icmpType},code=${number(p, 'tp_dst')}`
          : `sport=${number(p, `tp_${source}`)},dport=${number(p, `tp_${destination}`)}`;
      return `(src=${address(p, `ip_${source}`)},dst=${address(p, `ip_${destination}`)},${rest})`;
    };
    const parts = [`${cls.kind},orig=${ends(before, false)},reply=${ends(after, true)}`];
    if (zone.original !== 0) parts.push(`zone=${zone.original}`);
    if (number(memo, 'ct_mark') !== 0) parts.push(`mark=${number(memo, 'ct_mark')}`);
    if (state.kind === 'tcp-peers') {
      const most = Math.max(...state.tcp.peers.map((peer) => peer.state));
      const name = most >= 9 ? 'TIME_WAIT' : most >= 5 ? 'CLOSING' : PEER_STATES[most];
      parts.push(`protoinfo=(state=${name})`);
    }
    return parts.join(',');
  });
}

/** Datapath flows are forgotten when nothing used them for that long (max-idle). */
const FLOW_IDLE_US = 10_000_000;

/** A refresh that the real switch may do later, and when the entry was refreshed before it. */
interface LateRefresh {
  readonly entry: LearnedAddress<Packet>;
  readonly before_us: number;
}

/** Frames that may meet one datapath flow: addresses, VLAN and type are the same. */
function flowOf(port: string, frame: string): string {
  const [ends, type, tag] = [frame.slice(0, 24), frame.slice(24, 28), frame.slice(28, 32)];
  const vlan = type === '8100' || type === '88a8' ? Number.parseInt(tag, 16) & 0xfff : -1;
  return `${port} ${ends} ${vlan} ${vlan < 0 ? type : frame.slice(32, 36)}`;
}

/**
 * With the clock of a case standing still, nothing revalidates datapath flows. A frame like an
 * earlier one meets such a flow; the addresses it refreshes are refreshed when it is revalidated,
 * which may be as late as after a later move of the clock. So the real table decides.
 */
class LateRefreshes {
  private readonly used = new Map<string, number>();
  private late: LateRefresh[] = [];
  private before = new Map<LearnedAddress<Packet>, number>();
  /** When the clock was moved: flows are revalidated then. */
  private readonly moves: number[] = [];

  /** Before a frame is received: what is known then. */
  receiving(state: SwitchState<Packet>): void {
    const known = [...state.bridges.values()].flatMap((bridge) => everyAddress(bridge));
    this.before = new Map(known.map((entry) => [entry, entry.learned_us]));
  }

  /** @param source of the frame, whose entries it refreshed. */
  received(frame: string, source: bigint, state: SwitchState<Packet>, now_us: number): void {
    if (this.used.has(frame)) {
      for (const known of state.bridges.values()) {
        for (const entry of everyAddress(known)) {
          if (entry.learned_us !== now_us || macOf(entry) !== source) continue;
          this.late.push({ entry, before_us: this.before.get(entry) ?? now_us });
        }
      }
    }
    this.used.set(frame, now_us);
  }

  clockMoved(now_us: number): void {
    this.moves.push(now_us);
    for (const [frame, at] of this.used) if (now_us - at > FLOW_IDLE_US) this.used.delete(frame);
  }

  /** Entries are as old as the real table shows, where it shows one of the possible ages. */
  seen(rows: readonly (readonly string[])[], now_us: number): void {
    const ageSince = (at_us: number): number => Math.floor((now_us - at_us) / 1e6);
    for (const { entry, before_us } of this.late) {
      const row = rows.find(
        ([port, vlan, address]) =>
          port === String(entry.port) &&
          vlan === String(entry.vlan) &&
          address === mac(macOf(entry)),
      );
      if (row === undefined) continue;
      const age = Number(row[3]);
      const later = this.moves.find((at_us) => at_us > entry.learned_us && ageSince(at_us) === age);
      if (later !== undefined) entry.learned_us = later;
      else if (age === ageSince(before_us)) entry.learned_us = before_us;
    }
  }
}

/** Runs every step of a case with real packets and compares. */
export function comparePackets(
  one: OracleCase,
  sw: PreparedSwitch = preparedCase(one),
): Comparison {
  const run = onePacketRun();
  const table = createTracker(run, { personality: 'userspace', entries: [] });
  const state = switchState<Packet>(sw, 0, { learns: true });
  const dp = { run, sw, state, tracker: conntrackOf(run, table) };
  const seen = visible(one);
  const late = new LateRefreshes();
  const differences: string[] = [];
  let steps = 0;
  const compare = (what: string, ours: readonly string[], theirs: readonly string[]) => {
    steps++;
    const [a, b] = [[...ours].sort(), [...theirs].sort()];
    if (a.join('\n') === b.join('\n')) return;
    differences.push(
      `${one.id} ${what}\n  ours ${a.join('\n       ')}\n  real ${b.join('\n       ')}`,
    );
  };
  for (const [i, step] of one.steps.entries()) {
    const real = (one.result[i] ?? {}) as RealStep;
    if (step.op === 'warp') {
      run.now_us += (step.ms ?? 0) * 1000;
      late.clockMoved(run.now_us);
    } else if (step.op === 'fdb' && real.fdb !== undefined) {
      const theirs = real.fdb
        .filter(([, , , age]) => Number(age) < 300)
        .map((row) => row.join(' '));
      late.seen(real.fdb, run.now_us);
      compare(`step ${i} fdb ${step.bridge}`, fdbOf(state, step.bridge ?? '', run.now_us), theirs);
    } else if (step.op === 'conntrack' && real.conntrack !== undefined) {
      compare(`step ${i} conntrack`, connectionsOf(table), real.conntrack);
    } else if (step.op === 'receive' && real.tx !== undefined) {
      const { value } = packetFromBytes(Buffer.from(step.packet ?? '', 'hex'));
      late.receiving(state);
      const ours = receive(dp, step.port ?? '', value).flatMap((outcome) =>
        outcome.kind === 'sent' && seen.has(outcome.port)
          ? [`${outcome.port} ${Buffer.from(bytesFromPacket(outcome.p)).toString('hex')}`]
          : [],
      );
      const source = BigInt(`0x${step.packet?.slice(12, 24)}`);
      late.received(flowOf(step.port ?? '', step.packet ?? ''), source, state, run.now_us);
      const theirs = Object.entries(real.tx).flatMap(([port, frames]) =>
        frames.map((frame) => `${port} ${frame}`),
      );
      compare(`step ${i} ${step.port} ${step.packet}`, ours, theirs);
    }
  }
  return { steps, passes: steps, differences, ambiguous: 0 };
}
