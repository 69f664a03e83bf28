/**
 * Actions as an OpenFlow 1.0 connection carries them: `ovs-ofctl dump-flows` speaks 1.0 unless
 * told otherwise, so a dump shows these words whatever words installed the flow
 * (lib/ofp-actions.c encode_*). Needed to compare wanted flows with dumped ones.
 */
import { field } from '../../../packet/fields.ts';
import { type Action, type Ct, type SetSpelling } from '../types/flow.ts';
import { loadRuns } from './actions-set.ts';
import { ones } from './numbers.ts';

type SetField = Extract<Action, { kind: 'set-field' }>;

/** The actions an OpenFlow 1.0 dump shows for these. */
export function asOpenFlow10(actions: readonly Action[]): readonly Action[] {
  return actions.flatMap(convert);
}

function convert(action: Action): readonly Action[] {
  switch (action.kind) {
    case 'drop':
    case 'push-vlan':
    case 'meter':
    case 'clear-actions':
    case 'write-actions':
      return [];
    case 'pop-vlan':
      return [{ kind: 'pop-vlan', spelling: 'strip_vlan' }];
    case 'set-vlan-vid':
      return [{ kind: 'set-vlan-vid', vid: action.vid }];
    case 'set-vlan-pcp':
      return [{ kind: 'set-vlan-pcp', pcp: action.pcp }];
    case 'goto-table':
      return [{ kind: 'resubmit', port: null, table: resubmitted(action.table), ct: false }];
    case 'set-field':
      return convertSet(action);
    case 'note':
      return [{ kind: 'note', bytes: padded(action.bytes) }];
    case 'clone':
      return [{ kind: 'clone', actions: asOpenFlow10(action.actions) }];
    case 'ct':
      return [{ kind: 'ct', ct: convertCt(action.ct) }];
    default:
      return [action];
  }
}

function convertCt(ct: Ct): Ct {
  const exec = asOpenFlow10(ct.exec);
  if (ct.natAfter === undefined) return { ...ct, exec };
  // One set_field may become several loads, all still in front of nat.
  return { ...ct, exec, natAfter: asOpenFlow10(ct.exec.slice(0, ct.natAfter)).length };
}

/** OpenFlow 1.0 words for whole fields; all other fields become loads. */
const WORDS: Readonly<Record<string, SetSpelling>> = {
  eth_src: 'mod_dl_src',
  eth_dst: 'mod_dl_dst',
  ip_src: 'mod_nw_src',
  ip_dst: 'mod_nw_dst',
  nw_tos: 'mod_nw_tos',
  tcp_src: 'mod_tp_src',
  udp_src: 'mod_tp_src',
  tcp_dst: 'mod_tp_dst',
  udp_dst: 'mod_tp_dst',
};

/** Table 255 is how resubmit says that no table is named. */
function resubmitted(table: number): number | null {
  return table === 255 ? null : table;
}

function convertSet(action: SetField): readonly Action[] {
  const { spelling, value } = action;
  const { name } = action.field;
  if (spelling === 'mod_nw_ecn' || spelling === 'mod_nw_ttl') return loadRuns(action);
  if (spelling !== 'set_field') return [action];
  const vid = Number(value & 0xfffn);
  if (name === 'vlan_tci') {
    if ((value & 0x1000n) === 0n) return [{ kind: 'pop-vlan', spelling: 'strip_vlan' }];
    return [
      { kind: 'set-vlan-vid', vid },
      { kind: 'set-vlan-pcp', pcp: Number(value >> 13n) },
    ];
  }
  if (name === 'vlan_vid') return [{ kind: 'set-vlan-vid', vid }];
  if (name === 'vlan_pcp') return [{ kind: 'set-vlan-pcp', pcp: Number(value) }];
  if (name === 'ip_dscp') {
    const of = field('nw_tos');
    return [{ ...action, field: of, value: value << 2n, mask: 0xfcn, spelling: 'mod_nw_tos' }];
  }
  if (name === 'in_port') return loadRuns({ ...action, mask: 0xffffn });
  const word = WORDS[name];
  if (word !== undefined) {
    const whole = word === 'mod_nw_tos' ? 0xfcn : ones(action.field.width);
    return [{ ...action, field: shortField(word, action), mask: whole, spelling: word }];
  }
  return isExperimental(name) ? [action] : loadRuns(action);
}

function shortField(word: SetSpelling, action: SetField): SetField['field'] {
  if (word === 'mod_tp_src') return field('tp_src');
  return word === 'mod_tp_dst' ? field('tp_dst') : action.field;
}

/** Fields with only an experimenter's OXM are carried whole, as set_field. */
function isExperimental(name: string): boolean {
  return /^(?:nsh_|tun_erspan_|nd_reserved|nd_options_type)/.test(name);
}

/** A note fills its action up to a multiple of eight bytes, ten of which are the header. */
function padded(bytes: string): string {
  const list = bytes === '' ? [] : bytes.split('.');
  while (list.length % 8 !== 6) list.push('00');
  return list.join('.');
}
