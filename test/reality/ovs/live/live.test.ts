/**
 * Cases of the project's own against a private Open vSwitch: what the generators of recorded
 * cases do not make. The fixed set runs with the seeds below; for a long run:
 * HOPWISE_OVS_LIVE=200 (cases of each feature), HOPWISE_OVS_LIVE_SEED=first.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURES } from './actions.ts';
import { liveCase } from './case.ts';
import { installed, LiveSwitch } from './daemon.ts';
import { newTally, runCase, type Tally } from './run.ts';
import { World } from './world.ts';

const SEED = Number(process.env['HOPWISE_OVS_LIVE_SEED'] ?? 1000);
const long = Number(process.env['HOPWISE_OVS_LIVE'] ?? 0);
const isLong = long > 0;
const HOURS = 12 * 3_600_000;

if (installed === null) console.warn('skipping the live Open vSwitch: ovs-vswitchd is not installed');

function report(what: string, tally: Tally): void {
  const counts = [...tally.executed].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${name} ${n}`);
  console.log(
    `${what} from seed ${SEED}: ${tally.traces} packets, ${tally.passes} passes, ` +
      `${tally.ambiguous} ambiguous, ${tally.unsupported} said to be unsupported, ` +
      `${tally.oversized} beyond the size of actions\n  ${counts.join(', ')}`,
  );
}

describe.skipIf(installed === null)(`Open vSwitch ${installed} here and now`, () => {
  let live: LiveSwitch;
  let world: World;

  async function build(): Promise<void> {
    live = await LiveSwitch.start();
    world = await World.build(live, false);
  }

  /** A case can make the real switch abort or loop: then another one goes on. */
  async function guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (live.isAlive()) throw error;
    }
    if (live.isAlive()) return;
    await live.stop();
    await build();
  }

  describe('traces', () => {
    beforeAll(build);
    afterAll(() => live.stop());

    it(
      'are the same for every feature',
      async () => {
        const tally = newTally();
        // A switch of 3.1 aborts on some encap(); the long run starts it anew.
        const features = Object.keys(FEATURES).filter((name) => isLong || name !== 'encap');
        for (const focus of features) {
          for (let seed = SEED; seed < SEED + (isLong ? long : 1); seed++) {
            await guarded(() => runCase(world, liveCase(seed, focus), tally));
          }
        }
        report('traces', tally);
        expect(tally.differences).toEqual([]);
        expect(tally.traces).toBeGreaterThan(300);
      },
      HOURS,
    );
  });
});
