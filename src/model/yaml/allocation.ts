/**
 * Addresses of a network's ports: those that somebody asked for first, then the next free one of
 * the subnet's pools. An address that two ports ask for is a problem.
 */
import { prefixCovers } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type JsonNode, wrong } from '../../text/json-text.ts';
import { linkLocalAddress } from '../ids.ts';
import {
  type CloudAddress,
  type FixedIp,
  type NeutronNetwork,
  type NeutronSubnet,
} from '../neutron.ts';
import { isReserved } from './networks.ts';

/** Which address of which subnet is whose. */
export class Allocation {
  private readonly taken = new Map<string, string>();
  private readonly kept = new Set<string>();
  private readonly next = new Map<string, bigint>();

  /** Claims an address; a second claim is a problem at `at` that names the first. */
  claim(subnet: NeutronSubnet, address: CloudAddress, owner: string, at: JsonNode): FixedIp {
    const key = `${subnet.id} ${address.value}`;
    const other = this.taken.get(key);
    if (other !== undefined) {
      wrong(at, `${writeIp(address)} belongs to ${other} already and cannot be of ${owner}`);
    } else this.taken.set(key, owner);
    if (!prefixCovers(subnet.prefix, address)) {
      wrong(at, `This address is not in subnet ${JSON.stringify(subnet.name)}`);
    } else if (isReserved(subnet.prefix, address)) {
      wrong(
        at,
        `${writeIp(address)} is no address of a port of subnet ${JSON.stringify(subnet.name)}`,
      );
    }
    return { subnetId: subnet.id, address };
  }

  /** The next free address, or null and a problem when the subnet is used up. */
  take(subnet: NeutronSubnet, owner: string, at: JsonNode): FixedIp | null {
    for (const { from, to } of poolsOf(subnet)) {
      let value = this.next.get(`${subnet.id} ${from.value}`) ?? from.value;
      while (value <= to.value && this.isTaken(`${subnet.id} ${value}`)) value += 1n;
      this.next.set(`${subnet.id} ${from.value}`, value + 1n);
      if (value > to.value) continue;
      const address: CloudAddress = { version: from.version, value };
      this.taken.set(`${subnet.id} ${value}`, owner);
      return { subnetId: subnet.id, address };
    }
    wrong(at, `Subnet ${JSON.stringify(subnet.name)} has no free address`);
    return null;
  }

  private isTaken(key: string): boolean {
    return this.taken.has(key) || this.kept.has(key);
  }

  /** Somebody names this address further down: it is not given to others. */
  reserve(subnet: NeutronSubnet, { value }: CloudAddress): void {
    this.kept.add(`${subnet.id} ${value}`);
  }

  /** The gateway is nobody's to take; a router or an outside host may claim it. */
  keep(subnet: NeutronSubnet): void {
    if (subnet.gateway !== null) this.kept.add(`${subnet.id} ${subnet.gateway.value}`);
  }
}

/** All of the subnet but its first and last address and the gateway. */
function poolsOf(subnet: NeutronSubnet): NeutronSubnet['pools'] {
  if (subnet.pools.length > 0) return subnet.pools;
  const { address, length } = subnet.prefix;
  const { version } = address;
  const size = 1n << BigInt((version === 4 ? 32 : 128) - length);
  if (size <= 2n) return [{ from: address, to: { version, value: address.value + size - 1n } }];
  const to = address.value + size - (version === 4 ? 2n : 1n);
  return [{ from: { version, value: address.value + 1n }, to: { version, value: to } }];
}

/** Addresses of a port on a network when nobody names any: one of each version's first subnet. */
export function usualAddresses(
  allocation: Allocation,
  network: NeutronNetwork,
  subnets: readonly NeutronSubnet[],
  mac: bigint,
  owner: string,
  at: JsonNode,
): FixedIp[] {
  const own = subnets.filter((subnet) => subnet.networkId === network.id);
  const found: FixedIp[] = [];
  const four = own.find((subnet) => subnet.prefix.address.version === 4);
  if (four !== undefined) {
    const fixed = allocation.take(four, owner, at);
    if (fixed !== null) found.push(fixed);
  }
  for (const six of own.filter((subnet) => subnet.prefix.address.version === 6)) {
    if (six.ipv6AddressMode === 'slaac' || six.ipv6AddressMode === 'dhcpv6-stateless') {
      // The guest makes this address itself (RFC 4862), so every port has one.
      const low = linkLocalAddress(mac).value & 0xffff_ffff_ffff_ffffn;
      const value = six.prefix.address.value | low;
      found.push(allocation.claim(six, { version: 6, value }, owner, at));
    } else if (found.every(({ address }) => address.version !== 6)) {
      const fixed = allocation.take(six, owner, at);
      if (fixed !== null) found.push(fixed);
    }
  }
  return found;
}
