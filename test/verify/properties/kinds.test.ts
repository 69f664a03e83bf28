/** Every kind of property over a small cloud: what holds, what fails and with what it is shown. */
import { describe, expect, it } from 'vitest';
import { answersOf, checkedIn, cloudOf, cloudText } from './cloud.ts';

const CLOUD = cloudOf(cloudText());

function check(list: string, cloud = CLOUD) {
  return checkedIn(cloud, `groups: {web: [web-1, web-2]}\nproperties:\n${list}`);
}

describe('what arrives', () => {
  it('takes groups, projects, networks, security groups and hosts for lists of servers', () => {
    for (const from of ['group:web', 'security-group:web', '[web-1, web-2]']) {
      const found = check(
        `  - {from: "${from}", to: db-1, arrives: all, tcp: 3306}`
          .replace('"[', '[')
          .replace(']"', ']'),
      );
      expect(answersOf(found)).toEqual(['web-1 → db-1 holds', 'web-2 → db-1 holds']);
    }
    const others = check('  - {from: "project:green", to: "on:compute1", arrives: none}');
    expect(answersOf(others)).toEqual(['green-1 → web-1 holds']);
  });

  it('fails for a selector that selects nobody, with a word that does', () => {
    const [found] = check('  - {from: "network:bleu", to: db-1, arrives: none}');
    expect(found?.holds).toBe('fails');
    expect(found?.because[0]).toContain('did you mean blue?');
    expect(check('  - {from: web-1, to: web-1, arrives: some}')[0]?.holds).toBe('fails');
  });

  it('fails for a group that is named like an end, with the word for it', () => {
    for (const list of ['{from: web, to: db-1, arrives: none}', '{apart: [web, db-1]}']) {
      const found = check(`  - ${list}`);
      expect(found.map(({ holds }) => holds)).not.toContain('holds');
      expect(found[0]?.because[0]).toBe('nothing is named "web"; did you mean group:web?');
    }
  });

  it('tells who else gets there', () => {
    const alone = check(
      '  - {from: "group:web", to: db-1, arrives: only, tcp: 3306, nobody_else: true}',
    );
    expect(alone.map(({ holds }) => holds)).toEqual(['holds', 'holds', 'holds']);
    const shared = check(
      '  - {from: web-1, to: db-1, arrives: only, tcp: 3306, nobody_else: true}',
    );
    const wrong = shared.filter(({ holds }) => holds === 'fails');
    expect(wrong.map(({ subject }) => subject)).toEqual(['web-2 → db-1']);
    expect(wrong[0]?.witness).toMatchObject({ protocol: 6, port: 3306 });
  });

  it('asks for the ways of packets', () => {
    const told = check(
      [
        '  - {from: web-1, to: db-1, arrives: some, tcp: 3306, via: [compute1, br-tun, compute2]}',
        '  - {from: web-1, to: db-1, arrives: some, tcp: 3306, avoid: ["host:compute2"]}',
        '  - {from: web-1, to: db-1, arrives: some, tcp: 3306, via: ["router:edge"]}',
      ].join('\n'),
    );
    expect(told.map(({ holds }) => holds)).toEqual(['holds', 'fails', 'fails']);
    expect(told[1]?.because[0]).toBe('tcp 3306 arrives through host:compute2');
    expect(told[2]?.because[0]).toBe('tcp 3306 arrives not through router:edge');
  });

  it('follows answers and what comes after them', () => {
    const told = check(
      [
        '  - {from: web-2, to: web-1, arrives: all, icmp: true, state: reply}',
        '  - {from: web-2, to: web-1, arrives: all, icmp: true, tcp: 443, state: established}',
        '  - {from: web-2, to: web-1, arrives: some, tcp: 22, state: established}',
      ].join('\n'),
    );
    expect(told.map(({ holds }) => holds)).toEqual(['holds', 'holds', 'fails']);
  });
});

describe('isolation', () => {
  it('proves all pairs of servers of different projects, both ways', () => {
    const found = check('  - apart: projects');
    expect(answersOf(found)).toEqual([
      'db-1 → green-1 holds',
      'green-1 → db-1 holds',
      'green-1 → web-1 holds',
      'green-1 → web-2 holds',
      'web-1 → green-1 holds',
      'web-2 → green-1 holds',
    ]);
  });

  it('fails with a packet that passes, unless that is excepted', () => {
    const found = check('  - apart: ["group:web", db-1]');
    expect(answersOf(found.filter(({ holds }) => holds === 'fails'))).toEqual([
      // A security group without rules of its own for the way out lets everything out.
      'db-1 → web-1 fails',
      'db-1 → web-2 fails',
      'web-1 → db-1 fails',
      'web-2 → db-1 fails',
    ]);
    const excepted = check(
      '  - {apart: ["group:web", db-1], except: {tcp: "443,3306", icmp: true}}',
    );
    expect(excepted.every(({ holds }) => holds === 'holds')).toBe(true);
    const half = check('  - {apart: ["group:web", db-1], except: {tcp: 3306}}');
    expect(half.filter(({ holds }) => holds === 'fails').map(({ from }) => from)).toEqual([
      'db-1',
      'db-1',
    ]);
  });

  it('fails for groups that have a server in common', () => {
    const [found] = check('  - apart: ["group:web", web-1]');
    expect(found?.because[0]).toBe('web-1 is in group:web and in web-1');
  });
});

describe('failures', () => {
  it('tells the smallest sets that break a property', () => {
    const found = check(
      [
        '  - {name: https, from: web-2, to: web-1, arrives: all, tcp: 443}',
        '  - {keeps: [https], under_failures: {hosts: 1, links: 1}}',
      ].join('\n'),
    ).filter(({ property }) => property.kind === 'failures');
    const broken = found.filter(({ holds }) => holds === 'fails').map(({ subject }) => subject);
    // The tunnel between both computes runs over eth1; net1 has no part in it.
    expect(broken.sort()).toEqual(['link compute1:eth1', 'link compute2:eth1']);
    expect(found.find(({ subject }) => subject === 'host net1')?.holds).toBe('holds');
  });

  it('fails for a property that does not exist, or that has nobody left', () => {
    // Both servers are on compute1 or on compute2: with that host broken nobody is asked.
    const ends = check(
      [
        '  - {name: https, from: web-2, to: db-1, arrives: some, tcp: 3306}',
        '  - {keeps: [https], under_failures: {hosts: 1}}',
      ].join('\n'),
    );
    expect(ends.map(({ subject }) => subject)).not.toContain('host compute2');
    expect(ends.map(({ subject }) => subject)).toContain('host compute1');
    const [unknown] = check('  - {keeps: [nothing], under_failures: {hosts: 1}}');
    expect(unknown?.because[0]).toContain('there is no property "nothing"');
  });
});
