/** Simulations that a scenario expects: who is master at the end, and why probes were lost. */
import { type Network } from '../../dataplane/network.ts';
import { type SimulatedWay, simulate } from '../../simulate/simulation.ts';
import { type Naming } from './names.ts';
import { type ScenarioAnswer, type Simulation } from './types.ts';

/** Any seed will do: what is expected holds in every way that is tried out. */
const SEED = 1;

export function simulatedAs(
  network: Network,
  expected: Simulation,
  naming: Naming,
): { readonly answer: ScenarioAnswer; readonly end: Network } {
  const { line, router } = expected;
  const what = `${router} after ${expected.events.join('; ') || 'nothing'}`;
  const result = simulate(network, {
    events: expected.events.map(naming.put),
    probes: expected.probes.map(naming.put),
    until_us: expected.until_s * 1e6,
    seed: SEED,
    ways: expected.ways,
  });
  if (result.kind === 'wrong') {
    return { answer: { line, what, otherwise: result.problems }, end: network };
  }
  const otherwise = [
    ...mastersOtherwise(result.ways, expected),
    ...lossOtherwise(result.ways, expected),
    ...storyOtherwise(result.ways, expected, naming),
  ];
  return {
    answer: { line, what, otherwise: [...new Set(otherwise)] },
    end: result.ways[0]?.end ?? network,
  };
}

type Ways = readonly SimulatedWay[];

function mastersOtherwise(ways: Ways, { router, masters, atOnce }: Simulation): readonly string[] {
  const otherwise: string[] = [];
  const ends = ways.map((way) => way.masters.get(router) ?? []);
  const found = [...new Set(ends.flat())].sort();
  const wanted = [...masters].sort();
  if (found.join() !== wanted.join()) {
    otherwise.push(`the masters may be ${found.join(', ') || 'none'}, not ${wanted.join(', ')}`);
  }
  const counts = ends.filter((hosts) => hosts.length !== atOnce);
  if (counts.length > 0) {
    otherwise.push(
      `at once there are masters on ${counts.map((one) => one.join(' and ') || 'no host').join(' or ')}`,
    );
  }
  return otherwise;
}

/** Why probes are lost, and for how long. */
function lossOtherwise(ways: Ways, expected: Simulation): readonly string[] {
  const { probes, because, causes, loss_s, until_s } = expected;
  if (probes.length === 0) return [];
  const otherwise: string[] = [];
  const codes = ways.map((way) =>
    way.probes.flatMap((probe) => probe.windows.flatMap((each) => each.causes)),
  );
  for (const [first] of codes) {
    const code = first?.code ?? null;
    if (code !== because)
      otherwise.push(`probes are lost because of ${code ?? 'nothing'}, not ${because}`);
  }
  const all = [...new Set(codes.flat().map(({ code }) => code))].sort();
  if (causes.length > 0 && all.join() !== [...causes].sort().join()) {
    otherwise.push(`reasons of lost probes are ${all.join(', ') || 'none'}`);
  }
  if (loss_s === null) return otherwise;
  const [least, most] = loss_s;
  for (const { probes: results } of ways) {
    const longest_s =
      Math.max(
        0,
        ...results.flatMap(({ windows }) =>
          windows.map(({ from_us, until_us }) => (until_us ?? until_s * 1e6) - from_us),
        ),
      ) / 1e6;
    if (longest_s < least || longest_s > most) {
      otherwise.push(`probes are lost for ${longest_s} s, not for ${least} to ${most} s`);
    }
  }
  return otherwise;
}

/** What became of the instances of the router in each way, and what the timelines tell. */
function storyOtherwise(
  ways: Ways,
  { router, changes, says }: Simulation,
  naming: Naming,
): readonly string[] {
  const otherwise: string[] = [];
  const stories = ways.map(({ roles }) =>
    roles
      .filter(({ id }) => id.startsWith(`${router}@`))
      .map(({ id, to }) => `${id.slice(router.length + 1)} ${to}`)
      .sort()
      .join(', '),
  );
  const found = [...new Set(stories)].sort();
  if (changes.length > 0 && found.join('; ') !== [...changes].sort().join('; ')) {
    otherwise.push(`what changes is ${found.join('; or ') || 'nothing'}`);
  }
  for (const text of says.map(naming.put)) {
    const told = ways.some(({ timeline }) =>
      timeline.entries.some((entry) => `${entry.who} ${entry.text}`.includes(text)),
    );
    if (!told) otherwise.push(`nothing tells ${JSON.stringify(text)}`);
  }
  return otherwise;
}
