/** `subnet_pools:` of a cloud.yaml: prefixes that subnets are cut from, and their address scopes. */
import {
  items,
  type JsonNode,
  member,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { type CloudPrefix, type NeutronSubnetPool } from '../neutron.ts';
import { idOf, type Names, nameOf, objects, prefix, whole } from './reading.ts';

export const POOL_KEYS = ['name', 'prefixes', 'default_prefix_length', 'address_scope'] as const;

/** A pool with what has been cut from it. */
export interface OpenPool {
  readonly pool: NeutronSubnetPool;
  readonly defaultLength: number | null;
  readonly cut: CloudPrefix[];
}

export function readSubnetPools(root: JsonNode, pools: Names<OpenPool>): void {
  for (const node of objects(member(root, 'subnet_pools'))) {
    reportUnknownKeys(node, POOL_KEYS);
    const name = nameOf(node);
    const prefixes = items(member(node, 'prefixes')).flatMap((each) => prefix(each) ?? []);
    const [first] = prefixes;
    if (name === '' || first === undefined) {
      wrong(node, 'A subnet pool needs a name and prefixes');
      continue;
    }
    const { version } = first.address;
    if (prefixes.some(({ address }) => address.version !== version)) {
      wrong(node, 'The prefixes of a pool are all IPv4 or all IPv6');
    }
    const scope = textOf(member(node, 'address_scope'));
    const pool: NeutronSubnetPool = {
      id: idOf('subnet-pool', name),
      name,
      version,
      prefixes,
      addressScopeId: scope === undefined ? null : idOf('address-scope', scope),
    };
    const defaultLength = whole(node, 'default_prefix_length', 1, version === 4 ? 32 : 128);
    pools.add(name, { pool, defaultLength, cut: [] }, node);
  }
}

/** The first prefix of the length that is free; null and a problem when there is none. */
export function cutSubnet(
  at: JsonNode,
  { pool, defaultLength, cut }: OpenPool,
  wanted: number | null,
): CloudPrefix | null {
  const length = wanted ?? defaultLength;
  const name = JSON.stringify(pool.name);
  if (length === null) {
    wrong(at, `Subnet pool ${name} has no default_prefix_length, so this needs a prefix_length`);
    return null;
  }
  for (const { address, length: whole } of pool.prefixes) {
    if (length < whole) continue;
    const size = 1n << BigInt((address.version === 4 ? 32 : 128) - length);
    const end = address.value + (1n << BigInt((address.version === 4 ? 32 : 128) - whole));
    for (let value = address.value; value < end; value += size) {
      const found: CloudPrefix = { address: { ...address, value }, length };
      const other = cut.find((each) => overlap(each, found));
      if (other === undefined) {
        cut.push(found);
        return found;
      }
      // What is behind the other prefix is next, in steps of this one.
      const behind = other.address.value + sizeOf(other);
      if (behind > value + size) value += ((behind - value - 1n) / size) * size;
    }
  }
  wrong(at, `Subnet pool ${name} has no free prefix of length ${length}`);
  return null;
}

/** A subnet with a prefix of its own choice takes it from the pool. */
export function claimPrefix(at: JsonNode, { pool, cut }: OpenPool, wanted: CloudPrefix): void {
  const name = JSON.stringify(pool.name);
  const inside = pool.prefixes.some(
    (each) => each.length <= wanted.length && overlap(each, wanted),
  );
  if (!inside) wrong(at, `This prefix is not in subnet pool ${name}`);
  if (cut.some((each) => overlap(each, wanted))) {
    wrong(at, `Another subnet of pool ${name} has this prefix`);
  }
  cut.push(wanted);
}

function sizeOf({ address, length }: CloudPrefix): bigint {
  return 1n << BigInt((address.version === 4 ? 32 : 128) - length);
}

/** Whether two prefixes have an address in common. */
export function overlap(a: CloudPrefix, b: CloudPrefix): boolean {
  if (a.address.version !== b.address.version) return false;
  return (
    a.address.value < b.address.value + sizeOf(b) && b.address.value < a.address.value + sizeOf(a)
  );
}
