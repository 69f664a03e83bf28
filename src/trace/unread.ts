/**
 * What could not be read of the files that tell about a packet's way, and whether the answer
 * hangs on it. Statements that are kept as opaque speak up where a packet meets them; a statement
 * that is lost, or a file that is cut, may have decided without anybody knowing.
 */
import { type FilePlace } from '../dataplane/network.ts';
import { type FlowStep } from '../dataplane/ovs/pipeline/steps.ts';
import { type Problem } from '../text/problem.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { type Read } from './lineage.ts';
import { type EnterStep } from './steps.ts';
import { type Assumption } from './types.ts';

export interface Unread {
  /** In the order the files were read. */
  readonly problems: readonly Problem[];
  /** One for each damaged file on which the verdict may hang. */
  readonly doubts: readonly Assumption[];
}

/** Files whose statements decide where packets go. */
const DECIDING =
  /^(ovsdb-dump|vsctl-show|list-|flows|groups|of-show|ports-desc|ip-(addr|link|route|rule)|ip6?tables-save|ipset-save|ebtables-save|arptables-save|bridge-|sysctl)/;
const ONLY_IPV4 = /(-v4|^iptables-save|^arptables-save)$/;
const ONLY_IPV6 = /(-v6|^ip6tables-save)$/;

/** Places by `HOST`, `HOST BRIDGE` and `HOST NAMESPACE` that copies of packets crossed. */
function crossedBy(reads: readonly Read[]): ReadonlySet<string> {
  const crossed = new Set<string>();
  for (const { steps } of reads) {
    let host = '';
    for (const step of steps) {
      if (step.kind === 'enter') {
        const { host: here, device } = step as EnterStep;
        host = here;
        crossed.add(host).add(`${host} ${device}`);
      } else if (step.kind === 'flow') crossed.add(`${host} ${(step as FlowStep).bridge}`);
    }
  }
  return crossed;
}

/**
 * Problems of the files that the answer was read from.
 * @param reads the copies that the verdict hangs on.
 * @param version of IP, for files that speak of one version only.
 */
export function unreadOnTheWay(
  { network, problems: own }: CompiledNetwork,
  reads: readonly Read[],
  version: 4 | 6,
): Unread {
  if (network.problems.length === 0 && own.length === 0) return NOTHING;
  const crossed = crossedBy(reads);
  const concerns = ({ kind, host, within, name }: FilePlace): boolean => {
    if ((version === 4 ? ONLY_IPV6 : ONLY_IPV4).test(name)) return false;
    if (kind === 'api') return true;
    return crossed.has(within === '' ? host : `${host} ${within}`);
  };
  const problems: Problem[] = [];
  const lost = new Map<string, Problem[]>();
  for (const problem of [...network.problems, ...own]) {
    const place = network.placeOf(problem.file);
    if (place === null || !concerns(place)) continue;
    problems.push(problem);
    if (problem.kept === true || !DECIDING.test(place.name)) continue;
    const list = lost.get(problem.file);
    if (list === undefined) lost.set(problem.file, [problem]);
    else list.push(problem);
  }
  return { problems, doubts: [...lost.values()].map(doubtOf) };
}

const NOTHING: Unread = { problems: [], doubts: [] };

function doubtOf(problems: readonly Problem[]): Assumption {
  const [first] = problems;
  const count = problems.length === 1 ? 'one place' : `${problems.length} places`;
  const where = `${first?.file ?? ''}:${first?.line ?? 0}`;
  const detail = `${count} not understood, first at ${where}: ${first?.message ?? ''}`;
  return { code: 'SNAPSHOT_INCOMPLETE', detail };
}
