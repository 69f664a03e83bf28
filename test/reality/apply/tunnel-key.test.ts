/**
 * The key of a network whose tunnels learn changes under a stream of a packet each millisecond: in
 * the staged order nothing is lost; with one host after the other a gap is. `plan.test.ts` proves
 * the one and refuses the other; here both are run as they are.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fingerprint } from '../../../src/apply/execute/hash.ts';
import { networkOf, observe } from '../../../src/apply/execute/observe.ts';
import { openRecords } from '../../../src/apply/execute/records.ts';
import { runPlan } from '../../../src/apply/execute/run.ts';
import { makePlan } from '../../../src/apply/plan.ts';
import { asVerified } from '../../../src/apply/prove/verified.ts';
import { type FlowOrder } from '../../../src/apply/steps/flow-order.ts';
import { compileWanted } from '../../../src/apply/wanted.ts';
import { openConnections } from '../../../src/snapshot/collect/gather.ts';
import { readInventory } from '../../../src/snapshot/collect/inventory.ts';
import { learning } from './clouds.ts';
import { unavailable } from './fixture.ts';
import { type Lab, parsed, startLab } from './lab.ts';
import { ask, type Streamed, serve, stream } from './packets.ts';

const why = unavailable();
if (why !== null) console.log(`a change of a tunnel key is not tested here: ${why}`);

/** How often the change is made in the staged order. */
const TIMES = Number(process.env['HOPWISE_APPLY_TIMES'] ?? '1');

/** How often a change that lost packets is made once more before the order is to blame. */
const BUSY = 2;

let lab: Lab | null = null;
afterEach(() => {
  lab?.stop();
  lab = null;
});

/** Gives the network a key; while it runs guest `a` asks guest `b` each millisecond. */
async function change(of: Lab, key: number, order: FlowOrder, streaming: boolean) {
  const { fixture } = of;
  const inventory = readInventory('i', readFileSync(fixture.inventory, 'utf8')).value!;
  const connections = openConnections(inventory);
  try {
    const seen = await observe(inventory.hosts, connections);
    const files = compileWanted(parsed(learning(key)), seen.network);
    const network = networkOf(new Map([...files].map(([path, text]) => [path, text()])));
    const hosts = inventory.hosts.map(({ name }) => name);
    const wishes = { hosts, order, rivals: 'refuse', hash: fingerprint } as const;
    const { plan, tracked } = makePlan({ name: 'wanted', network }, seen, wishes);
    const running = streaming ? await stream(fixture, 'h1', 'vm-a', '10.5.0.12', 5000) : null;
    const records = openRecords(join(fixture.folder, 'state'));
    const context = { hosts: inventory.hosts, connections, records, tracked };
    const options = { timer_s: 60, recheck_s: [0.2], hold: false };
    const { kind } = await runPlan(asVerified(plan), context, options);
    const streamed: Streamed | null = running === null ? null : await running.stop();
    return { kind, streamed };
  } finally {
    await connections.close();
  }
}

describe.skipIf(why !== null)('a change of a tunnel key', () => {
  it('loses nothing in the staged order, and some where one host follows the other', async () => {
    lab = await startLab(learning(101));
    expect((await change(lab, 101, 'direct', false)).kind).toBe('done');
    await serve(lab.fixture, 'h2', 'vm-b', 'b', [5000]);
    // Both ends know each other before anything is counted.
    const question = { kind: 'udp', address: '10.5.0.12', port: 5000 } as const;
    expect(await ask(lab.fixture, 'h1', 'vm-a', [question], 3000)).toEqual(['b 10.5.0.11']);
    let key = 101;
    const once = async (of: Lab) => {
      key = key === 101 ? 202 : 101;
      const staged = await change(of, key, 'staged', true);
      expect(staged.kind).toBe('done');
      expect(staged.streamed?.lastAnswered).toBe(true);
      return staged.streamed!.lost;
    };
    for (let i = 0; i < TIMES; i++) {
      // What an order loses it loses each time; a busy machine drops packets now and then.
      let lost = await once(lab);
      for (let again = 0; lost > 0 && again < BUSY; again++) lost = await once(lab);
      expect(lost).toBe(0);
    }
    const direct = await change(lab, 303, 'direct', true);
    expect(direct.kind).toBe('done');
    expect(direct.streamed?.lost).toBeGreaterThan(0);
    const { lost, sent, lastAnswered } = direct.streamed!;
    console.log(`direct: ${lost} of ${sent} lost, the last ${lastAnswered ? '' : 'not '}answered`);
  }, 600_000);
});
