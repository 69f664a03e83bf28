/** Sync groups: all members change together, as keepalived 2.2 moves them. */
import { describe, expect, it } from 'vitest';
import { type GroupLan, groupConfig, groupLan } from './group-lan.ts';

function running(first: readonly [number, number], second: readonly [number, number]): GroupLan {
  const lan = groupLan([groupConfig(first), groupConfig(second)]);
  lan.start('r1');
  lan.start('r2');
  lan.clock.run(2e6);
  return lan;
}

describe('a sync group', () => {
  it('becomes master as a whole, when the last of its members has heard nobody', () => {
    const lan = running([100, 90], [50, 50]);
    expect([lan.rolesOf('r1'), lan.rolesOf('r2')]).toEqual(['master master', 'backup backup']);
    // The better instance waits for the other one: VR_6 comes first with its longer skew.
    expect(lan.log.filter((line) => line.endsWith('MASTER'))).toEqual([
      'r1 VR_6 MASTER',
      'r1 VR_5 MASTER',
    ]);
  });

  it('gives up as a whole when one of its members meets a better master', () => {
    const lan = groupLan([groupConfig([100, 50]), groupConfig([50, 50])]);
    lan.start('r1');
    lan.clock.run(2e6);
    expect(lan.rolesOf('r1')).toBe('master master');
    lan.log.length = 0;
    lan.adverts.length = 0;
    // The other one hears nothing of VR_6, and little of VR_5.
    lan.mute.add('r1 VR_5');
    lan.mute.add('r1 VR_6');
    lan.start('r2');
    lan.clock.run(3e6);
    expect(lan.rolesOf('r2')).toBe('master master');
    lan.mute.clear();
    lan.clock.run(4e6);
    // VR_5 of r1 is better, VR_6 of r2 has the higher address: one group wins both.
    const [one, two] = [lan.rolesOf('r1'), lan.rolesOf('r2')];
    expect(new Set([one, two])).toEqual(new Set(['master master', 'backup backup']));
    // Members that leave because of their group say no goodbye.
    expect(lan.adverts.filter((line) => line.endsWith(' 0'))).toEqual([]);
  });

  it('does not become master while one of its members still hears its own', () => {
    const lan = running([100, 100], [50, 50]);
    lan.mute.add('r1 VR_5');
    lan.clock.run(5e6);
    expect([lan.rolesOf('r1'), lan.rolesOf('r2')]).toEqual(['master master', 'backup backup']);
    lan.mute.add('r1 VR_6');
    lan.clock.run(6e6);
    expect(lan.rolesOf('r2')).toBe('master master');
  });

  it('is out as a whole when one member fails, with two goodbyes of that one and one of the other', () => {
    const lan = running([100, 100], [50, 50]);
    lan.adverts.length = 0;
    lan.routers.interfaceChanged('r1 VR_5', 'ha0', true);
    expect(lan.rolesOf('r1')).toBe('fault fault');
    expect(lan.adverts).toEqual(['r1 VR_5 0', 'r1 VR_5 0', 'r1 VR_6 0']);
    lan.clock.run(4e6);
    expect(lan.rolesOf('r2')).toBe('master master');
    lan.routers.interfaceChanged('r1 VR_5', 'ha0', false);
    expect(lan.rolesOf('r1')).toBe('backup backup');
    lan.clock.run(6e6);
    expect([lan.rolesOf('r1'), lan.rolesOf('r2')]).toEqual(['master master', 'backup backup']);
  });

  it('stays out until the last of its members is well', () => {
    const lan = running([100, 100], [50, 50]);
    for (const id of ['r1 VR_5', 'r1 VR_6']) lan.routers.interfaceChanged(id, 'ha0', true);
    lan.routers.interfaceChanged('r1 VR_5', 'ha0', false);
    expect(lan.rolesOf('r1')).toBe('fault fault');
    lan.routers.interfaceChanged('r1 VR_6', 'ha0', false);
    expect(lan.rolesOf('r1')).toBe('backup backup');
  });

  it('watches the scripts of the group in every member, and no weights', () => {
    const more = '  track_script {\n    chk\n  }\n';
    const lan = groupLan([groupConfig([100, 100], more), groupConfig([50, 50], more)]);
    lan.start('r1');
    lan.start('r2');
    lan.clock.run(3e6);
    expect(lan.rolesOf('r1')).toBe('master master');
    lan.failing.add('r1');
    lan.clock.run(6e6);
    expect([lan.rolesOf('r1'), lan.rolesOf('r2')]).toEqual(['fault fault', 'master master']);
    const weighed = groupLan([
      groupConfig([100, 100], '  track_script {\n    chk weight -60\n  }\n'),
    ]);
    expect(weighed.routers.settingsOf('r1 VR_5').watches.map(({ kind }) => kind)).toEqual([
      'interface',
    ]);
  });
});
