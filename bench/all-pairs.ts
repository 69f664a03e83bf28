/** How long every pair of a generated cloud takes, from tables in memory to the answer. */
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../src/snapshot/read/compiled.ts';
import { type CompiledNetwork, compileNetwork } from '../src/trace/compiled-network.ts';
import { withOutside } from '../src/trace/outside.ts';
import { openAllPairs } from '../src/verify/allpairs/all-pairs.ts';
import { openCoordinates } from '../src/verify/allpairs/coordinates.ts';
import { tally } from '../src/verify/allpairs/sweep.ts';
import { readBehindPorts } from '../src/verify/allpairs/wiring.ts';
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

/** Small clouds are answered so often: the last time all code is compiled. */
const PASSES = 4;
const SMALL = 1000;

/** What all pairs of one cloud took; seconds of processor time. */
interface Pass {
  /** From flows in memory to tables. */
  readonly arranged_s: number;
  /** From tables to the answer. */
  readonly swept_s: number;
  readonly some: number;
  readonly open: number;
}

/** The first time in a process, and what went before. */
export interface Swept extends Pass {
  readonly flows: number;
  /** To read what stands behind the ports: namespaces, addresses, routes, rules. */
  readonly read_s: number;
  /** The fourth time in the same process, all made anew; null: not asked. */
  readonly later: Pass | null;
  /** The most that was resident until the first answer. */
  readonly megabytes: number;
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
  const compiled = compileNetwork(network);
  const started = cpuSeconds();
  readBehindPorts(compiled);
  const read_s = cpuSeconds() - started;
  const first = passOnce(compiled);
  const megabytes = process.resourceUsage().maxRSS / 1000;
  let later: Pass | null = null;
  for (let i = 1; i < (ports > SMALL ? 1 : PASSES); i++) later = passOnce(compiled);
  return { ...first, flows, read_s, later, megabytes };
}

function passOnce(compiled: CompiledNetwork): Pass {
  const started = cpuSeconds();
  const all = openAllPairs(compiled, openCoordinates(MAX_EDGES));
  for (const [host, { switch: of }] of compiled.network.hosts) {
    // Tables are arranged when they are looked at first: here, so that they have their own figure.
    for (const { name } of of?.bridges ?? []) void all.bridge(host, name)?.tables.size;
  }
  const arranged = cpuSeconds();
  const { some, open } = tally(all);
  return { arranged_s: arranged - started, swept_s: cpuSeconds() - arranged, some, open };
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
        `${figure(of.arranged_s)} s to arrange the tables, ${figure(of.swept_s)} s for the pairs, ` +
        `${again(of.later)}after ${figure(of.read_s)} s to read what stands behind the ports; ` +
        `${figure(of.megabytes)} MB resident with the flows; ${figure(of.some)} pairs reach each ` +
        `other, ${figure(of.open)} open`,
      real: null,
      ratio: null,
      target: target === undefined ? null : `≤ ${target} s`,
      met: target === undefined ? null : of.arranged_s + of.swept_s <= target,
    };
  });
}

function again(later: Pass | null): string {
  if (later === null) return '';
  const { arranged_s, swept_s } = later;
  return `the fourth time in one process ${figure(arranged_s)} and ${figure(swept_s)} s, `;
}
