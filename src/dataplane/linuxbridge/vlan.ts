/**
 * VLAN filtering (net/bridge/br_vlan.c br_allowed_ingress(), br_handle_vlan(); IEEE 802.1Q §8.6).
 * At the door of a bridge every frame gets its VLAN, on the way out it may lose the tag.
 */

import { type CompiledVlans, FRAME } from './compiled.ts';
import { type BridgeWork, dropBridged } from './work.ts';

const VLAN_PROTOCOL = 0x8100;

/** Lets a frame in, with a tag that says its VLAN; null when the port does not carry it. */
export function admit<P>(work: BridgeWork<P>, vlans: CompiledVlans, port: string, p: P): P | null {
  if (!work.state.config.of.vlanFiltering) return p;
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, FRAME.inVlan);
  const parts: P[] = [];
  if (hit !== null) parts.push(hit);
  if (miss !== null) {
    if (vlans.setPvid === null) {
      dropBridged(work, miss, 'VLAN_NOT_TRUNKED', `${port} takes no untagged frames`);
    } else {
      // A priority tag keeps its priority and gets the port's VLAN id.
      const { hit: priority, miss: bare } = traffic.split(miss, FRAME.tagged);
      if (priority !== null) parts.push(traffic.set(priority, vlans.setPvid));
      if (bare !== null) {
        parts.push(traffic.set(traffic.push(bare, 'vlan', VLAN_PROTOCOL), vlans.setPvid));
      }
    }
  }
  const [joined] = traffic.join(parts);
  if (joined === undefined) return null;
  const allowed = traffic.split(joined, vlans.admits);
  if (allowed.miss !== null) {
    dropBridged(work, allowed.miss, 'VLAN_NOT_TRUNKED', `${port} does not carry the VLAN`);
  }
  return allowed.hit;
}

/** The frames as they leave by a port: without tag where the VLAN is untagged there. */
export function release<P>(
  work: BridgeWork<P>,
  vlans: CompiledVlans,
  port: string,
  p: P,
): readonly P[] {
  if (!work.state.config.of.vlanFiltering) return [p];
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, vlans.admits);
  if (miss !== null) dropBridged(work, miss, 'VLAN_NOT_TRUNKED', `${port} does not carry the VLAN`);
  if (hit === null) return [];
  const bare = traffic.split(hit, vlans.untagged);
  const parts = bare.miss === null ? [] : [bare.miss];
  return bare.hit === null ? parts : [...parts, traffic.pop(bare.hit, 'vlan')];
}
