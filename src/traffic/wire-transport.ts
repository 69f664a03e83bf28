/** Words → the transport header and the tunnel header behind it. */
import { ENCAPSULATION } from '../packet/fields.ts';
import { put48, putIpv6 } from '../packet/wire/bytes.ts';
import { ETHERTYPE } from '../packet/wire/ethernet.ts';
import { hasIdentifier, ICMP_TYPE, ICMPV6_TYPE, type Icmp, icmp } from '../packet/wire/icmp.ts';
import { IP_PROTOCOL } from '../packet/wire/ipv4.ts';
import { type Layer } from '../packet/wire/layer.ts';
import { emitNd, linkAddressOption } from '../packet/wire/nd.ts';
import { tcp } from '../packet/wire/tcp.ts';
import { GRE_FLAG, VXLAN_VALID_VNI } from '../packet/wire/tunnel.ts';
import { udp, uncheckedUdp } from '../packet/wire/udp.ts';
import { type Body } from './packet.ts';
import { AT, type Before, getAddress, getMac, kept, word } from './wire-fields.ts';
import { FRAGMENT, isNeighborMessage, linkAddressOptions } from './wire-read.ts';

/** The headers behind IP; a later fragment has none. */
export function transportLayers(
  words: Uint32Array,
  body: Body,
  before: Before | null,
): readonly Layer[] {
  if ((word(words, AT.frag) & FRAGMENT.later) !== 0) return [];
  const isSame =
    before !== null &&
    word(words, AT.proto) === word(before.words, AT.proto) &&
    word(words, AT.ethType) !== ETHERTYPE.arp &&
    (word(before.words, AT.frag) & FRAGMENT.later) === 0;
  if (isSame) return before.frame.layers.flatMap((layer) => changed(layer, words, body, before));
  return built(words, body);
}

/** A header that was read, its fields as they are now; nothing for those before the transport. */
function changed(
  layer: Layer,
  words: Uint32Array,
  body: Body,
  before: Before,
): Layer | readonly Layer[] {
  const src = kept(words, before, AT.tpSrc, 'src' in layer ? Number(layer.src) : 0);
  const dst = kept(words, before, AT.tpDst, 'dst' in layer ? Number(layer.dst) : 0);
  switch (layer.kind) {
    case 'tcp':
      return {
        ...layer,
        src,
        dst,
        flags: kept(words, before, AT.tcpFlags, layer.flags),
        seq: kept(words, before, AT.tcpSeq, layer.seq),
        ack: kept(words, before, AT.tcpAck, layer.ack),
        window: kept(words, before, AT.tcpWindow, layer.window),
        options: body.tcpOptions,
      };
    case 'udp':
    case 'sctp':
    case 'ports':
      return { ...layer, src, dst };
    case 'icmp':
    case 'icmpv6':
      return changedIcmp(layer, words, before);
    case 'igmp':
      return {
        ...layer,
        type: kept(words, before, AT.tpSrc, layer.type),
        code: kept(words, before, AT.tpDst, layer.code),
      };
    case 'vrrp':
      return layer;
    case 'gre':
      return { ...layer, key: kept(words, before, AT.encapId + 1, layer.key) };
    case 'vxlan':
    case 'geneve':
      return { ...layer, vni: kept(words, before, AT.encapId + 1, layer.vni) };
    default:
      return [];
  }
}

function changedIcmp(layer: Icmp, words: Uint32Array, before: Before): Icmp {
  const type = kept(words, before, AT.tpSrc, layer.type);
  const code = kept(words, before, AT.tpDst, layer.code);
  return { ...layer, type, code, rest: restOf({ ...layer, type, code }, words) };
}

/** The four bytes behind the checksum, from the fields that describe them for this type. */
function restOf(layer: Icmp, words: Uint32Array): number {
  if (hasIdentifier(layer.kind, layer.type)) {
    return ((word(words, AT.icmpId) << 16) | word(words, AT.icmpSeq)) >>> 0;
  }
  if (layer.kind === 'icmp') {
    // The field holds a redirect's gateway as well: both stand in the same place.
    if (layer.type === ICMP_TYPE.redirect) return word(words, AT.icmpMtu);
    const isTooBig = layer.type === ICMP_TYPE.unreachable && layer.code === 4;
    if (!isTooBig) return layer.rest;
    return ((layer.rest & 0xffff_0000) | (word(words, AT.icmpMtu) & 0xffff)) >>> 0;
  }
  if (layer.type === ICMPV6_TYPE.packetTooBig) return word(words, AT.icmpMtu);
  return isNeighborMessage(layer) ? word(words, AT.ndReserved) : layer.rest;
}

function built(words: Uint32Array, body: Body): readonly Layer[] {
  const src = word(words, AT.tpSrc);
  const dst = word(words, AT.tpDst);
  switch (word(words, AT.proto)) {
    case IP_PROTOCOL.tcp:
      return [
        tcp({
          src,
          dst,
          seq: word(words, AT.tcpSeq),
          ack: word(words, AT.tcpAck),
          flags: word(words, AT.tcpFlags),
          window: word(words, AT.tcpWindow),
          options: body.tcpOptions,
        }),
      ];
    case IP_PROTOCOL.udp:
      return udpLayers(src, dst, words);
    case IP_PROTOCOL.sctp:
      return [{ kind: 'sctp', src, dst, tag: 0, checksum: 0 }];
    case IP_PROTOCOL.igmp:
      return [{ kind: 'igmp', type: src, code: dst, checksum: 0, group: word(words, AT.ipDst) }];
    case IP_PROTOCOL.icmp:
      return [builtIcmp('icmp', src, dst, words)];
    case IP_PROTOCOL.icmpv6:
      return [builtIcmp('icmpv6', src, dst, words)];
    case IP_PROTOCOL.gre:
      return tunnelLayers(words);
    default:
      return [];
  }
}

function builtIcmp(kind: Icmp['kind'], type: number, code: number, words: Uint32Array): Icmp {
  return icmp(kind, type, code, restOf(icmp(kind, type, code, 0), words));
}

function udpLayers(src: number, dst: number, words: Uint32Array): readonly Layer[] {
  const tunnel = tunnelLayers(words);
  const plain = tunnel.length > 0 && word(words, AT.encapChecksum) === 0;
  return [plain ? uncheckedUdp(src, dst) : udp(src, dst), ...tunnel];
}

function tunnelLayers(words: Uint32Array): readonly Layer[] {
  const id = word(words, AT.encapId + 1);
  const flags = word(words, AT.encapFlags);
  const protocol = ETHERTYPE.transparentEthernet;
  switch (word(words, AT.encapKind)) {
    case ENCAPSULATION.vxlan: {
      const vxlanFlags = flags === 0 ? VXLAN_VALID_VNI : flags;
      return [{ kind: 'vxlan', flags: vxlanFlags, policy: 0, vni: id, reserved: 0 }];
    }
    case ENCAPSULATION.geneve:
      return [
        { kind: 'geneve', flags, protocol, vni: id, reserved: 0, options: new Uint8Array(0) },
      ];
    case ENCAPSULATION.gre: {
      const greFlags = flags === 0 && id !== 0 ? GRE_FLAG.key : flags;
      return [
        { kind: 'gre', flags: greFlags, protocol, checksum: 0, reserved: 0, key: id, sequence: 0 },
      ];
    }
    default:
      return [];
  }
}

/** A neighbour message with its fields written into it; any other payload as it is. */
export function neighborPayload(
  words: Uint32Array,
  body: Body,
  layers: readonly Layer[],
  before: Before | null,
): Uint8Array {
  const layer = layers.at(-1);
  if (layer?.kind !== 'icmpv6' || !isNeighborMessage(layer)) return body.payload;
  if (body.payload.length === 0 && before === null) return builtNeighbor(words, layer);
  if (body.payload.length < 16 || isUnchanged(words, before)) return body.payload;
  const out = body.payload.slice();
  putIpv6(out, 0, getAddress(words, AT.ndTarget));
  for (const { type, at } of linkAddressOptions(out)) {
    put48(out, at, getMac(words, type === 1 ? AT.ndSll : AT.ndTll));
  }
  return out;
}

function isUnchanged(words: Uint32Array, before: Before | null): boolean {
  if (before === null) return false;
  for (let i = AT.ndTarget; i < AT.ndTll + 2; i++) {
    if (word(words, i) !== word(before.words, i)) return false;
  }
  return true;
}

function builtNeighbor(words: Uint32Array, layer: Icmp): Uint8Array {
  const isSolicit = layer.type === ICMPV6_TYPE.neighborSolicit;
  const mac = getMac(words, isSolicit ? AT.ndSll : AT.ndTll);
  return emitNd({
    kind: isSolicit ? 'neighbor-solicit' : 'neighbor-advert',
    target: getAddress(words, AT.ndTarget),
    options: mac === 0 ? [] : [linkAddressOption(isSolicit ? 1 : 2, mac)],
  });
}
