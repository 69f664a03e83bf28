/** The openvswitch firewall and distributed routing on networks that have a wire: VLAN and flat. */
import { describe, expect, it } from 'vitest';
import { takeNumbers } from '../../src/agents/numbers.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { compareNetworks } from '../../src/verify/configuration/compare.ts';
import { askOf } from '../trace/asked.ts';
import { cloudOf, flowsOf } from './clouds.ts';

const HOST = (name: string, last: number, l3: string) => `
  - name: ${name}
    nics: [{name: eth1, addresses: [172.30.20.${last}/24]}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: {phys: br-phys}, bridges: {br-phys: eth2}, local_ip: 172.30.20.${last}, distributed_routing: true}
      l3: {mode: ${l3}}`;

const CLOUD = `
hosts:${HOST('net1', 21, 'dvr_snat')}${HOST('compute1', 31, 'dvr')}${HOST('compute2', 32, 'dvr')}
networks:
  - {name: tagged, type: vlan, physical_network: phys, segmentation_id: 200, subnets: [{name: tagged, cidr: 10.1.0.0/24, dhcp: false}]}
  - {name: bare, type: flat, physical_network: phys, subnets: [{name: bare, cidr: 10.2.0.0/24, dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
  - name: members
    rules:
      - {protocol: tcp, ports: 20-30, remote: {group: members}}
      - {protocol: tcp, ports: 25-40, remote: {group: ping}}
servers:
  - {name: t1, host: compute1, ports: [{network: tagged, mac: "fa:16:3e:00:00:01", addresses: [10.1.0.11], security_groups: [ping]}]}
  - {name: b1, host: compute1, ports: [{network: bare, mac: "fa:16:3e:00:00:02", addresses: [10.2.0.11], security_groups: [ping, members]}]}
  - {name: b2, host: compute2, ports: [{network: bare, mac: "fa:16:3e:00:00:03", addresses: [10.2.0.12], security_groups: [ping, members]}]}
  - {name: any, host: compute2, ports: [{network: bare, mac: "fa:16:3e:00:00:04", addresses: [10.2.0.13], security_groups: [ping, members], allowed_address_pairs: [{address: 0.0.0.0/0}]}]}
routers:
  - {name: spread, kind: distributed, interfaces: [{subnet: tagged}, {subnet: bare}]}
`;

describe('the openvswitch firewall on a wire', () => {
  const cloud = cloudOf(CLOUD);
  const inner = flowsOf(cloud, 'compute1', 'br-int');

  it('takes frames for a guest as they come off the wire, beside those in its local VLAN', () => {
    const arrivals = inner.filter((flow) => /table=60, priority=90,.*00:01 /.test(flow));
    expect(arrivals.map((flow) => flow.replaceAll(/0x\w+->reg/g, 'N->reg'))).toEqual([
      'table=60, priority=90,dl_vlan=1,dl_dst=fa:16:3e:00:00:01 actions=set_field:N->reg5,set_field:N->reg6,pop_vlan,resubmit(,81)',
      'table=60, priority=90,dl_vlan=200,dl_dst=fa:16:3e:00:00:01 actions=set_field:N->reg5,set_field:N->reg6,pop_vlan,resubmit(,81)',
    ]);
    const flat = inner.filter((flow) => /table=60, priority=90,vlan_tci/.test(flow));
    expect(flat.map((flow) => flow.replaceAll(/0x\w+->reg/g, 'N->reg'))).toEqual([
      'table=60, priority=90,vlan_tci=0x0000/0x1fff,dl_dst=fa:16:3e:00:00:02 actions=set_field:N->reg5,set_field:N->reg6,resubmit(,81)',
    ]);
  });

  it('gives frames of other hosts’ routers the gateway’s MAC by the tag of the wire', () => {
    const rewritten = inner.filter((flow) => flow.startsWith('table=2, priority=20'));
    expect(rewritten.map((flow) => flow.replace(/set_field:\S+->eth_src/, 'GATEWAY'))).toEqual([
      'table=2, priority=20,dl_vlan=200,dl_dst=fa:16:3e:00:00:01 actions=GATEWAY,goto_table:59',
      'table=2, priority=20,vlan_tci=0x0000/0x1fff,dl_dst=fa:16:3e:00:00:02 actions=GATEWAY,goto_table:59',
    ]);
  });

  it('knows members that may have every address by their MAC', () => {
    const members = flowsOf(cloud, 'compute2', 'br-int').filter((flow) => flow.includes(',1/2)'));
    const any = members.filter((flow) => flow.includes('dl_src=fa:16:3e:00:00:04'));
    expect(any.length).toBeGreaterThan(0);
    expect(any.every((flow) => !flow.includes('nw_src'))).toBe(true);
  });

  it('lets a guest ask for its first address with its own MAC, not with that of an allowed pair', () => {
    const paired = cloudOf(
      CLOUD.replace(
        'security_groups: [ping]}',
        'security_groups: [ping], allowed_address_pairs: [{address: 10.1.0.200, mac: "fa:16:3e:00:00:77"}]}',
      ),
    );
    const asking = flowsOf(paired, 'compute1', 'br-int').filter((flow) =>
      /table=71.*dl_src=fa:16:3e:00:00:(?:01|77).*tp_src=68,tp_dst=67/.test(flow),
    );
    expect(asking.map((flow) => /dl_src=\S+?,nw_src=[\d.]+/.exec(flow)?.[0]).sort()).toEqual([
      'dl_src=fa:16:3e:00:00:01,nw_src=0.0.0.0',
      'dl_src=fa:16:3e:00:00:01,nw_src=10.1.0.11',
      'dl_src=fa:16:3e:00:00:77,nw_src=10.1.0.200',
    ]);
  });

  it('joins what rules of two groups have in common', () => {
    const both = flowsOf(cloud, 'compute2', 'br-int').filter((flow) =>
      /table=82.*tp_dst=0x1c\/0xfffe actions=conjunction\(\d+,2\/2\),conjunction\(\d+,2\/2\)/.test(
        flow,
      ),
    );
    expect(both).toHaveLength(4);
  });

  it.each([
    ['t1', 'b2'],
    ['b2', 't1'],
    ['b1', 'b2'],
    ['t1', 'b1'],
  ])('lets %s reach %s, routed where it stands', (from, to) => {
    expect(askOf(compileNetworkOf(cloud))(from, to).verdict).toBe('REACHABLE');
  });

  it('means the same with other numbers, also where a local VLAN is the network’s own tag', () => {
    const numbered = [1, 200, 4000].map((firstVlan) =>
      compileNetworkOf(cloud, {
        numbers: () => takeNumbers({ firstVlan, firstPort: firstVlan, vlanStep: 1 }),
      }),
    );
    const [first, ...others] = numbered;
    if (first === undefined) throw new Error('no network');
    for (const other of others) {
      expect(compareNetworks(first, other).differences).toEqual([]);
      expect(compareNetworks(other, first).differences).toEqual([]);
    }
  });
});
