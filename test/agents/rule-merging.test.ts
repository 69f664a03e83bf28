/** Port ranges of rules that name groups, against cases worked out by hand from the agent's rules. */
import { describe, expect, it } from 'vitest';
import { mergedRules } from '../../src/agents/ovs/rule-merging.ts';
import { type NeutronRule } from '../../src/model/neutron.ts';

function rule(
  protocol: string | null,
  portMin: number | null,
  portMax: number | null,
): NeutronRule {
  return {
    ...{ id: 'r', groupId: 'g', direction: 'ingress', version: 4, protocol, portMin, portMax },
    ...{ remotePrefix: null, remoteGroup: 'other', remoteAddressGroup: null },
  };
}

function merged(...all: readonly (readonly [number, NeutronRule])[]): readonly string[] {
  return mergedRules(all.map(([id, of]) => ({ id, rule: of }))).map(
    ({ rule: { portMin, portMax }, ids }) => `${portMin}-${portMax}: ${ids.join(' ')}`,
  );
}

describe('rules of a port that name groups', () => {
  it.each([
    ['one rule stays as it is', [[8, rule('tcp', null, null)]], ['null-null: 8']],
    [
      'what overlaps is cut, and the common part belongs to both',
      [
        [8, rule('tcp', 20, 30)],
        [16, rule('tcp', 25, 40)],
      ],
      ['20-24: 8', '25-30: 8 16', '31-40: 16'],
    ],
    [
      'every port and one port',
      [
        [8, rule('tcp', null, null)],
        [16, rule('6', 22, 22)],
      ],
      ['1-21: 8', '22-22: 8 16', '23-65535: 8'],
    ],
    [
      'overlapping ranges of one conjunction are one',
      [
        [8, rule('udp', 10, 20)],
        [8, rule('udp', 15, 30)],
      ],
      ['10-30: 8'],
    ],
    [
      'ranges of one conjunction that touch stay two',
      [
        [8, rule('udp', 10, 19)],
        [8, rule('udp', 20, 30)],
      ],
      ['10-19: 8', '20-30: 8'],
    ],
    [
      'all ports twice are all ports',
      [
        [8, rule('tcp', null, null)],
        [16, rule('tcp', 1, 65535)],
      ],
      ['null-null: 8 16'],
    ],
    [
      'protocols do not meet',
      [
        [8, rule('tcp', 20, 30)],
        [16, rule('udp', 25, 40)],
      ],
      ['20-30: 8', '25-40: 16'],
    ],
  ] as const)('%s', (_, given, expected) => {
    expect(merged(...given)).toEqual(expected);
  });
});
