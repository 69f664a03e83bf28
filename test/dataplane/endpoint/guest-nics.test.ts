/** Guests with several NICs whose inside nobody captured. */
import { describe, expect, it } from 'vitest';
import { portsBehind, seatBehind, tapOfNic } from '../../../src/dataplane/endpoint/guest-nics.ts';
import { deviceName } from '../../../src/model/ids.ts';
import { cloudOf, computeHost } from '../../agents/clouds.ts';

const { neutron } = cloudOf(`hosts:${computeHost('one', 1)}${computeHost('two', 2)}
networks:
  - {name: net, segmentation_id: 5, subnets: [{name: sub, cidr: 10.5.0.0/24}]}
  - {name: other, segmentation_id: 6, subnets: [{name: six, cidr: 10.6.0.0/24}]}
servers:
  - {name: multi, host: one, ports: [{network: net}, {network: other}, {network: net}]}
  - {name: plain, host: two, ports: [{network: net}]}
  - {name: amphora, host: two, ports: [{name: mgmt, network: other}, {name: vrrp, network: net, allowed_address_pairs: [{address: 10.5.0.99/32}]}, {name: member, network: net}]}
load_balancers:
  - {name: lb, provider: amphora, vip: {network: net, addresses: [10.5.0.99]}, amphorae: [vrrp]}
`);

function tap(name: string): string {
  const id = neutron.ports.find((port) => port.name === name)?.id;
  if (id === undefined) throw new Error(`no port ${name}`);
  return deviceName('tap', id);
}

describe('a guest of several NICs', () => {
  it('is one guest behind all of its taps, called after the first', () => {
    for (const [at, name] of ['multi-1', 'multi-2', 'multi-3'].entries()) {
      expect(seatBehind(neutron, 'one', tap(name))).toEqual({
        tap: tap('multi-1'),
        device: `eth${at}`,
      });
      expect(tapOfNic(neutron, 'one', tap('multi-1'), `eth${at}`)).toBe(tap(name));
    }
  });

  it('is itself alone with one NIC, and on another host', () => {
    expect(portsBehind(neutron, 'two', tap('plain'))).toEqual([]);
    expect(seatBehind(neutron, 'two', tap('plain'))).toEqual({ tap: tap('plain'), device: 'eth0' });
    expect(seatBehind(neutron, 'two', tap('multi-2'))).toEqual({
      tap: tap('multi-2'),
      device: 'eth0',
    });
  });

  it('keeps management out of the namespace in which an amphora balances', () => {
    expect(seatBehind(neutron, 'two', tap('mgmt')).tap).toBe(tap('mgmt'));
    expect(seatBehind(neutron, 'two', tap('member'))).toEqual({ tap: tap('vrrp'), device: 'eth1' });
  });
});
