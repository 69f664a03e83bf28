/** Ports that are administratively down are the reason wherever the traffic about them ends. */
import { describe, expect, it } from 'vitest';
import { compiled, computeHost } from '../../agents/clouds.ts';
import { askOf } from '../asked.ts';

const CLOUD = `
hosts:${computeHost('compute1', 31)}${computeHost('compute2', 32)}
networks:
  - {name: outer, segmentation_id: 101, subnets: [{name: outer, cidr: 10.0.0.0/24, dhcp: false}]}
  - {name: inner, segmentation_id: 102, subnets: [{name: inner, cidr: 10.1.0.0/24, dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
servers:
  - name: trunked
    host: compute1
    ports:
      - {name: parent, network: outer, addresses: [10.0.0.11], security_groups: [ping]}
      - {name: child, network: inner, addresses: [10.1.0.11], admin_up: false, security_groups: [ping]}
  - {name: o2, host: compute2, ports: [{network: outer, addresses: [10.0.0.12], admin_up: false, security_groups: [ping]}]}
  - {name: i2, host: compute2, ports: [{network: inner, addresses: [10.1.0.12], security_groups: [ping]}]}
trunks:
  - {name: t, port: parent, sub_ports: [{port: child, vlan: 100}]}
`;

describe('a port that is down', () => {
  const network = compiled(CLOUD);
  const said = (from: string, to: string): unknown => {
    const [first] = askOf(network)(from, to).blockers;
    return [first?.code, first?.host, first?.because[0]?.replace(/ (?:tap|spi-)\\S+/, ' DEVICE')];
  };

  it('is the reason of a trunk’s guest that sends by it, not the copy that the trunk floods', () => {
    expect(said('child', 'i2')).toEqual([
      'VLAN_LOCAL_DEAD_4095',
      'compute1',
      expect.stringContaining('is administratively down, so compute1 put spi-'),
    ]);
  });

  it('is the reason of whoever sends to it', () => {
    expect(said('i2', 'child')).toEqual(['VLAN_LOCAL_DEAD_4095', 'compute1', expect.anything()]);
  });

  it('is the reason where its host has no other port, to which nobody floods then', () => {
    expect(said('parent', 'o2')).toEqual([
      'VLAN_LOCAL_DEAD_4095',
      'compute2',
      expect.stringContaining('is administratively down, so compute2 put tap'),
    ]);
  });
});
