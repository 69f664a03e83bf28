/** Two keepalived processes, each with two instances in one sync group, on an ideal link. */
import { DIALECTS } from '../../src/dataplane/vrrp/machine/dialect.ts';
import { instanceSettings } from '../../src/dataplane/vrrp/machine/settings.ts';
import { type Effect } from '../../src/dataplane/vrrp/machine/types.ts';
import { parseKeepalived } from '../../src/dataplane/vrrp/text/keepalived.ts';
import { Choices } from '../../src/simulate/clock/choices.ts';
import { Clock } from '../../src/simulate/clock/clock.ts';
import { USUAL_DELAYS } from '../../src/simulate/vrrp/delays.ts';
import { VrrpRouters } from '../../src/simulate/vrrp/routers.ts';

/** keepalived.conf of a router whose instances have these priorities; `more` goes into the group. */
export function groupConfig(priorities: readonly [number, number], more = ''): string {
  const instance = (i: number): string => `vrrp_instance VR_${5 + i} {
  state BACKUP
  interface ha0
  virtual_router_id ${5 + i}
  priority ${priorities[i]}
  advert_int 0.1
  virtual_ipaddress {
    169.254.${i}.5/24 dev ha0
  }
}
`;
  return `global_defs {
  vrrp_version 3
  router_id hopwise
}
vrrp_script chk {
  script "/usr/bin/test ! -e /tmp/hopwise-none"
  interval 1
  fall 1
  rise 1
}
vrrp_sync_group G {
  group {
    VR_5
    VR_6
  }
${more}}
${instance(0)}${instance(1)}`;
}

export interface GroupLan {
  readonly routers: VrrpRouters;
  readonly clock: Clock;
  /** `r1 VR_5 MASTER` in the order it happened. */
  readonly log: string[];
  /** `r1 VR_5 0`: adverts with their priority. */
  readonly adverts: string[];
  /** Instances nobody hears, as `r1 VR_5`. */
  readonly mute: Set<string>;
  readonly failing: Set<string>;
  start(router: string): void;
  rolesOf(router: string): string;
}

/** Opens the link; nobody is started. */
export function groupLan(configs: readonly string[]): GroupLan {
  const clock = new Clock();
  const log: string[] = [];
  const adverts: string[] = [];
  const mute = new Set<string>();
  const failing = new Set<string>();
  const names = configs.map((_, i) => `r${i + 1}`);
  const ids = new Map<string, string[]>();
  const routers: VrrpRouters = new VrrpRouters(
    clock,
    new Choices(),
    {
      send: (id, advert) => {
        adverts.push(`${id} ${advert.priority}`);
        if (mute.has(id)) return [];
        const [own = '', instance = ''] = id.split(' ');
        return names.filter((name) => name !== own).map((name) => `${name} ${instance}`);
      },
      perform: (id: string, effect: Effect) => {
        if (effect.kind === 'role' && effect.to !== 'stopped') {
          log.push(`${id} ${effect.to.toUpperCase()}`);
        }
      },
      isWell: (id) => !failing.has(id.split(' ')[0] ?? ''),
    },
    USUAL_DELAYS,
  );
  for (const [i, text] of configs.entries()) {
    const name = names[i] ?? '';
    const { value, problems } = parseKeepalived(text, 'keepalived.conf');
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    const own = value.instances.map((instance) => {
      const source = { version: 4 as const, value: 0xa9fe_c00bn + BigInt(i) };
      const settings = instanceSettings(value, instance, source, DIALECTS['keepalived-2.2.7']);
      routers.add(`${name} ${instance.name}`, 'lan', settings, value.scripts);
      return `${name} ${instance.name}`;
    });
    routers.synchronize(own);
    ids.set(name, own);
  }
  return {
    routers,
    clock,
    log,
    adverts,
    mute,
    failing,
    start: (router) => {
      for (const id of ids.get(router) ?? []) routers.start(id);
    },
    rolesOf: (router) => (ids.get(router) ?? []).map((id) => routers.stateOf(id).role).join(' '),
  };
}
