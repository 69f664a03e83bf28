/**
 * Who notices a change of a network: everything that can be asked of it before and after it, and
 * the invariants. What all of these say nothing about is equivalent: proved of all packets and all
 * frames of all servers.
 */
import { type Endpoint, type Network } from '../../../src/dataplane/network.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { writeIp, writeMac } from '../../../src/text/address-text.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { type CompiledNetwork, compileNetwork } from '../../../src/trace/compiled-network.ts';
import { type EnterStep } from '../../../src/trace/steps.ts';
import { prepareTracing } from '../../../src/trace/tracer.ts';
import { readSteps } from '../../../src/traffic/diary.ts';
import { TooManyRegions } from '../../../src/traffic/sets/regions.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { type Step } from '../../../src/traffic/traffic.ts';
import { reachDifference } from '../../../src/verify/proof/compare.ts';
import { compareFrames, isOther } from '../../../src/verify/proof/compare-frames.ts';
import {
  endingsOfFrames,
  FRAME_BUDGET,
  FRAME_KINDS,
  type FrameKind,
  partsOf,
} from '../../../src/verify/proof/frames.ts';
import { surestOutside } from '../../../src/verify/proof/outside-ends.ts';
import {
  outsidePairs,
  type Pair,
  serverPairs,
  servicePairs,
} from '../../../src/verify/proof/pairs.ts';
import {
  type Group,
  groupOf,
  type Prover,
  prepareProofs,
} from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { questionOf } from '../../../src/verify/properties/invariants/witness.ts';
import { type Checked, type Invariant } from '../../../src/verify/properties/types.ts';
import { captured, folderOf } from '../../captured.ts';
import { mutated } from '../configuration/mutate.ts';
import { type Kind } from '../configuration/mutation-edits.ts';

export interface Found {
  readonly line: string;
  readonly host: string;
  /** `lost a → b`, `frames of a`, or the invariant; null when nobody noticed. */
  readonly by: string | null;
  /** Whether everything was asked, without anything that nobody could say. */
  readonly complete: boolean;
  /** Why something could not be said. */
  readonly unsure: readonly string[];
  readonly proofs: number;
}

/** Asked in this order, of guests of the host that was changed. */
const ASKED: readonly Invariant[] = [
  'no-forged-sources',
  'nat-consistent',
  'no-loops',
  'no-black-holes',
  'mtu',
  'no-overlaps',
  'no-shadowed-rules',
];
const MOST_GUESTS = 2;
/** Pairs that are asked before any frame. */
const NEAR = 6;

interface Base {
  readonly network: Network;
  readonly prover: Prover;
  readonly compiled: CompiledNetwork;
  /** What an invariant said, by invariant and guests. */
  readonly checked: Map<string, ReadonlySet<string>>;
  /** Devices that the packets of a question enter, by question: `host device`. */
  readonly entered: Map<string, ReadonlySet<string>>;
}

const bases = new Map<string, Base>();

function baseOf(capture: string, folder: string): Base {
  const key = `${capture} ${folder}`;
  const known = bases.get(key);
  if (known !== undefined) return known;
  const network = openSnapshot(folderOf(captured(capture).files, folder));
  const made = {
    network,
    prover: prepareProofs(network),
    compiled: compileNetwork(network),
    checked: new Map<string, ReadonlySet<string>>(),
    entered: new Map<string, ReadonlySet<string>>(),
  };
  bases.set(key, made);
  return made;
}

/** Guests that a line of a dump names: by address, port id, or the number of their port. */
function namedBy(network: Network, host: string, line: string): ReadonlySet<string> {
  const bridges = network.hosts.get(host)?.switch?.bridges ?? [];
  const numbers = /(?:reg5=0x|in_port=|output:)([0-9a-f]+)/g;
  const ports = [...line.matchAll(numbers)].map(([word, digits = '']) =>
    Number.parseInt(digits, word.startsWith('reg5') ? 16 : 10),
  );
  const taps = bridges.flatMap((bridge) =>
    bridge.ports.flatMap((one) => (ports.includes(one.ofport ?? -1) ? [one.name] : [])),
  );
  const words = [line, ...taps].join(' ');
  const isNamed = ({ port, mac, addresses, host: on }: Endpoint): boolean =>
    words.includes(writeMac(mac)) ||
    addresses.some((one) =>
      new RegExp(`\\b${writeIp(one).replaceAll('.', '\\.')}\\b`).test(words),
    ) ||
    (on === host && port !== null && words.includes(port.id.slice(0, 10)));
  const guests = network.endpoints.filter(({ role }) => role === 'vm');
  return new Set(guests.filter(isNamed).map(({ name }) => name));
}

/** Servers and pairs of ends; those that a line names first, then those of its host. */
function endsNear(network: Network, host: string, line: string) {
  const guests = network.endpoints.filter(({ role, port }) => role === 'vm' && port !== null);
  const nets = new Map(guests.map(({ name, port }) => [name, port?.networkId]));
  const named = namedBy(network, host, line);
  const here = new Set(guests.flatMap((one) => (one.host === host ? [one.name] : [])));
  const weight = (name: string): number => (named.has(name) ? 2 : 0) + (here.has(name) ? 1 : 0);
  const servers = [...nets.keys()].toSorted((a, b) => weight(b) - weight(a));
  const far = ({ from, to, version }: Pair): number =>
    (version === 6 ? 4 : 0) +
    (nets.get(from) === nets.get(to) ? 0 : 2) +
    (here.has(from) !== here.has(to) ? 0 : 1) -
    (named.has(from) || named.has(to) ? 2 : 0);
  const near = serverPairs([network], servers).toSorted((a, b) => far(a) - far(b));
  const outside = [...outsidePairs([network], servers), ...servicePairs([network], servers)];
  const half = here.size === 0 ? 0 : NEAR / 2;
  return { servers, pairs: [...near.slice(0, half), ...outside, ...near.slice(half)] };
}

/**
 * Whether any packet of a pair enters the host that was changed. What never enters it is the same
 * after the change: a walk reads nothing of a device that it does not enter.
 */
function pairMeets(base: Base, pair: Pair, host: string): boolean {
  const key = `${pair.from} ${pair.to} ${pair.version}`;
  let entered = base.entered.get(key);
  if (entered === undefined) {
    const { from, to, version } = pair;
    const asked = askedQuestion(base.network, { from, to, ...(version ? { version } : {}) });
    const proved =
      asked.kind === 'wrong'
        ? null
        : base.prover.prove({ ...asked.value, wanted: ALL_WANTED, established: true });
    if (proved?.kind !== 'proved') return true;
    entered = hostsIn(proved.followed.told.flatMap(({ steps }) => steps));
    base.entered.set(key, entered);
  }
  return entered.has(host);
}

/** The same of the frames of a kind that a server sends. */
function framesMeet(base: Base, server: string, kind: FrameKind, host: string): boolean {
  const key = `${server} ${kind} frames`;
  let entered = base.entered.get(key);
  if (entered === undefined) {
    const steps = base.network.endpoints
      .filter(({ name, role }) => name === server && role === 'vm')
      .flatMap((nic) =>
        partsOf(base.network, kind).map((part) => {
          try {
            const space = openSpace(FRAME_BUDGET);
            const endings = endingsOfFrames(base.compiled, nic, space, kind, part, isOther);
            return endings?.flatMap(({ p }) => readSteps(p)) ?? null;
          } catch (error) {
            if (error instanceof TooManyRegions) return null;
            throw error;
          }
        }),
      );
    if (steps.includes(null)) return true;
    entered = hostsIn(steps.flatMap((one) => one ?? []));
    base.entered.set(key, entered);
  }
  return entered.has(host);
}

function hostsIn(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(
    steps.flatMap((step) => (step.kind === 'enter' ? [(step as EnterStep).host] : [])),
  );
}

function violations(network: Network, invariant: Invariant, among: readonly string[] | null) {
  const property = {
    kind: 'invariant' as const,
    name: invariant,
    line: 0,
    column: 0,
    invariant,
    among,
    except: [],
    atLeast: null,
    version: 4 as const,
  };
  const file = { groups: new Map(), properties: [property], coverage: null, changes: null };
  const words = ({ subject, holds, because }: Checked): string =>
    `${subject} ${holds} ${because.join(' ').replace(/:\d+/g, '')}`;
  const bad = [...checkProperties(network, file)].filter(({ holds }) => holds !== 'holds');
  return new Set(bad.map(words));
}

/** A server of each network, and somebody outside: large packets have to get everywhere. */
function apart(network: Network): readonly string[] {
  const byNetwork = new Map<string, string>();
  for (const { role, name, port } of network.endpoints) {
    if (role === 'vm' && port !== null) byNetwork.set(port.networkId, name);
  }
  return [...byNetwork.values(), surestOutside(network)];
}

/** Whether one packet of a group that is said to be lost or gained shows it alone. */
function isShown(before: Network, after: Network, pair: Pair, group: Group): boolean {
  const delivered = [before, after].map((network) => {
    const question = questionOf(network, pair, group.witness, pair.version ?? 4);
    const traced =
      question === null ? null : prepareTracing(network, { connections: 'none' }).trace(question);
    if (traced?.kind !== 'traced') return false;
    const { requestDelivered, blockers } = traced.trace;
    // That nobody listens is said by the stack that was meant.
    return requestDelivered || blockers[0]?.code === 'NOT_LISTENING';
  });
  return delivered[0] !== delivered[1];
}

/** Makes one change and asks who notices; a number of pairs at most, null: everything. */
export function detect(
  kind: Kind,
  draw: (limit: number) => number,
  mostPairs: number | null,
): Found {
  const { capture, folder = '.' } = kind;
  const { line, host, files } = mutated(kind, draw);
  const base = baseOf(capture, folder);
  const after = openSnapshot(folderOf(files, folder));
  const provers = [base.prover, prepareProofs(after)] as const;
  const { servers, pairs } = endsNear(base.network, host, line);
  const unsure = new Set<string>();
  let proofs = 0;
  const told = (by: string | null): Found => {
    const complete = by === null && mostPairs === null && unsure.size === 0;
    return { line, host, by, complete, unsure: [...unsure], proofs };
  };
  const ofPairs = (list: readonly Pair[], anyway: boolean): string | null => {
    for (const pair of list) {
      if (!anyway && !pairMeets(base, pair, host)) continue;
      proofs++;
      const { space, lost, gained, changed, how, unknown } = reachDifference(
        [base.network, after],
        provers,
        pair,
      );
      const ends = `${pair.from} → ${pair.to}`;
      for (const [word, where] of [
        ['lost', lost],
        ['gained', gained],
      ] as const) {
        const group = groupOf(space, where);
        if (group === null) continue;
        if (unknown.length === 0 && !isShown(base.network, after, pair, group)) {
          throw new Error(`${word} ${ends} is not seen by a packet alone`);
        }
        return `${word} ${ends}`;
      }
      if (groupOf(space, changed) !== null) return `changed ${ends}: ${how.join(', ')}`;
      for (const one of unknown) unsure.add(`${ends}: ${one}`);
    }
    return null;
  };
  const ofFrames = (list: readonly string[], anyway: boolean): string | null => {
    for (const kind of FRAME_KINDS) {
      for (const server of list) {
        if (!anyway && !framesMeet(base, server, kind, host)) continue;
        for (const one of compareFrames(base.network, after, [server], [kind])) {
          proofs++;
          const whose = `${one.kind} frames of ${one.server}`;
          const [found] = one.differences;
          if (found !== undefined) return `${whose}: ${JSON.stringify(found)}`;
          for (const why of one.unknown) unsure.add(`${whose}: ${why}`);
        }
      }
    }
    return null;
  };
  const first = ofPairs(pairs.slice(0, mostPairs ?? NEAR), true);
  if (first !== null) return told(first);
  if (mostPairs === null) {
    const rest = ofPairs(pairs.slice(NEAR), false);
    if (rest !== null) return told(rest);
    const near = ofFrames(servers.slice(0, MOST_GUESTS), true);
    if (near !== null) return told(near);
    const others = ofFrames(servers.slice(MOST_GUESTS), false);
    if (others !== null) return told(others);
  }
  const among = servers.slice(0, MOST_GUESTS);
  for (const invariant of ASKED) {
    const about = invariant.endsWith('overlaps') || invariant.endsWith('rules') ? [host] : among;
    const whom =
      invariant === 'nat-consistent' ? null : invariant === 'mtu' ? apart(base.network) : about;
    const key = `${invariant} ${whom?.join()}`;
    const before = base.checked.get(key) ?? violations(base.network, invariant, whom);
    base.checked.set(key, before);
    const now = violations(after, invariant, whom);
    const fresh = [...now].find((each) => !before.has(each));
    if (fresh !== undefined) return told(`${invariant}: ${fresh}`);
  }
  return told(null);
}
