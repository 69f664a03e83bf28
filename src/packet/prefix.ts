/** Questions about addresses and prefixes of either IP version. */

interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** Whether both are one address. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.version === b.version && a.value === b.value;
}

/** Whether the prefix covers the address; host bits of the prefix do not count. */
export function prefixCovers(
  prefix: { readonly address: Address; readonly length: number },
  { version, value }: Address,
): boolean {
  const { address, length } = prefix;
  const host = BigInt((version === 4 ? 32 : 128) - length);
  return address.version === version && address.value >> host === value >> host;
}
