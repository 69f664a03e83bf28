/**
 * Virtual time by itself: events of the queue, and virtual routers on an ideal link, where nothing
 * but the clock, the queue and the machine of VRRP does any work.
 */
import { DIALECTS } from '../src/dataplane/vrrp/machine/dialect.ts';
import { instanceSettings } from '../src/dataplane/vrrp/machine/settings.ts';
import { parseKeepalived } from '../src/dataplane/vrrp/text/keepalived.ts';
import { Choices } from '../src/simulate/clock/choices.ts';
import { Clock } from '../src/simulate/clock/clock.ts';
import { Random } from '../src/simulate/clock/random.ts';
import { USUAL_DELAYS } from '../src/simulate/vrrp/delays.ts';
import { VrrpRouters } from '../src/simulate/vrrp/routers.ts';
import { figure, type Row } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

const TARGET_PER_S = 1e6;
const EVENTS = 2_000_000;
/** Events that wait at any time: timers of a thousand routers and what they have sent. */
const WAITING = 10_000;
const PAIRS = 1000;
const UNTIL_US = 600e6;
const SAMPLES = 5;

/** Events of a queue in which many wait, each of which puts in the next; some are taken back. */
function queueOnce(): number {
  const clock = new Clock();
  const random = new Random(1);
  const again = (): void => {
    if (clock.happened >= EVENTS) return;
    // Every fourth arms a timer that an advert then takes back.
    if (clock.happened % 4 === 0) clock.cancel(clock.after(3_000_000, again));
    clock.after(1 + random.below(2_000_000), again);
  };
  for (let i = 0; i < WAITING; i++) clock.at(random.below(2_000_000), again);
  const before = cpuSeconds();
  clock.run(Number.MAX_SAFE_INTEGER);
  return clock.happened / (cpuSeconds() - before);
}

const CONFIG = `vrrp_instance X {
  state BACKUP
  interface eth0
  virtual_router_id 7
  priority 50
  nopreempt
  advert_int 2
  virtual_ipaddress {
    169.254.0.7/24 dev eth0
  }
}
`;

/** Pairs of routers of Neutron's settings: adverts every two seconds, a failover of every pair. */
function pairsOnce(): number {
  const clock = new Clock();
  const { value } = parseKeepalived(CONFIG, 'keepalived.conf');
  const [instance] = value.instances;
  if (instance === undefined) throw new Error('no instance');
  const heardBy = new Map<string, readonly string[]>();
  for (let pair = 0; pair < PAIRS; pair++) {
    heardBy.set(`${pair}a`, [`${pair}b`]);
    heardBy.set(`${pair}b`, [`${pair}a`]);
  }
  const world = {
    send: (id: string): readonly string[] => heardBy.get(id) ?? [],
    perform: (): void => {},
    isWell: (): boolean => true,
  };
  const routers = new VrrpRouters(clock, new Choices(), world, USUAL_DELAYS);
  const random = new Random(1);
  for (let pair = 0; pair < PAIRS; pair++) {
    for (const [i, side] of ['a', 'b'].entries()) {
      const source = { version: 4 as const, value: 0xa9fec001n + BigInt(2 * pair + i) };
      const settings = instanceSettings(value, instance, source, DIALECTS['keepalived-2.2.7']);
      const id = `${pair}${side}`;
      routers.add(id, `link ${pair}`, settings);
      clock.at(random.below(2_000_000) + i * 1_000_000, () => routers.start(id));
    }
    clock.at(300e6 + random.below(2_000_000), () => routers.kill(`${pair}a`, true));
  }
  const before = cpuSeconds();
  clock.run(UNTIL_US);
  return clock.happened / (cpuSeconds() - before);
}

/** Two rows, each the best of several samples. */
export function clockRows(): readonly Row[] {
  const best = (once: () => number): number =>
    Math.max(...Array.from({ length: SAMPLES }, () => once()));
  const row = (what: string, rate: number): Row => ({
    what,
    ours: figure(rate),
    real: null,
    ratio: null,
    target: `≥ ${figure(TARGET_PER_S)}`,
    met: rate >= TARGET_PER_S,
  });
  return [
    row(`events a second of the virtual clock, ${figure(WAITING)} waiting`, best(queueOnce)),
    row(
      `events a second of ${figure(2 * PAIRS)} VRRP routers on ideal links, ten minutes`,
      best(pairsOnce),
    ),
  ];
}
