/**
 * Rows of all pairs, each made when somebody asks for it: what one server sends, to every server.
 * Flows are read of the hosts alone that its packets come into. Before: `sweep.ts`.
 */
import { type Network } from '../../dataplane/network.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { withOutside } from '../../trace/outside.ts';
import { EVERYWHERE, NOWHERE, type Region, TooManyRegions } from '../../traffic/sets/regions.ts';
import { type AllPairs, openAllPairs } from './all-pairs.ts';
import { type Book, bookOf } from './book.ts';
import {
  ECHO_REQUEST,
  FROM_PORT,
  ICMP,
  openCoordinates,
  PROTOCOL,
  TO_PORT,
} from './coordinates.ts';
import { type Server, type Target } from './servers.ts';
import { rowOf } from './sweep.ts';

/** Packets that open something: an echo request, or a connection to a port; null: to any port. */
export type Opening =
  | { readonly protocol: 'icmp' }
  | { readonly protocol: 'tcp' | 'udp'; readonly port: number | null };

/** How many of these packets arrive; `open`: nothing is said of them here. */
export type Share = 'all' | 'some' | 'none' | 'open';

/** What one server sends. */
export interface AskedRow {
  /** Of packets to the first address of another server, by the id of its port. */
  share(to: string, opening: Opening): Share;
  /** Ports that get some of the packets. */
  reached(opening: Opening): Iterable<string>;
  /** Ports of which nothing is said here. */
  readonly open: ReadonlySet<string>;
}

export interface AskedRows {
  /** The row of a port; null where nothing is said of it here. */
  row(from: string): AskedRow | null;
}

const PROTOCOLS = { icmp: ICMP, tcp: 6, udp: 17 } as const;

/** Opens a network; nothing is worked out before the first question. */
export function openRows(network: Network): AskedRows {
  let opened: Opened | null = null;
  const rows = new Map<string, AskedRow | null>();
  return {
    row(from) {
      let row = rows.get(from);
      if (row === undefined) {
        opened ??= open(network);
        row = askedRow(opened, from);
        rows.set(from, row);
      }
      return row;
    },
  };
}

interface Opened {
  readonly all: AllPairs;
  readonly book: Book;
  /** By the id of their port. */
  readonly servers: ReadonlyMap<string, Server>;
}

function open(network: Network): Opened {
  const all = openAllPairs(compileNetwork(withOutside(network), {}), openCoordinates());
  const servers = new Map<string, Server>();
  for (const server of all.servers) {
    const id = server.endpoint.port?.id;
    if (id !== undefined) servers.set(id, server);
  }
  return { all, book: bookOf(all), servers };
}

/** Null where the engine does not start from the port, or would need too much. */
function askedRow({ all, book, servers }: Opened, from: string): AskedRow | null {
  const server = servers.get(from);
  if (server === undefined) return null;
  const some = new Map<string, Region>();
  const open = new Set<string>();
  try {
    const row = rowOf(all, book, server);
    for (const { to, where } of row.some) if (!to.floating) some.set(portOf(to), where);
    for (const { to } of row.open) if (!to.floating) open.add(portOf(to));
  } catch (error) {
    if (error instanceof TooManyRegions) return null;
    throw error;
  }
  return {
    share(to, opening) {
      if (open.has(to) || !servers.has(to)) return 'open';
      const where = some.get(to);
      return where === undefined ? 'none' : shareOf(all, where, opening);
    },
    *reached(opening) {
      for (const [to, where] of some) {
        if (!open.has(to) && shareOf(all, where, opening) !== 'none') yield to;
      }
    },
    open,
  };
}

function portOf({ server: { endpoint } }: Target): string {
  return endpoint.port?.id ?? '';
}

function shareOf({ coordinates: { regions } }: AllPairs, where: Region, opening: Opening): Share {
  let rest = regions.restricted(where, PROTOCOL, PROTOCOLS[opening.protocol]);
  if (opening.protocol === 'icmp') {
    rest = regions.restricted(regions.restricted(rest, TO_PORT, 0), FROM_PORT, ECHO_REQUEST);
  } else if (opening.port !== null) rest = regions.restricted(rest, TO_PORT, opening.port);
  return rest === NOWHERE ? 'none' : rest === EVERYWHERE ? 'all' : 'some';
}
