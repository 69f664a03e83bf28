/**
 * `keeps`: other properties hold while so many hosts, links and routers are broken at once. Highly
 * available routers are given the time to take over. What is told is the smallest sets that break
 * a property; servers on a broken host are not asked about.
 */
import { type Network } from '../../../dataplane/network.ts';
import { simulate } from '../../../simulate/simulation.ts';
import { placedInstances } from '../../../simulate/vrrp/instances.ts';
import { type JsonNode, reportUnknownKeys, wrong } from '../../../text/json-text.ts';
import { compileNetwork } from '../../../trace/compiled-network.ts';
import { type Failure, failuresOf, failureText, withoutBroken } from '../broken.ts';
import { type Checked, type FailureProperty, type Property } from '../types.ts';
import { neededNames, objectOf, wholeOf } from '../words.ts';
import { type Begun, type Checking, type KindRow, plain } from './row.ts';

export const FAILURE_KEYS = ['keeps', 'under_failures'] as const;
export const COUNTS = ['hosts', 'links', 'routers'] as const;

export const FAILURES: KindRow<FailureProperty> = {
  kind: 'failures',
  sign: 'keeps',
  keys: FAILURE_KEYS,
  read: readFailures,
  check: checkFailures,
};

function readFailures(node: JsonNode, { name, ...place }: Begun): FailureProperty | null {
  const keeps = neededNames(node, 'keeps');
  const under = objectOf(node, 'under_failures');
  if (under === undefined) {
    wrong(
      node,
      'A property that keeps others says under_failures: {hosts: 1, links: 1, routers: 1}',
    );
    return null;
  }
  reportUnknownKeys(under, COUNTS);
  const [hosts, links, routers] = COUNTS.map((key) => wholeOf(under, key, 0));
  if (keeps === null || hosts === null || links === null || routers === null) return null;
  const counts = { hosts: hosts ?? 0, links: links ?? 0, routers: routers ?? 0 };
  if (counts.hosts + counts.links + counts.routers === 0) {
    wrong(under, 'Nothing breaks: give hosts, links or routers');
    return null;
  }
  return {
    kind: 'failures',
    name: name ?? `${keeps.join(', ')} under failures`,
    ...place,
    keeps,
    ...counts,
  };
}

/** More sets of failures than this are not tried: the answer says so. */
const MOST_SETS = 2000;

function* checkFailures(checking: Checking, property: FailureProperty): Generator<Checked> {
  const { network, file } = checking;
  const kept = file.properties.filter(
    ({ name, kind }) => property.keeps.includes(name) && kind !== 'failures' && kind !== 'change',
  );
  const unknown = property.keeps.filter((name) => !kept.some((one) => one.name === name));
  if (unknown.length > 0) {
    const because = unknown.map((name) => `there is no property ${JSON.stringify(name)} to keep`);
    yield plain(property, property.keeps.join(', '), 'fails', because);
    return;
  }
  const sets = failureSets(failuresOf(network), property);
  if (sets.length === 0) {
    yield plain(property, 'failures', 'fails', ['says nothing: there is nothing that could break']);
    return;
  }
  const broken: Failure[][] = [];
  let asked = 0;
  for (const set of sets.slice(0, MOST_SETS)) {
    // What a smaller set breaks already is told once.
    if (broken.some((smaller) => smaller.every((one) => set.includes(one)))) continue;
    const subject = set.map(failureText).join(' and ');
    let worst: Checked | null = null;
    const before = asked;
    for (const one of afterFailures(network, set)) {
      if (typeof one === 'string') {
        worst ??= plain(property, subject, 'unsure', [one]);
        continue;
      }
      const found = [...lost(checking, one, kept, set)];
      asked += found.length;
      const wrongs = found.filter(({ holds }) => holds !== 'holds');
      const first = wrongs.find(({ holds }) => holds === 'fails') ?? wrongs[0];
      if (first === undefined || worst?.holds === 'fails') continue;
      const because = [`${first.property.name}: ${first.subject}: ${first.because.join('; ')}`];
      worst = { ...first, property, subject, because };
    }
    if (worst?.holds === 'fails') broken.push([...set]);
    // Where every end is on a broken host nobody is asked, and that is no pass.
    if (worst !== null || asked > before) yield worst ?? plain(property, subject, 'holds');
  }
  if (sets.length > MOST_SETS) {
    const because = [`${sets.length} sets of failures are too many; ${MOST_SETS} were tried`];
    yield plain(property, 'further sets', 'unsure', because);
  }
  if (asked === 0) {
    yield plain(property, property.keeps.join(', '), 'fails', [
      'says nothing: no pair is asked about',
    ]);
  }
}

/** All sets of up to so many failures of each kind, the small ones first. */
function failureSets(
  all: ReturnType<typeof failuresOf>,
  { hosts, links, routers }: FailureProperty,
): readonly (readonly Failure[])[] {
  const sets = [
    [all.host, hosts],
    [all.link, links],
    [all.router, routers],
  ] as const;
  let combined: readonly (readonly Failure[])[] = [[]];
  for (const [list, most] of sets) {
    const parts = subsets(list, most);
    combined = combined
      .flatMap((one) => parts.map((other) => [...one, ...other]))
      .slice(0, MOST_SETS * 4);
  }
  return combined.filter(({ length }) => length > 0).sort((a, b) => a.length - b.length);
}

function subsets(list: readonly Failure[], most: number): readonly (readonly Failure[])[] {
  let found: (readonly Failure[])[] = [[]];
  for (const one of list) {
    const longer = found.filter(({ length }) => length < most).map((set) => [...set, one]);
    found = [...found, ...longer];
    if (found.length > MOST_SETS * 4) break;
  }
  return found;
}

/** A minute is more than any takeover needs (RFC 5798 §6.1: three adverts and a skew). */
const UNTIL_US = 60_000_000;
const WAYS = 4;

/** The networks that may be there once routers have taken over; a sentence where nobody can say. */
function* afterFailures(network: Network, set: readonly Failure[]): Generator<Network | string> {
  const instances = placedInstances(compileNetwork(network));
  if (instances.length === 0) {
    yield withoutBroken(network, set);
    return;
  }
  const events = set.flatMap((one): readonly string[] => {
    if (one.kind === 'host') return [`t=1s fail host ${one.host}`];
    if (one.kind === 'link') return [`t=1s fail link ${one.host}:${one.nic}`];
    return instances
      .filter(({ host, namespace }) => host === one.host && namespace === one.namespace)
      .map(({ id }) => `t=1s signal TERM keepalived ${id}`);
  });
  const done = simulate(network, { events, probes: [], until_us: UNTIL_US, seed: 1, ways: WAYS });
  if (done.kind === 'wrong') {
    yield done.problems.join('; ');
    return;
  }
  for (const { end } of done.ways) yield withoutBroken(end, set);
  if (!done.complete) yield 'routers may take over in more ways than were tried';
}

/** What the kept properties say of the broken network, servers on broken hosts left out. */
function* lost(
  { elsewhere, network }: Checking,
  broken: Network,
  kept: readonly Property[],
  set: readonly Failure[],
): Generator<Checked> {
  const dead = new Set(set.flatMap((one) => (one.kind === 'host' ? [one.host] : [])));
  const isDead = (word: string | null): boolean =>
    word !== null && network.find(word).some(({ host }) => dead.has(host));
  for (const checked of elsewhere(broken, kept)) {
    if (isDead(checked.from) || isDead(checked.to)) continue;
    // A selector that lost all its servers asks about nobody.
    if (dead.size > 0 && checked.from === null && checked.property.kind !== 'invariant') continue;
    yield checked;
  }
}
