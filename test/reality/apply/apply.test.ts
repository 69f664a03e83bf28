/** Clouds on emulated hosts: what apply does to them, judged by real packets. */
import { afterEach, describe, expect, it } from 'vitest';
import { DVR, HA_PAIR, LB_VXLAN, VLAN_HYBRID, VXLAN_ROUTER } from './clouds.ts';
import { unavailable, until } from './fixture.ts';
import { fates, type Lab, startLab, startServers, wantedNetwork } from './lab.ts';

const why = unavailable();
if (why !== null) console.log(`applying to emulated hosts is not tested here: ${why}`);

/** Proving and running take a minute where the machine is busy. */
const short = process.env['HOPWISE_APPLY_LONG'] === undefined;

const KINDS = [
  ['tunnels with flows as firewall', VXLAN_ROUTER],
  ['VLANs with a bridge at each guest', VLAN_HYBRID],
  ['Linux bridges with tunnels', LB_VXLAN],
  ['a pair of highly available routers', HA_PAIR],
  ['distributed routers', DVR],
] as const;

/** Waits until keepalived has given one of the two its addresses, and told everybody. */
async function elected({ fixture }: Lab): Promise<void> {
  const holds = (host: string): boolean => {
    const script = 'for n in $(ls /run/netns | grep qrouter); do ip -n $n -br addr; done';
    return fixture.run(host, 'sh', '-c', script).includes('203.0.113.10/24');
  };
  await until(() => holds('net1') !== holds('net2'), 'nobody was elected', 60_000);
  await new Promise((resolve) => setTimeout(resolve, 2000));
}

let lab: Lab | null = null;
afterEach(() => {
  lab?.stop();
  lab = null;
});

describe.skipIf(why !== null || short)('apply on emulated hosts', () => {
  it.each(KINDS)(
    'brings up %s, packets fare as predicted, nothing is left to change',
    async (_name, yaml) => {
      lab = await startLab(yaml);
      const cloud = lab.cloud('wanted', yaml);
      await lab.bring(cloud);
      await startServers(lab);
      if (yaml === HA_PAIR) await elected(lab);
      const network = await wantedNetwork(lab, yaml);
      const all = await fates(lab, network, ['203.0.113.50']);
      expect(all.length).toBeGreaterThan(12);
      expect(all.filter(({ predicted, real }) => predicted !== real)).toEqual([]);
      const answered = all.filter(({ real }) => real === 'answered').length;
      expect(answered).toBeGreaterThan(4);
      expect(answered).toBeLessThan(all.length);
      const again = await lab.apply('plan', cloud);
      expect(again.out).toContain('nothing to change');
      expect(again.code).toBe(0);
    },
    600_000,
  );
});
