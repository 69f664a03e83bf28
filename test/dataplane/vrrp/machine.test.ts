/** The machine of a VRRP instance: what the standards and keepalived 2.2.7 say, case by case. */
import { describe, expect, it } from 'vitest';
import { type Advert, advertOf } from '../../../src/dataplane/vrrp/machine/advert.ts';
import { DIALECTS } from '../../../src/dataplane/vrrp/machine/dialect.ts';
import { deadline_us, move } from '../../../src/dataplane/vrrp/machine/machine.ts';
import { currentPriority, stopped } from '../../../src/dataplane/vrrp/machine/roles.ts';
import { countResult, freshScript } from '../../../src/dataplane/vrrp/machine/scripts.ts';
import {
  type InstanceSettings,
  instanceSettings,
} from '../../../src/dataplane/vrrp/machine/settings.ts';
import { downInterval_us, skew_us } from '../../../src/dataplane/vrrp/machine/timers.ts';
import { type Effect, type InstanceState } from '../../../src/dataplane/vrrp/machine/types.ts';
import { parseKeepalived } from '../../../src/dataplane/vrrp/text/keepalived.ts';

const SECOND = 1_000_000;

function settingsOf(
  lines: string,
  ip = 11,
  dialect = DIALECTS['keepalived-2.2.7'],
): InstanceSettings {
  const text = `vrrp_script chk {
    script "/bin/true"
    interval 2
    fall 2
    rise 2
  }
  vrrp_script soft {
    script "/bin/true"
    weight -20
  }
  vrrp_instance V {
    interface ha
    virtual_router_id 7
    virtual_ipaddress {
      169.254.0.7/24 dev ha
    }
    virtual_ipaddress_excluded {
      10.0.0.1/24 dev qr
      fe80::1/64 dev qr
    }
    virtual_routes {
      0.0.0.0/0 via 10.0.0.254 dev qr
    }
    ${lines}
  }`;
  const { value, problems } = parseKeepalived(text, 'keepalived.conf');
  expect(problems).toEqual([]);
  const [instance] = value.instances;
  if (instance === undefined) throw new Error('no instance');
  return instanceSettings(value, instance, { version: 4, value: BigInt(ip) }, dialect);
}

function started(settings: InstanceSettings): InstanceState {
  return move(settings, stopped(settings), { kind: 'start' }, 0).state;
}

function mastered(settings: InstanceSettings): InstanceState {
  const backup = started(settings);
  return move(settings, backup, { kind: 'time' }, backup.timer_us).state;
}

function words(effects: readonly Effect[]): readonly string[] {
  return effects.map((effect) => {
    if (effect.kind === 'advert') return `advert ${effect.advert.priority}`;
    if (effect.kind === 'role') return effect.to;
    if (effect.kind === 'announce') return `announce ${effect.address.device} ${effect.repeat}`;
    if ('address' in effect) return `${effect.kind} ${effect.address.device}`;
    return effect.kind;
  });
}

const peer = (lines: string, ip: number, priority?: number): Advert => {
  const settings = settingsOf(lines, ip);
  return advertOf(settings, priority ?? settings.priority);
};

describe('timers', () => {
  it('are whole microseconds, rounded down', () => {
    const v2 = { version: 2, downTimerAdverts: 3 } as const;
    expect(skew_us({ ...v2, priority: 50 }, 2 * SECOND)).toBe(804_687);
    expect(downInterval_us({ ...v2, priority: 50 }, 2 * SECOND)).toBe(6_804_687);
    expect(skew_us({ ...v2, version: 3, priority: 50 }, 100_000)).toBe(80_468);
    expect(downInterval_us({ ...v2, version: 3, priority: 255 }, 10 * SECOND)).toBe(30_039_062);
  });
});

describe('a router that starts', () => {
  it('is backup for a whole down interval, also with `state MASTER`', () => {
    const settings = settingsOf('priority 100\nstate MASTER');
    expect(deadline_us(started(settings))).toBe(3_609_375);
  });

  it('waits as owner too when it says `state BACKUP`; the RFC has it master at once', () => {
    const waiting = settingsOf('priority 255\nstate BACKUP');
    expect(started(waiting)).toMatchObject({ role: 'backup', timer_us: 3_003_906 });
    expect(started(settingsOf('priority 255\nstate MASTER')).role).toBe('master');
    expect(started(settingsOf('priority 255')).role).toBe('master');
    expect(started(settingsOf('priority 255\nstate BACKUP', 11, DIALECTS.rfc5798)).role).toBe(
      'master',
    );
  });

  it('waits for its scripts to tell something', () => {
    const settings = settingsOf('track_script {\n chk\n }');
    const waiting = started(settings);
    expect(waiting.role).toBe('init');
    const well = { kind: 'watched', watch: 'script', name: 'chk', failed: false } as const;
    expect(move(settings, waiting, well, 1000).state.role).toBe('backup');
  });

  it('removes what a killed process has left', () => {
    const settings = settingsOf('priority 50');
    const killed = move(settings, mastered(settings), { kind: 'kill' }, 9 * SECOND);
    expect(words(killed.effects)).toEqual(['stopped']);
    const again = move(settings, killed.state, { kind: 'start' }, 10 * SECOND);
    expect(words(again.effects)).toEqual([
      'remove-address ha',
      'remove-address qr',
      'remove-address qr',
      'backup',
    ]);
  });
});

describe('a backup', () => {
  const settings = settingsOf('priority 100\nadvert_int 2');

  it('becomes master with advert, addresses, routes and announcements in this order', () => {
    const backup = started(settings);
    const { state, effects } = move(settings, backup, { kind: 'time' }, backup.timer_us);
    expect(words(effects)).toEqual([
      'advert 100',
      'master',
      'add-address ha',
      'add-address qr',
      'add-address qr',
      'add-route',
      'announce ha 5',
      'announce qr 5',
      'announce qr 5',
    ]);
    expect(state.announcements.map(({ at_us }) => at_us - backup.timer_us)).toEqual([5 * SECOND]);
  });

  it('waits only the skew after a goodbye', () => {
    const advert = peer('advert_int 2', 12, 0);
    const heard = move(settings, started(settings), { kind: 'advert', advert }, 1000);
    expect(heard.state.timer_us).toBe(1000 + 609_375);
  });

  it('lets its timer run while it hears a lower priority, and obeys it with nopreempt', () => {
    const advert = peer('advert_int 2\npriority 50', 12);
    const backup = started(settings);
    const input = { kind: 'advert', advert } as const;
    expect(move(settings, backup, input, SECOND).state.timer_us).toBe(backup.timer_us);
    const kind = settingsOf('priority 100\nadvert_int 2\nnopreempt');
    expect(move(kind, started(kind), input, SECOND).state.timer_us).toBe(7_609_375);
  });

  it('obeys a lower priority until its preempt delay, from the first such advert on, is over', () => {
    const patient = settingsOf('priority 100\nadvert_int 2\npreempt_delay 5');
    const advert = peer('advert_int 2\npriority 50', 12);
    let state = started(patient);
    for (const at of [1, 3, 5]) {
      state = move(patient, state, { kind: 'advert', advert }, at * SECOND).state;
      expect(state.timer_us).toBe(at * SECOND + 6_609_375);
    }
    const late = move(patient, state, { kind: 'advert', advert }, 7 * SECOND).state;
    expect(late.timer_us).toBe(5 * SECOND + 6_609_375);
  });

  it('learns the interval of the master in version 3, and refuses another one in version 2', () => {
    const three = settingsOf('version 3\npriority 50\nadvert_int 1');
    const advert = peer('version 3\npriority 50\nadvert_int 2', 12);
    const heard = move(three, started(three), { kind: 'advert', advert }, 0).state;
    expect(heard.timer_us).toBe(7_609_375);
    const slower = peer('advert_int 1', 12);
    const refused = move(settings, started(settings), { kind: 'advert', advert: slower }, 0);
    expect(refused.effects).toEqual([{ kind: 'discard', advert: slower, because: 'interval' }]);
  });

  it.each([
    ['version 3\nadvert_int 2', 'version'],
    ['advert_int 2\nauthentication {\n auth_type PASS\n auth_pass secret\n }', 'authentication'],
    ['advert_int 2\nvirtual_ipaddress {\n 169.254.0.9/24 dev ha\n }', 'addresses'],
  ])('discards adverts of %j because of the %s', (lines, because) => {
    const advert = peer(lines, 12);
    const heard = move(settings, started(settings), { kind: 'advert', advert }, 1000);
    expect(heard.effects).toMatchObject([{ kind: 'discard', because }]);
    expect(heard.state.timer_us).toBe(started(settings).timer_us);
  });

  it('compares eight characters of a password', () => {
    const word = (text: string) => `authentication {\n auth_type PASS\n auth_pass ${text}\n }`;
    const own = settingsOf(word('password1'));
    const input = { kind: 'advert', advert: peer(word('password2'), 12) } as const;
    expect(move(own, started(own), input, 0).effects).toEqual([]);
  });

  it('takes adverts with other addresses from 2.2.8 on', () => {
    const later = settingsOf('', 11, DIALECTS['keepalived-2.2.8']);
    const advert = peer('virtual_ipaddress {\n 169.254.0.9/24 dev ha\n }', 12);
    expect(move(later, started(later), { kind: 'advert', advert }, 0).effects).toEqual([]);
  });
});

describe('a master', () => {
  const settings = settingsOf('priority 50\nadvert_int 2', 12);

  it('yields to a higher priority, and to a higher address of the same', () => {
    for (const advert of [
      peer('advert_int 2\npriority 51', 11),
      peer('advert_int 2\npriority 50', 13),
    ]) {
      const { state, effects } = move(
        settings,
        mastered(settings),
        { kind: 'advert', advert },
        9e6,
      );
      expect(state.role).toBe('backup');
      expect(words(effects)).toEqual([
        'backup',
        'remove-route',
        'remove-address ha',
        'remove-address qr',
        'remove-address qr',
      ]);
    }
  });

  it('answers a lower rank with an advert and announcements, and those again after 5 s', () => {
    const advert = peer('advert_int 2\npriority 50', 11);
    const { state, effects } = move(settings, mastered(settings), { kind: 'advert', advert }, 9e6);
    expect(words(effects)).toEqual([
      'advert 50',
      'announce ha 5',
      'announce qr 5',
      'announce qr 5',
    ]);
    expect(state.timer_us).toBe(11e6);
    expect(state.announcements.some(({ at_us }) => at_us === 14e6)).toBe(true);
  });

  it('only discards a lower rank by RFC 5798, and answers by RFC 9568', () => {
    const advert = peer('advert_int 2\npriority 50', 11);
    for (const [name, answers] of [
      ['rfc5798', []],
      ['rfc9568', ['advert 50']],
    ] as const) {
      const own = settingsOf('priority 50\nadvert_int 2', 12, DIALECTS[name]);
      const heard = move(own, mastered(own), { kind: 'advert', advert }, 9e6);
      expect(words(heard.effects)).toEqual(answers);
    }
  });

  it('waits anew after any advert of its virtual router, valid or not', () => {
    const advert = peer('advert_int 1', 11);
    const master = mastered(settings);
    expect(move(settings, master, { kind: 'advert', advert }, 8e6).state.timer_us).toBe(10e6);
    const foreign = { ...advert, virtualRouterId: 8 };
    const heard = move(settings, master, { kind: 'advert', advert: foreign }, 8e6);
    expect(heard.state.timer_us).toBe(master.timer_us);
  });

  it('says goodbye when it stops, twice when a script fails, and gives everything back', () => {
    const given = ['remove-route', 'remove-address ha', 'remove-address qr', 'remove-address qr'];
    expect(words(move(settings, mastered(settings), { kind: 'stop' }, 9e6).effects)).toEqual([
      'advert 0',
      ...given,
      'stopped',
    ]);
    const failed = { kind: 'watched', watch: 'interface', name: 'ha', failed: true } as const;
    expect(words(move(settings, mastered(settings), failed, 9e6).effects)).toEqual([
      'fault',
      'advert 0',
      'advert 0',
      ...given,
    ]);
  });

  it('adverts before and after a reload, and announces when an address came', () => {
    const more = settingsOf(
      'priority 50\nadvert_int 2\nvirtual_ipaddress_excluded {\n 10.0.0.9/32 dev qr\n }',
      12,
    );
    const master = mastered(settings);
    const same = move(settings, master, { kind: 'reload', settings }, 9e6);
    expect(words(same.effects)).toEqual(['advert 50', 'advert 50']);
    expect(same.state.timer_us).toBe(11e6);
    const { effects } = move(settings, master, { kind: 'reload', settings: more }, 9e6);
    expect(words(effects)[0]).toBe('advert 50');
    expect(words(effects)).toContain('add-address qr');
    expect(words(effects).at(-1)).toBe('advert 50');
  });

  it('loses priority by a script with a weight, and keeps its role', () => {
    const own = settingsOf('priority 50\ntrack_script {\n soft\n }');
    const failed = { kind: 'watched', watch: 'script', name: 'soft', failed: true } as const;
    const { state } = move(own, mastered(own), failed, 9e6);
    expect(state.role).toBe('master');
    expect(currentPriority(own, state)).toBe(30);
  });
});

describe('a watched script', () => {
  it('counts at once the first time, then after as many results in a row as it says', () => {
    const script = parseKeepalived('vrrp_script chk {\n script "/x"\n fall 2\n rise 3\n }', 'k')
      .value.scripts[0];
    if (script === undefined) throw new Error('no script');
    let state = freshScript(script);
    const told: (boolean | null)[] = [];
    for (const well of [true, false, true, false, false, true, true, true]) {
      state = countResult(script, state, well);
      told.push(state.well);
    }
    expect(told).toEqual([true, true, true, true, false, false, false, true]);
  });
});
