/**
 * Interval diagrams beside bit-level ones (binary decision diagrams, written for tests) on the same
 * tables: which packets each flow of a host takes, less what flows before it take.
 */
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../src/snapshot/read/compiled.ts';
import { type Match } from '../src/traffic/match.ts';
import { NOWHERE } from '../src/traffic/sets/regions.ts';
import { openSpace } from '../src/traffic/sets/space.ts';
import { type Rule } from '../src/traffic/table.ts';
import { effectiveRules } from '../src/verify/properties/effective.ts';
import { type ListedRule, type RuleList, ruleLists } from '../src/verify/properties/rules.ts';
import { BitDiagrams, FALSE, taken } from '../test/traffic/sets/bit-diagrams.ts';
import { generatedCloud } from './compile.ts';
import { figure, type Row } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

/** What one kind of diagrams said of all tables. */
interface Said {
  readonly seconds: number;
  /** Flows that no packet hits: both kinds have to agree. */
  readonly shadowed: number;
  readonly nodes: number;
}

/** A row for each size of a cloud: all tables of its first compute host. */
export function twinRows(sizes: readonly number[]): readonly Row[] {
  return sizes.map((ports) => {
    const { value } = readCloudYaml('generated.yaml', generatedCloud(ports));
    if (value === null) throw new Error('no cloud');
    const network = compileNetworkOf(value);
    const [host = ''] = network.endpoints.flatMap((one) => (one.role === 'vm' ? [one.host] : []));
    const lists = [...ruleLists(network, [host])].filter(
      ({ kind, rules }) => kind === 'flows' && rules.every(({ match }) => isMeant(match)),
    );
    const flows = lists.reduce((sum, { rules }) => sum + rules.length, 0);
    const [ours, theirs] = [byIntervals(lists), byBits(lists)];
    if (ours.shadowed !== theirs.shadowed) throw new Error('the twins disagree');
    return {
      what: `what each of ${figure(flows)} flows of a host takes, beside a bit-level BDD`,
      ours: `${figure(ours.seconds)} s (processor), ${figure(ours.nodes)} nodes; ${ours.shadowed} flows never hit`,
      real: `${figure(theirs.seconds)} s, ${figure(theirs.nodes)} nodes`,
      ratio: `${figure(theirs.seconds / ours.seconds)} ×`,
      target: null,
      met: null,
    };
  });
}

function byIntervals(lists: readonly RuleList[]): Said {
  const started = cpuSeconds();
  let [shadowed, nodes] = [0, 0];
  for (const { rules } of lists) {
    const space = openSpace();
    for (const { effective } of effectiveRules(space, rules)) if (effective === NOWHERE) shadowed++;
    nodes += space.regions.size;
  }
  return { seconds: cpuSeconds() - started, shadowed, nodes };
}

function byBits(lists: readonly RuleList[]): Said {
  const started = cpuSeconds();
  let [shadowed, nodes] = [0, 0];
  for (const { rules } of lists) {
    const store = new BitDiagrams();
    for (const of of taken(store, rules.map(asRule)).values()) if (of === FALSE) shadowed++;
    nodes += store.size;
  }
  return { seconds: cpuSeconds() - started, shadowed, nodes };
}

function asRule({ match, rank, decisive, key }: ListedRule): Rule<unknown> {
  return { match, rank, decisive, entry: key };
}

/** Bits know nothing of matches that nobody understands. */
function isMeant(match: Match): boolean {
  if (match.kind === 'opaque') return false;
  if (match.kind === 'not') return isMeant(match.of);
  return match.kind === 'and' || match.kind === 'or' ? match.of.every(isMeant) : true;
}
