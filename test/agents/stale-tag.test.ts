/** A port that kept the local VLAN of an earlier run of its agent. */
import { describe, expect, it } from 'vitest';
import { USUAL } from '../../src/agents/compile.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { compareNetworks } from '../../src/verify/configuration/compare.ts';
import { askOf } from '../trace/asked.ts';
import { cloudOf, computeHost } from './clouds.ts';

const CLOUD = cloudOf(`
hosts:${computeHost('compute1', 31)}${computeHost('compute2', 32)}
networks:
  - {name: net, segmentation_id: 101, subnets: [{name: net, cidr: 10.0.0.0/24, dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
servers:
  - {name: a, host: compute1, ports: [{network: net, addresses: [10.0.0.11], security_groups: [ping]}]}
  - {name: b, host: compute1, ports: [{network: net, addresses: [10.0.0.12], security_groups: [ping]}]}
  - {name: c, host: compute2, ports: [{network: net, addresses: [10.0.0.13], security_groups: [ping]}]}
`);

describe('a stale tag', () => {
  const stale = CLOUD.neutron.ports.find(({ name }) => name === 'a')?.id ?? '';
  const drifted = compileNetworkOf(CLOUD, { ...USUAL, staleTags: new Map([[stale, 7]]) });

  it('keeps its guest from others, who reach each other as before', () => {
    const [usual, strayed] = [askOf(compileNetworkOf(CLOUD)), askOf(drifted)];
    for (const [from, to] of [
      ['a', 'c'],
      ['b', 'c'],
    ] as const) {
      expect(usual(from, to).verdict).toBe('REACHABLE');
    }
    expect(strayed('b', 'c').verdict).toBe('REACHABLE');
    const trace = strayed('a', 'c');
    expect(trace.verdict).toBe('UNREACHABLE');
    expect(trace.blockers.map(({ code }) => code)).toContain('VLAN_MAP_MISMATCH');
  });

  it('is the one thing that differs, and named with its port', () => {
    const { differences } = compareNetworks(compileNetworkOf(CLOUD), drifted);
    expect(
      differences.map(({ kind, host, part, about }) => [kind, host, part, about?.name]),
    ).toEqual([['different', 'compute1', 'ports', 'a']]);
  });
});
