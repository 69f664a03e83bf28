/** Routers configured and treated by chance: what a site may write, and what may befall it. */
import { Random } from '../../../src/simulate/clock/random.ts';

/** `@CHECK@` in a configuration stands for a file; the check fails as long as it exists. */
export interface MixedRouter {
  readonly id: string;
  /** Last number of its address 169.254.192.IP on the common link. */
  readonly ip: number;
  readonly config: string;
}

export interface MixedAction {
  readonly at_s: number;
  readonly action: string;
  readonly id: string;
  /** The file a reload reads. */
  readonly config: string | null;
}

export interface MixedCase {
  readonly seed: number;
  readonly routers: readonly MixedRouter[];
  readonly actions: readonly MixedAction[];
  readonly until_s: number;
}

/** What all routers of a case share; single ones may still differ. */
interface Common {
  readonly version: 2 | 3;
  readonly interval_s: number;
  readonly count: number;
  readonly unicast: boolean;
  readonly password: string | null;
  readonly scripted: boolean;
}

/** The longest time until somebody takes over, with some room for a busy machine. */
function settle_s({ interval_s }: Common): number {
  return 4 * interval_s + 1.2;
}

const pick = <T>(random: Random, of: readonly T[]): T => of[random.below(of.length)] as T;

/** The case of a seed. */
export function mixedCase(seed: number): MixedCase {
  const random = new Random(seed);
  const version = random.happens(0.3) ? 2 : 3;
  const common: Common = {
    version,
    interval_s: version === 2 ? 1 : pick(random, [0.1, 0.1, 0.2, 0.3, 0.5]),
    count: random.happens(0.5) ? 3 : 2,
    unicast: random.happens(0.2),
    password: version === 2 && random.happens(0.4) ? 'secret' : null,
    scripted: random.happens(0.35),
  };
  const routers: MixedRouter[] = [];
  for (let i = 0; i < common.count; i++) {
    routers.push({ id: `r${i + 1}`, ip: 11 + i, config: configOf(random, common, i) });
  }
  const actions: MixedAction[] = [];
  let at_s = 0.2;
  const up = new Set<string>();
  for (const { id } of routers) {
    if (random.happens(0.15)) continue;
    actions.push({ at_s, action: 'start', id, config: null });
    up.add(id);
    at_s += pick(random, [0.7, settle_s(common)]);
  }
  at_s += settle_s(common);
  const state = new Map<string, string>();
  for (let i = 0; i < 3 + random.below(3); i++) {
    const { id } = pick(random, routers);
    const [action, then] = nextAction(random, common, id, up, state);
    const at = Math.round(at_s * 100) / 100;
    const config = action === 'reconf' ? configOf(random, common, Number(id.slice(1)) - 1) : null;
    actions.push({ at_s: at, action, id, config });
    if (then === 'up') up.add(id);
    if (then === 'down') up.delete(id);
    const usual = settle_s(common) + (common.scripted ? 3.5 : 0);
    at_s += random.happens(0.2) ? 0.6 + random.below(100) / 100 : usual + random.below(100) / 100;
  }
  const until_s = at_s + settle_s(common) + 1;
  const reloads = actions.some(({ action }) => action === 'hup' || action === 'reconf');
  const told = (config: string): string => (reloads ? withoutReversedScripts(config) : config);
  return {
    seed,
    routers: routers.map((one) => ({ ...one, config: told(one.config) })),
    actions: actions.map((one) =>
      one.config === null ? one : { ...one, config: told(one.config) },
    ),
    until_s,
  };
}

/** See the simplification in `machine/machine.ts`. */
function withoutReversedScripts(config: string): string {
  return config.replace('weight 40 reverse\n}', 'weight 40\n}');
}

const UNDOES: Readonly<Record<string, string>> = {
  isolate: 'heal',
  dropin: 'undropin',
  dropout: 'undropout',
  linkdown: 'linkup',
  peerdown: 'peerup',
  sidedown: 'sideup',
  failcheck: 'okcheck',
};

/** What may be done to a router now: what was done before is undone first. */
function nextAction(
  random: Random,
  { scripted }: Common,
  id: string,
  up: ReadonlySet<string>,
  state: Map<string, string>,
): readonly [string, 'up' | 'down' | null] {
  const before = state.get(id);
  const undone = before === undefined ? undefined : UNDOES[before];
  if (undone !== undefined) {
    state.delete(id);
    return [undone, null];
  }
  if (!up.has(id)) return ['start', 'up'];
  const of = [
    ...['stop', 'stop', 'kill9', 'kill9', 'kill9child', 'kill9parent', 'hup', 'reconf'],
    ...['isolate', 'dropin', 'dropout', 'linkdown', 'peerdown', 'sidedown'],
    ...(scripted ? ['failcheck', 'failcheck', 'failcheck'] : []),
  ];
  const action = pick(random, of);
  if (action in UNDOES) state.set(id, action);
  return [action, ['stop', 'kill9', 'kill9parent'].includes(action) ? 'down' : null];
}

function configOf(random: Random, common: Common, index: number): string {
  const { version, interval_s, count, unicast, password, scripted } = common;
  const odd = (share: number): boolean => random.happens(share);
  const lines: string[] = [];
  const global: string[] = [' router_id mixed', ' script_user root'];
  if (odd(0.3)) global.push(' vrrp_garp_master_repeat 2');
  if (odd(0.5)) global.push(` vrrp_version ${version}`);
  else lines.push(` version ${odd(0.04) ? 5 - version : version}`);
  const state = pick(random, ['BACKUP', 'BACKUP', 'MASTER', null]);
  if (state !== null) lines.push(` state ${state}`);
  lines.push(' interface ha0', ` virtual_router_id ${odd(0.03) ? 6 : 5}`);
  const priority = pick(random, [50, 50, 100, 100, 150, 200, 1, 254, 255, null]);
  if (priority !== null) lines.push(` priority ${priority}`);
  const own = odd(0.1) ? interval_s * 2 : interval_s;
  lines.push(` advert_int ${Math.round(own * 100) / 100}`);
  if (odd(0.25)) lines.push(' nopreempt');
  else if (odd(0.2)) lines.push(` preempt_delay ${pick(random, ['1', '1.5', '3'])}`);
  if (odd(0.1)) lines.push(` down_timer_adverts ${pick(random, [2, 4, 5])}`);
  if (odd(0.3)) lines.push(` garp_master_delay ${pick(random, [0, 1, 2])}`);
  if (odd(0.2)) lines.push(` garp_lower_prio_delay ${pick(random, [0, 1])}`);
  if (odd(0.2)) lines.push(` garp_lower_prio_repeat ${pick(random, [0, 1, 3])}`);
  if (odd(0.15)) lines.push(' garp_master_refresh 1', ' garp_master_refresh_repeat 2');
  if (odd(0.1)) lines.push(' lower_prio_no_advert');
  if (odd(0.1)) lines.push(' higher_prio_send_advert');
  if (odd(0.1)) lines.push(' skip_check_adv_addr');
  if (odd(0.05)) lines.push(' dont_track_primary');
  const word = odd(0.08) ? 'other' : password;
  if (version === 2 && word !== null) {
    lines.push(' authentication {', '  auth_type PASS', `  auth_pass ${word}`, ' }');
  }
  if (unicast) {
    lines.push(` unicast_src_ip 169.254.192.${11 + index}`, ' unicast_peer {');
    for (let i = 0; i < count; i++) if (i !== index) lines.push(`  169.254.192.${11 + i}`);
    lines.push(' }');
  }
  if (odd(0.25)) {
    const weight = pick(random, ['', ' weight 30', ' weight -60', ' weight 30 reverse']);
    lines.push(' track_interface {', `  side0${weight}`, ' }');
  }
  const script: string[] = [];
  if (scripted) {
    script.push('vrrp_script chk {', ' script "/usr/bin/test ! -e @CHECK@"', ' interval 1');
    script.push(` fall ${pick(random, [1, 2])}`, ` rise ${pick(random, [1, 2])}`);
    const weight = pick(random, [null, '-60', '40', '40 reverse']);
    if (weight !== null) script.push(` weight ${weight}`);
    script.push('}');
    lines.push(' track_script {', '  chk', ' }');
  }
  lines.push(' virtual_ipaddress {', `  169.254.0.${odd(0.04) ? 9 : 5}/24 dev ha0`);
  if (odd(0.02)) lines.push('  169.254.0.8/24 dev ha0');
  lines.push(' }', ' virtual_ipaddress_excluded {', '  10.0.0.1/24 dev side0 no_track', ' }');
  return [
    ...['global_defs {', ...global, '}', ...script, 'vrrp_instance V {', ...lines, '}', ''],
  ].join('\n');
}
