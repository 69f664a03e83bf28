/** What goes wrong with redundant routers: every failure has its scenario, and its cause is named. */
import { describe, expect, it } from 'vitest';
import { outcomesOf } from '../../src/simulate/render/outcomes.ts';
import { type SimulatedWay } from '../../src/simulate/simulation.ts';
import { onlyWay, played, redundantCloud, story } from './cloud.ts';

const PROBE = 'v1 -> external:198.51.100.10 every 250ms';
const three = redundantCloud({ replicas: 3 });
const two = redundantCloud();

function haOf(network: typeof two, host: string): string {
  for (const [name, { state }] of network.hosts.get(host)?.namespaces ?? []) {
    const found = state.interfaces.find((one) => one.name.startsWith('ha-'));
    if (name.startsWith('qrouter-') && found !== undefined) return found.name;
  }
  return '';
}

const mastersOf = ({ masters }: SimulatedWay): readonly string[] => masters.get('edge') ?? [];
const causesOf = ({ probes }: SimulatedWay): readonly string[] =>
  probes.flatMap(({ windows }) => windows.flatMap(({ causes }) => causes.map(({ code }) => code)));

describe('three replicas of equal priority', () => {
  const done = played(three, {
    events: ['t=5s fail host net2'],
    probes: [PROBE],
    until_us: 25e6,
    ways: 16,
  });

  it('race: either one alone, or both for a moment, and all of it is told', () => {
    expect(done.complete).toBe(true);
    const stories = done.ways.map(({ roles }) =>
      roles
        .filter(({ at_us }) => at_us > 5e6)
        .map(({ id, to }) => `${id} ${to}`)
        .sort()
        .join(', '),
    );
    expect(new Set(stories)).toEqual(
      new Set([
        'edge@net1 master',
        'edge@net3 master',
        'edge@net1 backup, edge@net1 master, edge@net3 master',
      ]),
    );
    expect(outcomesOf(done.ways).length).toBeGreaterThanOrEqual(3);
  });

  it('have the higher address as master where both began', () => {
    for (const way of done.ways) {
      if (way.roles.some(({ to }) => to === 'backup')) expect(mastersOf(way)).toEqual(['net3']);
    }
  });

  it('may have the announcements of the loser last: the switches keep its place until the winner repeats its own', () => {
    const burst = done.ways.filter(({ roles }) => roles.some(({ to }) => to === 'backup'));
    expect(burst).toHaveLength(2);
    const stale = burst.flatMap(({ probes }) =>
      probes.flatMap(({ windows }) =>
        windows.flatMap(({ until_us, causes }) =>
          causes
            .filter(({ code }) => code === 'FDB_STALE')
            .map(({ since_us }) => (until_us ?? 0) - since_us),
        ),
      ),
    );
    // garp_lower_prio_delay: five seconds.
    expect(stale).toHaveLength(1);
    expect(stale[0]).toBeGreaterThan(4.5e6);
    expect(stale[0]).toBeLessThan(5.5e6);
  });
});

describe('a demoted router', () => {
  it('draws the frames of its MAC to itself by the report its kernel sends', () => {
    const way = onlyWay(two, {
      events: ['t=5s isolate host net2', 't=18s heal host net2'],
      probes: [PROBE],
      until_us: 30e6,
    });
    expect(mastersOf(way)).toEqual(['net1']);
    const last = way.probes[0]?.windows.at(-1);
    expect(last?.causes.map(({ code }) => code)).toEqual(['FDB_STALE']);
    expect(last?.causes[0]?.sentence).toContain('which sent MLD report');
  });
});

describe('one-way loss', () => {
  it('makes a deaf backup of higher address master despite nopreempt, and the old one yields', () => {
    const way = onlyWay(three, {
      events: [`t=5s lose 100% vrrp in at net3:${haOf(three, 'net3')}`],
      until_us: 20e6,
    });
    expect(mastersOf(way)).toEqual(['net3']);
    expect(story(way, 'role').at(-1)).toMatch(/^edge@net2 BACKUP: .* the higher address$/);
  });

  it('makes a deaf backup of lower address a second master that is answered every time', () => {
    const way = onlyWay(three, {
      events: [
        't=1s signal TERM keepalived edge@net2',
        `t=5s lose 100% vrrp in at net1:${haOf(three, 'net1')}`,
      ],
      until_us: 20e6,
    });
    expect(mastersOf(way)).toEqual(['net1', 'net3']);
    const told = way.timeline.entries.filter(
      ({ kind, who, at_us }) => kind === 'announce' && who === 'edge@net3' && at_us > 5e6,
    );
    expect(told.length).toBeGreaterThan(10);
  });

  it('has a mute master replaced, which yields when it hears the new one', () => {
    const way = onlyWay(two, {
      events: [`t=5s lose 100% vrrp out at net2:${haOf(two, 'net2')}`],
      until_us: 20e6,
    });
    expect(story(way, 'role')[0]).toBe('edge@net1 MASTER: no advert came in time');
    expect(mastersOf(way)).toEqual(['net1']);
  });

  it('of a tunnel in one direction does to adverts what its direction says', () => {
    const events = ['t=5s fail way net2 > net1'];
    expect(mastersOf(onlyWay(two, { events, until_us: 20e6 }))).toEqual(['net1']);
    const both = ['t=5s fail way net2 > net1', 't=5s fail way net1 > net2'];
    expect(mastersOf(onlyWay(two, { events: both, until_us: 20e6 }))).toEqual(['net1', 'net2']);
  });
});

describe('replicas that are configured differently', () => {
  it.each([
    [
      'authentication',
      (text: string) =>
        text.replace(
          'nopreempt',
          'nopreempt\n authentication {\n auth_type PASS\n auth_pass secret\n }',
        ),
    ],
    ['interval', (text: string) => text.replace('advert_int 2', 'advert_int 3')],
    ['version', (text: string) => text.replace('nopreempt', 'nopreempt\n version 3')],
    ['addresses', (text: string) => text.replace(/169\.254\.0\.\d+\/24/, '169.254.0.250/24')],
  ])('by their %s are master both, and the timeline says what is discarded', (what, change) => {
    const network = redundantCloud({
      keepalived: (text, host) => (host === 'net1' ? change(text) : text),
    });
    const way = onlyWay(network, { events: [], probes: [PROBE], until_us: 20e6 });
    expect(mastersOf(way)).toEqual(['net1', 'net2']);
    const said = what === 'addresses' ? 'another addresses' : `another ${what}`;
    expect(story(way, 'discard').some((line) => line.endsWith(said))).toBe(true);
  });

  it('by a virtual router id do not hear each other at all', () => {
    const network = redundantCloud({
      keepalived: (text, host) =>
        host === 'net1' ? text.replace(/virtual_router_id \d+/, 'virtual_router_id 99') : text,
    });
    const way = onlyWay(network, { until_us: 20e6 });
    expect(mastersOf(way)).toEqual(['net1', 'net2']);
  });

  it('by excluded addresses go on as if nothing were wrong', () => {
    const network = redundantCloud({
      keepalived: (text, host) =>
        host === 'net1' ? text.replace('10.0.0.1/24', '10.0.0.2/24') : text,
    });
    expect(mastersOf(onlyWay(network, { until_us: 20e6 }))).toEqual(['net2']);
  });
});

describe('a health check that only the active instance can fail', () => {
  const CHECK = `vrrp_script chk {
    script "/bin/check"
    interval 2
    fall 2
    rise 2
}
vrrp_instance`;
  const network = redundantCloud({
    keepalived: (text) =>
      text
        .replace('vrrp_instance', CHECK)
        .replace('nopreempt', 'nopreempt\n    track_script {\n        chk\n    }'),
  });

  it('that fails everywhere leaves no instance active', () => {
    const way = onlyWay(network, {
      events: ['t=5s script chk fails edge@net1', 't=5s script chk fails edge@net2'],
      probes: [PROBE],
      until_us: 20e6,
    });
    expect(mastersOf(way)).toEqual([]);
    expect(story(way, 'role').filter((line) => line.includes('FAULT'))).toHaveLength(2);
    expect(causesOf(way)).toContain('VRRP_NO_MASTER');
  });

  it('on one host hands over after two failures in a row', () => {
    const way = onlyWay(network, {
      events: ['t=5s script chk fails edge@net2'],
      until_us: 20e6,
    });
    expect(mastersOf(way)).toEqual(['net1']);
    const fault = way.roles.find(({ to }) => to === 'fault')?.at_us ?? 0;
    expect(fault - 5e6).toBeGreaterThanOrEqual(2e6);
    expect(fault - 5e6).toBeLessThanOrEqual(4e6);
  });
});

describe('another first virtual address on one replica', () => {
  it('makes two masters that stay', () => {
    const way = onlyWay(two, {
      events: ['t=5s reload edge@net2 virtual_ipaddress 169.254.0.77/24'],
      probes: [PROBE],
      until_us: 40e6,
    });
    expect(mastersOf(way)).toEqual(['net1', 'net2']);
    expect(story(way, 'discard').some((line) => line.endsWith('another addresses'))).toBe(true);
  });
});
