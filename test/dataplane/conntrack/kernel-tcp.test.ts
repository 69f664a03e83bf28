/** TCP states and entries against the answers of a Linux 6.18 kernel. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bothWays, STATUS } from '../../../src/dataplane/conntrack/connection.ts';
import { bind, confirm, track, wantsRule } from '../../../src/dataplane/conntrack/netfilter.ts';
import {
  createTracker,
  currentConnections,
  type Tracker,
} from '../../../src/dataplane/conntrack/tracker.ts';
import { writeIp } from '../../../src/text/address-text.ts';
import { type Packet } from '../../../src/traffic/one-packet.ts';
import { packet, packetRun, read } from './packets.ts';

type EntryRow = [string, number, number, string, boolean, boolean, number];
interface Step {
  readonly wait?: number;
  readonly entries?: readonly EntryRow[];
  readonly asked?: readonly [string, number, number][] | null;
  readonly src: string;
  readonly dst: string;
  readonly state: string | null;
}
interface Case {
  readonly id: string;
  readonly loose: boolean;
  readonly beLiberal: boolean;
  readonly ignoreInvalidRst: boolean;
  readonly steps: readonly Step[];
}

const file = resolve(import.meta.dirname, '../../fixtures/conntrack/kernel-tcp.json.gz');
const cases = JSON.parse(gunzipSync(readFileSync(file)).toString()) as readonly Case[];

/** Sends a packet through the hooks of a router without NAT rules; the state it got. */
function forward(tracker: Tracker<Packet>, p: Packet): string {
  const [first] = track(tracker, p, bothWays(0));
  if (first === undefined) throw new Error('the packet is lost');
  let now = first;
  for (const manip of ['dst', 'src'] as const) {
    if (!wantsRule(now.handle, manip)) continue;
    const null_ = { manip, addresses: null, ports: null, random: false };
    now = bind(tracker, now.p, now.handle, null_)[0] ?? now;
  }
  confirm(tracker, now.p, now.handle);
  return first.handle.state;
}

/** What is in the table, as the recorded rows say it; seconds left are rounded up. */
function rows(tracker: Tracker<Packet>): EntryRow[] {
  return currentConnections(tracker).map((one) => [
    writeIp({ version: 4, value: BigInt(read(one.before, 'ip_src')) }),
    read(one.before, 'tp_src'),
    read(one.before, 'tp_dst'),
    one.state.kind === 'tcp' ? one.state.tcp.state : '',
    (one.status & STATUS.seen_reply) !== 0,
    (one.status & STATUS.assured) !== 0,
    Math.ceil((one.expires_us - tracker.run.now_us) / 1_000_000),
  ]);
}

function named(row: EntryRow): string {
  return row.slice(0, 3).join(':');
}

/** The kernel's clock runs on while it answers: two seconds count as equal. */
function closeTo(ours: EntryRow | undefined, theirs: EntryRow): EntryRow | undefined {
  if (ours === undefined || Math.abs(ours[6] - theirs[6]) > 2) return ours;
  return [...ours.slice(0, 6), theirs[6]] as EntryRow;
}

function replay(one: Case): void {
  const run = packetRun();
  const { loose, beLiberal, ignoreInvalidRst } = one;
  const tcp = { loose, beLiberal, ignoreInvalidRst };
  const tracker = createTracker(run, { personality: 'kernel', entries: [], tcp });
  for (const [i, step] of one.steps.entries()) {
    if (step.wait !== undefined) {
      run.now_us += step.wait * 1000;
    } else if (step.entries !== undefined) {
      const ours = new Map(rows(tracker).map((row) => [named(row), row]));
      for (const row of step.entries) {
        expect(closeTo(ours.get(named(row)), row), `${one.id} step ${i}`).toEqual(row);
      }
      const known = new Set(step.entries.map(named));
      const asked = (step.asked ?? []).map((key) => key.join(':'));
      const surplus = [...ours.keys()].filter((key) => asked.includes(key) && !known.has(key));
      expect(surplus, `${one.id} step ${i}`).toEqual([]);
    } else {
      const got = forward(tracker, packet({ proto: 'tcp', ...step }));
      if (step.state !== null) expect(got, `${one.id} step ${i}`).toBe(step.state);
    }
  }
}

describe('TCP tracking of the kernel', () => {
  it('has recorded answers', () => {
    expect(cases.length).toBe(52);
  });

  it.each(cases.map((one) => [one.id, one] as const))(
    '%s: states and entries as recorded',
    (_, one) => {
      replay(one);
    },
  );
});
