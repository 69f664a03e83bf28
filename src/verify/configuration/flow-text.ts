/**
 * One flow in symbols: ports by name, local VLANs by network, DVR MACs by host. Ids of
 * conjunctions stay numbers here; what they mean shows only in all flows of both sides.
 */
import { printFlow, printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { type HostSymbols } from './symbols.ts';

/** A flow's match, and match and actions together. */
export interface FlowText {
  readonly match: string;
  readonly whole: string;
}

export const INTEGRATION = 'br-int';
const TUNNEL = 'br-tun';

/** `local`: a VLAN of this host; `wire`: a tag as it stands on the wire. */
type VlanKind = 'local' | 'wire';

/**
 * How the VLANs of a flow are to be read. Only br-int and br-tun speak of local VLANs throughout.
 * What comes from a provider bridge is matched by the tag it had on the wire (table 0 by port,
 * table 2 for DVR, in table 60 what goes straight to a port), and a provider bridge writes the
 * wire's tag.
 */
function vlanKinds(
  bridge: Bridge,
  flow: Flow,
  wires: ReadonlySet<number>,
  symbols: HostSymbols,
): { readonly match: VlanKind; readonly action: VlanKind } {
  if (bridge.name === TUNNEL) return { match: 'local', action: 'local' };
  if (bridge.name === INTEGRATION) {
    const port = flow.tests.find(({ field }) => field.name === 'in_port');
    const physical = port !== undefined && wires.has(Number(port.value));
    const wire =
      (flow.table === 0 && physical) ||
      flow.table === 2 ||
      (flow.table === TRANSIENT && isForeignTag(bridge, flow, symbols));
    return { match: wire ? 'wire' : 'local', action: 'local' };
  }
  const provider = bridge.ports.some(({ name }) => name.startsWith('phy-'));
  return { match: provider ? 'local' : 'wire', action: 'wire' };
}

/** Where br-int decides which of its ports a frame is for. */
export const TRANSIENT = 60;

/**
 * Whether a frame for a port is matched by another tag than the port's own VLAN: the wire's, as
 * frames of distributed routers have it there. The port stands in register 5 or is the output.
 */
function isForeignTag(bridge: Bridge, flow: Flow, { networkOfVlan }: HostSymbols): boolean {
  const tag = flow.tests.find(
    ({ field }) => field.name === 'vlan_vid' || field.name === 'vlan_tci',
  );
  if (tag === undefined) return false;
  const text = actionText(flow);
  const to = /\b(?:set_field|load):(0x[0-9a-f]+|\d+)->(?:reg5|NXM_NX_REG5)|\boutput:(\d+)/.exec(
    text,
  );
  const port = bridge.ports.find(({ ofport }) => ofport === Number(to?.[1] ?? to?.[2] ?? -1));
  const noted = port?.otherConfig['net_uuid'];
  const named = networkOfVlan.get(Number(tag.value) & 0xfff);
  return noted !== undefined && named !== `network-${noted}`;
}

const MATCHED = /\b(in_port|reg5|reg6|dl_vlan|ct_zone)=(0x[0-9a-f]+|\d+)(?![\da-fx/])/g;
const ACTED =
  /\b(output|resubmit):(\d+)|\b(set_field|load|mod_vlan_vid):(0x[0-9a-f]+|\d+)(?:->(\w+)(?:\[[\d.]*\])?)?/g;
const MAC = /(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g;

/** Reads flows of one bridge as symbolic text. */
export function flowReader(bridge: Bridge, symbols: HostSymbols): (flow: Flow) => FlowText {
  const ports = new Map(bridge.ports.map((port) => [port.ofport, port.name]));
  const wires = new Set(
    bridge.ports.filter(({ name }) => name.startsWith('int-')).map(({ ofport }) => ofport),
  );
  const portName = (digits: string): string => ports.get(Number(digits)) ?? digits;
  const vlanName = (digits: string, kind: VlanKind): string => {
    const vlan = Number(digits) & 0xfff;
    return kind === 'wire' ? `wire-${vlan}` : (symbols.networkOfVlan.get(vlan) ?? String(vlan));
  };
  const macs = (text: string): string =>
    symbols.dvrMacs.size === 0
      ? text
      : text.replaceAll(MAC, (mac) => symbols.dvrMacs.get(mac) ?? mac);
  return (flow) => {
    const kinds = vlanKinds(bridge, flow, wires, symbols);
    const match = macs(printMatch(flow)).replaceAll(
      MATCHED,
      (_, word: string, digits: string) =>
        `${word}=${/port|reg5/.test(word) ? portName(digits) : vlanName(digits, kinds.match)}`,
    );
    const names = { portName, vlanName: (digits: string) => vlanName(digits, kinds.action) };
    const actions = macs(actionText(flow)).replaceAll(
      ACTED,
      (whole: string, to?: string, port = '', verb = '', value = '', into = '') =>
        to === undefined ? written(whole, verb, value, into, names) : `${to}:${portName(port)}`,
    );
    return { match, whole: `${match} actions=${inOrder(actions)}` };
  };
}

function actionText(flow: Flow): string {
  const bare = printFlow({ ...flow, tests: [], opaque: [], cookie: 0n });
  // The cookie that learned flows get is a number of the run as well.
  return bare
    .slice(bare.indexOf('actions=') + 'actions='.length)
    .replaceAll(/\bcookie=0x[0-9a-f]+,/g, '');
}

/** What an action writes into a register or a VLAN, by its meaning. */
function written(
  whole: string,
  verb: string,
  value: string,
  to: string,
  names: {
    readonly portName: (digits: string) => string;
    readonly vlanName: (digits: string) => string;
  },
): string {
  if (verb === 'mod_vlan_vid') return `set_field:${names.vlanName(value)}->vlan_vid`;
  switch (to.toLowerCase()) {
    case 'reg5':
    case 'nxm_nx_reg5':
      return `set_field:${names.portName(String(Number(value)))}->reg5`;
    case 'reg6':
    case 'nxm_nx_reg6':
      return `set_field:${names.vlanName(value)}->reg6`;
    case 'reg7':
    case 'nxm_nx_reg7':
      // The id of a conjunction, to be told in accounting; nothing depends on it.
      return 'set_field:ID->reg7';
    case 'vlan_vid':
    case 'nxm_of_vlan_tci':
    case 'oxm_of_vlan_vid':
      return `set_field:${names.vlanName(value)}->vlan_vid`;
    default:
      return whole;
  }
}

/** A flood goes to its ports in whatever order they came up. */
function inOrder(actions: string): string {
  return actions.replaceAll(/output:[^,]+(?:,output:[^,]+)+/g, (list) =>
    list.split(',').sort().join(','),
  );
}
