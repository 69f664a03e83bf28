/**
 * The answer about all pairs as people and programs read it: which servers reach which addresses
 * with which packets. What the engine leaves open is proved pair by pair, up to a number.
 */
import { type Endpoint, type Network } from '../../dataplane/network.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { withOutside } from '../../trace/outside.ts';
import { NOWHERE, type Region, TooManyRegions } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { type Group, groupOf, prepareProofs } from '../proof/prove.ts';
import { ALL_WANTED } from '../proof/wanted.ts';
import { openAllPairs } from './all-pairs.ts';
import { inProofSpace } from './compared.ts';
import { openCoordinates } from './coordinates.ts';
import { sweep } from './sweep.ts';

/** Something that packets are sent to: a server's own address, or a floating one. */
export interface Destination {
  readonly server: Endpoint;
  /** Dotted decimal. */
  readonly address: string;
  readonly floating: boolean;
}

/** What is known of packets from a server to an address. */
export interface PairAnswer {
  readonly from: Endpoint;
  readonly to: Destination;
  /** Packets that arrive; null: none does, or nobody knows. */
  readonly arrives: Group | null;
  /** Why nothing is said; null where everything is. */
  readonly open: string | null;
  /** Whether it was carried with all others, or proved alone. */
  readonly by: 'all' | 'pair';
}

export interface PairsAnswer {
  readonly servers: readonly Endpoint[];
  readonly destinations: readonly Destination[];
  /** Ordered pairs, a server with its own addresses left out. */
  readonly pairs: number;
  /** Pairs with packets that arrive, and open pairs; of all others it is proved that none does. */
  readonly answers: readonly PairAnswer[];
}

/** The answer, or the sentence that says why a network is too large for one. */
export type AllPairsAnswer =
  | { readonly kind: 'answered'; readonly answer: PairsAnswer }
  | { readonly kind: 'too-large'; readonly why: string };

/**
 * @param most open pairs to prove one by one; the others stay open
 * @param maxEdges steps over packet sets before it is given up
 */
export function answerAllPairs(network: Network, most: number, maxEdges?: number): AllPairsAnswer {
  try {
    return { kind: 'answered', answer: answered(network, most, maxEdges) };
  } catch (error) {
    if (error instanceof TooManyRegions) return { kind: 'too-large', why: error.message };
    throw error;
  }
}

function answered(network: Network, most: number, maxEdges: number | undefined): PairsAnswer {
  const all = openAllPairs(compileNetwork(withOutside(network), {}), openCoordinates(maxEdges));
  const space = openSpace();
  const groups = new Map<Region, Group | null>();
  const group = (where: Region): Group | null => {
    let found = groups.get(where);
    if (found === undefined) {
      found = groupOf(space, inProofSpace(space, all.coordinates.regions, where));
      groups.set(where, found);
    }
    return found;
  };
  const destinations = new Map(
    all.targets.map((target): [unknown, Destination] => [
      target,
      {
        server: target.server.endpoint,
        address: dotted(target.address),
        floating: target.floating,
      },
    ]),
  );
  const answers: PairAnswer[] = [];
  const open: PairAnswer[] = [];
  const order = new Map(all.servers.map((server, i) => [server, i]));
  const rows = [...sweep(all)].sort((a, b) => order.get(a.from)! - order.get(b.from)!);
  for (const row of rows) {
    const from = row.from.endpoint;
    for (const { to, where } of row.some) {
      const arrives = group(where);
      answers.push({ from, to: destinations.get(to)!, arrives, open: null, by: 'all' });
    }
    for (const { to, why } of row.open) {
      open.push({ from, to: destinations.get(to)!, arrives: null, open: why, by: 'all' });
    }
  }
  const others = all.left.flatMap(({ endpoint, why }): readonly Left[] => {
    const address = endpoint.addresses.find(({ version }) => version === 4);
    if (address === undefined) return [];
    const text = dotted(Number(address.value));
    return [{ endpoint, why, to: { server: endpoint, address: text, floating: false } }];
  });
  open.push(
    ...leftPairs(
      others,
      [...destinations.values()],
      all.servers.map((one) => one.endpoint),
    ),
  );
  const proved = provedAlone(network, space, open, most);
  const servers = [
    ...all.servers.map(({ endpoint }) => endpoint),
    ...others.map((one) => one.endpoint),
  ];
  const everything = [...destinations.values(), ...others.map(({ to }) => to)];
  const own = everything.filter(({ server }) => servers.includes(server)).length;
  return {
    servers,
    destinations: everything,
    pairs: servers.length * everything.length - own,
    answers: [...answers, ...proved].filter((one) => one.arrives !== null || one.open !== null),
  };
}

interface Left {
  readonly endpoint: Endpoint;
  readonly why: string;
  readonly to: Destination;
}

/** Pairs with a server that the engine does not start from. */
function leftPairs(
  left: readonly Left[],
  destinations: readonly Destination[],
  servers: readonly Endpoint[],
): readonly PairAnswer[] {
  const pair = (from: Endpoint, to: Destination, open: string): PairAnswer => {
    return { from, to, arrives: null, open, by: 'all' };
  };
  return left.flatMap(({ endpoint, why, to }) => [
    ...destinations.map((one) => pair(endpoint, one, why)),
    ...servers.map((from) => pair(from, to, why)),
    ...left.flatMap((other) =>
      other.endpoint === endpoint ? [] : [pair(endpoint, other.to, why)],
    ),
  ]);
}

/** The first open pairs, each proved with the walk of sets. */
function provedAlone(
  network: Network,
  space: Space,
  open: readonly PairAnswer[],
  most: number,
): readonly PairAnswer[] {
  const prover = open.length > 0 && most > 0 ? prepareProofs(network) : null;
  return open.map((pair, i): PairAnswer => {
    if (prover === null || i >= most) return pair;
    const [asker, receiver] = [nameOf(pair.from), nameOf(pair.to.server)];
    const to = pair.to.floating ? pair.to.address : receiver;
    const asked = askedQuestion(network, { from: asker, to, version: 4 });
    if (asked.kind === 'wrong') return { ...pair, open: asked.message };
    const question = { from: asked.value.from, to: asked.value.to, wanted: ALL_WANTED };
    const proved = prover.prove(question, space);
    if (proved.kind === 'impossible') return { ...pair, open: proved.why };
    const { proof, region } = proved;
    if (proof.verdict === 'UNDETERMINED') {
      return { ...pair, open: proof.unknown[0] ?? 'no end is known of some packets' };
    }
    const arrives = region === NOWHERE ? null : proof.arrives;
    return { ...pair, arrives, open: null, by: 'pair' };
  });
}

/** What hopwise calls the end: the port, where names may be shared. */
function nameOf({ port, name }: Endpoint): string {
  return port?.id ?? name;
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
