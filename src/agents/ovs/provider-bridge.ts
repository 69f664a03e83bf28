/**
 * Physical networks: a bridge with the NIC, joined to br-int by a patch pair. On its way out a
 * frame's local VLAN becomes the network's own tag, or none; on its way in br-int turns it back.
 */
import { type NeutronNetwork } from '../../model/neutron.ts';
import { flow, UNTAGGED, vlanField } from './flow-text.ts';
import { INT, PHYSICAL } from './tables.ts';

export interface PhysicalNetwork {
  readonly bridge: string;
  /** OpenFlow port of `phy-…` on the provider bridge. */
  readonly outer: number;
  /** OpenFlow port of `int-…` on br-int. */
  readonly inner: number;
  readonly networks: readonly { readonly network: NeutronNetwork; readonly vlan: number }[];
}

/** Flows of the provider bridge. Distributed routing moves the translation to table 2. */
export function providerFlows(
  physical: PhysicalNetwork,
  distributed: { readonly others: readonly string[] } | null,
): string[] {
  const from = `in_port=${physical.outer}`;
  const table = distributed === null ? PHYSICAL.LOCAL_SWITCHING : PHYSICAL.LOCAL_VLAN_TRANSLATION;
  const translate = physical.networks.map(({ network, vlan }) =>
    flow(table, 4, [from, `dl_vlan=${vlan}`], `${outerTag(network)},NORMAL`),
  );
  const normal = flow(PHYSICAL.LOCAL_SWITCHING, 0, '', 'NORMAL');
  if (distributed === null) return [...translate, flow(table, 2, from, 'drop'), normal];
  return [
    flow(PHYSICAL.LOCAL_SWITCHING, 2, from, `goto_table:${PHYSICAL.DVR_PROCESS}`),
    normal,
    flow(PHYSICAL.LOCAL_SWITCHING, 1, '', `goto_table:${PHYSICAL.DVR_NOT_LEARN}`),
    flow(PHYSICAL.DVR_PROCESS, 0, '', `goto_table:${PHYSICAL.LOCAL_VLAN_TRANSLATION}`),
    ...translate,
    flow(table, 2, from, 'drop'),
    ...distributed.others.map((mac) =>
      flow(PHYSICAL.DVR_NOT_LEARN, 2, `dl_src=${mac}`, `output:${physical.outer}`),
    ),
    flow(PHYSICAL.DVR_NOT_LEARN, 1, '', 'NORMAL'),
  ];
}

function outerTag(network: NeutronNetwork): string {
  const { type, segmentationId } = network.provider;
  return type === 'vlan' ? vlanField(segmentationId ?? 0) : 'pop_vlan';
}

/** Flows of br-int for what comes in from a physical network. */
export function fromProvider(physical: PhysicalNetwork): string[] {
  const from = `in_port=${physical.inner}`;
  const next = `goto_table:${INT.PACKET_RATE_LIMIT}`;
  return [
    flow(INT.LOCAL_SWITCHING, 2, from, 'drop'),
    ...physical.networks.map(({ network, vlan }) => {
      const { type, segmentationId } = network.provider;
      return type === 'vlan'
        ? flow(
            INT.LOCAL_SWITCHING,
            3,
            [from, `dl_vlan=${segmentationId ?? 0}`],
            `${vlanField(vlan)},${next}`,
          )
        : flow(
            INT.LOCAL_SWITCHING,
            3,
            [from, UNTAGGED],
            `push_vlan:0x8100,${vlanField(vlan)},${next}`,
          );
    }),
  ];
}
