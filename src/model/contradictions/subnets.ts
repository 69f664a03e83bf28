/** Networks and their subnets: one wire for two networks, addresses that are given twice. */
import { prefixCovers } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Cloud } from '../cloud.ts';
import { type NeutronNetwork, type NeutronSubnet } from '../neutron.ts';
import { type Contradiction, groupedBy, named, overlapping } from './types.ts';

export function ofSubnets({ neutron }: Cloud): readonly Contradiction[] {
  return [
    ...sharedWires(neutron.networks),
    ...neutron.networks.flatMap(vlanOf),
    ...neutron.subnets.flatMap(insideOf),
    ...overlaps(neutron.subnets, ({ networkId }) => networkId, 'of its network'),
    ...overlaps(
      neutron.subnets.filter(({ subnetPoolId }) => subnetPoolId !== null),
      ({ subnetPoolId }) => subnetPoolId ?? '',
      'of its pool',
    ),
  ];
}

/** A physical network has one flat network; its untagged frames know no other. */
function sharedWires(networks: readonly NeutronNetwork[]): readonly Contradiction[] {
  const owners = new Map<string, NeutronNetwork>();
  return networks.flatMap((network) =>
    network.segments.flatMap(({ type, physicalNetwork }) => {
      if (type !== 'flat' || physicalNetwork === null) return [];
      const owner = owners.get(physicalNetwork);
      owners.set(physicalNetwork, owner ?? network);
      if (owner === undefined || owner.id === network.id) return [];
      const message = `Network ${named(owner)} is already flat on ${physicalNetwork}, and ${named(network)} cannot be as well`;
      return [{ kind: 'networks' as const, id: network.id, message }];
    }),
  );
}

function vlanOf({ id, segments, ...network }: NeutronNetwork): readonly Contradiction[] {
  const wrong = segments.find(
    ({ type, segmentationId }) =>
      type === 'vlan' && segmentationId !== null && (segmentationId < 1 || segmentationId > 4094),
  );
  if (wrong === undefined) return [];
  const message = `Network ${named({ ...network, id })} has VLAN ${wrong.segmentationId}; there are 1 to 4094`;
  return [{ kind: 'networks', id, message }];
}

/** Pools of a subnet among themselves and with its gateway (ipam_backend_mixin.py). */
function insideOf(subnet: NeutronSubnet): readonly Contradiction[] {
  const { prefix, pools, gateway, ipv6AddressMode, ipv6RaMode } = subnet;
  const wrong = (message: string, column: string, index?: number): Contradiction => ({
    ...{ kind: 'subnets', id: subnet.id, message, columns: [column] },
    ...(index === undefined ? {} : { index }),
  });
  const mode = ipv6AddressMode ?? ipv6RaMode;
  const found: Contradiction[] = [];
  if (prefix.address.version === 4 && mode !== null) {
    const column = ipv6AddressMode === null ? 'ipv6_ra_mode' : 'ipv6_address_mode';
    found.push(wrong(`Subnet ${named(subnet)} of IPv4 has no IPv6 mode`, column));
  }
  for (const [i, { from, to }] of pools.entries()) {
    const text = `${writeIp(from)} to ${writeIp(to)}`;
    if (!prefixCovers(prefix, from) || !prefixCovers(prefix, to) || from.value > to.value) {
      found.push(
        wrong(`Pool ${text} is no range of subnet ${named(subnet)}`, 'allocation_pools', i),
      );
    } else if (gateway !== null && from.value <= gateway.value && gateway.value <= to.value) {
      const at = `The gateway ${writeIp(gateway)} of subnet ${named(subnet)}`;
      found.push(wrong(`${at} is in its pool ${text}`, 'allocation_pools', i));
    }
  }
  const sorted = [...pools].sort((a, b) => (a.from.value < b.from.value ? -1 : 1));
  const twice = sorted.find(({ from }, i) => {
    const before = sorted[i - 1];
    return before !== undefined && from.value <= before.to.value;
  });
  if (twice !== undefined) {
    found.push(
      wrong(`Two allocation pools of subnet ${named(subnet)} overlap`, 'allocation_pools'),
    );
  }
  return found;
}

function overlaps(
  subnets: readonly NeutronSubnet[],
  key: (subnet: NeutronSubnet) => string,
  where: string,
): readonly Contradiction[] {
  return [...groupedBy(subnets, key).values()].flatMap((own) =>
    overlapping(own).map(([later, other]): Contradiction => {
      const message = `Subnet ${named(later)} overlaps subnet ${named(other)} ${where}`;
      return { kind: 'subnets', id: later.id, message };
    }),
  );
}
