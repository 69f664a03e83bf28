/**
 * All pairs of servers in one pass over each state of a plan: new connections over IPv4. What it
 * cannot carry is left to the proofs of single pairs. Before: `views.ts`. After: `check.ts`.
 */
import { type Network } from '../../dataplane/network.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { withOutside } from '../../trace/outside.ts';
import { NOWHERE, type Region, TooManyRegions } from '../../traffic/sets/regions.ts';
import { openSpace } from '../../traffic/sets/space.ts';
import { openAllPairs } from '../../verify/allpairs/all-pairs.ts';
import { inProofSpace } from '../../verify/allpairs/compared.ts';
import { type Coordinates, openCoordinates } from '../../verify/allpairs/coordinates.ts';
import { sweep } from '../../verify/allpairs/sweep.ts';
import { groupOf } from '../../verify/proof/prove.ts';
import { type Wrong } from './proving.ts';
import { type View } from './views.ts';

/** Wrong pairs of one state that are told. */
const MOST_TOLD = 20;

/** What arrives of each server, by the number of the address; `open`: nobody says. */
interface FromServer {
  readonly some: ReadonlyMap<number, Region>;
  readonly open: ReadonlySet<number>;
}

interface Table {
  /** By the ids of ports, for names may be shared. */
  readonly servers: ReadonlyMap<string, FromServer>;
  readonly names: ReadonlyMap<string, string>;
  /** Whose an address is. */
  readonly owners: ReadonlyMap<number, string>;
}

export interface Everyone {
  /** Ordered pairs of servers that are carried in both ends of the plan. */
  readonly carried: number;
  /** What a state loses or adds; a sentence where it is too large to tell. */
  wrong(view: View): readonly Wrong[] | string;
}

/** @returns a sentence where the network is too large for one pass */
export function openEveryone(old: View, to: View): Everyone | string {
  const coordinates = openCoordinates();
  const tables = orTooLarge(() => [
    tableOf(old.sender(), coordinates),
    tableOf(to.sender(), coordinates),
  ]);
  if (typeof tables === 'string') return tables;
  const [before, after] = tables as [Table, Table];
  const asked = [...before.owners]
    .filter(([address, owner]) => after.owners.get(address) === owner)
    .map(([address]) => address);
  const isOpen = (from: string, address: number): boolean =>
    [before, after].some(({ servers }) => servers.get(from)?.open.has(address) !== false);
  const senders = [...before.servers.keys()].filter((from) => after.servers.has(from));
  const pairs = senders.flatMap((from) =>
    asked.filter((address) => before.owners.get(address) !== from).map((to) => [from, to] as const),
  );
  const between = pairs.filter(([from, address]) => !isOpen(from, address));
  const carried = new Set(between.map(([from, to]) => `${from} ${before.owners.get(to) ?? ''}`))
    .size;
  return {
    carried,
    wrong(view) {
      const now = orTooLarge(() => tableOf(view.sender(), coordinates));
      if (typeof now === 'string') return now;
      return differences(coordinates, { before, after, now }, senders, asked);
    },
  };
}

function orTooLarge<T>(make: () => T): T | string {
  try {
    return make();
  } catch (error) {
    if (error instanceof TooManyRegions) return error.message;
    throw error;
  }
}

function tableOf(network: Network, coordinates: Coordinates): Table {
  const all = openAllPairs(compileNetwork(withOutside(network), {}), coordinates);
  const idOf = ({
    port,
    name,
  }: {
    readonly port: { readonly id: string } | null;
    readonly name: string;
  }): string => port?.id ?? name;
  const servers = new Map<string, FromServer>();
  for (const { from, some, open } of sweep(all)) {
    servers.set(idOf(from.endpoint), {
      some: new Map(some.map(({ to, where }) => [to.address, where])),
      open: new Set(open.map(({ to }) => to.address)),
    });
  }
  const { targets } = all;
  return {
    servers,
    names: new Map(all.servers.map(({ endpoint }) => [idOf(endpoint), endpoint.name])),
    owners: new Map(targets.map(({ address, server }) => [address, idOf(server.endpoint)])),
  };
}

function differences(
  { regions }: Coordinates,
  tables: { readonly before: Table; readonly after: Table; readonly now: Table },
  senders: readonly string[],
  asked: readonly number[],
): readonly Wrong[] {
  const { before, after, now } = tables;
  const found: Wrong[] = [];
  const space = openSpace();
  const tell = (from: string, address: number, kind: Wrong['kind'], where: Region): void => {
    const group = groupOf(space, inProofSpace(space, regions, where));
    const owner = before.owners.get(address) ?? '';
    const name = (id: string): string => before.names.get(id) ?? after.names.get(id) ?? id;
    if (group !== null) found.push({ from: name(from), to: name(owner), kind, group });
  };
  for (const from of senders) {
    const rows = [before, after, now].map(({ servers }) => servers.get(from));
    for (const address of asked) {
      if (before.owners.get(address) === from) continue;
      if (rows.some((row) => row?.open.has(address) === true)) continue;
      const [a = NOWHERE, b = NOWHERE, c = NOWHERE] = rows.map(
        (row) => row?.some.get(address) ?? NOWHERE,
      );
      if (a === c && b === c) continue;
      // A server that has no place in this state sends nothing.
      const lost = regions.minus(regions.and(a, b), c);
      const opened = regions.minus(c, regions.or(a, b));
      if (lost !== NOWHERE) tell(from, address, 'lost', lost);
      if (opened !== NOWHERE) tell(from, address, 'opened', opened);
      if (found.length >= MOST_TOLD) return found;
    }
  }
  return found;
}
