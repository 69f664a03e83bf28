/** Ways that come to the same for whoever looks from outside, told as one. */
import { type SimulatedWay } from '../simulation.ts';
import { seconds } from '../words.ts';

export interface Outcome {
  /** The first way that comes to this. */
  readonly way: SimulatedWay;
  readonly ways: readonly SimulatedWay[];
  /** What has to happen for it: the choices of each way, in words. */
  readonly conditions: readonly string[];
  /** What comes of it, in short. */
  readonly summary: string;
}

/** Windows that differ by less are the same: the phase of a probe is no outcome. */
const ALIKE_US = 100_000;

/** Groups ways by the masters at the end and the windows of loss. */
export function outcomesOf(ways: readonly SimulatedWay[]): readonly Outcome[] {
  const groups = new Map<string, SimulatedWay[]>();
  for (const way of ways) {
    const key = keyOf(way);
    groups.set(key, [...(groups.get(key) ?? []), way]);
  }
  return [...groups.values()].flatMap((members) => {
    const [way] = members;
    if (way === undefined) return [];
    const conditions = [...new Set(members.map(conditionOf))].filter((one) => one !== '');
    return [{ way, ways: members, conditions, summary: summaryOf(way) }];
  });
}

function keyOf({ masters, probes, roles }: SimulatedWay): string {
  const held = [...masters].map(([router, hosts]) => `${router} ${[...hosts].sort().join()}`);
  const lost = probes.map(({ windows }) =>
    windows.map(({ from_us, until_us, causes }) => {
      const length = until_us === null ? 'open' : Math.round((until_us - from_us) / ALIKE_US);
      return `${Math.round(from_us / ALIKE_US)} ${length} ${causes.map(({ code }) => code).join()}`;
    }),
  );
  const became = roles.map(({ id, to }) => `${id} ${to}`).sort();
  return JSON.stringify([held, lost, became]);
}

function conditionOf({ taken }: SimulatedWay): string {
  return taken
    .map(({ at_us, options, taken: which }) => `at ${seconds(at_us)} ${options[which] ?? ''}`)
    .join('; ');
}

function summaryOf({ masters, probes }: SimulatedWay): string {
  const held = [...masters]
    .slice(0, 3)
    .map(([router, hosts]) => `${router} on ${hosts.length === 0 ? 'no host' : hosts.join(', ')}`);
  const lost = probes.map(({ sent, received, probe }) => {
    return `${probe.text}: ${sent - received} of ${sent} lost`;
  });
  return [...held, ...lost].join('; ');
}
