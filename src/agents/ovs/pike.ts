/**
 * Flows in the words and tables of Neutron 11 (Pike), whose agent spoke OpenFlow 1.0 through
 * ovs-ofctl: actions of that version, `resubmit` for `goto_table`, no table for rate limits, local
 * addresses or accounting, and distributed routing without the way of ARP answers.
 *
 * Simplification: the tables of Pike's OpenFlow firewall (60, 71, 72, 73, 81, 82) were compared with
 * no dump of that time; they are those of Neutron 21 in the words of Pike.
 */
import { type BridgePlan } from '../plan.ts';
import { INT, PHYSICAL, TUN } from './tables.ts';

/** Tables of br-int that Pike has not, and what packets did where they now lead to one. */
const LATER: ReadonlyMap<number, string> = new Map([
  [INT.LOCAL_EGRESS, `resubmit(,${INT.TRANSIENT})`],
  [INT.LOCAL_IP, `resubmit(,${INT.TRANSIENT})`],
  [INT.PACKET_RATE_LIMIT, `resubmit(,${INT.TRANSIENT})`],
  [INT.ACCEPTED_EGRESS, 'NORMAL'],
  [INT.ACCEPTED_EGRESS_NORMAL, 'NORMAL'],
  [INT.DROPPED, 'drop'],
]);
const ABSENT = new Set<number>([
  ...LATER.keys(),
  INT.TRANSIENT_EGRESS,
  INT.ACCEPTED_INGRESS,
  INT.ARP_DVR_MAC_TO_DST_MAC,
  INT.ARP_DVR_MAC_TO_DST_MAC_PHYSICAL,
]);

/** The bridge as Pike's agent would fill it. */
export function inPike(bridge: BridgePlan): BridgePlan {
  const integration = bridge.name === 'br-int';
  const flows = bridge.flows.flatMap((line) => {
    const flow = read(line);
    if (flow === null) return [line];
    if (integration && isLater(flow)) return [];
    return [print(relaid(integration, { ...flow, actions: words(flow.actions, integration) }))];
  });
  return { ...bridge, flows };
}

interface FlowLine {
  readonly cookie: string;
  readonly table: number;
  readonly priority: number;
  /** With its comma in front, or nothing. */
  readonly match: string;
  readonly actions: string;
}

function read(line: string): FlowLine | null {
  const found = /^cookie=(\S+), table=(\d+), priority=(\d+)(,\S+)? actions=(.*)$/.exec(line);
  if (found === null) return null;
  const [, cookie = '', table, priority, match = '', actions = ''] = found;
  return { cookie, table: Number(table), priority: Number(priority), match, actions };
}

function print({ cookie, table, priority, match, actions }: FlowLine): string {
  return `cookie=${cookie}, table=${table}, priority=${priority}${match} actions=${actions}`;
}

/**
 * Priorities of table 0 with which answers to a distributed router's ARP are caught, and with
 * which the dead VLAN is dropped.
 */
const LATER_PRIORITIES = new Set([99, 5, 65535]);

function isLater({ table, priority }: FlowLine): boolean {
  return ABSENT.has(table) || (table === INT.LOCAL_SWITCHING && LATER_PRIORITIES.has(priority));
}

/** Flows that stood in another table or at another priority. */
function relaid(integration: boolean, flow: FlowLine): FlowLine {
  // What keeps a gateway's ARP on its host stood where distributed routing begins.
  if (!integration && flow.table === TUN.FLOOD && flow.priority === 3) {
    return { ...flow, table: PHYSICAL.DVR_PROCESS };
  }
  const distributed =
    flow.table === INT.DVR_TO_SRC_MAC ||
    flow.table === INT.DVR_TO_SRC_MAC_PHYSICAL ||
    flow.table === INT.TRANSIENT;
  return integration && distributed && flow.priority === 20 ? { ...flow, priority: 4 } : flow;
}

const ONE_TO_ONE: readonly (readonly [RegExp, string])[] = [
  [/\bgoto_table:(\d+)/g, 'resubmit(,$1)'],
  [/\bpop_vlan\b/g, 'strip_vlan'],
  [/\bset_field:(0x[0-9a-f]+)->tun_id\b/g, 'load:$1->NXM_NX_TUN_ID[]'],
  [/\bset_field:(0x[0-9a-f]+)->reg(\d)\b/g, 'load:$1->NXM_NX_REG$2[]'],
  [/\bset_field:2->arp_op\b/g, 'load:0x2->NXM_OF_ARP_OP[]'],
  [/\bset_field:([0-9a-f:]{17})->eth_src\b/g, 'mod_dl_src:$1'],
  [/\bset_field:([0-9a-f:]{17})->eth_dst\b/g, 'mod_dl_dst:$1'],
];

function words(actions: string, integration: boolean): string {
  let text = actions
    .replaceAll(/(?:push_vlan:0x8100,)?set_field:(\d+)->vlan_vid/g, (_, field: string) => {
      return `mod_vlan_vid:${Number(field) & 0xfff}`;
    })
    .replaceAll(/set_field:([0-9a-f:]{17})->arp_sha/g, (_, mac: string) => {
      return `load:0x${mac.replaceAll(':', '')}->NXM_NX_ARP_SHA[]`;
    })
    .replaceAll(/set_field:(\d+)\.(\d+)\.(\d+)\.(\d+)->arp_spa/g, (_, ...digits: string[]) => {
      const value = digits.slice(0, 4).reduce((sum, digit) => sum * 256 + Number(digit), 0);
      return `load:0x${value.toString(16)}->NXM_OF_ARP_SPA[]`;
    });
  for (const [from, to] of ONE_TO_ONE) text = text.replaceAll(from, to);
  if (!integration) return text;
  const led = text.replaceAll(/resubmit\(,(\d+)\)/g, (whole, table: string) => {
    return LATER.get(Number(table)) ?? whole;
  });
  // Accounting after the packet is out has no successor; a drop behind other actions says nothing.
  return led.replaceAll(`,resubmit(,${INT.ACCEPTED_INGRESS})`, '').replace(/,drop$/, '');
}
