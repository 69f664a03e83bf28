/**
 * The theorem of the whole design: what a walk of sets says of each packet is what happens to
 * that packet when it walks alone through the same network. Packets stand at the edges of what
 * the sets tell apart, where a mistake of either would show.
 *
 * A fixed choice of networks here; `HOPWISE_THEOREM=N` takes N packets of each pair of ends from
 * every network, `HOPWISE_THEOREM_PART=I/OF` a part of the networks, and `HOPWISE_SEED` draws other
 * packets, other random networks and other changes of captured ones.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compileNetwork } from '../../../src/trace/compiled-network.ts';
import { withOutside } from '../../../src/trace/outside.ts';
import { ROOT } from '../../sources.ts';
import { drawFrom } from '../../traffic/random-rules.ts';
import { compareWalks } from './both-walks.ts';
import {
  capturedNetworks,
  changedNetworks,
  floodedNetworks,
  type NamedNetwork,
  randomNetworks,
  scenarioNetworks,
} from './networks.ts';

const MANY = Number(process.env['HOPWISE_THEOREM'] ?? '0');
const [PART = 0, OF = 1] = (process.env['HOPWISE_THEOREM_PART'] ?? '0/1').split('/').map(Number);
const SEED = Number(process.env['HOPWISE_SEED'] ?? '0');
const MOST_PAIRS = MANY > 0 ? 20 : 2;
const MOST_OF_A_PAIR = MANY > 0 ? MANY : 40;
const FORWARD = 7;
const LONGEST_MS = MANY > 0 ? 1_800_000 : 180_000;

const DEMO: NamedNetwork = {
  name: 'the demonstration',
  open: () => openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw'))),
};

/** Scenarios of different kinds; others share their clouds. */
const FEW = ['dvr', 'linuxbridge-vxlan', 'e37-overlapping-tenants'];

function chosen(): readonly NamedNetwork[] {
  const scenarios = scenarioNetworks();
  if (MANY === 0) {
    const few = scenarios.filter(({ name }) => FEW.includes(name));
    return [DEMO, ...few, ...randomNetworks([1, 3])];
  }
  const seeds = Array.from({ length: 60 }, (_, i) => SEED + i + 1);
  const all = [
    DEMO,
    ...capturedNetworks(),
    ...scenarios,
    ...randomNetworks(seeds),
    ...changedNetworks(SEED + 11),
  ];
  return all.filter((_, i) => i % OF === PART);
}

/** Pairs of servers, and of servers with somebody outside, well mixed. */
function pairsOf({ endpoints }: Network): readonly (readonly [string, string])[] {
  const names = endpoints.flatMap(({ role, name }) => (role === 'vm' ? [name] : []));
  const outside = 'external:198.51.100.9';
  const pairs = names.flatMap((from) => [
    ...names.flatMap((to) => (to === from ? [] : [[from, to] as const])),
    [from, outside] as const,
    [outside, from] as const,
  ]);
  const taken = Math.min(MOST_PAIRS, pairs.length);
  return Array.from(
    { length: taken },
    (_, i) => pairs[(i * FORWARD * Math.ceil(pairs.length / taken)) % pairs.length]!,
  );
}

describe('a walk of all packets at once', () => {
  const sums = { packets: 0, doubtful: 0, pairs: 0, networks: 0 };
  for (const { name, open } of chosen()) {
    it(
      `says of every packet in ${name} what befalls it alone`,
      () => {
        const compiled = compileNetwork(withOutside(open()), {});
        const draw = drawFrom(SEED + name.length);
        const wrong: unknown[] = [];
        for (const [from, to] of new Set(pairsOf(compiled.network))) {
          const compared = compareWalks(compiled, from, to, MOST_OF_A_PAIR, draw);
          sums.packets += compared.packets;
          sums.doubtful += compared.doubtful;
          sums.pairs++;
          wrong.push(...compared.wrong);
        }
        sums.networks++;
        if (MANY > 0) console.log(JSON.stringify({ name, ...sums }));
        expect(wrong.slice(0, 3)).toEqual([]);
      },
      LONGEST_MS,
    );
  }

  it.each(floodedNetworks())(
    'follows every copy of a frame that is flooded to $name',
    ({ open }) => {
      const compiled = compileNetwork(withOutside(open()), {});
      const servers = compiled.network.endpoints.filter(({ role }) => role === 'vm');
      const wrong = servers.flatMap((from) =>
        servers.flatMap((to) =>
          from === to
            ? []
            : compareWalks(compiled, from.name, to.name, 12, drawFrom(SEED + FORWARD)).wrong,
        ),
      );
      expect(wrong.slice(0, 3)).toEqual([]);
    },
    LONGEST_MS,
  );

  // Every test above must have run: sums are over all of them.
  it('was asked about packets that end in many ways', () => {
    expect(sums.packets).toBeGreaterThan(MANY > 0 ? sums.networks : 100);
    expect(sums.doubtful).toBeLessThan(sums.packets / (MANY > 0 ? 1 : 5));
  });
});
