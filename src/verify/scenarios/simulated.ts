/** Simulations that a scenario expects: who is master at the end, and why probes were lost. */
import { type Network } from '../../dataplane/network.ts';
import { simulate } from '../../simulate/simulation.ts';
import { type Naming } from './names.ts';
import { type ScenarioAnswer, type Simulation } from './types.ts';

/** Any seed will do: what is expected holds in every way that is tried out. */
const SEED = 1;

export function simulatedAs(
  network: Network,
  expected: Simulation,
  naming: Naming,
): ScenarioAnswer {
  const { line, router } = expected;
  const what = `${router} after ${expected.events.join('; ') || 'nothing'}`;
  const result = simulate(network, {
    events: expected.events.map(naming.put),
    probes: expected.probes.map(naming.put),
    until_us: expected.until_s * 1e6,
    seed: SEED,
    ways: expected.ways,
  });
  if (result.kind === 'wrong') return { line, what, otherwise: result.problems };
  const otherwise: string[] = [];
  const ends = result.ways.map(({ masters }) => masters.get(router) ?? []);
  const found = [...new Set(ends.flat())].sort();
  const wanted = [...expected.masters].sort();
  if (found.join() !== wanted.join()) {
    otherwise.push(`the masters may be ${found.join(', ') || 'none'}, not ${wanted.join(', ')}`);
  }
  const counts = ends.filter((hosts) => hosts.length !== expected.atOnce);
  if (counts.length > 0) {
    otherwise.push(
      `at once there are masters on ${counts.map((one) => one.join(' and ') || 'no host').join(' or ')}`,
    );
  }
  for (const way of result.ways) {
    const codes = way.probes.flatMap(({ windows }) => windows.flatMap(({ causes }) => causes));
    const first = codes[0]?.code ?? null;
    if (expected.probes.length > 0 && first !== expected.because) {
      otherwise.push(`probes are lost because of ${first ?? 'nothing'}, not ${expected.because}`);
    }
  }
  return { line, what, otherwise: [...new Set(otherwise)] };
}
