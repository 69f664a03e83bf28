/** Packets that no setting lets pass: why that is so is said in place of a fix. */
import { describe, expect, it } from 'vitest';
import { type Why } from '../../src/why/types.ts';
import { explainWhy } from '../../src/why/why.ts';
import { failingQuestions } from './scenario-questions.ts';

function whyOf(name: string, which = 0): Why {
  const failing = failingQuestions(name)[which];
  if (failing === undefined) throw new Error(`${name} has no such question`);
  const { cloud, network, question } = failing;
  const options = { cloud, allBlockers: true, fixes: true, effectPairs: 0 };
  const explained = explainWhy(network, question, options);
  if (explained.kind === 'impossible') throw new Error(explained.why);
  return explained.why;
}

describe('what no setting mends', () => {
  it.each([
    ['e17-local-network', 0, /a network of type local ends at its host/],
    ['e47-ha-connections-dead', 0, /its client has to open a new one/],
    ['e30-vip-group', 0, /nobody was asked to serve tcp\/81/],
    ['ovs-vlan41-in-dropped', 0, /nobody has 172\.18\.41\.99/],
    ['ovs-vlan41-in-dropped', 1, /no router joins these networks/],
    ['trunk-unknown-tag', 0, /a number that no sub-port of its trunk has/],
    ['router-static-routes', 0, /a setting inside of a guest/],
    ['bonded-nics', 0, /bond0 of hash .*p3 of leaf carries 100, p4 of leaf carries 200/],
    ['deck3-tenants-a-b', 1, /no router joins private-b, so nobody has its gateway 12\.0\.0\.1/],
    ['e60-amphora-unmanageable', 1, /nobody was asked to serve udp\/5556/],
    ['lb-vxlan-multicast', 0, /nobody on blue has 10\.1\.0\.12/],
    ['multi-segment-network', 0, /a is on vlan 77, c on vxlan 7700/],
    ['octavia-mgmt', 0, /who runs controller sets its own routes/],
    ['ovs-vlan-out-na-spoof', 0, /a6 claims what its port does not have/],
    ['sg-dhcp-server-in-vm', 0, /guests do not give out addresses/],
    ['sg-dhcp-server-in-vm', 1, /no DHCP server is known to run in open/],
  ])('is told of %s', (name, which, sentence) => {
    const last = whyOf(name, which).blockers.at(-1);
    expect(last?.fixes).toEqual([]);
    expect(last?.noFix).toMatch(/^no setting mends it: /);
    expect(last?.noFix).toMatch(sentence);
  });

  it.each([
    ['network-down', 'openstack network set --enable off'],
    ['e24-no-dhcp', 'openstack subnet set --dhcp plain'],
  ])(
    'is not said of %s: somebody gives addresses there once that is asked for',
    (name, command) => {
      const why = whyOf(name);
      const [fix] = why.blockers[0]?.fixes ?? [];
      expect(fix?.change.commands).toEqual([command]);
      expect(why.afterAll).toBe('REACHABLE');
    },
  );

  it('is not said of a server without a floating IP: with one, it is asked for by that', () => {
    const why = whyOf('e40-no-inbound');
    const [fix] = why.blockers[0]?.fixes ?? [];
    expect(fix?.change.commands[0]).toMatch(
      /^openstack floating ip create --port \S+ GATEWAY_NET$/,
    );
    expect(fix?.verdict).toBe('REACHABLE');
    expect(why.afterAll).toBe('REACHABLE');
  });
});
