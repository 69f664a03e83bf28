/** How long every pair of a generated cloud takes, from tables in memory to the answer. */
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../src/snapshot/read/compiled.ts';
import { compileNetwork } from '../src/trace/compiled-network.ts';
import { withOutside } from '../src/trace/outside.ts';
import { openAllPairs } from '../src/verify/allpairs/all-pairs.ts';
import { openCoordinates } from '../src/verify/allpairs/coordinates.ts';
import { tally } from '../src/verify/allpairs/sweep.ts';
import { measure } from './alone.ts';
import { generatedCloud, type Placement } from './compile.ts';
import { figure, type Row } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

/** Promised seconds from flows in memory to the answer, by ports. */
const TARGETS: ReadonlyMap<number, number> = new Map([
  [1000, 0.5],
  [10_000, 4],
]);
/** The same for 10,000 ports of tenants of 500. */
const LARGE_TENANTS_s = 10;
const MAX_EDGES = 200_000_000;

/** What all pairs of one cloud took; seconds of processor time. */
export interface Swept {
  readonly arranged_s: number;
  readonly swept_s: number;
  readonly flows: number;
  readonly some: number;
  readonly open: number;
}

/** Answers all pairs of a cloud of that many ports. */
export function sweepOnce(ports: number, placement: Placement, perTenant: number): Swept {
  const { value } = readCloudYaml('generated.yaml', generatedCloud(ports, placement, perTenant));
  if (value === null) throw new Error('no cloud');
  const network = withOutside(compileNetworkOf(value));
  let flows = 0;
  for (const { switch: of } of network.hosts.values()) {
    for (const bridge of of?.bridges ?? []) flows += bridge.flows.length;
  }
  const started = cpuSeconds();
  const all = openAllPairs(compileNetwork(network), openCoordinates(MAX_EDGES));
  const arranged = cpuSeconds();
  const { some, open } = tally(all);
  const swept_s = cpuSeconds() - arranged;
  return { arranged_s: arranged - started, swept_s, flows, some, open };
}

/** A cloud whose pairs are answered. */
export interface Size {
  readonly ports: number;
  readonly placement?: Placement;
  readonly perTenant?: number;
}

/** A row for each cloud, each in a process of its own. */
export function allPairsRows(sizes: readonly Size[]): readonly Row[] {
  return sizes.map(({ ports, placement = 'packed', perTenant = 50 }) => {
    const of = measure<Swept>('all-pairs', `${ports} ${placement} ${perTenant}`);
    const usual = placement === 'packed' && perTenant === 50;
    const target = usual ? TARGETS.get(ports) : perTenant === 500 ? LARGE_TENANTS_s : undefined;
    const where = placement === 'packed' ? '' : ', a tenant on nearly all hosts';
    const size = perTenant === 50 ? '' : `, ${perTenant} a tenant`;
    return {
      what:
        `all pairs of ${figure(ports)} ports${size}${where}, ${figure(of.flows)} flows, ` +
        'from flows in memory',
      ours:
        `${figure(of.arranged_s + of.swept_s)} s (processor, one thread): ` +
        `${figure(of.arranged_s)} s to arrange the tables, ${figure(of.swept_s)} s for the pairs; ` +
        `${figure(of.megabytes)} MB resident with the flows; ${figure(of.some)} pairs reach each ` +
        `other, ${figure(of.open)} open`,
      real: null,
      ratio: null,
      target: target === undefined ? null : `≤ ${target} s`,
      met: target === undefined ? null : of.arranged_s + of.swept_s <= target,
    };
  });
}
