/**
 * What becomes of the elections of virtual routers once a change is made. Who is master follows
 * from adverts and timers, so a change counts only if the routers agree afterwards and go on
 * agreeing: the changed network is put on the clock, and the packet sent at the end.
 */
import { type Reason } from '../reasons/codes.ts';
import { simulate } from '../simulate/simulation.ts';
import { type Question, type Trace } from '../trace/types.ts';
import { type Situation } from './situation.ts';

/** Four times what the usual interval of two seconds needs for an election. */
const UNTIL_US = 30_000_000;
/** Ways in which routers may race; with more the answer is not said to be sure. */
const WAYS = 2;

/** Whether a blocker is a matter of elections. */
export function isElected(code: Reason): boolean {
  return code.startsWith('VRRP_');
}

export interface Settled {
  readonly trace: Trace;
  /** `net1 is the one master of edge from 6.8 s on`. */
  readonly words: string;
}

/** The packet at the end of the simulated time; null where no router elects anybody. */
export function settled({ network }: Situation, question: Question): Settled | null {
  const done = simulate(network, {
    events: [],
    probes: [],
    until_us: UNTIL_US,
    seed: 1,
    ways: WAYS,
    question,
  });
  if (done.kind === 'wrong' || done.instances.length === 0) return null;
  const traces = done.ways.flatMap(({ trace }) => (trace === null ? [] : [trace]));
  const [first] = traces;
  if (first === undefined) return null;
  // A race counts by its worst way.
  const trace = traces.find(({ verdict }) => verdict !== 'REACHABLE') ?? first;
  const words = new Set(done.ways.map(wayWords));
  return { trace, words: [...words].join('; or ') };
}

type Way = Extract<ReturnType<typeof simulate>, { kind: 'simulated' }>['ways'][number];

function wayWords({ masters, roles }: Way): string {
  const last = roles.at(-1)?.at_us ?? 0;
  const since = last === 0 ? 'from the beginning' : `from ${(last / 1e6).toFixed(1)} s on`;
  const all = [...masters].map(([router, hosts]) =>
    hosts.length === 0
      ? `nobody is master of ${router}`
      : `${hosts.join(' and ')} ${hosts.length === 1 ? 'is the one master' : 'are masters'} of ${router}`,
  );
  return `${all.join(', ')} ${since}`;
}
