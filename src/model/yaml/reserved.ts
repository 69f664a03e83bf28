/** Addresses and MACs that somebody names anywhere in a cloud.yaml: nobody else is given them. */
import { prefixCovers } from '../../packet/prefix.ts';
import { readIp, readMac } from '../../text/address-text.ts';
import { isRecord, type JsonNode } from '../../text/json-text.ts';
import { type CloudAddress, type NeutronSubnet } from '../neutron.ts';
import { type Allocation } from './allocation.ts';
import { type Macs } from './reading.ts';

/** Sections whose rows name addresses, and the keys that hold them, at any depth. */
const SECTIONS = [
  'servers',
  'host_ports',
  'ports',
  'load_balancers',
  'routers',
  'floating_ips',
] as const;
const KEYS = ['address', 'addresses', 'mac'] as const;
/** Rows nest servers, ports, addresses: no deeper. */
const DEEPEST = 6;

/** Keeps every such address out of what `take` gives, in each subnet that has it. */
export function reserveNamed(
  root: JsonNode,
  allocation: Allocation,
  subnets: readonly NeutronSubnet[],
  macs: Macs,
): void {
  if (!isRecord(root.value)) return;
  const found = new Map<string, CloudAddress | bigint>();
  for (const section of SECTIONS) collect(root.value[section], false, DEEPEST, found);
  for (const address of found.values()) {
    if (typeof address === 'bigint') {
      macs.reserve(address);
      continue;
    }
    for (const subnet of subnets) {
      if (prefixCovers(subnet.prefix, address)) allocation.reserve(subnet, address);
    }
  }
}

function collect(
  value: unknown,
  isAddress: boolean,
  depth: number,
  found: Map<string, CloudAddress | bigint>,
): void {
  if (typeof value === 'string') {
    if (!isAddress || found.has(value)) return;
    const address = readMac(value) ?? readIp(value);
    if (address !== undefined) found.set(value, address);
  } else if (depth > 0 && Array.isArray(value)) {
    for (const each of value) collect(each, isAddress, depth - 1, found);
  } else if (depth > 0 && isRecord(value)) {
    for (const [key, each] of Object.entries(value)) {
      const named = KEYS.some((one) => one === key);
      if (named || typeof each === 'object') collect(each, named, depth - 1, found);
    }
  }
}
