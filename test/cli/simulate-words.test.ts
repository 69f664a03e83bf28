/** Words of `hopwise simulate` that are wrong: everything is told at once, with what was meant. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../sources.ts';
import { hopwise } from './call.ts';

const CLOUD = join(ROOT, 'scenarios/ha-router/cloud.yaml');
const folder = mkdtempSync(join(tmpdir(), 'hopwise-words-'));
afterAll(() => rmSync(folder, { recursive: true }));
const BAD = join(folder, 'bad.conf');
writeFileSync(BAD, 'vrrp_instance X {\n  priorty 3\n}\n');

/** Events, and what is said of each beside its own words. */
const EVENTS: readonly (readonly [string, string])[] = [
  ['t=1 fail host net1', 'it begins with its time, as in `t=5s`'],
  ['5s fail host net1', 'it begins with its time, as in `t=5s`'],
  ['t=5s explode net1', 'there is no such event'],
  ['t=1s fial host net1', 'did you mean fail host HOST'],
  ['t=1s fail hots net1', 'did you mean fail host HOST'],
  ['t=1s fail host net22', 'there is no host net22; did you mean net2?'],
  ['t=1s fail host', 'one host is wanted (fail host HOST)'],
  ['t=1s fail way net1 > net33', 'there is no host net33'],
  ['t=1s fail link net1:eth1 inn', 'did you mean in?'],
  ['t=1s down net1:eth11', 'did you mean net1:eth1?'],
  ['t=1s lose 100% vrpr in at net1:eth1', 'did you mean vrrp?'],
  ['t=1s lose 200% vrrp in at net1:eth1', '200% is no percentage'],
  ['t=1s lose 10% vrrp sideways at net1:eth1', 'sideways is neither in nor out'],
  ['t=1s kill ovs-vswichd at net1', 'did you mean ovs-vswitchd?'],
  ['t=1s signal TREM keepalived edge@net1', 'did you mean TERM?'],
  ['t=1s signal KILL keepalived edge@net9', 'there is no VRRP router edge@net9'],
  ['t=1s script chk flies edge@net1', 'a script works, fails, or fails-as-master'],
  ['t=1s migrate v11 to net1', 'did you mean v1?'],
  ['t=1s migrate v1 to compute11', 'did you mean compute1?'],
  ['t=1s move floating-ip 203.0.113.51 to v1', 'did you mean 203.0.113.50?'],
  ['t=1s add address 10.0.0.300/24 at net1:eth1', '10.0.0.300/24 is no ADDRESS/LENGTH'],
  ['t=1s reload edge@net9 priority 3', 'did you mean edge@net1?'],
  ['t=1s reload edge@net1 priorty 3', 'did you mean priority?'],
  ['t=1s reload edge@net1 add priority 3', 'virtual_ipaddress'],
  ['t=1s reload edge@net1 with /nothing.conf', 'there is no file /nothing.conf'],
  [`t=1s reload edge@net1 with ${BAD}`, `${BAD}:2:3`],
];

const PROBES: readonly (readonly [string, string])[] = [
  ['v1 to v1', 'a probe is written FROM -> TO'],
  ['v11 -> 10.0.0.1', 'v1'],
  ['v1 -> 10.0.0.1 icpm', 'did you mean icmp?'],
  ['v1 -> 10.0.0.1 tcp', 'tcp has no port from 1 to 65535'],
  ['v1 -> 10.0.0.1 udp:70000', 'udp:70000 has no port from 1 to 65535'],
  ['v1 -> 10.0.0.1 every 1us', 'a probe is sent every 1ms at most often'],
];

describe('hopwise simulate with wrong words', () => {
  it('tells of all of them at once, and ends with 2', async () => {
    const { code, err, out } = await hopwise([
      'simulate',
      CLOUD,
      ...EVENTS.flatMap(([event]) => ['--event', event]),
      ...PROBES.flatMap(([probe]) => ['--probe', probe]),
    ]);
    expect([code, out]).toEqual([2, '']);
    const lines = err.split('\n');
    for (const [words, message] of [...EVENTS, ...PROBES]) {
      const said = lines.find((line) => line.includes(`${words}: `)) ?? '(nothing)';
      expect(`${words}: ${said}`).toContain(message);
    }
  });

  it.each([
    [['--until', '5'], 'a time is written as 60s, 500ms or 2min'],
    [['--seed', 'x'], 'a whole number is wanted'],
    [['--ways', '-1'], 'a whole number is wanted'],
    [['--format', 'xml'], 'Allowed choices are text, json, html'],
    [['--evnet', 't=1s fail host net1'], 'Did you mean --event?'],
  ])('%j is refused before anything is read', async (words, message) => {
    const { code, err } = await hopwise(['simulate', '/nowhere', ...words]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('names a network that is not there', async () => {
    const { code, err } = await hopwise(['simulate', join(folder, 'missing.yaml')]);
    expect([code, err]).toEqual([2, expect.stringContaining('missing.yaml')]);
  });
});

describe('hopwise simulate by its words', () => {
  it('loses one direction of a link and names the place once', async () => {
    const { code, out } = await hopwise([
      'simulate',
      CLOUD,
      ...['--event', 't=1s fail link net2:eth1 in', '--event', 't=2s restore link net2:eth1 in'],
      ...['--probe', 'v1 -> 10.0.0.1 every 500ms', '--until', '4s'],
    ]);
    expect(code).toBe(1);
    expect(out).toContain('lost from 1.000 s to 2.000 s (1.000 s, 2 packets)');
    expect(out).toContain('INTERFACE_DOWN: eth1 on net2: all packets in are lost');
    expect(out).not.toContain('compute1 net2');
  });
});
