/** Tags and headers: VLAN, MPLS, encapsulation, times to live (ovs-actions(7)). */
import { type Action } from '../types/flow.ts';
import { type AnyRow, type Argument, argumentText, row } from './action-row.ts';
import { type Fault, fault, isFault, looseNumber, wholeNumber } from './numbers.ts';
import { keyText, nextPair, pairCursor, valueText } from './pairs.ts';
import { PROTOCOLS } from './protocols.ts';

function etherTypeOf(argument: Argument): number | Fault {
  return wholeNumber(argumentText(argument), 0xffff, 'the Ethernet type');
}

const HEADERS = ['ethernet', 'nsh', 'mpls', 'mpls_mc'];

function readEncap(argument: Argument): Action | Fault {
  argument.reading.protocols &= PROTOCOLS.v13up;
  const cursor = pairCursor(argument.bytes, argument.start, argument.end);
  if (!nextPair(cursor)) return fault('encap needs a header', argumentText(argument));
  const header = keyText(cursor);
  if (!HEADERS.includes(header)) return fault('unknown header to encapsulate', header, HEADERS);
  const properties: string[] = [];
  const inner = pairCursor(argument.bytes, cursor.valueStart, cursor.valueEnd);
  while (nextPair(inner)) {
    const property = header === 'nsh' ? nshProperty(keyText(inner), valueText(inner)) : undefined;
    if (property === undefined) return fault('unknown property of encap', keyText(inner));
    properties.push(property);
  }
  return { kind: 'encap', header, properties };
}

function nshProperty(key: string, value: string): string | undefined {
  if (key === 'md_type') {
    const type = wholeNumber(value, 255, 'md_type');
    return type === 1 || type === 2 ? `md_type=${type}` : undefined;
  }
  const tlv = /^0x([0-9a-fA-F]{1,4}),([0-9]{1,3}),0x([0-9a-fA-F]{1,251})/.exec(value);
  if (key !== 'tlv' || tlv === null) return undefined;
  const data = BigInt(`0x${tlv[3]}`).toString(16);
  return `tlv(0x${(tlv[1] ?? '').toLowerCase().padStart(4, '0')},${Number(tlv[2])},0x${data})`;
}

function readDecap(argument: Argument): Action | Fault {
  const text = argumentText(argument);
  if (text.trim() === '') return { kind: 'decap', packetType: null };
  const parts = /^\s*packet_type\(\s*ns=([^,\s]+)[,\s]+type=([^,\s)]+)/.exec(text);
  if (parts === null) return fault('decap takes packet_type(ns=N,type=T)', text);
  const ns = wholeNumber(parts[1] ?? '', 0xffff, 'ns');
  const type = wholeNumber(parts[2] ?? '', 0xffff, 'type');
  if (isFault(ns)) return ns;
  if (isFault(type)) return type;
  return ns < 4 ? { kind: 'decap', packetType: { ns, type } } : fault('unknown ns', parts[1]);
}

function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

export const HEADER_ROWS: readonly AnyRow[] = [
  row({
    kind: 'push-vlan',
    words: ['push_vlan'],
    read(argument) {
      argument.reading.protocols &= PROTOCOLS.v11up;
      const etherType = etherTypeOf(argument);
      if (isFault(etherType)) return etherType;
      return etherType === 0x8100 || etherType === 0x88a8
        ? { kind: 'push-vlan', etherType }
        : fault('not the Ethernet type of a VLAN tag', argumentText(argument), [
            '0x8100',
            '0x88a8',
          ]);
    },
    write: ({ etherType }) => `push_vlan:0x${etherType.toString(16)}`,
  }),
  row({
    kind: 'pop-vlan',
    words: ['pop_vlan', 'strip_vlan'],
    read: ({ word }) => ({
      kind: 'pop-vlan',
      ...(word === 'strip_vlan' ? { spelling: 'strip_vlan' } : {}),
    }),
    write: ({ spelling }) => spelling ?? 'pop_vlan',
  }),
  row({
    kind: 'set-vlan-vid',
    words: ['mod_vlan_vid', 'set_vlan_vid'],
    read(argument) {
      const vid = wholeNumber(argumentText(argument), 0xfff, 'the VLAN');
      if (isFault(vid)) return vid;
      const bare = argument.word === 'set_vlan_vid';
      return { kind: 'set-vlan-vid', vid, ...(bare ? { spelling: 'set_vlan_vid' } : {}) };
    },
    write: ({ vid, spelling }) => `${spelling ?? 'mod_vlan_vid'}:${vid}`,
  }),
  row({
    kind: 'set-vlan-pcp',
    words: ['mod_vlan_pcp', 'set_vlan_pcp'],
    read(argument) {
      const pcp = wholeNumber(argumentText(argument), 7, 'the VLAN priority');
      if (isFault(pcp)) return pcp;
      const bare = argument.word === 'set_vlan_pcp';
      return { kind: 'set-vlan-pcp', pcp, ...(bare ? { spelling: 'set_vlan_pcp' } : {}) };
    },
    write: ({ pcp, spelling }) => `${spelling ?? 'mod_vlan_pcp'}:${pcp}`,
  }),
  row({
    kind: 'push-mpls',
    words: ['push_mpls'],
    read(argument) {
      const etherType = etherTypeOf(argument);
      return isFault(etherType) ? etherType : { kind: 'push-mpls', etherType };
    },
    write: ({ etherType }) => `push_mpls:${hex4(etherType)}`,
  }),
  row({
    kind: 'pop-mpls',
    words: ['pop_mpls'],
    read(argument) {
      const etherType = etherTypeOf(argument);
      return isFault(etherType) ? etherType : { kind: 'pop-mpls', etherType };
    },
    write: ({ etherType }) => `pop_mpls:${hex4(etherType)}`,
  }),
  row({
    kind: 'dec-mpls-ttl',
    words: ['dec_mpls_ttl'],
    read: () => ({ kind: 'dec-mpls-ttl' }),
    write: () => 'dec_mpls_ttl',
  }),
  row({
    kind: 'dec-ttl',
    words: ['dec_ttl'],
    read(argument) {
      const text = argumentText(argument);
      if (text === '') return { kind: 'dec-ttl', controllers: [] };
      const ids = text.split(/[, ]+/).filter((part) => part !== '');
      if (ids.length === 0) return fault('dec_ttl() needs a controller', text);
      return { kind: 'dec-ttl', controllers: ids.map((id) => looseNumber(id, 16)) };
    },
    write: ({ controllers }) =>
      controllers.length === 0 ? 'dec_ttl' : `dec_ttl(${controllers.join(',')})`,
  }),
  row({
    kind: 'dec-nsh-ttl',
    words: ['dec_nsh_ttl'],
    read: () => ({ kind: 'dec-nsh-ttl' }),
    write: () => 'dec_nsh_ttl',
  }),
  row({
    kind: 'encap',
    words: ['encap'],
    read: readEncap,
    write: ({ header, properties }) =>
      properties.length === 0 ? `encap(${header})` : `encap(${header}(${properties.join(',')}))`,
  }),
  row({
    kind: 'decap',
    words: ['decap'],
    read: readDecap,
    write({ packetType }) {
      if (packetType === null) return 'decap()';
      const type = packetType.type === 0 ? '0' : `0x${packetType.type.toString(16)}`;
      return `decap(packet_type(ns=${packetType.ns},type=${type}))`;
    },
  }),
];
