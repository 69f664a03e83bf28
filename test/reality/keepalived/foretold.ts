/** What the simulator says may become of a case, as the logs and the wire of real routers tell it. */
import {
  type InstanceSettings,
  instanceSettings,
} from '../../../src/dataplane/vrrp/machine/settings.ts';
import { parseKeepalived } from '../../../src/dataplane/vrrp/text/keepalived.ts';
import { type Keepalived } from '../../../src/dataplane/vrrp/types.ts';
import { explore } from '../../../src/simulate/clock/choices.ts';
import { Random } from '../../../src/simulate/clock/random.ts';
import { type LanAction, playOnLan } from '../../simulate/lan.ts';
import { type MixedCase } from './mixture.ts';
import { type Seen } from './play.ts';

export interface Foretold {
  readonly states: readonly string[];
  readonly holds: boolean;
  readonly priorities: readonly number[];
}

interface Read {
  readonly config: Keepalived;
  readonly settings: InstanceSettings;
}

function readConfig(text: string, ip: number): Read {
  const { value, problems } = parseKeepalived(text, 'keepalived.conf');
  const [instance] = value.instances;
  if (instance === undefined || problems.length > 0) {
    throw new Error(`${JSON.stringify(problems)} in ${text}`);
  }
  const source = { version: 4, value: 0xa9fec000n + BigInt(ip) } as const;
  return { config: value, settings: instanceSettings(value, instance, source) };
}

/** Ways that are tried for one set of moments, and how many such sets. */
const BUDGET = 24;
const MOMENTS = 12;

/**
 * Everything that may be seen, by router, in every way the simulator finds; and whether masters
 * discard each other's adverts. Such masters keep each other silent by chance, and how often a
 * third router misses them is then open.
 */
export function foretold(one: MixedCase): {
  readonly ways: readonly (readonly Foretold[])[];
  readonly quarrel: boolean;
} {
  const found = new Map<string, readonly Foretold[]>();
  let quarrel = false;
  const random = new Random(one.seed + 1);
  const routers = one.routers.map(({ id, ip, config }) => {
    const { settings, config: read } = readConfig(config, ip);
    return { id, settings, scripts: read.scripts };
  });
  for (let i = 0; i < MOMENTS; i++) {
    const actions = one.actions.map(({ at_s, action, id, config }): LanAction => {
      // Processes need a while until they run; everything else happens at a chance phase.
      const late_s = action === 'start' ? 0.02 + random.below(200) / 1000 : random.below(40) / 1000;
      const ip = one.routers.find((router) => router.id === id)?.ip ?? 0;
      const at_us = Math.round((at_s + late_s) * 1e6);
      if (config === null) return { at_us, action, id };
      return { at_us, action, id, change: () => readConfig(config, ip).settings };
    });
    const game = {
      routers,
      actions,
      until_us: one.until_s * 1e6,
      wordOf: ({ to }: { readonly to: string }) => to.toUpperCase(),
      failing: () => false,
    };
    for (const { outcome } of explore(BUDGET, (choices) => playOnLan(game, choices)).runs) {
      quarrel ||= outcome.discarded > 0;
      const seen = one.routers.map(
        ({ id }): Foretold => ({
          states: outcome.log.flatMap(({ router, state }) =>
            router === id && state !== 'prio0' ? [state] : [],
          ),
          holds: outcome.holding.includes(id),
          priorities: outcome.adverts.flatMap(({ router, priority }) =>
            router === id ? [priority] : [],
          ),
        }),
      );
      found.set(keyOf(seen, false), seen);
    }
  }
  return { ways: [...found.values()], quarrel };
}

/**
 * What must agree: states, who holds the address, and the priorities one after the other. In a
 * quarrel, what comes again and again counts once.
 */
export function keyOf(seen: readonly (Foretold | Seen)[], quarrel: boolean): string {
  return seen
    .map(({ states, holds, priorities }, i) => {
      const runs = priorities.filter((one, at) => one !== priorities[at - 1]);
      const words = states.join(' ');
      const told = quarrel ? words.replaceAll(/(\w+ \w+)( \1)+/g, '$1') : words;
      return `r${i + 1} ${told} ${holds ? 'holds' : '-'} [${runs.join(' ')}]`;
    })
    .join('; ');
}
