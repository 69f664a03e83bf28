/** Listening sockets as a table over destination address and port (net/ipv4/inet_hashtables.c). */

import { compileTable } from '../../traffic/compiled.ts';
import { and, type Match, test } from '../../traffic/match.ts';
import { type Rule, type Table } from '../../traffic/table.ts';
import { destinationOf, ETHERTYPE, F, PROTOCOL } from './headers.ts';
import { type Socket } from './types.ts';

export interface SocketTable {
  readonly tcp: Table<Socket>;
  readonly udp: Table<Socket>;
  /** IP protocols that a raw socket receives: for them no "protocol unreachable" is sent. */
  readonly rawProtocols: Table<Socket>;
}

/** Compiles sockets: one bound to an address is preferred to one that listens on all. */
export function compileSockets(sockets: readonly Socket[]): SocketTable {
  return {
    tcp: table(sockets, 'tcp'),
    udp: table(sockets, 'udp'),
    rawProtocols: table(sockets, 'raw'),
  };
}

function table(sockets: readonly Socket[], protocol: Socket['protocol']): Table<Socket> {
  const bound = (socket: Socket): number => (socket.address === null ? 1 : 0);
  const rules = sockets
    .filter((socket) => socket.protocol === protocol)
    .sort((a, b) => bound(a) - bound(b))
    .map((entry, rank): Rule<Socket> => ({ match: accepts(entry), rank, decisive: true, entry }));
  return compileTable(rules);
}

function accepts(socket: Socket): Match {
  const parts: Match[] = [];
  const version = socket.address?.version ?? socket.version;
  if (version !== null) {
    parts.push(test(F.ethType, BigInt(version === 4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6)));
  }
  if (socket.address !== null) {
    parts.push(test(destinationOf(socket.address.version), socket.address.value));
  }
  // A raw socket's "port" is its IP protocol, as ss(8) prints it.
  if (socket.protocol === 'raw') parts.push(test(F.protocol, BigInt(socket.port)));
  else {
    const protocol = socket.protocol === 'tcp' ? PROTOCOL.tcp : PROTOCOL.udp;
    parts.push(test(F.protocol, BigInt(protocol)), test(F.destinationPort, BigInt(socket.port)));
  }
  return and(...parts);
}
