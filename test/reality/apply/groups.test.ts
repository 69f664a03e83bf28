/** Groups of a switch: they come and go with the flows that name them, in one bundle. */
import { afterEach, describe, expect, it } from 'vitest';
import { scriptOf } from '../../../src/apply/script.ts';
import { swapped } from '../../../src/apply/steps/pairs.ts';
import { flowActions, meterActions } from '../../../src/apply/steps/switch.ts';
import { type Action, type Item } from '../../../src/apply/types.ts';
import { parseMeters, printMeter } from '../../../src/dataplane/ovs/text/meters.ts';
import { type Fixture, startFixture, unavailable } from './fixture.ts';

const why = unavailable();
if (why !== null) console.log(`groups are not applied here: ${why}`);

let fixture: Fixture | null = null;
afterEach(() => {
  fixture?.stop();
  fixture = null;
});

function group(line: string): Item {
  return { kind: 'group', place: 'b', key: '7', text: line, data: { line, id: 7 } };
}

function flow(match: string, actions: string): Item {
  const line = `${match} actions=${actions}`;
  return { kind: 'flow', place: 'b', key: match, text: line, data: { line, match } };
}

describe.skipIf(why !== null)('groups of a bridge', () => {
  it('are made before flows name them, changed in place, and gone after the flows', async () => {
    fixture = await startFixture([{ name: 'one' }]);
    const { run } = fixture;
    run(
      'one',
      'ovs-vsctl',
      'add-br',
      'b',
      '--',
      'set',
      'bridge',
      'b',
      'datapath_type=netdev',
      'fail_mode=secure',
    );
    const seen = (): string =>
      ['dump-groups', 'dump-flows']
        .map((what) => run('one', 'ovs-ofctl', '-O', 'OpenFlow14', '--no-stats', what, 'b'))
        .join('')
        .split('\n')
        .filter((line) => /group|cookie/.test(line))
        .map((line) => line.trim())
        .join('\n');
    const first = group('group_id=7,type=all,bucket=actions=drop');
    const other = group('group_id=7,type=select,bucket=weight:1,actions=drop');
    const to = flow('table=0,priority=5,ip', 'group:7');
    const added = [
      { old: null, to },
      { old: null, to: first },
    ];
    const changed = [{ old: first, to: other }];
    const change = (pairs: typeof added | typeof changed): void => {
      run('one', 'sh', '-ec', scriptOf(flowActions(pairs)));
    };
    change(added);
    expect(seen()).toContain('group_id=7,type=all');
    expect(seen()).toContain('actions=group:7');
    change(changed);
    expect(seen()).toContain('group_id=7,type=select');
    run('one', 'sh', '-ec', scriptOf(flowActions(swapped(changed))));
    run('one', 'sh', '-ec', scriptOf(flowActions(swapped(added))));
    expect(seen()).not.toMatch(/group_id|cookie/);
  }, 120_000);

  it('share a bridge with meters, which are read as they were written', async () => {
    fixture = await startFixture([{ name: 'one' }]);
    const { run } = fixture;
    run('one', 'ovs-vsctl', 'add-br', 'b', '--', 'set', 'bridge', 'b', 'datapath_type=netdev');
    const meter = (line: string): Item => {
      const data = { line, id: 3 };
      return { kind: 'meter', place: 'b', key: '3', text: line, data };
    };
    const seen = (): string => {
      const text = run('one', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-meters', 'b');
      return parseMeters(text, 'meters').value.map(printMeter).join('\n');
    };
    const flows = (): string => run('one', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', 'b');
    const first = meter('meter=3,pktps,band=type=drop,rate=100');
    const other = meter('meter=3,kbps,burst,band=type=drop,rate=500,burst_size=60');
    const guarded = [{ old: null, to: flow('table=0,priority=5,ip', 'meter:3,goto_table:1') }];
    const change = (...actions: readonly Action[]): void => {
      run('one', 'sh', '-ec', scriptOf(actions));
    };
    const [made, changed] = [[{ old: null, to: first }], [{ old: first, to: other }]];
    change(...meterActions(made), ...flowActions(guarded));
    expect([seen(), flows()]).toEqual([first.text, expect.stringContaining('meter:3')]);
    change(...meterActions(changed));
    expect([seen(), flows()]).toEqual([other.text, expect.stringContaining('meter:3')]);
    change(...meterActions(swapped(changed)));
    expect(seen()).toBe(first.text);
    change(...flowActions(swapped(guarded)), ...meterActions(swapped(made)));
    expect(seen()).toBe('');
  }, 120_000);
});
