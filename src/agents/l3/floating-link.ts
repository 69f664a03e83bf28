/**
 * The veth pair between a distributed router and the floating IP namespace of its host, with the
 * two addresses that the agent takes for it from a pool (neutron/agent/l3/dvr_fip_ns.py).
 */
import { floatingVeth, NAMESPACES } from '../../model/ids.ts';
import { type CloudAddress, type NeutronRouter } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { linkLocalOf, route } from '../namespace-parts.ts';
import { type Place } from '../part.ts';
import { type DevicePlan, type NeighbourPlan, type RoutePlan } from '../plan.ts';
import { type RouterPorts } from './interfaces.ts';

/** The table of floating IPs in a router (`dvr_fip_ns.FIP_RT_TBL`). */
export const FLOATING_TABLE = 16;
/** Pairs for the veth between router and fip namespace come from here, two addresses each. */
const PAIRS = 0xa9fe_4000n;

/** The end of the veth between a router and the fip namespace, as both sides see it. */
export interface FloatingLink {
  readonly rfp: string;
  readonly fpr: string;
  readonly routerSide: CloudAddress;
  readonly floatingSide: CloudAddress;
  readonly namespace: string;
  /** Of the external network (`create_rtr_2_fip_link`). */
  readonly mtu: number;
}

export function linkOf(at: Place, router: NeutronRouter, ports: RouterPorts): FloatingLink {
  const { rfp, fpr } = floatingVeth(router.id);
  const order = at.view.cloud.neutron.routers.findIndex((each) => each.id === router.id);
  const first = PAIRS + BigInt(2 * order);
  const external = ports.gateway?.networkId ?? '';
  return {
    rfp,
    fpr,
    routerSide: { version: 4, value: first },
    floatingSide: { version: 4, value: first + 1n },
    namespace: `${NAMESPACES.floating}${external}`,
    mtu: at.view.networks.get(external)?.mtu ?? at.view.cloud.settings.physicalMtu,
  };
}

export function veth(
  name: string,
  address: CloudAddress,
  peerNamespace: string,
  peer: string,
  mtu: number,
): DevicePlan {
  return {
    name,
    kind: 'veth',
    // The kernel draws the MAC; the address it stands for keeps it unique here.
    mac: macOfEnd(address),
    mtu,
    up: true,
    master: null,
    peer: { namespace: peerNamespace, device: peer },
    lower: null,
    addresses: [{ address, length: 31, scope: 'global' }, linkLocalOf(macOfEnd(address))],
    details: {},
  };
}

function macOfEnd(address: CloudAddress): bigint {
  return 0x02_0000_0000_00n | address.value;
}

/** Both ends of the veth know each other for good. */
export function neighbour(link: FloatingLink, of: 'rfp' | 'fpr'): NeighbourPlan {
  const [device, address] =
    of === 'rfp' ? [link.rfp, link.floatingSide] : [link.fpr, link.routerSide];
  return { address, device, mac: macOfEnd(address), state: 'permanent' };
}

export function floatingRoutes(link: FloatingLink): RoutePlan[] {
  return [
    route(null, link.floatingSide, link.rfp, FLOATING_TABLE),
    route(null, linkLocalOf(macOfEnd(link.floatingSide)).address, link.rfp),
  ];
}

/** A router's table in the fip namespace has the number of the address of that end. */
export function tableOf({ floatingSide }: FloatingLink): number {
  return Number(floatingSide.value);
}

/** CRC-32 (ISO 3309) of ASCII text, as Python's binascii has it. */
function crc32(text: string): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < text.length; at++) {
    crc ^= text.charCodeAt(at);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

const MASK_30 = 0x3fff_ffff;

/** A table's number for an IPv6 gateway: a hash of its text, folded to 30 bits (`_get_snat_idx`). */
export function tableOf6(gateway: CloudAddress, length: number): number {
  const hash = crc32(`${writeIp(gateway)}/${length}`);
  const folded = (hash >>> 30) ^ (hash & MASK_30);
  return folded < 32768 ? folded + MASK_30 : folded;
}
