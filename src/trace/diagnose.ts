/**
 * From "a flow of br-int table 82 dropped it" to what that means in a Neutron cloud. The elements
 * know only their own words; here they are joined with what the agents use each table for
 * (neutron_lib/plugins/ml2/ovs_constants.py).
 */
import { type Drop } from '../dataplane/outcome.ts';
import { type Reason } from '../reasons/codes.ts';

interface Meaning {
  readonly bridge: RegExp;
  readonly table: number;
  /** Applies to drops with this reason only. */
  readonly drops: readonly Reason[];
  readonly code: Reason;
}

const DROPS: readonly Reason[] = ['OF_EXPLICIT_DROP', 'OF_TABLE_MISS'];

/** What a drop in a table of the agents' pipeline means. */
const MEANINGS: readonly Meaning[] = [
  { bridge: /^br-int$/, table: 24, drops: DROPS, code: 'ARP_SPOOF_BLOCKED' },
  { bridge: /^br-int$/, table: 25, drops: DROPS, code: 'MAC_SPOOF_BLOCKED' },
  { bridge: /^br-int$/, table: 71, drops: DROPS, code: 'SG_PORT_SECURITY_BLOCKED' },
  { bridge: /^br-int$/, table: 72, drops: DROPS, code: 'SG_NO_MATCHING_RULE' },
  { bridge: /^br-int$/, table: 73, drops: DROPS, code: 'SG_NO_MATCHING_RULE' },
  { bridge: /^br-int$/, table: 77, drops: DROPS, code: 'SG_PORT_SECURITY_BLOCKED' },
  { bridge: /^br-int$/, table: 78, drops: DROPS, code: 'SG_PORT_SECURITY_BLOCKED' },
  { bridge: /^br-int$/, table: 81, drops: DROPS, code: 'SG_NO_MATCHING_RULE' },
  { bridge: /^br-int$/, table: 82, drops: DROPS, code: 'SG_NO_MATCHING_RULE' },
  { bridge: /^br-int$/, table: 93, drops: DROPS, code: 'SG_NO_MATCHING_RULE' },
  { bridge: /^br-tun$/, table: 0, drops: DROPS, code: 'TUNNEL_ENDPOINT_MISSING' },
  { bridge: /^br-tun$/, table: 3, drops: DROPS, code: 'VNI_MAP_MISSING' },
  { bridge: /^br-tun$/, table: 4, drops: DROPS, code: 'VNI_MAP_MISSING' },
  { bridge: /^br-tun$/, table: 6, drops: DROPS, code: 'VNI_MAP_MISSING' },
  { bridge: /^br-tun$/, table: 20, drops: DROPS, code: 'L2POP_ENTRY_MISSING' },
  { bridge: /^br-tun$/, table: 22, drops: DROPS, code: 'FLOOD_BLOCKED' },
];

const PLACE = /^(\S+) table (\d+)/;

/** The reason a person needs for a drop that an element gave. */
export function meaningOf(drop: Drop): Reason {
  if (/dl_vlan=4095|vlan_tci=0x1fff\/0x1fff/.test(drop.evidence)) return 'VLAN_LOCAL_DEAD_4095';
  const place = PLACE.exec(drop.where);
  if (place === null) return drop.reason;
  const bridge = place[1] ?? '';
  const table = Number(place[2]);
  const meaning = MEANINGS.find(
    (one) => one.table === table && one.bridge.test(bridge) && one.drops.includes(drop.reason),
  );
  return meaning?.code ?? drop.reason;
}
