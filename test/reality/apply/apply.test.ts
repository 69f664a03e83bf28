/** Clouds on emulated hosts: what apply does to them, judged by real packets. */
import { afterEach, describe, expect, it } from 'vitest';
import { VXLAN_ROUTER } from './clouds.ts';
import { unavailable } from './fixture.ts';
import { fates, type Lab, startLab, startServers, wantedNetwork } from './lab.ts';

const why = unavailable();
if (why !== null) console.log(`applying to emulated hosts is not tested here: ${why}`);

/** Proving and running take a minute where the machine is busy. */
const short = process.env['HOPWISE_APPLY_LONG'] === undefined;

let lab: Lab | null = null;
afterEach(() => {
  lab?.stop();
  lab = null;
});

describe.skipIf(why !== null || short)('apply on emulated hosts', () => {
  it('brings up a cloud in which packets fare as predicted, and then finds nothing to change', async () => {
    lab = await startLab(VXLAN_ROUTER);
    const cloud = lab.cloud('wanted', VXLAN_ROUTER);
    await lab.bring(cloud);
    await startServers(lab);
    const network = await wantedNetwork(lab, VXLAN_ROUTER);
    const all = await fates(lab, network, ['203.0.113.50']);
    expect(all.length).toBeGreaterThan(12);
    expect(all.filter(({ predicted, real }) => predicted !== real)).toEqual([]);
    const answered = all.filter(({ real }) => real === 'answered').length;
    expect(answered).toBeGreaterThan(4);
    expect(answered).toBeLessThan(all.length);
    const again = await lab.apply('plan', cloud);
    expect(again.out).toContain('nothing to change');
    expect(again.code).toBe(0);
  }, 600_000);
});
