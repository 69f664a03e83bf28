/** The time behind the steps in which a run looks on: longer than the hosts' own timers. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { learning } from './clouds.ts';
import { unavailable, until } from './fixture.ts';
import { type Lab, startLab } from './lab.ts';

const why = unavailable();
if (why !== null) console.log(`nobody looks on here: ${why}`);

/** It takes as long as it looks on: `HOPWISE_APPLY_LONG` alone asks for it. */
const SHORT = process.env['HOPWISE_APPLY_LONG'] === undefined;

let lab: Lab | null = null;
afterEach(() => {
  lab?.stop();
  lab = null;
});

async function planned(of: Lab, key: number): Promise<string> {
  const plan = join(of.fixture.folder, `plan-${key}.json`);
  const cloud = of.cloud(`key-${key}`, learning(key));
  expect((await of.apply('plan', cloud, '-o', plan)).code).toBe(2);
  return plan;
}

describe.skipIf(why !== null || SHORT)('a run that looks on', () => {
  it('outlasts the timers, and goes back when somebody undoes what was done', async () => {
    lab = await startLab(learning(101));
    const words = ['--timer', '6', '--settle', '12', '--no-probes'];
    const first = await lab.apply('run', await planned(lab, 101), ...words);
    expect([first.code, first.out]).toEqual([0, expect.stringContaining('✓ done')]);
    const { fixture } = lab;
    const flows = (): string => fixture.run('h1', 'ovs-ofctl', 'dump-flows', 'br-tun', 'table=4');
    const running = lab.apply(
      'run',
      await planned(lab, 202),
      '--timer',
      '30',
      '--settle',
      '60',
      '--no-probes',
    );
    await until(
      () => /tun_id=0xca/.test(flows()) && !/tun_id=0x65/.test(flows()),
      'no new key',
      150_000,
    );
    fixture.run('h1', 'ovs-ofctl', 'del-flows', 'br-tun', 'table=4,tun_id=0xca');
    const second = await running;
    expect([second.code, second.out]).toEqual([4, expect.stringContaining('rolled back')]);
    expect(flows()).toMatch(/tun_id=0x65/);
    expect(flows()).not.toMatch(/tun_id=0xca/);
  }, 300_000);
});
