/** Flows as the agent writes them: a match and actions as text, read back like any dump. */
import { type CloudAddress, type CloudPrefix } from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';

/** The cookie of the agent's flows: one run stamps all of its flows with the same. */
const COOKIE = '0x686f70';

/** One line of `ovs-ofctl dump-flows`; an empty match matches everything. */
export function flow(
  table: number,
  priority: number,
  match: readonly string[] | string,
  actions: string,
): string {
  const parts = typeof match === 'string' ? [match] : match;
  const text = parts.filter((part) => part !== '').join(',');
  const comma = text === '' ? '' : ',';
  return `cookie=${COOKIE}, table=${table}, priority=${priority}${comma}${text} actions=${actions}`;
}

/** A table holds one flow of a match and a priority: the one that was written last. */
export function lastOfEach(flows: readonly string[]): string[] {
  const held = new Map<string, string>();
  for (const line of flows) held.set(line.slice(0, line.indexOf(' actions=')), line);
  return [...held.values()];
}

/** `set_field` of a VLAN id needs the bit that says there is a tag (OFPVID_PRESENT). */
export function vlanField(vlan: number): string {
  return `set_field:${0x1000 | vlan}->vlan_vid`;
}

export function mac(value: bigint): string {
  return writeMac(value);
}

/** `10.0.0.0/24`, or the address alone when the prefix is one address; host bits are no matter. */
export function prefixText({ address, length }: CloudPrefix): string {
  const rest = BigInt((address.version === 4 ? 32 : 128) - length);
  if (rest === 0n) return writeIp(address);
  return `${writeIp({ ...address, value: (address.value >> rest) << rest })}/${length}`;
}

/** What has no tag, as networks of type `flat` are on a wire (constants.FLAT_VLAN_TCI). */
export const UNTAGGED = 'vlan_tci=0x0000/0x1fff';

export function ip(address: CloudAddress): string {
  return writeIp(address);
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
