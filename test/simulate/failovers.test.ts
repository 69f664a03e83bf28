/** A redundant router of a compiled cloud fails over: who is master, what is lost, and why. */
import { describe, expect, it } from 'vitest';
import { simulationJson } from '../../src/simulate/render/json.ts';
import { askedQuestion } from '../../src/trace/ask.ts';
import { onlyWay, played, redundantCloud, story } from './cloud.ts';

const PROBE = 'v1 -> external:198.51.100.10 every 250ms';
const network = redundantCloud();

function windowsOf(events: readonly string[], until_us = 20e6) {
  const way = onlyWay(network, { events, probes: [PROBE], until_us });
  return { way, windows: way.probes[0]?.windows ?? [] };
}

describe('a redundant router', () => {
  it('is lost for a down interval when its host fails, less the time since the last advert', () => {
    const { way, windows } = windowsOf(['t=5s fail host net2']);
    expect([...way.masters]).toEqual([['edge', ['net1']]]);
    expect(windows).toHaveLength(1);
    const [window] = windows;
    expect(window?.from_us).toBe(5e6);
    expect(window?.causes.map(({ code }) => code)).toEqual(['VRRP_NO_MASTER']);
    expect(window?.bounds_us).toEqual([4_804_687, 6_804_687]);
    const took = (window?.until_us ?? 0) - 5e6;
    expect(took).toBeGreaterThanOrEqual(4_804_687);
    expect(took).toBeLessThanOrEqual(6_804_687 + 250_000);
  });

  it('is lost for the skew when keepalived is told to stop', () => {
    const { way, windows } = windowsOf(['t=5s signal TERM keepalived edge@net2']);
    expect(story(way, 'role')).toEqual([
      'edge@net2 STOPPED: keepalived was told to stop',
      'edge@net1 MASTER: the master said goodbye and nobody else came',
    ]);
    expect(
      windows.map(({ from_us, until_us, bounds_us }) => [from_us, until_us, bounds_us]),
    ).toEqual([[5e6, 6e6, [804_687, 804_687]]]);
  });

  it('keeps working when keepalived is killed, with two owners of its addresses until it is back', () => {
    const { way, windows } = windowsOf(['t=5s signal KILL keepalived edge@net2']);
    expect(windows).toEqual([]);
    expect([...way.masters]).toEqual([['edge', ['net1', 'net2']]]);
    const later = onlyWay(network, {
      events: ['t=5s signal KILL keepalived edge@net2'],
      until_us: 70e6,
    });
    expect([...later.masters]).toEqual([['edge', ['net1']]]);
    expect(story(later, 'process')).toEqual(['edge@net2 the L3 agent starts keepalived again']);
  });

  it('is lost at once when only the child is killed, as its parent starts it anew', () => {
    const { windows } = windowsOf(['t=5s signal KILL-child keepalived edge@net2']);
    expect(windows[0]?.from_us).toBe(5.25e6);
    expect(windows[0]?.causes[0]?.code).toBe('VRRP_NO_MASTER');
  });

  it('fails over when its HA interface goes down, and stays where it is when that comes up', () => {
    const device = network.endpoints.length > 0 ? haInterface('net2') : '';
    const { way } = windowsOf([`t=5s down net2:${device}`, `t=15s up net2:${device}`]);
    expect(story(way, 'role')).toEqual([
      `edge@net2 FAULT: interface ${device} failed`,
      'edge@net1 MASTER: no advert came in time',
      'edge@net2 BACKUP: everything it watches is well again',
    ]);
    // What is sent on an interface that is down does not get off it.
    expect(story(way, 'goodbye').every((line) => line.endsWith('nobody hears'))).toBe(true);
  });

  it('gets IPv6 forwarding from the agent two seconds after it became master', () => {
    const { way } = windowsOf(['t=5s signal TERM keepalived edge@net2']);
    const became = way.roles.find(({ to }) => to === 'master')?.at_us ?? 0;
    const acted = way.timeline.entries.find(
      ({ kind, who }) => kind === 'agent' && who === 'edge@net1',
    );
    expect((acted?.at_us ?? 0) - became).toBe(2e6);
    const state = way.end.namespace('net1', routerNamespace())?.state;
    expect(state?.sysctls.get('net.ipv6.conf.all.forwarding')).toBe('1');
  });
});

describe('a simulation', () => {
  it('gives the same bytes for the same seed, and another phase for another', () => {
    const options = { events: ['t=5s fail host net2'], probes: [PROBE], until_us: 15e6 };
    const bytes = (seed: number): string => {
      const done = played(network, { ...options, seed });
      const about = { name: 'cloud', until_us: options.until_us, seed: 0 };
      return JSON.stringify(simulationJson(done, about, '0'));
    };
    expect(bytes(1)).toBe(bytes(1));
    expect(bytes(1)).not.toBe(bytes(2));
  });

  it('leaves the network it began with as it was', () => {
    const before = network.namespace('net1', routerNamespace())?.state;
    const { way } = windowsOf(['t=5s fail host net2'], 15e6);
    expect(network.namespace('net1', routerNamespace())?.state).toBe(before);
    expect(way.end.namespace('net1', routerNamespace())?.state).not.toBe(before);
  });

  it('answers a question in the state of its end', () => {
    const asked = askedQuestion(network, { from: 'v1', to: 'external:198.51.100.10' });
    if (asked.kind === 'wrong') throw new Error(asked.message);
    const at = (until_us: number): boolean | undefined =>
      onlyWay(network, { events: ['t=5s fail host net2'], until_us, question: asked.value }).trace
        ?.delivered;
    expect([4e6, 7e6, 13e6].map(at)).toEqual([true, false, true]);
  });

  it.each([
    [['t=5s fail host net9'], 'there is no host net9'],
    [['5s fail host net1'], 'it begins with its time'],
    [['t=5s explode net1'], 'there is no such event'],
    [['t=5s lose 200% vrrp in at net1:eth1'], '200% is no percentage'],
    [['t=5s signal KILL keepalived edge@net9'], 'there is no VRRP router edge@net9'],
    [['t=5s down net1:eth9'], 'there is no interface net1:eth9'],
  ])('says what is wrong with %j', (events, message) => {
    expect(() => played(network, { events })).toThrow(message);
  });
});

function routerNamespace(): string {
  const names = [...(network.hosts.get('net1')?.namespaces.keys() ?? [])];
  return names.find((name) => name.startsWith('qrouter-')) ?? '';
}

function haInterface(host: string): string {
  const interfaces = network.namespace(host, routerNamespace())?.state.interfaces ?? [];
  return interfaces.find(({ name }) => name.startsWith('ha-'))?.name ?? '';
}
