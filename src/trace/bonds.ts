/**
 * Bonds of the kernel (Linux Documentation/networking/bonding.rst): which member a frame leaves
 * by, and which members are heard. A bond without members in the snapshot is taken for a NIC.
 *
 * Simplification: a switch that an underlay.yaml describes does not know which of its ports are one
 * link aggregation, so what it floods comes in by each of them.
 */
import { type InterfaceId, type Network } from '../dataplane/network.ts';
import { type Interface } from '../dataplane/routing/types.ts';

export interface Bond {
  readonly at: InterfaceId;
  /** `active-backup`, `balance-xor`, `802.3ad`, `balance-rr`, `broadcast`, `balance-tlb/alb`. */
  readonly mode: string;
  /** Members that may carry frames now, the one that is active first. */
  readonly usable: readonly string[];
}

/** The bond that an interface is; null for others. */
export function bondAt(network: Network, at: InterfaceId): Bond | null {
  const { interfaces, bond } = around(network, at, at.name);
  return bond === undefined ? null : bondOf(at, bond, interfaces);
}

/** The bond that an interface is a member of. */
export function bondOfMember(network: Network, at: InterfaceId): Bond | null {
  const master = around(network, at, at.name).bond;
  const own = interfacesAt(network, at).find(({ name }) => name === at.name)?.master;
  if (master !== undefined || own === undefined || own === null) return null;
  return bondAt(network, { ...at, name: own });
}

function around(
  network: Network,
  at: InterfaceId,
  name: string,
): { readonly interfaces: readonly Interface[]; readonly bond: Interface | undefined } {
  const interfaces = interfacesAt(network, at);
  return { interfaces, bond: bonds(interfaces).get(name) };
}

function interfacesAt(network: Network, { host, namespace }: InterfaceId): readonly Interface[] {
  return network.namespace(host, namespace)?.state.interfaces ?? [];
}

/** Most namespaces have none, and every frame asks. */
const known = new WeakMap<readonly Interface[], ReadonlyMap<string, Interface>>();

function bonds(interfaces: readonly Interface[]): ReadonlyMap<string, Interface> {
  let found = known.get(interfaces);
  if (found === undefined) {
    const all = interfaces.filter(({ kind }) => kind === 'bond' || kind === 'team');
    found = new Map(all.map((one) => [one.name, one]));
    known.set(interfaces, found);
  }
  return found;
}

function bondOf(at: InterfaceId, bond: Interface, interfaces: readonly Interface[]): Bond | null {
  const members = interfaces.filter(({ master }) => master === bond.name);
  if (members.length === 0) return null;
  const mode = modeOf(bond);
  const active = bond.details['active_slave'];
  const usable = members.filter((one) => isUsable(bond, mode, one));
  const first = usable.find(({ name }) => name === active);
  const ordered = first === undefined ? usable : [first, ...usable.filter((one) => one !== first)];
  return { at, mode, usable: ordered.map(({ name }) => name) };
}

/** Numbers as sysfs counts them (include/uapi/linux/if_bonding.h). */
const MODES = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
] as const;

function modeOf({ details }: Interface): string {
  const mode = details['mode'];
  return typeof mode === 'number' ? (MODES[mode] ?? '') : String(mode ?? MODES[0]);
}

/** Carrier, and with LACP the aggregator that is in use (IEEE 802.1AX). */
function isUsable(bond: Interface, mode: string, member: Interface): boolean {
  if (!member.up || !member.running || member.details['mii_status'] === 'DOWN') return false;
  if (mode !== '802.3ad') return true;
  const own = member.details['ad_aggregator_id'];
  const used = aggregatorOf(bond.details['ad_info']);
  return own === undefined || used === undefined || own === used;
}

function aggregatorOf(info: unknown): unknown {
  return typeof info === 'object' && info !== null && 'aggregator' in info
    ? info.aggregator
    : undefined;
}

/** Members by which one frame leaves: one of them, or with `broadcast` each. */
export function leavesBy({ mode, usable }: Bond): 'one' | 'hash' | 'all' {
  if (usable.length < 2 || mode === 'active-backup') return 'one';
  return mode === 'broadcast' ? 'all' : 'hash';
}

/** Whether frames that come in by a member are heard (bond_should_deliver_exact_match()). */
export function hears({ mode, usable }: Bond, member: string): boolean {
  return mode === 'active-backup' ? usable[0] === member : usable.includes(member);
}
