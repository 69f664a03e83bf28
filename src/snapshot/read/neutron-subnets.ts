/** Subnets and routes from API answers. */
import { type NeutronRouter, type NeutronSubnet } from '../../model/neutron.ts';
import { readIp, readPrefix } from '../../text/address-text.ts';
import { type JsonNode, readAs, textOf } from '../../text/json-text.ts';
import { column, needed, objectsOf, stateOf, textsOf, word } from './columns.ts';

export function subnetOf(row: JsonNode): NeutronSubnet[] {
  const prefix = readAs(needed(row, 'cidr', 'subnet'), readPrefix, 'a prefix');
  if (prefix === undefined) return [];
  return [
    {
      id: word(row, 'id'),
      name: word(row, 'name'),
      networkId: word(row, 'network_id', 'network'),
      prefix,
      gateway: readAs(column(row, 'gateway_ip', 'gateway'), readIp, 'an address') ?? null,
      dhcp: stateOf(column(row, 'enable_dhcp', 'dhcp')) ?? true,
      dnsServers: textsOf(column(row, 'dns_nameservers', 'name_servers')).flatMap(
        (text) => readIp(text) ?? [],
      ),
      hostRoutes: routesOf(column(row, 'host_routes')),
      pools: objectsOf(column(row, 'allocation_pools')).flatMap((pool) => {
        const from = readAs(needed(pool, 'start'), readIp, 'an address');
        const to = readAs(needed(pool, 'end'), readIp, 'an address');
        return from === undefined || to === undefined ? [] : [{ from, to }];
      }),
      ipv6AddressMode: textOf(column(row, 'ipv6_address_mode')) ?? null,
      ipv6RaMode: textOf(column(row, 'ipv6_ra_mode')) ?? null,
      subnetPoolId: textOf(column(row, 'subnetpool_id', 'subnet_pool')) ?? null,
      segmentId: textOf(column(row, 'segment_id')) ?? null,
    },
  ];
}

/** `bgp speaker list advertised routes`. */
export function advertisedOf(row: JsonNode): NeutronRouter['routes'] {
  return routeOf(needed(row, 'destination'), needed(row, 'next_hop', 'nexthop'));
}

export function routesOf(node: JsonNode | undefined): NeutronRouter['routes'] {
  return objectsOf(node).flatMap((route) =>
    routeOf(needed(route, 'destination'), needed(route, 'nexthop', 'gateway')),
  );
}

function routeOf(
  destination: JsonNode | undefined,
  nextHop: JsonNode | undefined,
): NeutronRouter['routes'] {
  const to = readAs(destination, readPrefix, 'a prefix');
  const via = readAs(nextHop, readIp, 'an address');
  return to === undefined || via === undefined ? [] : [{ to, via }];
}
