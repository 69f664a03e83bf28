/**
 * Whatever dies, and whoever else writes: a host ends as it was or as it was wanted, what others
 * made there stays, and the journals tell what happened.
 *
 * `HOPWISE_APPLY_LONG` tries every step of a plan of twenty; without it a few steps of a short one.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { networkOf, observe } from '../../../src/apply/execute/observe.ts';
import { type RunResult, rollbackAll } from '../../../src/apply/execute/run.ts';
import { operatorCut } from '../../../src/apply/prove/operator.ts';
import { openConnections } from '../../../src/snapshot/collect/gather.ts';
import { bridged, routers } from './clouds.ts';
import {
  crash,
  foreignText,
  hostJournal,
  journals,
  killOn,
  plantForeign,
  type Ready,
  ready,
  reboot,
  recordsOf,
  settled,
  startSshd,
  startSwitch,
  stateOf,
  told,
} from './crash.ts';
import { type Fixture, startFixture, unavailable } from './fixture.ts';

const why = unavailable();
if (why !== null) console.log(`crashes of hosts are not tested here: ${why}`);

const LONG = process.env['HOPWISE_APPLY_LONG'] !== undefined;
const CLOUD = routers(LONG ? 7 : 1);

let fixture: Fixture | null = null;
afterEach(() => {
  fixture?.stop();
  fixture = null;
});

async function begin(cloud = CLOUD): Promise<Ready & { readonly foreign: string }> {
  fixture = await startFixture([{ name: 'one' }]);
  plantForeign(fixture, 'one');
  const foreign = foreignText(fixture, 'one');
  expect(foreign.split('\n').length).toBeGreaterThan(8);
  return { ...(await ready(fixture, cloud)), foreign };
}

/** Steps to be interrupted: all of them, or one in the middle and the last. */
function chosen(steps: number): readonly number[] {
  const all = Array.from({ length: steps }, (_, i) => i + 1);
  return LONG ? all : [Math.ceil(steps / 2), steps];
}

/** Kills every sshd, and starts it again later. */
async function withoutSshd(of: Fixture): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  killOn(of, 'one', 'sshd');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  startSshd(of, 'one');
}

describe.skipIf(why !== null)('a run that is interrupted', () => {
  it('by the death of its controller is undone by the host itself', async () => {
    const at = await begin();
    const counts: Record<string, number> = {};
    for (const step of chosen(at.plan.steps.length)) {
      for (const fate of LONG ? (['die', 'send and die'] as const) : (['send and die'] as const)) {
        const result = await crash(at, (number) => (number === step ? fate : 'go'));
        expect(result).toBeNull();
        await settled(at.fixture, 'one', true);
        const end = await stateOf(at, 'one');
        expect([step, end]).toEqual([step, 'old']);
        expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
        counts[end] = (counts[end] ?? 0) + 1;
        const journal = hostJournal(at.fixture, 'one');
        const begun = journal.filter((line) => line.startsWith('begun'));
        // A step that was sent may find the way back begun, and is refused then.
        expect([step - 1, ...(fate === 'die' ? [] : [step])]).toContain(begun.length);
        expect(journal).toContain('rollback by timer');
        expect(journal.filter((line) => line.startsWith('undone')).length).toBe(begun.length);
      }
    }
    console.log(`controller killed, ${at.plan.steps.length} steps: ${told(counts)}`);
    const after = await crash(at, () => 'go');
    expect(after?.kind).toBe('done');
    expect(await stateOf(at, 'one')).toBe('new');
    expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
  }, 1_200_000);

  it('by the death of every sshd is undone when they are back, or by the host', async () => {
    const at = await begin();
    const counts: Record<string, number> = {};
    const steps = chosen(at.plan.steps.length);
    for (const step of LONG ? steps : steps.slice(0, 1)) {
      let back: Promise<void> = Promise.resolve();
      const result = await crash(
        at,
        (number) => {
          if (number === step) back = withoutSshd(at.fixture);
          return 'go';
        },
        8,
      );
      await back;
      await settled(at.fixture, 'one');
      const end = await stateOf(at, 'one');
      expect([step, end]).toEqual([step, result?.kind === 'done' ? 'new' : 'old']);
      expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
      counts[end] = (counts[end] ?? 0) + 1;
      if (end === 'new') break;
    }
    console.log(`sshd killed, ${at.plan.steps.length} steps: ${told(counts)}`);
  }, 1_200_000);

  it('by the end of all processes of its host is undone by the next run', async () => {
    const at = await begin();
    const middle = Math.ceil(at.plan.steps.length / 2);
    expect(await crash(at, (number) => (number === middle ? 'die' : 'go'), 120)).toBeNull();
    killOn(at.fixture, 'one');
    startSwitch(at.fixture, 'one');
    startSshd(at.fixture, 'one');
    // Nobody goes back by himself: the timer died with the others.
    const again = await crash(at, () => 'go', 120, 'other');
    expect(again?.kind).toBe('done');
    expect(await stateOf(at, 'one')).toBe('new');
  }, 600_000);

  it('by a reboot, with which all of the kernel is lost, is undone by the next run', async () => {
    const at = await begin();
    const { steps } = at.plan;
    const moments = LONG ? steps.map((_, i) => i + 1) : [steps.length - 1];
    const counts: Record<string, number> = {};
    for (const moment of moments) {
      const state = `boot${moment}`;
      expect(
        await crash(at, (number) => (number === moment ? 'die' : 'go'), 120, state),
      ).toBeNull();
      reboot(at.fixture, 'one');
      // The disk has the database of the switch, with ports of a cloud that is not there.
      const connections = openConnections(at.inventory);
      const open = recordsOf(at.fixture, state).all()[0]!.transaction;
      const { hosts } = at.inventory;
      const left = await rollbackAll(
        { hosts, connections },
        recordsOf(at.fixture, state).open(open),
        'hand',
      );
      await connections.close();
      const end = left.length > 0 ? left.join() : await stateOf(at, 'one');
      expect([moment, end]).toEqual([moment, 'old']);
      expect(at.fixture.run('one', 'ovs-vsctl', 'list-br')).toContain('br-others');
      counts[end] = (counts[end] ?? 0) + 1;
    }
    console.log(`host rebooted, ${steps.length} steps: ${told(counts)}`);
    expect((await crash(at, () => 'go', 120, 'last'))?.kind).toBe('done');
    expect(await stateOf(at, 'one')).toBe('new');
  }, 1_200_000);
});

describe.skipIf(why !== null)('a host that somebody else changes', () => {
  it('is had by one of two runs at a time', async () => {
    const at = await begin();
    const results = await Promise.all([
      crash(at, () => 'go', 60, 'first'),
      crash(at, () => 'go', 60, 'second'),
    ]);
    const kinds = results.map((each: RunResult | null) => each?.kind).sort();
    // Whoever comes second is refused at the lock, or goes back from where it met the other.
    expect(kinds[0]).toBe('done');
    expect(['refused', 'rolled-back']).toContain(kinds[1]);
    expect(await stateOf(at, 'one')).toBe('new');
    expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
    // Which of them was first at the host is chance.
    const winner = results[0]?.kind === 'done' ? 'first' : 'second';
    expect(journals(at.fixture, winner).join('')).toContain('"begin"');
  }, 600_000);

  it('goes back when a rival removes rules as they are written', async () => {
    const at = await begin();
    const chain = 'neutron-l3-agent-PREROUTING';
    const rival = `while :; do for n in $(ls /run/netns | grep qrouter); do ip netns exec $n iptables -t nat -F ${chain} 2>/dev/null; done; sleep 0.2; done`;
    at.fixture.run('one', 'sh', '-c', `setsid sh -c '${rival}' </dev/null >/dev/null 2>&1 &`);
    const result = await crash(at, () => 'go', 60);
    expect(result?.kind).toBe('rolled-back');
    expect(result).toMatchObject({ why: expect.stringContaining('not as expected') as string });
    expect(await stateOf(at, 'one')).toBe('old');
    expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
  }, 600_000);

  it('makes a plan stale when it is no more as it was read', async () => {
    const at = await begin();
    expect((await crash(at, () => 'go', 60))?.kind).toBe('done');
    const before = await ready(at.fixture, routers(2));
    at.fixture.run('one', 'ovs-ofctl', '-O', 'OpenFlow14', 'del-flows', 'br-int', 'table=0');
    const now = await ready(at.fixture, routers(2));
    expect(now.plan.id).not.toBe(before.plan.id);
    // The same when the plan is run as if nobody had looked again.
    const result = await crash(before, () => 'go', 60);
    expect(result).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('stale') as string,
    });
    expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
  }, 600_000);

  it('is not cut off by its own address moving into a bridge', async () => {
    const at = await begin(bridged('eth0'));
    const connections = openConnections(at.inventory);
    const seen = await observe(at.inventory.hosts, connections);
    await connections.close();
    const host = networkOf(seen.files).hosts.get('one')!;
    const cut = operatorCut(at.plan, host, seen.operators.get('one')!);
    expect(cut.join()).toContain('takes the interface of your ssh connection');
    // What comes in by the bridge is no more what the routes say.
    at.fixture.run('one', 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter');
    const result = await crash(at, () => 'go', 6);
    expect(result?.kind).toBe('rolled-back');
    expect(await stateOf(at, 'one')).toBe('old');
    expect(foreignText(at.fixture, 'one')).toBe(at.foreign);
  }, 600_000);
});
