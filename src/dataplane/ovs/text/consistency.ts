/**
 * Whether actions fit the packets a flow matches (lib/ofp-actions.c ofpacts_check): fields must
 * exist in them, tags must be there. Some misfits are errors, others only an OpenFlow 1.0 switch
 * accepts; what is left of the protocols tells.
 */
import { type Field } from '../../../packet/fields.ts';
import { type Action, type Ct, type Learn, RESERVED_PORTS } from '../types/flow.ts';
import { type Keyword } from './keywords.ts';
import { type Fault, fault } from './numbers.ts';
import { PROTOCOLS } from './protocols.ts';
import { type SlotSet } from './slots.ts';

/** What is known of the packet while the actions are walked; all zero when nothing is matched. */
interface State {
  packetType: number;
  etherType: number;
  protocol: number;
  tag: number;
  innerTag: number;
  readonly fragment: number;
  readonly tracked: number;
  readonly trackedMask: number;
  readonly source: number;
  readonly destination: number;
  /** The flow's table; 255 when it has none. */
  readonly table: number;
  protocols: number;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const NSH = 0x1894f;
const PRESENT = 0x1000;

export interface Consistency {
  readonly fault: Fault | null;
  readonly protocols: number;
}

/** Checks the actions of a flow with these members matched. */
export function checkActions(
  actions: readonly Action[],
  slots: ReadonlyMap<string, SlotSet>,
  table: number | null,
): Consistency {
  const state = stateOf(slots, table ?? 255);
  const wrong = check(actions, state);
  if (wrong === null && state.protocols === 0) {
    return {
      fault: fault('no OpenFlow version takes these actions with this match'),
      protocols: 0,
    };
  }
  return { fault: wrong, protocols: state.protocols };
}

function stateOf(slots: ReadonlyMap<string, SlotSet>, table: number): State {
  const number = (slot: string): number => Number(slots.get(slot)?.value ?? 0n);
  const packetType = number('packet_type');
  return {
    packetType,
    etherType: packetType > 0xffff ? packetType & 0xffff : number('eth_type'),
    protocol: number('nw_proto'),
    tag: number('vlan_tci'),
    innerTag: 0,
    fragment: number('ip_frag'),
    tracked: number('ct_state'),
    trackedMask: Number(slots.get('ct_state')?.mask ?? 0n),
    source: number('tp_src'),
    destination: number('tp_dst'),
    table,
    protocols: PROTOCOLS.any,
  };
}

function check(actions: readonly Action[], state: State): Fault | null {
  const { packetType, etherType, protocol, tag, innerTag } = state;
  let wrong: Fault | null = null;
  for (const action of actions) {
    wrong = checkOne(action, state);
    if (wrong !== null) break;
  }
  // A list inside an action does not change what the actions behind it see.
  Object.assign(state, { packetType, etherType, protocol, tag, innerTag });
  return wrong;
}

function onlyVersion10(state: State): null {
  state.protocols &= PROTOCOLS.v10;
  return null;
}

function dlType(state: State): number {
  if (state.packetType === 0) return state.etherType;
  return state.packetType > 0xffff && state.packetType < 0x20000 ? state.packetType & 0xffff : 0;
}

function isIp(state: State): boolean {
  const type = dlType(state);
  return type === IPV4 || type === IPV6;
}

function isMpls(state: State): boolean {
  const type = dlType(state);
  return type === 0x8847 || type === 0x8848;
}

/** lib/flow.h is_ct_valid() for a match: some tracked state must be certain. */
function isTracked(state: State): boolean {
  const { tracked, trackedMask } = state;
  return (
    (tracked & 0xcf) !== 0 ||
    ((tracked & 0x20) !== 0 && (trackedMask & 0x10) !== 0 && (tracked & 0x10) === 0)
  );
}

/** Whether the field exists in the packets (lib/meta-flow.c mf_are_prereqs_ok__). */
function exists(of: Field, state: State): boolean {
  const type = dlType(state);
  const first = (state.fragment & 2) === 0;
  const nd =
    type === IPV6 &&
    state.protocol === 58 &&
    state.destination === 0 &&
    (state.source === 135 || state.source === 136);
  switch (of.prerequisite) {
    case 'none':
      return true;
    case 'ethernet':
      return state.packetType === 0;
    case 'vlan':
      return (state.tag & PRESENT) !== 0;
    case 'ipv4':
      return type === IPV4;
    case 'ipv6':
      return type === IPV6;
    case 'ip':
      return isIp(state);
    case 'arp':
      return type === 0x0806 || type === 0x8035;
    case 'mpls':
      return isMpls(state);
    case 'tcp':
      return isIp(state) && state.protocol === 6 && first;
    case 'udp':
      return isIp(state) && state.protocol === 17 && first;
    case 'sctp':
      return isIp(state) && state.protocol === 132 && first;
    case 'icmpv4':
      return type === IPV4 && state.protocol === 1;
    case 'icmpv6':
      return type === IPV6 && state.protocol === 58;
    case 'nd':
      return nd;
    case 'nd-solicit':
      return nd && state.source === 135;
    case 'nd-advert':
      return nd && state.source === 136;
    case 'nsh':
      return type === 0x894f;
    case 'ct':
      return isTracked(state);
  }
}

/** Whether packets with these members have the field of a keyword. */
export function fieldExists(of: Keyword, slots: ReadonlyMap<string, SlotSet>): boolean {
  // `dl_vlan_pcp` makes the tag it needs.
  if (of.name === 'dl_vlan_pcp') return stateOf(slots, 255).packetType === 0;
  return exists(of.field, stateOf(slots, 255));
}

function checkFields(
  state: State,
  read: readonly Field[],
  written: readonly Field[],
): Fault | null {
  for (const of of [...read, ...written]) {
    if (!exists(of, state))
      return fault(`${of.name} does not exist in the packets this flow matches`, of.name);
  }
  const fixed = written.find((of) => !of.writable);
  return fixed === undefined ? null : fault('read-only field', fixed.name);
}

function checkPort(port: number): Fault | null {
  const special = port >= RESERVED_PORTS.IN_PORT && port <= RESERVED_PORTS.LOCAL;
  return port < 0xff00 || special ? null : fault('not a port that packets can go to', `${port}`);
}

function checkOne(action: Action, state: State): Fault | null {
  switch (action.kind) {
    case 'output':
      return checkPort(action.port);
    case 'enqueue': {
      const { IN_PORT, LOCAL } = RESERVED_PORTS;
      const fits = action.port < 0xff00 || action.port === IN_PORT || action.port === LOCAL;
      return fits ? null : fault('no queue has this port', `${action.port}`);
    }
    case 'bundle':
      return checkBundle(action.bundle.members, action.bundle.to?.field ?? null, state);
    case 'output-field':
    case 'push':
      return checkFields(state, [action.from.field], []);
    case 'pop':
    case 'multipath':
      return checkFields(state, [], [action.to.field]);
    case 'move':
      return checkFields(state, [action.from.field], [action.to.field]);
    case 'set-field':
      return checkSet(action, state);
    case 'delete-field':
      return action.field.name.startsWith('tun_metadata')
        ? null
        : fault('only tunnel options can be deleted', action.field.name);
    case 'fin-timeout':
      return state.protocol === 6 ? null : onlyVersion10(state);
    case 'resubmit':
      return action.ct && !isTracked(state)
        ? fault('resubmit with ct needs a match on a tracked state')
        : null;
    case 'learn':
      return checkLearn(action.learn, state);
    case 'clone':
      return check(action.actions, state);
    case 'write-actions':
      return check(action.actions, { ...state });
    case 'ct':
      return checkCt(action.ct, state);
    case 'meter':
      return action.meter === 0 || action.meter > 0xffff_0000
        ? fault('not a meter', `${action.meter}`)
        : null;
    case 'goto-table':
      return state.table !== 255 && action.table <= state.table
        ? fault('goto_table must go to a later table', `${action.table}`)
        : null;
    default:
      return checkHeader(action, state);
  }
}

function checkHeader(action: Action, state: State): Fault | null {
  switch (action.kind) {
    case 'set-vlan-vid':
    case 'set-vlan-pcp':
      if ((state.tag & PRESENT) === 0 && action.spelling !== undefined) onlyVersion10(state);
      state.tag |= PRESENT;
      return null;
    case 'pop-vlan':
      if ((state.tag & PRESENT) === 0) onlyVersion10(state);
      state.tag = state.innerTag;
      state.innerTag = 0;
      return null;
    case 'push-vlan':
      if (state.innerTag & PRESENT) return fault('packets carry at most two VLAN tags');
      state.innerTag = state.tag;
      state.tag = PRESENT;
      return null;
    case 'push-mpls':
      if (state.packetType !== 0) onlyVersion10(state);
      state.etherType = action.etherType;
      state.protocol = 0;
      return null;
    case 'pop-mpls':
      if (state.packetType !== 0 || !isMpls(state)) onlyVersion10(state);
      state.etherType = action.etherType;
      return null;
    case 'dec-ttl':
      return isIp(state) ? null : onlyVersion10(state);
    case 'dec-mpls-ttl':
      return isMpls(state) ? null : onlyVersion10(state);
    case 'dec-nsh-ttl':
      return state.packetType === NSH || state.etherType === 0x894f ? null : onlyVersion10(state);
    case 'encap': {
      const types: Readonly<Record<string, number>> = { nsh: NSH, mpls: 0x18847, mpls_mc: 0x18848 };
      state.packetType = types[action.header] ?? 0;
      if (state.packetType !== 0) state.etherType = state.packetType & 0xffff;
      if (!isIp(state)) state.protocol = 0;
      return null;
    }
    case 'decap':
      state.packetType = state.packetType === 0 ? 0x10000 | state.etherType : 0x7fff_ffff;
      return null;
    default:
      return null;
  }
}

function checkBundle(members: readonly number[], to: Field | null, state: State): Fault | null {
  const wrong = to === null ? null : checkFields(state, [], [to]);
  if (wrong !== null) return wrong;
  for (const port of members) {
    if (port === RESERVED_PORTS.CONTROLLER) return fault('the controller cannot be a member');
    if (port !== RESERVED_PORTS.NONE && checkPort(port) !== null) return checkPort(port);
  }
  return null;
}

function checkSet(action: Extract<Action, { kind: 'set-field' }>, state: State): Fault | null {
  switch (action.spelling) {
    case 'set_field':
    case 'load': {
      const missing = checkFields(state, [action.field], []);
      if (missing !== null) return missing;
      if (action.field.name === 'vlan_vid' && (state.tag & PRESENT) === 0) {
        return fault('vlan_vid can only be set where a tag is matched or pushed', 'vlan_vid');
      }
      if (action.field.name === 'vlan_tci') state.tag = Number(action.value);
      return null;
    }
    case 'mod_nw_src':
    case 'mod_nw_dst':
      return dlType(state) === IPV4 ? null : onlyVersion10(state);
    case 'mod_nw_tos':
    case 'mod_nw_ecn':
    case 'mod_nw_ttl':
      return isIp(state) ? null : onlyVersion10(state);
    case 'mod_tp_src':
    case 'mod_tp_dst': {
      const ports = [6, 17, 132].includes(state.protocol) && (state.fragment & 2) === 0;
      return isIp(state) && ports ? null : onlyVersion10(state);
    }
    case 'set_mpls_label':
    case 'set_mpls_tc':
    case 'set_mpls_ttl':
      return isMpls(state) ? null : onlyVersion10(state);
    default:
      return null;
  }
}

function checkCt(ct: Ct, state: State): Fault | null {
  const invalid = (state.tracked & 0x10) !== 0 && ct.commit;
  const helper =
    (ct.alg === 'ftp' && state.protocol !== 6) || (ct.alg === 'tftp' && state.protocol !== 17);
  if (!isIp(state) || invalid || helper) {
    return fault('ct needs a match on ip or ipv6, and its helper on the protocol', 'ct');
  }
  if (ct.zone.kind === 'field') return checkFields(state, [ct.zone.from.field], []);
  const version = ct.nat?.addresses?.from.version;
  const type = dlType(state);
  if ((version === 4 && type !== IPV4) || (version === 6 && type !== IPV6)) {
    return fault('nat needs a match on the IP version of its addresses', 'nat');
  }
  return check(ct.exec, state);
}

/** The flow that learn() writes has prerequisites of its own (lib/learn.c learn_check). */
function checkLearn(learn: Learn, state: State): Fault | null {
  const target = stateOf(new Map(), 255);
  const known: Readonly<Record<string, keyof State>> = {
    eth_type: 'etherType',
    ip_proto: 'protocol',
    vlan_tci: 'tag',
    vlan_vid: 'tag',
    tp_src: 'source',
    icmpv6_type: 'source',
    packet_type: 'packetType',
  };
  for (const spec of learn.specs) {
    const from =
      spec.kind === 'output' ? spec.from : spec.source.kind === 'field' ? spec.source.from : null;
    const missing = from === null ? null : checkFields(state, [from.field], []);
    if (missing !== null) return missing;
    if (spec.kind === 'output') continue;
    const wrong =
      spec.kind === 'match'
        ? checkFields(target, [spec.to.field], [])
        : checkFields(target, [], [spec.to.field]);
    if (wrong !== null) return wrong;
    const name = known[spec.to.field.name];
    if (spec.kind === 'match' && spec.source.kind === 'value' && name !== undefined) {
      Object.assign(target, { [name]: Number(spec.source.value) << spec.to.start });
    }
  }
  return null;
}
