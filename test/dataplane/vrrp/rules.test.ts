/** Rule by rule: what the RFCs say, and what keepalived 2.2.7 does where that is something else. */
import { describe, expect, it } from 'vitest';
import { type Advert, advertOf } from '../../../src/dataplane/vrrp/machine/advert.ts';
import { DIALECTS, type DialectName } from '../../../src/dataplane/vrrp/machine/dialect.ts';
import { move } from '../../../src/dataplane/vrrp/machine/machine.ts';
import { stopped } from '../../../src/dataplane/vrrp/machine/roles.ts';
import {
  type InstanceSettings,
  instanceSettings,
} from '../../../src/dataplane/vrrp/machine/settings.ts';
import { skew_us } from '../../../src/dataplane/vrrp/machine/timers.ts';
import { type Effect, type InstanceState } from '../../../src/dataplane/vrrp/machine/types.ts';
import { parseKeepalived } from '../../../src/dataplane/vrrp/text/keepalived.ts';

const KEEPALIVED: DialectName = 'keepalived-2.2.7';

/** Settings as a file says them; the router's address is 0.0.0.IP. */
function router(lines: string, ip = 11, dialect: DialectName = KEEPALIVED): InstanceSettings {
  const text = `vrrp_script chk {
  script /bin/check
}
vrrp_instance V {
  interface ha
  virtual_router_id 7
  garp_master_delay 60
  virtual_ipaddress {
    169.254.0.7/24 dev ha
  }
  virtual_ipaddress_excluded {
    10.0.0.1/24 dev qr
  }
  virtual_routes {
    0.0.0.0/0 via 10.0.0.254 dev qr
  }
  ${lines}
}`;
  const { value, problems } = parseKeepalived(text, 'keepalived.conf');
  const [instance] = value.instances;
  if (instance === undefined || problems.length > 0) throw new Error(JSON.stringify(problems));
  return instanceSettings(value, instance, { version: 4, value: BigInt(ip) }, DIALECTS[dialect]);
}

const backup = (own: InstanceSettings): InstanceState =>
  move(own, stopped(own), { kind: 'start' }, 0).state;

function master(own: InstanceSettings): InstanceState {
  const begun = backup(own);
  if (begun.role === 'master') return begun;
  return move(own, begun, { kind: 'time' }, begun.timer_us).state;
}

const said = (lines: string, ip: number, priority?: number): Advert => {
  const other = router(lines, ip);
  return advertOf(other, priority ?? other.priority);
};

const hear = (own: InstanceSettings, state: InstanceState, advert: Advert, now_us: number) =>
  move(own, state, { kind: 'advert', advert }, now_us);

/** Effects as words; announcements with how many there are of each address. */
const words = (effects: readonly Effect[]): readonly string[] =>
  effects.map((effect) => {
    if (effect.kind === 'advert') return `advert ${effect.advert.priority}`;
    if (effect.kind === 'role') return effect.to;
    if (effect.kind === 'announce') return `announce ${effect.repeat}`;
    return effect.kind === 'discard' ? `discard ${effect.because}` : effect.kind;
  });

const RFCS = ['rfc3768', 'rfc5798', 'rfc9568'] as const;

describe('the skew', () => {
  it('is (256 - priority) / 256 of a second in version 2, in whole microseconds', () => {
    const of = { version: 2, priority: 50, downTimerAdverts: 3 } as const;
    expect(skew_us(of, 10e6)).toBe(Math.floor((206 / 256) * 1e6));
  });

  it('is (256 - priority) / 256 of the master interval in version 3', () => {
    const of = { version: 3, priority: 50, downTimerAdverts: 3 } as const;
    expect(skew_us(of, 10e6)).toBe(Math.floor((206 / 256) * 10e6));
  });
});

describe('the master down interval', () => {
  it('is three intervals and the skew', () => {
    expect(backup(router('priority 50\nadvert_int 2')).timer_us).toBe(6_804_687);
  });

  it('is of the interval that the master tells in version 3', () => {
    const own = router('version 3\npriority 50\nadvert_int 1');
    const heard = hear(own, backup(own), said('version 3\npriority 50\nadvert_int 2', 12), 0);
    expect(heard.state.timer_us).toBe(7_609_375);
  });

  it('does not begin anew by an advert of another interval in version 2', () => {
    const own = router('priority 50\nadvert_int 1');
    const heard = hear(own, backup(own), said('priority 50\nadvert_int 2', 12), 1e6);
    expect(words(heard.effects)).toEqual(['discard interval']);
    expect(heard.state.timer_us).toBe(backup(own).timer_us);
  });
});

describe('priority 255', () => {
  it.each(RFCS)('is master from its start by %s', (dialect) => {
    expect(backup(router('priority 255\nstate BACKUP', 11, dialect)).role).toBe('master');
  });

  it('waits three intervals and 1/256 s in keepalived with `state BACKUP`', () => {
    expect(backup(router('priority 255\nstate BACKUP'))).toMatchObject({
      role: 'backup',
      timer_us: 3_003_906,
    });
  });

  it('is master at once in keepalived with `state MASTER`, or without any state', () => {
    expect(backup(router('priority 255\nstate MASTER')).role).toBe('master');
    expect(backup(router('priority 255')).role).toBe('master');
  });

  it('is what `state MASTER` means in keepalived when no priority is stated', () => {
    expect(router('state MASTER').priority).toBe(255);
    expect(router('state BACKUP').priority).toBe(100);
  });

  it('alone makes `state MASTER` change something: others wait all the same', () => {
    expect(backup(router('priority 100\nstate MASTER')).timer_us).toBe(3_609_375);
  });

  it('is given up in keepalived when another owner is heard, which thereby wins', () => {
    const own = router('priority 255\nstate MASTER');
    const heard = hear(own, master(own), said('priority 255', 9), 5e6);
    expect(heard.state).toMatchObject({ role: 'backup', disputed: true });
  });
});

describe('a backup', () => {
  it.each([...RFCS, KEEPALIVED] as const)('waits only the skew after priority 0: %s', (dialect) => {
    const own = router('priority 50\nadvert_int 2', 11, dialect);
    const heard = hear(own, backup(own), said('advert_int 2', 12, 0), 1e6);
    expect(heard.state.timer_us).toBe(1_804_687);
  });

  it.each([...RFCS, KEEPALIVED] as const)(
    'that preempts ignores lower priorities, and its timer runs on: %s',
    (dialect) => {
      const own = router('priority 100', 11, dialect);
      const heard = hear(own, backup(own), said('priority 50', 12), 1e6);
      expect(heard.state.timer_us).toBe(backup(own).timer_us);
    },
  );

  it.each([...RFCS, KEEPALIVED] as const)(
    'that does not preempt obeys every priority: %s',
    (dialect) => {
      const own = router('priority 100\nstate BACKUP\nnopreempt', 11, dialect);
      const heard = hear(own, backup(own), said('priority 1', 12), 1e6);
      expect(heard.state.timer_us).toBe(1e6 + 3_609_375);
    },
  );
});

describe('a master that hears a lower rank', () => {
  const lower = said('priority 50', 9);

  it.each(['rfc3768', 'rfc5798'] as const)('discards it by %s', (dialect) => {
    const own = router('priority 100', 11, dialect);
    expect(words(hear(own, master(own), lower, 5e6).effects)).toEqual([]);
  });

  it('discards it and adverts at once by RFC 9568', () => {
    const own = router('priority 100', 11, 'rfc9568');
    expect(words(hear(own, master(own), lower, 5e6).effects)).toEqual(['advert 100']);
  });

  it('adverts at once in keepalived, announces five times, and again after 5 s, not garp_master_delay', () => {
    const own = router('priority 100');
    const heard = hear(own, master(own), lower, 5e6);
    expect(words(heard.effects)).toEqual(['advert 100', 'announce 5', 'announce 5']);
    const told = move(
      own,
      { ...heard.state, timer_us: Number.POSITIVE_INFINITY },
      { kind: 'time' },
      10e6,
    );
    expect(words(told.effects)).toEqual(['announce 5', 'announce 5']);
  });

  it('only announces in keepalived with lower_prio_no_advert, and its next advert is not put off', () => {
    const own = router('priority 100\nlower_prio_no_advert');
    const before = master(own);
    const heard = hear(own, before, lower, before.timer_us - 1000);
    expect(words(heard.effects)).toEqual(['announce 5', 'announce 5']);
    expect(heard.state.timer_us).toBe(before.timer_us);
  });
});

describe('masters of equal priority', () => {
  it.each([...RFCS, KEEPALIVED] as const)('leave it to the higher address: %s', (dialect) => {
    const own = router('priority 50', 11, dialect);
    expect(hear(own, master(own), said('priority 50', 12), 5e6).state.role).toBe('backup');
    expect(hear(own, master(own), said('priority 50', 10), 5e6).state.role).toBe('master');
  });
});

describe('any advert of its virtual router', () => {
  const foreign = said('priority 50\nadvert_int 1', 12);

  it('makes a master of keepalived wait a whole interval from then on, valid or not', () => {
    const own = router('priority 50\nadvert_int 2');
    const before = master(own);
    const heard = hear(own, before, foreign, before.timer_us - 1000);
    expect(words(heard.effects)).toEqual(['discard interval']);
    expect(heard.state.timer_us).toBe(before.timer_us - 1000 + 2e6);
  });

  it.each(RFCS)('changes nothing for a master of %s when it is not valid', (dialect) => {
    const own = router('priority 50\nadvert_int 2', 11, dialect);
    const before = master(own);
    const heard = hear(own, before, foreign, before.timer_us - 1000);
    expect(heard.state.timer_us).toBe(before.timer_us);
  });

  it('so keeps the slower one of two silent that reject each other', () => {
    const slow = router('priority 50\nadvert_int 2');
    let state = master(slow);
    let adverts = 0;
    for (let at_us = 8e6; at_us < 30e6; at_us += 1e6) {
      if (state.timer_us <= at_us) adverts++;
      state = hear(slow, state, foreign, at_us).state;
    }
    expect(adverts).toBe(0);
  });
});

describe('authentication', () => {
  const word = (text: string): string => `authentication {\nauth_type PASS\nauth_pass ${text}\n}`;

  it.each(RFCS)('is none by %s', (dialect) => {
    const own = router('', 11, dialect);
    expect(words(hear(own, backup(own), said(word('secret'), 12), 0).effects)).toEqual([]);
  });

  it('of keepalived compares eight characters, and discards what differs in them', () => {
    const own = router(word('password1'));
    expect(words(hear(own, backup(own), said(word('password2'), 12), 0).effects)).toEqual([]);
    expect(words(hear(own, backup(own), said(word('passwort'), 12), 0).effects)).toEqual([
      'discard authentication',
    ]);
    expect(words(hear(own, backup(own), said('', 12), 0).effects)).toEqual([
      'discard authentication',
    ]);
  });
});

describe('adverts with other addresses', () => {
  const other = said('virtual_ipaddress {\n169.254.0.8/24 dev ha\n}', 12);

  it.each([
    ['rfc5798', []],
    [KEEPALIVED, ['discard addresses']],
    ['keepalived-2.2.8', []],
  ] as const)('by %s: %j', (dialect, effects) => {
    const own = router('', 11, dialect);
    expect(words(hear(own, backup(own), other, 0).effects)).toEqual(effects);
  });

  it('are believed with skip_check_adv_addr from the master that was heard before, not from others', () => {
    const own = router('priority 50\nskip_check_adv_addr');
    expect(words(hear(own, backup(own), other, 0).effects)).toEqual(['discard addresses']);
    const known = hear(own, backup(own), said('', 12), 0).state;
    expect(words(hear(own, known, other, 1).effects)).toEqual([]);
  });
});

describe('a master of keepalived', () => {
  const own = router('priority 50\nadvert_int 2');

  it('begins with an advert, then addresses, excluded ones, routes, and five announcements of each', () => {
    const begun = backup(own);
    const { state, effects } = move(own, begun, { kind: 'time' }, begun.timer_us);
    expect(words(effects)).toEqual([
      ...['advert 50', 'master', 'add-address', 'add-address', 'add-route'],
      ...['announce 5', 'announce 5'],
    ]);
    expect(state.announcements.map(({ at_us }) => at_us - begun.timer_us)).toEqual([60e6]);
  });

  it('says priority 0 on SIGTERM, and then gives its addresses back', () => {
    expect(words(move(own, master(own), { kind: 'stop' }, 9e6).effects)).toEqual([
      ...['advert 0', 'remove-route', 'remove-address', 'remove-address', 'stopped'],
    ]);
  });

  it('says nothing when it is killed, and what it held is removed by the next process', () => {
    const killed = move(own, master(own), { kind: 'kill' }, 9e6);
    expect(words(killed.effects)).toEqual(['stopped']);
    expect(killed.state.holds).toBe(true);
    expect(words(move(own, killed.state, { kind: 'start' }, 10e6).effects)).toEqual([
      ...['remove-address', 'remove-address', 'backup'],
    ]);
  });

  it('says priority 0 twice when a script fails', () => {
    const watching = router('priority 50\ntrack_script {\nchk\n}');
    const told = (failed: boolean) =>
      ({ kind: 'watched', watch: 'script', name: 'chk', failed }) as const;
    const begun = move(watching, backup(watching), told(false), 0).state;
    const active = move(watching, begun, { kind: 'time' }, begun.timer_us).state;
    const { effects } = move(watching, active, told(true), 9e6);
    expect(words(effects).filter((one) => one === 'advert 0')).toHaveLength(2);
  });

  it('adverts before and after a reload, from which its interval counts, and stays master', () => {
    const { state, effects } = move(own, master(own), { kind: 'reload', settings: own }, 9e6);
    expect(words(effects)).toEqual(['advert 50', 'advert 50']);
    expect(state).toMatchObject({ role: 'master', timer_us: 11e6 });
  });

  it('announces again after a reload only when an address came', () => {
    const more = router(
      'priority 50\nadvert_int 2\nvirtual_ipaddress_excluded {\n10.0.0.2/24 dev qr\n}',
    );
    const { effects } = move(own, master(own), { kind: 'reload', settings: more }, 9e6);
    expect(words(effects).filter((one) => one.startsWith('announce'))).toHaveLength(3);
  });

  it('becomes another router when a reload changes its id: it says goodbye and begins anew', () => {
    const other = { ...own, virtualRouterId: 8 };
    const { state, effects } = move(own, master(own), { kind: 'reload', settings: other }, 9e6);
    expect(words(effects)).toEqual([
      ...['advert 0', 'remove-route', 'remove-address', 'remove-address', 'stopped', 'backup'],
    ]);
    expect(state.role).toBe('backup');
  });
});

describe('preemption in keepalived', () => {
  it('is not refused, nor delayed, by who begins as master or owns the addresses', () => {
    expect(router('priority 100\nstate MASTER\nnopreempt').preempt).toBe(true);
    expect(router('priority 100\nstate MASTER\npreempt_delay 5').preemptDelay_us).toBe(0);
    expect(router('priority 255\nstate BACKUP\nnopreempt').preempt).toBe(true);
    expect(router('priority 100\nstate BACKUP\nnopreempt\npreempt_delay 5').preemptDelay_us).toBe(
      0,
    );
  });
});
