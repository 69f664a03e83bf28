/** Sync groups of the keepalived that is installed: its members' states, in their order. */
import { afterAll, describe, expect, it } from 'vitest';
import { type GroupLan, groupConfig, groupLan } from '../../simulate/group-lan.ts';
import { missingForKeepalived, type RealPair, realRouters } from './pair.ts';

const missing = missingForKeepalived();
if (missing !== null) console.warn(`skipped: the real keepalived ${missing}`);

// Far enough apart that a busy machine does not change who is silent for too long first.
const FIRST = groupConfig([200, 10]);
const SECOND = groupConfig([5, 5]);

/** States of the first router as the simulator tells them. */
function predicted(act: (lan: GroupLan) => void): readonly string[] {
  const lan = groupLan([FIRST, SECOND]);
  lan.start('r1');
  lan.clock.run(2e6);
  lan.start('r2');
  lan.clock.run(4e6);
  act(lan);
  return lan.log.filter((line) => line.startsWith('r1 ')).map((line) => line.slice('r1 '.length));
}

describe.skipIf(missing !== null)('a sync group of real routers', () => {
  const pairs: RealPair[] = [];
  afterAll(() => {
    for (const pair of pairs) pair.remove();
  });

  it('moves as the simulator says: up, out by its interface, and back', async () => {
    const pair = realRouters('group', [FIRST, SECOND]);
    pairs.push(pair);
    const [one, two] = pair.routers;
    if (one === undefined || two === undefined) throw new Error('no routers');
    one.start();
    for (let i = 0; i < 2; i++) expect(await one.becomes('MASTER')).toBe(true);
    two.start();
    for (let i = 0; i < 2; i++) expect(await two.becomes('BACKUP')).toBe(true);
    one.ip('link', 'set', one.device, 'down');
    for (let i = 0; i < 2; i++) expect(await two.becomes('MASTER')).toBe(true);
    one.ip('link', 'set', one.device, 'up');
    for (let i = 0; i < 2; i++) expect(await one.becomes('MASTER')).toBe(true);
    const said = predicted((lan) => {
      for (const failed of [true, false]) {
        for (const id of ['r1 VR_5', 'r1 VR_6']) lan.routers.interfaceChanged(id, 'ha0', failed);
        lan.clock.run(lan.clock.now_us + 3e6);
      }
    });
    expect(one.named).toEqual(said);
  }, 60_000);
});
