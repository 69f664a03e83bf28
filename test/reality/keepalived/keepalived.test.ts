/** The keepalived that is installed, asked live: who is master after stops, kills and returns. */
import { afterAll, describe, expect, it } from 'vitest';
import { Choices } from '../../../src/simulate/clock/choices.ts';
import { type Recording } from '../../dataplane/vrrp/recorded/recordings.ts';
import { type LogLine, runOnLan } from '../../simulate/lan.ts';
import { missingForKeepalived, type RealPair, type RealRouter, realRouters } from './pair.ts';

const missing = missingForKeepalived();
if (missing !== null) console.warn(`skipped: the real keepalived ${missing}`);

/** A fast pair: version 3 with ten adverts a second, the first one preferred. */
const PRIORITIES = [100, 50] as const;
const VIP = '169.254.0.5/24';

function configOf(priority: number): string {
  return `global_defs {
  vrrp_version 3
  router_id hopwise
}
vrrp_instance VR_5 {
  state BACKUP
  interface ha0
  virtual_router_id 5
  priority ${priority}
  advert_int 0.1
  track_interface {
    ha0
  }
  virtual_ipaddress {
    ${VIP} dev ha0
  }
}
`;
}

/** What the simulator says each router's log tells, for the same actions. */
function predicted(actions: readonly (readonly [number, string, string])[]): readonly LogLine[] {
  const run: Recording = {
    run: 'live',
    routers: PRIORITIES.map((priority, i) => ({ id: `r${i + 1}`, ip: 11 + i, priority })),
    default: { version: 3, advert_int: 0.1, nopreempt: false },
    durationS: 10,
    events: actions.map(([t, action, id]) => ({ ev: 'action' as const, t, action, args: [id] })),
  };
  return runOnLan(run, new Choices(), (_action, _router, at_us) => at_us).log;
}

/** A router's states as keepalived's log words them: it marks no first ones. */
function statesOf(log: readonly LogLine[], id: string): readonly string[] {
  return log
    .filter(({ router, state }) => router === id && state !== 'prio0')
    .map(({ state }) => state.replace(' init', ''));
}

describe.skipIf(missing !== null)('a pair of real routers', () => {
  const pairs: RealPair[] = [];
  afterAll(() => {
    for (const pair of pairs) pair.remove();
  });

  async function pair(label: string): Promise<readonly [RealRouter, RealRouter]> {
    const made = realRouters(label, PRIORITIES.map(configOf));
    pairs.push(made);
    const [first, second] = made.routers;
    if (first === undefined || second === undefined) throw new Error('no routers');
    first.start();
    expect(await first.becomes('MASTER')).toBe(true);
    second.start();
    expect(await second.becomes('BACKUP')).toBe(true);
    return [first, second];
  }

  it('hands over when the master is killed, which leaves its address, and back when it returns', async () => {
    const [first, second] = await pair('kill');
    first.kill();
    expect(await second.becomes('MASTER')).toBe(true);
    expect(first.addresses()).toContain(VIP);
    expect(second.addresses()).toContain(VIP);
    first.start();
    expect(await first.becomes('BACKUP')).toBe(true);
    expect(await first.becomes('MASTER')).toBe(true);
    expect(await second.becomes('BACKUP')).toBe(true);
    const log = predicted([
      [0, 'start', 'r1'],
      [1, 'start', 'r2'],
      [3, 'kill9', 'r1'],
      [5, 'start', 'r1'],
    ]);
    expect(first.states).toEqual(statesOf(log, 'r1'));
    expect(second.states).toEqual(statesOf(log, 'r2'));
  });

  it('hands over when the master is told to stop, which gives its address back', async () => {
    const [first, second] = await pair('stop');
    first.stop();
    expect(await second.becomes('MASTER')).toBe(true);
    expect(first.addresses()).not.toContain(VIP);
    expect(second.addresses()).toContain(VIP);
    const log = predicted([
      [0, 'start', 'r1'],
      [1, 'start', 'r2'],
      [3, 'stop', 'r1'],
    ]);
    expect(first.states).toEqual(statesOf(log, 'r1'));
    expect(second.states).toEqual(statesOf(log, 'r2'));
  });

  it('hands over when the master loses its carrier, and it waits as backup when it has it again', async () => {
    const [first, second] = await pair('link');
    first.ip('link', 'set', first.device, 'down');
    expect(await first.becomes('FAULT')).toBe(true);
    expect(await second.becomes('MASTER')).toBe(true);
    expect(first.addresses()).not.toContain(VIP);
    first.ip('link', 'set', first.device, 'up');
    expect(await first.becomes('MASTER')).toBe(true);
    expect(await second.becomes('BACKUP')).toBe(true);
    const log = predicted([
      [0, 'start', 'r1'],
      [1, 'start', 'r2'],
      [3, 'linkdown', 'r1'],
      [5, 'linkup', 'r1'],
    ]);
    expect(first.states).toEqual(statesOf(log, 'r1'));
    expect(second.states).toEqual(statesOf(log, 'r2'));
  });
});
