/** Words → the headers in front of IP or ARP: Ethernet, VLAN tags, SNAP, MPLS labels. */
import { ETHERTYPE, FIRST_ETHERTYPE } from '../packet/wire/ethernet.ts';
import { type Layer } from '../packet/wire/layer.ts';
import { type Mpls } from '../packet/wire/mpls.ts';
import { isVlanType, type Vlan } from '../packet/wire/vlan.ts';
import { AT, type Before, keptMac, NO_ETHERTYPE, TAG_PRESENT, word } from './wire-fields.ts';

/** A packet that begins with IP (quoted, or carried by GRE) has nothing here. */
export function linkLayers(words: Uint32Array, before: Before | null): readonly Layer[] {
  const read = before?.frame.layers ?? [];
  const first = read[0];
  if (before !== null && (first === undefined || first.kind === 'ipv4' || first.kind === 'ipv6')) {
    return [];
  }
  const tags = tagsOf(words, read);
  const deeper = read.filter((layer): layer is Vlan => layer.kind === 'vlan').slice(2);
  const snap = read.find((layer) => layer.kind === 'snap');
  const last = typeOf(words, read);
  // The type in front of each header: the tags' own types, then what the tags hide.
  const types = [...tags.map(({ tpid }) => tpid), snap === undefined ? last : lengthField(read)];
  const layers: Layer[] = [foremost(words, before, types[0] ?? last)];
  tags.forEach(({ tci }, i) => {
    layers.push({ kind: 'vlan', tci, type: types[i + 1] ?? last });
  });
  if (snap !== undefined) layers.push(isHidden(words) ? snap : { ...snap, type: last });
  if (isMpls(words)) layers.push(...labelsOf(words, read));
  const unread = unreadTag(words);
  layers.push(...unread, ...deeper);
  // Labels behind the tag. Behind labels that were pushed in front of it they stay as read.
  if (unread.length > 0 && isMpls(behindTags(words))) {
    const kept = read.filter((layer): layer is Mpls => layer.kind === 'mpls');
    layers.push(...(isMpls(words) ? kept : labelsOf(words, read)));
  }
  return layers;
}

function foremost(words: Uint32Array, before: Before | null, type: number): Layer {
  const first = before?.frame.layers[0];
  if (first?.kind === 'cooked') {
    return { ...first, type, src: keptMac(words, before, AT.ethSrc, first.src) };
  }
  const dst = keptMac(words, before, AT.ethDst, first?.kind === 'ethernet' ? first.dst : 0);
  const src = keptMac(words, before, AT.ethSrc, first?.kind === 'ethernet' ? first.src : 0);
  return { kind: 'ethernet', dst, src, type };
}

/** The two outermost tags. A tag that is still the one that was read keeps its DEI bit. */
function tagsOf(
  words: Uint32Array,
  read: readonly Layer[],
): readonly { readonly tpid: number; readonly tci: number }[] {
  const tags: { tpid: number; tci: number }[] = [];
  for (let i = 0; i < AT.tci.length; i++) {
    const value = word(words, AT.tci[i] ?? 0);
    if ((value & TAG_PRESENT) === 0) break;
    const same = read.find(
      (layer): layer is Vlan => layer.kind === 'vlan' && (layer.tci | TAG_PRESENT) === value,
    );
    const tpid = word(words, AT.tpid[i] ?? 0);
    tags.push({
      tpid: tpid === 0 ? ETHERTYPE.vlan : tpid,
      tci: same?.tci ?? value & ~TAG_PRESENT,
    });
  }
  return tags;
}

/** The tag that fields do not describe. Its own type stands in front of it, like all types. */
function unreadTag(words: Uint32Array): readonly Vlan[] {
  const tci = word(words, AT.hiddenTci);
  if ((tci & TAG_PRESENT) === 0) return [];
  return [{ kind: 'vlan', tci: tci & ~TAG_PRESENT, type: word(words, AT.hiddenType) }];
}

/** The words with the type that stands behind every tag. */
export function behindTags(words: Uint32Array): Uint32Array {
  if ((word(words, AT.hiddenTci) & TAG_PRESENT) === 0) return words;
  const shown = words.slice();
  shown[AT.ethType] = word(words, AT.hiddenType);
  return shown;
}

/** The type in front of the payload; an 802.2 length stays the one that was read. */
function typeOf(words: Uint32Array, read: readonly Layer[]): number {
  const type = word(words, AT.ethType);
  return type === NO_ETHERTYPE || (type === 0 && read.length > 0) ? lengthField(read) : type;
}

function lengthField(read: readonly Layer[]): number {
  for (const layer of read) {
    const hasType = layer.kind === 'ethernet' || layer.kind === 'vlan' || layer.kind === 'cooked';
    if (hasType && layer.type < FIRST_ETHERTYPE) return layer.type;
  }
  return 0;
}

export function isMpls(words: Uint32Array): boolean {
  const type = word(words, AT.ethType);
  return type === ETHERTYPE.mpls || type === ETHERTYPE.mplsMulticast;
}

/** Whether a third VLAN tag hides what is behind it from the fields. */
export function isHidden(words: Uint32Array): boolean {
  return isVlanType(word(words, AT.ethType));
}

/** The label stack: three entries from the words, deeper ones as read. */
function labelsOf(words: Uint32Array, read: readonly Layer[]): readonly Mpls[] {
  const given = read.filter((layer): layer is Mpls => layer.kind === 'mpls');
  const stack: Mpls[] = [];
  for (let i = 0; i < AT.mpls.length; i++) {
    const entry = word(words, AT.mpls[i] ?? 0);
    // An all-zero word is no entry, unless the frame really has one there.
    if (entry === 0 && given[i] === undefined) break;
    stack.push({ kind: 'mpls', entry });
    if ((entry & 0x100) !== 0) return stack;
  }
  return [...stack, ...given.slice(AT.mpls.length)];
}
