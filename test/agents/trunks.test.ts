/** Trunks: a guest on several networks by one tap, through a bridge of its own. */
import { describe, expect, it } from 'vitest';
import { askOf } from '../trace/asked.ts';
import { cloudOf, compiled, computeHost, flowsOf, portsOf } from './clouds.ts';

const TRUNKED = `
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
      - {name: parent, network: outer, mac: "fa:16:3e:00:00:01", addresses: [10.0.0.11], security_groups: [ping]}
      - {name: child, network: inner, mac: "fa:16:3e:00:00:02", addresses: [10.1.0.11], security_groups: [ping], owner: "trunk:subport"}
  - {name: o2, host: compute2, ports: [{network: outer, addresses: [10.0.0.12], security_groups: [ping]}]}
  - {name: i1, host: compute1, ports: [{network: inner, addresses: [10.1.0.13], security_groups: [ping]}]}
  - {name: i2, host: compute2, ports: [{network: inner, addresses: [10.1.0.12], security_groups: [ping]}]}
trunks:
  - {name: t, port: parent, sub_ports: [{port: child, vlan: 100}]}
`;

describe('a trunk', () => {
  const cloud = cloudOf(TRUNKED);
  const network = compiled(TRUNKED);
  const [parent = '', child = ''] = ['parent', 'child'].map((name) =>
    (cloud.neutron.ports.find((port) => port.name === name)?.id ?? '').slice(0, 11),
  );
  const bridge = `tbr-${(cloud.neutron.trunks[0]?.id ?? '').slice(0, 10)}`;

  it('has a bridge with the tap and one patch pair for the parent and each sub-port', () => {
    expect(portsOf(network, 'compute1', bridge)).toEqual([
      `tap${parent} system`,
      `tpt-${parent} patch to tpi-${parent}`,
      `spt-${child} patch tag 100 to spi-${child}`,
      `${bridge} internal`,
    ]);
    expect(flowsOf(cloud, 'compute1', bridge)).toEqual(['table=0, priority=0 actions=NORMAL']);
    const inner = portsOf(network, 'compute1', 'br-int');
    expect(inner).toContain(`tpi-${parent} patch tag 1 to tpt-${parent}`);
    expect(inner).toContain(`spi-${child} patch tag 2 to spt-${child}`);
    expect(inner.some((port) => port.startsWith(`tap${parent}`))).toBe(false);
    expect(inner.some((port) => port.startsWith(`tap${child}`))).toBe(false);
  });

  it.each([
    ['trunked', 'o2'],
    ['child', 'i2'],
    ['child', 'i1'],
    ['i1', 'child'],
    ['i2', 'child'],
    ['o2', 'trunked'],
  ])('lets %s reach %s', (from, to) => {
    const trace = askOf(network)(
      from === 'trunked' ? 'parent' : from,
      to === 'trunked' ? 'parent' : to,
    );
    expect(trace.verdict).toBe('REACHABLE');
  });

  it('lets nobody from another network through to the sub-port', () => {
    expect(askOf(network)('o2', 'child').verdict).toBe('UNREACHABLE');
  });

  it('guards the sub-port by its own addresses and groups', () => {
    const trace = askOf(network)('i2', 'child', { protocol: 'tcp', destinationPort: 22 });
    expect(trace.blockers.map(({ code }) => code)).toContain('SG_NO_MATCHING_RULE');
  });

  it('is known on other hosts by the host of its parent', () => {
    const flows = flowsOf(cloud, 'compute2', 'br-tun').filter((flow) =>
      flow.includes('dl_dst=fa:16:3e:00:00:02'),
    );
    expect(flows.map((flow) => flow.replace(/output:\d+/, 'output'))).toEqual([
      'table=20, priority=2,dl_vlan=2,dl_dst=fa:16:3e:00:00:02 actions=pop_vlan,set_field:0x66->tun_id,output',
    ]);
  });

  it('loses what a sub-port sends that is down, and what its parent sends that is down', () => {
    const down = (name: string): string =>
      TRUNKED.replace(`{name: ${name}, network`, `{name: ${name}, admin_up: false, network`);
    const child = askOf(compiled(down('child')));
    const lost = child('child', 'i2');
    expect([lost.verdict, lost.blockers[0]?.host]).toEqual(['UNREACHABLE', 'compute1']);
    expect(child('parent', 'o2').verdict).toBe('REACHABLE');
    const parent = askOf(compiled(down('parent')));
    expect(parent('parent', 'o2').blockers[0]?.code).toBe('VLAN_LOCAL_DEAD_4095');
    expect(parent('child', 'i2').verdict).toBe('REACHABLE');
  });
});
