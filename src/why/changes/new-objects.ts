/** What Neutron would draw for objects that a change creates: ids, and addresses nobody has. */
import { type CloudAddress, type Neutron, type NeutronSubnet } from '../../model/neutron.ts';

/** An id of the usual form that no object of Neutron has, always the same for the same things. */
export function newId(a: string, b: string): string {
  let sum = 0x811c9dc5;
  for (const character of `${a} ${b}`) {
    sum = Math.imul(sum ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return `${sum.toString(16).padStart(8, '0')}-ffff-4fff-bfff-ffffffffffff`;
}

/** The last free address of a subnet's pools, as servers get the first; null when all are taken. */
export function freeAddress(
  { ports, floatingIps }: Neutron,
  { prefix, gateway, pools }: NeutronSubnet,
): CloudAddress | null {
  const { address: first, length } = prefix;
  const { version } = first;
  const bits = version === 4 ? 32 : 128;
  const taken = new Set(
    [...ports.flatMap(({ fixedIps }) => fixedIps), ...floatingIps].map((one) => one.address.value),
  );
  const last = first.value + (1n << BigInt(bits - length)) - 2n;
  const whole = { from: { value: first.value + 1n }, to: { value: last } };
  for (const { from, to } of pools.length > 0 ? pools : [whole]) {
    let value = to.value;
    while (value >= from.value && (taken.has(value) || value === gateway?.value)) value -= 1n;
    if (value >= from.value) return { version, value };
  }
  return null;
}
