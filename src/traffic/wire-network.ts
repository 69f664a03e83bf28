/** Words → ARP, or the IP header with its IPv6 extension headers. */
import { type Arp } from '../packet/wire/arp.ts';
import { ETHERTYPE } from '../packet/wire/ethernet.ts';
import { DONT_FRAGMENT, type Ipv4, ipv4, MORE_FRAGMENTS } from '../packet/wire/ipv4.ts';
import { IPV6_LENGTH, type Ipv6, type Ipv6Fragment, ipv6 } from '../packet/wire/ipv6.ts';
import { type Layer } from '../packet/wire/layer.ts';
import { type Body } from './packet.ts';
import {
  AT,
  type Before,
  getAddress,
  getMac,
  kept,
  keptAddress,
  keptMac,
  word,
} from './wire-fields.ts';
import { isHidden, isMpls } from './wire-link.ts';
import { FRAGMENT } from './wire-read.ts';

type Network = Arp | Ipv4 | Ipv6;

function isNetwork(layer: Layer): layer is Network {
  return layer.kind === 'arp' || layer.kind === 'ipv4' || layer.kind === 'ipv6';
}

/** The headers from ARP or IP up to the transport header, without it. */
export function networkLayers(
  words: Uint32Array,
  body: Body,
  before: Before | null,
): readonly Layer[] {
  if (isHidden(words)) return [];
  const read = before?.frame.layers.find(isNetwork);
  const kind = networkKind(words, read);
  if (before !== null && read !== undefined && read.kind === kind) {
    return [changed(read, words, body, before), ...extensions(words, before)];
  }
  // The same type as read, and no header of it was understood: it is among the payload.
  if (before !== null && word(words, AT.ethType) === word(before.words, AT.ethType)) return [];
  return kind === null ? [] : [built(kind, words, body)];
}

function networkKind(words: Uint32Array, read: Network | undefined): Network['kind'] | null {
  if (isMpls(words)) {
    if (read !== undefined) return read.kind;
    return word(words, AT.ipDst) === 0 ? null : 'ipv4';
  }
  switch (word(words, AT.ethType)) {
    case ETHERTYPE.ipv4:
      return 'ipv4';
    case ETHERTYPE.ipv6:
      return 'ipv6';
    case ETHERTYPE.arp:
    case ETHERTYPE.rarp:
      return 'arp';
    default:
      return null;
  }
}

function changed(read: Network, words: Uint32Array, body: Body, before: Before): Network {
  switch (read.kind) {
    case 'arp':
      return {
        kind: 'arp',
        op: kept(words, before, AT.arpOp, read.op),
        sha: keptMac(words, before, AT.arpSha, read.sha),
        spa: kept(words, before, AT.arpSpa, read.spa),
        tha: keptMac(words, before, AT.arpTha, read.tha),
        tpa: kept(words, before, AT.arpTpa, read.tpa),
      };
    case 'ipv4':
      return {
        ...read,
        ...fragmentOf(words, before, read),
        src: kept(words, before, AT.ipSrc, read.src),
        dst: kept(words, before, AT.ipDst, read.dst),
        tos: kept(words, before, AT.tos, read.tos),
        ttl: kept(words, before, AT.ttl, read.ttl),
        protocol: kept(words, before, AT.proto, read.protocol),
        id: kept(words, before, AT.id, read.id),
        totalLength: kept(words, before, AT.ipLen, read.totalLength),
        options: body.ipOptions,
      };
    case 'ipv6': {
      const length = kept(words, before, AT.ipLen, read.payloadLength + IPV6_LENGTH);
      return {
        ...read,
        src: keptAddress(words, before, AT.ipv6Src, read.src),
        dst: keptAddress(words, before, AT.ipv6Dst, read.dst),
        trafficClass: kept(words, before, AT.tos, read.trafficClass),
        flowLabel: kept(words, before, AT.ipv6Label, read.flowLabel),
        hopLimit: kept(words, before, AT.ttl, read.hopLimit),
        nextHeader: kept(words, before, AT.proto, read.nextHeader),
        payloadLength: length - IPV6_LENGTH,
      };
    }
  }
}

/** Flags and offset as they were, or as the changed fragment fields say. */
function fragmentOf(
  words: Uint32Array,
  before: Before | null,
  read: { readonly flags: number; readonly offset: number },
): { readonly flags: number; readonly offset: number } {
  const offset = kept(words, before, AT.offset, read.offset);
  const bits = word(words, AT.frag);
  let flags = read.flags;
  if (before === null || bits !== word(before.words, AT.frag)) {
    // Only a first fragment is sure to have more behind it.
    const more = bits === FRAGMENT.any ? MORE_FRAGMENTS : 0;
    flags = (flags & ~MORE_FRAGMENTS) | more;
  }
  const df = word(words, AT.df) === 0 ? 0 : DONT_FRAGMENT;
  return { flags: (flags & ~DONT_FRAGMENT) | df, offset };
}

function extensions(words: Uint32Array, before: Before): readonly Layer[] {
  const found: Layer[] = [];
  for (const layer of before.frame.layers) {
    if (layer.kind === 'ipv6-extension') found.push(layer);
    if (layer.kind === 'ipv6-fragment') found.push(changedFragment(layer, words, before));
  }
  return found;
}

function changedFragment(read: Ipv6Fragment, words: Uint32Array, before: Before): Ipv6Fragment {
  const { offset, flags } = fragmentOf(words, before, { ...read, flags: read.flags });
  return {
    ...read,
    offset,
    // There is no "don't fragment" here: that bit is one of the reserved ones.
    flags: (read.flags & ~MORE_FRAGMENTS) | (flags & MORE_FRAGMENTS),
    id: kept(words, before, AT.id, read.id),
  };
}

function built(kind: Network['kind'], words: Uint32Array, body: Body): Network {
  switch (kind) {
    case 'arp':
      return {
        kind: 'arp',
        op: word(words, AT.arpOp),
        sha: getMac(words, AT.arpSha),
        spa: word(words, AT.arpSpa),
        tha: getMac(words, AT.arpTha),
        tpa: word(words, AT.arpTpa),
      };
    case 'ipv4':
      return ipv4({
        ...fragmentOf(words, null, { flags: 0, offset: 0 }),
        src: word(words, AT.ipSrc),
        dst: word(words, AT.ipDst),
        tos: word(words, AT.tos),
        ttl: word(words, AT.ttl),
        protocol: word(words, AT.proto),
        id: word(words, AT.id) & 0xffff,
        options: body.ipOptions,
      });
    case 'ipv6':
      return ipv6({
        src: getAddress(words, AT.ipv6Src),
        dst: getAddress(words, AT.ipv6Dst),
        trafficClass: word(words, AT.tos),
        flowLabel: word(words, AT.ipv6Label),
        hopLimit: word(words, AT.ttl),
        nextHeader: word(words, AT.proto),
      });
  }
}
