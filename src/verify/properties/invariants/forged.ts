/**
 * Anti-spoofing: of all frames a server can put on its wire, none gets beyond its own host's
 * filters that claims an address which is not the server's. Ports without port security may send
 * whatever they like and are left out.
 */
import { type Endpoint, ROOT } from '../../../dataplane/network.ts';
import { linkLocalAddress } from '../../../model/ids.ts';
import { type CloudPrefix, type NeutronPort } from '../../../model/neutron.ts';
import { field } from '../../../packet/fields.ts';
import { compileNetwork } from '../../../trace/compiled-network.ts';
import { lineageReader } from '../../../trace/lineage.ts';
import { type Device } from '../../../trace/walk.ts';
import { and, type Match, not, or, test } from '../../../traffic/match.ts';
import { blankPacket } from '../../../traffic/packet.ts';
import { type PacketSet } from '../../../traffic/sets/packet-set.ts';
import { inputPacket } from '../../../traffic/sets/space.ts';
import { frameText } from '../../proof/frame-text.ts';
import {
  endingsOfFrames,
  FRAME_KINDS,
  type FrameKind,
  type FrameSource,
  followParts,
} from '../../proof/frames.ts';
import { endsOf, serversOf } from '../ends.ts';
import { type Checking, plain } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';

export function* checkForged(checking: Checking, property: InvariantProperty): Generator<Checked> {
  const { network, file } = checking;
  const wanted = property.among === null ? null : endsOf(network, file.groups, property.among);
  if (wanted !== null && wanted.wrong.length > 0) {
    yield plain(property, property.among?.join(', ') ?? '', 'fails', wanted.wrong);
    return;
  }
  const servers = serversOf(network).filter(
    ({ name, port }) =>
      wanted === null || wanted.names.includes(name) || wanted.names.includes(port?.id ?? ''),
  );
  const guarded = servers.filter(({ port }) => port?.portSecurity === true);
  if (guarded.length === 0) {
    const because = ['says nothing: no server has a port with port security'];
    yield plain(property, property.among?.join(', ') ?? 'all servers', 'fails', because);
    return;
  }
  const compiled = compileNetwork(network);
  for (const server of guarded) {
    for (const kind of FRAME_KINDS) {
      if (!property.except.includes(kind)) yield checkServer(compiled, property, server, kind);
    }
  }
}

function checkServer(
  compiled: ReturnType<typeof compileNetwork>,
  property: InvariantProperty,
  server: Endpoint,
  kind: FrameKind,
): Checked {
  const { name, port } = server;
  const said = plain(property, `${name} ${kind}`, 'holds');
  if (port === null) return { ...said, holds: 'unsure', because: [WIRELESS] };
  const doubts = new Set<string>();
  let shown: string | null = null;
  followParts(compiled.network, kind, doubts, (space, part) => {
    const forged = and(not(honest(kind, port)), part);
    let isFar = (_: Device<PacketSet>): boolean => true;
    const endings = endingsOfFrames(compiled, server, space, kind, forged, (source) => {
      isFar = (device) => beyond(device, source);
      return isFar;
    });
    if (endings === null) {
      doubts.add(WIRELESS);
      return false;
    }
    const lineageOf = lineageReader();
    for (const { p, device } of endings) {
      // What the host's own stack takes has not left the host, and what it answers is its own.
      if (!isFar(device) || lineageOf(p).role !== 'request') continue;
      const { words } = inputPacket(space, p.where, blankPacket());
      shown = `a forged frame gets to ${device.host} ${device.name}: ${frameText(kind, words)}`;
      return false;
    }
    for (const { p } of endings) for (const doubt of p.doubts) doubts.add(doubt);
    return true;
  });
  if (shown !== null) return { ...said, holds: 'fails', because: [shown] };
  return doubts.size === 0 ? said : { ...said, holds: 'unsure', because: [...doubts] };
}

const WIRELESS = 'nothing is known of its wire';

/** A device behind the filters of the sender's own host: another host, or somebody's namespace. */
function beyond(device: Device<PacketSet>, { host, namespace }: FrameSource): boolean {
  if (device.host !== host) return true;
  return device.stage !== 'switch' && device.name !== namespace && device.name !== ROOT;
}

/** Frames whose addresses are those of the port and of its allowed address pairs. */
function honest(kind: FrameKind, port: NeutronPort): Match {
  const source = field('eth_src');
  const own: readonly Pair[] = [
    ...port.fixedIps.map(({ address }) => ({
      mac: port.mac,
      prefix: { address, length: address.version === 4 ? 32 : 128 },
    })),
    ...port.allowedAddressPairs.map(({ mac, prefix }) => ({ mac: mac ?? port.mac, prefix })),
  ];
  const macs = [...new Set([port.mac, ...own.map(({ mac }) => mac)])];
  const byMac = or(...macs.map((mac) => test(source, mac)));
  const from = (version: 4 | 6, of: 'ip_src' | 'arp_spa' | 'ipv6_src' | 'nd_target'): Match =>
    or(
      ...own
        .filter(({ prefix }) => prefix.address.version === version)
        .map(({ mac, prefix }) => and(test(source, mac), within(of, prefix))),
    );
  switch (kind) {
    case 'other':
      return byMac;
    case 'arp':
      // A probe claims nothing (RFC 5227 §1.1); the sender's hardware address is what it claims its
      // own addresses for.
      return or(from(4, 'arp_spa'), and(byMac, test(field('arp_spa'), 0n)));
    case 'ipv4':
      return or(from(4, 'ip_src'), and(byMac, asking('ip_src', 68n, 67n)));
    case 'icmpv6':
    case 'ipv6': {
      const local = macs.map((mac) =>
        and(test(source, mac), test(field('ipv6_src'), linkLocalAddress(mac).value)),
      );
      const unspecified = and(byMac, test(field('ipv6_src'), 0n));
      const mine = or(from(6, 'ipv6_src'), ...local, unspecified);
      if (kind === 'ipv6') return mine;
      const targets = or(
        from(6, 'nd_target'),
        ...macs.map((mac) => test(field('nd_target'), linkLocalAddress(mac).value)),
      );
      return and(mine, or(not(ADVERTISEMENT), targets));
    }
  }
}

interface Pair {
  readonly mac: bigint;
  readonly prefix: CloudPrefix;
}

/** A neighbour advertisement (RFC 4861 §4.4) claims its target. */
const ADVERTISEMENT = test(field('tp_src'), 136n);

/** A client without an address asks a DHCP server (RFC 2131 §4.1). */
function asking(source: 'ip_src', from: bigint, to: bigint): Match {
  return and(
    test(field(source), 0n),
    test(field('ip_proto'), 17n),
    test(field('tp_src'), from),
    test(field('tp_dst'), to),
  );
}

function within(of: string, { address, length }: CloudPrefix): Match {
  const width = BigInt(address.version === 4 ? 32 : 128);
  const mask = ((1n << BigInt(length)) - 1n) << (width - BigInt(length));
  return test(field(of), address.value & mask, mask);
}
