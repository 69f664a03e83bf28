/** Who notices a change of a network: proofs before and after it, and the invariants. */
import { type Network } from '../../../src/dataplane/network.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { writeIp } from '../../../src/text/address-text.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { type Prover, prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { type Checked, type Invariant } from '../../../src/verify/properties/types.ts';
import { captured, folderOf } from '../../captured.ts';
import { mutated } from '../configuration/mutate.ts';
import { type Kind } from '../configuration/mutation-edits.ts';

export interface Found {
  readonly line: string;
  /** `reachability a → b`, or the invariant; null when nobody noticed. */
  readonly by: string | null;
  readonly proofs: number;
}

/** Asked in this order, of guests of the host that was changed. */
const ASKED: readonly Invariant[] = [
  'no-forged-sources',
  'no-loops',
  'no-black-holes',
  'nat-consistent',
  'no-overlaps',
  'no-shadowed-rules',
];
const MOST_GUESTS = 2;
/** Pairs of each sort that are asked before the others. */
const NEAR = 5;

interface Base {
  readonly network: Network;
  readonly prover: Prover;
  /** What a pair was proved to be. */
  readonly proved: Map<string, string>;
  /** What an invariant said, by invariant and guests. */
  readonly checked: Map<string, ReadonlySet<string>>;
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
    proved: new Map<string, string>(),
    checked: new Map<string, ReadonlySet<string>>(),
  };
  bases.set(key, made);
  return made;
}

type Pair = readonly [string, string, 4 | 6];

/** Pairs of ends, those of the changed host first. */
export function pairsOf({ endpoints, neutron }: Network, host: string): readonly Pair[] {
  const guests = endpoints.filter(({ role }) => role === 'vm');
  const nets = new Map(guests.map(({ name, port }) => [name, port?.networkId ?? null]));
  const names = [...nets.keys()];
  const here = new Set(guests.filter((one) => one.host === host).map(({ name }) => name));
  const outside = 'external:198.51.100.9';
  const floating = neutron.floatingIps.map(({ address }) => writeIp(address));
  // Of one network and to or from the host, then what is less and less near.
  const far = ([a, b]: Pair): number =>
    (nets.get(a) === nets.get(b) ? 0 : 2) + (here.has(a) !== here.has(b) ? 0 : 1);
  const over = (version: 4 | 6): Pair[] =>
    names
      .flatMap((a) => names.flatMap((b): Pair[] => (a === b ? [] : [[a, b, version]])))
      .filter(([a, b]) => here.size === 0 || here.has(a) || here.has(b))
      .sort((a, b) => far(a) - far(b));
  const north = [...here, ...names].map((a): Pair => [a, outside, 4]);
  const south = floating.map((b): Pair => [outside, b, 4]);
  // Routers of their own host have no guests: what is outside is asked first.
  const wide = [...south, ...north];
  const near = over(4);
  const mixed = [...near.slice(0, NEAR), ...wide.slice(0, NEAR), ...near.slice(NEAR)];
  const all = here.size === 0 ? [...wide, ...near] : [...mixed, ...wide.slice(NEAR)];
  return [...all, ...over(6).slice(0, 12)];
}

/** What arrives and what is answered, in words; null where the pair cannot be asked. */
function summary(network: Network, prover: Prover, [from, to, version]: Pair): string {
  const asked = askedQuestion(network, { from, to, ...(version === 6 ? { version } : {}) });
  if (asked.kind === 'wrong') return asked.message;
  const question = { from: asked.value.from, to: asked.value.to, wanted: ALL_WANTED };
  const proved = prover.prove(question, openSpace(600_000));
  if (proved.kind === 'impossible') return proved.why;
  const { verdict, arrives, answered } = proved.proof;
  return JSON.stringify([verdict, arrives?.classes, answered?.classes]);
}

function violations(network: Network, invariant: Invariant, among: readonly string[]): Set<string> {
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

/** Makes one change and asks who notices; at most so many pairs are proved anew. */
export function detect(kind: Kind, draw: (limit: number) => number, mostPairs: number): Found {
  const { capture, folder = '.' } = kind;
  const { line, host, files } = mutated(kind, draw);
  const base = baseOf(capture, folder);
  const after = openSnapshot(folderOf(files, folder));
  const prover = prepareProofs(after);
  let proofs = 0;
  for (const pair of pairsOf(base.network, host).slice(0, mostPairs)) {
    const key = pair.join();
    const before = base.proved.get(key) ?? summary(base.network, base.prover, pair);
    base.proved.set(key, before);
    proofs++;
    if (summary(after, prover, pair) !== before) {
      return { line, by: `reachability ${pair[0]} → ${pair[1]}`, proofs };
    }
  }
  const guests = base.network.endpoints.filter((one) => one.role === 'vm');
  const near = [...guests].sort((a, b) => Number(b.host === host) - Number(a.host === host));
  const among = [...new Set(near.map(({ name }) => name))].slice(0, MOST_GUESTS);
  for (const invariant of ASKED) {
    const key = `${invariant} ${among.join()}`;
    const before = base.checked.get(key) ?? violations(base.network, invariant, among);
    base.checked.set(key, before);
    const now = violations(after, invariant, among);
    if ([...now].some((each) => !before.has(each))) return { line, by: invariant, proofs };
  }
  return { line, by: null, proofs };
}
