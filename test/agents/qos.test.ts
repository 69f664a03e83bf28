/** QoS policies: as the agent writes them, and as the API tells them. */
import { describe, expect, it } from 'vitest';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { cloudOf, computeHost, flowsOf, textOf } from './clouds.ts';

const cloud = cloudOf(`hosts:${computeHost('one', 1)}
qos_policies:
  - {name: net, max_kbps: 1000, max_kbps_ingress: 500, min_kbps: 10}
  - {name: own, dscp: 46, max_kpps: 4, max_kbps: 0}
networks:
  - {name: n, type: vxlan, segmentation_id: 5, qos: net, subnets: [{name: s, cidr: 10.0.0.0/24, dhcp: false}]}
servers:
  - {name: a, host: one, ports: [{network: n, qos: own}]}
  - {name: b, host: one, ports: [{network: n}]}
`);

interface Table {
  readonly headings: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

describe('QoS policies', () => {
  it('mark packets once, in front of every other flow', () => {
    const marks = flowsOf(cloud, 'one', 'br-int').filter((line) => line.includes('ip_dscp'));
    const [, port = ''] = /in_port=(\d+)/.exec(marks[0] ?? '') ?? [];
    expect(marks).toEqual(
      ['ip', 'ipv6'].map(
        (type) =>
          `table=0, priority=65535,${type},reg2=0,in_port=${port} ` +
          `actions=set_field:0x1->reg2,set_field:46->ip_dscp,resubmit:${port}`,
      ),
    );
  });

  it('police what a guest sends by its own policy, else by its network’s', () => {
    const { headings, data } = JSON.parse(
      textOf(cloud, 'hosts/one/ovs/list-Interface.json'),
    ) as Table;
    const at = (name: string): number => headings.indexOf(name);
    const rates = data
      .filter((row) => String(row[at('name')]).startsWith('tap'))
      .map((row) => [row[at('ingress_policing_rate')], row[at('ingress_policing_burst')]]);
    expect(rates).toEqual([
      [0, 0],
      [1000, 800],
    ]);
  });

  it('are read from the API as they were', () => {
    const { neutron } = compileNetworkOf(cloud);
    expect(neutron.qosPolicies).toEqual(cloud.neutron.qosPolicies);
    expect(neutron.ports.map(({ qosPolicyId }) => qosPolicyId)).toEqual(
      cloud.neutron.ports.map(({ qosPolicyId }) => qosPolicyId ?? null),
    );
  });
});
