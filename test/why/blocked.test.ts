/** What keeps all packets of a question from arriving, and changes with which they do. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { type Cloud } from '../../src/model/cloud.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { portRanges, type Wanted } from '../../src/verify/proof/wanted.ts';
import { type Blocked, type BlockedQuestion, explainBlocked } from '../../src/why/blocked.ts';
import { blockedSentences } from '../../src/why/render/blocked.ts';
import { cloudOf, cloudText, tampered } from '../verify/properties/cloud.ts';

const tcp = (ports: string): Wanted => ({
  icmp: false,
  tcp: portRanges(ports),
  udp: null,
  others: false,
});

function blockedOf(
  network: Network,
  from: string,
  to: string,
  wanted: Wanted,
  more: Partial<BlockedQuestion> = {},
  cloud: Cloud | null = cloudOfNetwork(network),
): Blocked {
  const question = { from, to, version: 4, wanted, state: 'new', modality: 'must', goal: 'all' };
  return explainBlocked(network, { ...question, ...more } as BlockedQuestion, {
    cloud,
    effectPairs: 2,
  });
}

const commandsOf = ({ together }: Blocked): readonly string[] =>
  together.flatMap(({ commands }) => commands);
const codesOf = ({ stopped }: Blocked): readonly string[] =>
  stopped.flatMap(({ why }) => why.blockers.map(({ blocker }) => blocker.code));

/** The cloud in which web lets nothing out, so that two rules are missing between its members. */
const CLOSED = cloudText().replace(
  '- {name: web, project: blue, rules: [{protocol: icmp}, {protocol: tcp, ports: 443}]}',
  '- {name: web, project: blue, egress: false, rules: [{protocol: icmp}]}',
);

describe('packets that do not arrive', () => {
  it('are let pass by a rule for all their ports, and by nothing more', () => {
    const found = blockedOf(compileNetworkOf(cloudOf(cloudText())), 'web-2', 'web-1', {
      ...tcp('22-24'),
      udp: portRanges('53'),
    });
    expect(commandsOf(found)).toEqual([
      'openstack security group rule create --ingress --protocol tcp --dst-port 22:24 --remote-ip 10.1.0.12/32 web',
      'openstack security group rule create --ingress --protocol udp --dst-port 53 --remote-ip 10.1.0.12/32 web',
    ]);
    expect(found.proved).toEqual({ reached: true, missing: null, unknown: [] });
    expect(found.effects?.gained).toEqual([
      { from: 'web-2', to: 'web-1', packets: 'tcp 22-24; udp 53' },
    ]);
    expect(found.effects?.lost).toEqual([]);
  });

  it.each(['compute1', 'compute2'])(
    'need two rules of one host’s guests, and both are told (the other guest at %s)',
    (host) => {
      const text = CLOSED.replace('{name: web-2, host: compute2', `{name: web-2, host: ${host}`);
      const found = blockedOf(compileNetworkOf(cloudOf(text)), 'web-2', 'web-1', tcp('22'));
      expect(codesOf(found)).toEqual(['SG_NO_MATCHING_RULE', 'SG_NO_MATCHING_RULE']);
      expect(
        commandsOf(found)
          .map((one) => /--(?:in|e)gress/.exec(one)?.[0])
          .sort(),
      ).toEqual(['--egress', '--ingress']);
      expect(found.proved?.reached).toBe(true);
    },
  );

  it('stand behind a flow that is lost and a rule that was never there', () => {
    const network = tampered(cloudOf(cloudText()), (path, text) =>
      path === 'hosts/compute1/ovs/br-tun.flows.txt'
        ? text.replaceAll(/^.*table=4,.*tun_id=.*\n/gm, '')
        : text,
    );
    const found = blockedOf(network, 'web-2', 'web-1', tcp('22'));
    expect(codesOf(found)).toEqual(['VNI_MAP_MISSING', 'SG_NO_MATCHING_RULE']);
    const commands = commandsOf(found);
    expect(commands).toHaveLength(2);
    expect(commands[0]).toContain('systemctl restart neutron-openvswitch-agent');
    expect(commands[1]).toContain('security group rule create');
    expect(found.proved?.reached).toBe(true);
    const [, , , fix] = blockedSentences(found);
    expect(fix).toMatchObject({ label: 'blocker' });
  });

  it('may need a router and a rule, and are beyond help where nobody knows the objects', () => {
    const network = compileNetworkOf(cloudOf(cloudText()));
    const helped = blockedOf(network, 'green-1', 'web-1', tcp('80'), { goal: 'some' });
    expect(commandsOf(helped).map((one) => one.split(' ').slice(1, 4).join(' '))).toEqual([
      'router add subnet',
      'security group rule',
    ]);
    const found = blockedOf(network, 'green-1', 'web-1', tcp('80'), {}, null);
    expect(found.stopped.length).toBe(1);
    expect(found.together).toEqual([]);
    expect(found.proved).toBeNull();
    expect(found.openEnd).not.toBeNull();
  });

  it('are none where all arrive', () => {
    const network = compileNetworkOf(cloudOf(cloudText()));
    const found = blockedOf(network, 'web-2', 'web-1', tcp('443'));
    expect(found).toMatchObject({ stopped: [], together: [], proved: null, openEnd: null });
  });
});
