/** Real keepalived routers, replayed through the machine: 104 logs of 65 scenarios. */
import { describe, expect, it } from 'vitest';
import { advertOf } from '../../../src/dataplane/vrrp/machine/advert.ts';
import { move } from '../../../src/dataplane/vrrp/machine/machine.ts';
import { stopped } from '../../../src/dataplane/vrrp/machine/roles.ts';
import { configured } from './recorded/configured.ts';
import {
  type Recording,
  recordings,
  scenarioOf,
  type TimerCheck,
  timerChecks,
} from './recorded/recordings.ts';
import { replay } from './recorded/replay.ts';

const runs = recordings();

describe('recorded runs of keepalived 2.2.7', () => {
  it.each(runs.map((run) => [run.run, run] as const))(
    '%s: the machines do in order and number what the routers did',
    (_name, run) => {
      expect(replay(run).differences).toEqual([]);
    },
  );

  it('have one announcement that a kernel answered while it gave the address back', () => {
    // keepalived announces all its addresses in turn, so it cannot have sent one more of one alone:
    // 16 for 10.0.0.1 beside 5 + 10 for 169.254.0.5, in the very burst in which r2 yields.
    const answered = runs.filter((run) => replay(run).answered > 0);
    expect(answered.map(({ run }) => run)).toEqual(['n_stop.3']);
  });

  it('have adverts that follow the machines by less than a millisecond in the median', () => {
    const late = runs.flatMap((run) => replay(run).lateness_us).sort((a, b) => a - b);
    expect(late.length).toBeGreaterThan(1000);
    expect(late[0]).toBeGreaterThan(-1500);
    expect(late[Math.floor(late.length / 2)]).toBeLessThan(1000);
  });
});

/** Who takes over from whom in a scenario, and when the last advert of the old master is heard. */
function takeover_s({ scenario, formula, winners }: TimerCheck): readonly number[] {
  const run = runs.find((one) => scenarioOf(one) === scenario) as Recording;
  const first = run.events.find((one) => one.ev === 'state' && one.state === 'MASTER');
  const old = first !== undefined && 'router' in first ? first.router : 'r1';
  const of = scenario === 't_three_prio' || scenario === 't_owner' ? 'r1' : old;
  return Object.keys(winners)
    .filter((id) => id !== 'null')
    .map((id) => {
      const { settings } = configured(run, id);
      const advert = advertOf(configured(run, of).settings, formula === 'skew' ? 0 : 255);
      const begun = move(settings, stopped(settings), { kind: 'start' }, 0).state;
      const well = { kind: 'watched', watch: 'script', name: 'chk', failed: false } as const;
      const backup = move(settings, begun, well, 0).state;
      const earlier = { kind: 'advert', advert: { ...advert, priority: 255 } } as const;
      const learned = move(settings, backup, earlier, 1).state;
      const heard = move(settings, learned, { kind: 'advert', advert }, 2);
      return (heard.state.timer_us - 2) / 1e6;
    });
}

describe('takeover gaps measured over all runs', () => {
  it.each(timerChecks().timers.map((check) => [check.scenario, check] as const))(
    '%s: the machine waits as the formula says, and the routers as the machine',
    (_name, check) => {
      const [early, late] = check.liveToleranceMs;
      const gaps = takeover_s(check);
      expect(gaps.length).toBeGreaterThan(0);
      for (const gap of gaps) {
        expect(gap).toBeCloseTo(check.expectedS, 4);
        for (const measured of Object.values(check.measuredS)) {
          expect(measured - gap).toBeGreaterThanOrEqual(early / 1e3);
          expect(measured - gap).toBeLessThanOrEqual(late / 1e3);
        }
      }
    },
  );
});
