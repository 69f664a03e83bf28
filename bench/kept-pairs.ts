/** How long it takes to know all pairs again when a flow of a generated cloud has changed. */
import { type Flow } from '../src/dataplane/ovs/types/flow.ts';
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../src/snapshot/read/compiled.ts';
import { openCoordinates } from '../src/verify/allpairs/coordinates.ts';
import { type FlowChange } from '../src/verify/allpairs/flow-changes.ts';
import { type KeptPairs, keepPairs } from '../src/verify/allpairs/kept-pairs.ts';
import { measure } from './alone.ts';
import { generatedCloud } from './compile.ts';
import { figure, type Row } from './report.ts';
import { cpuSeconds } from './stopwatch.ts';

const MAX_EDGES = 200_000_000;
/** Promised milliseconds for half of the changes. */
const TARGETS = { rule: 0.5, group: 0.5, forwarding: 10 } as const;

type Kind = keyof typeof TARGETS;

const SAYS: Readonly<Record<Kind, string>> = {
  rule: 'a rule of one port',
  group: 'a rule of a group of 50 ports',
  forwarding: 'a forwarding flow of br-tun',
};

/** Milliseconds of processor time of a change; half of the changes take less than the first. */
export interface Times {
  readonly half_ms: number;
  readonly most_ms: number;
  readonly pairs: number;
}

export interface KeptTimes {
  readonly kept_s: number;
  readonly flows: number;
  readonly changes: Readonly<Record<Kind, Times>>;
}

/** Keeps all pairs of a cloud, changes flows of it one after the other and back again. */
export function changeOften(ports: number): KeptTimes {
  const { value } = readCloudYaml('generated.yaml', generatedCloud(ports, 'packed'));
  if (value === null) throw new Error('no cloud');
  const network = compileNetworkOf(value);
  const flowsAt = (host: string, bridge: string): readonly Flow[] =>
    network.hosts.get(host)!.switch!.bridges.find(({ name }) => name === bridge)!.flows;
  let flows = 0;
  for (const { switch: of } of network.hosts.values()) {
    for (const bridge of of?.bridges ?? []) flows += bridge.flows.length;
  }
  const started = cpuSeconds();
  const kept = keepPairs(network, openCoordinates(MAX_EDGES));
  const kept_s = cpuSeconds() - started;

  const { servers } = kept.all;
  /** The rule that lets tcp/22 in to a server. */
  const ruleOf = (at: number): FlowChange => {
    const { station } = servers[at]!;
    const removed = flowsAt(station.host, 'br-int').filter(
      ({ table, tests }) =>
        table === 82 &&
        tests.some(({ field, value: of }) => field.name === 'tcp_dst' && of === 22n) &&
        tests.some(
          ({ field, value: of }) => field.name === 'reg5' && of === BigInt(station.ofport),
        ),
    );
    return { host: station.host, bridge: 'br-int', removed, added: [] };
  };
  const forwarding = (at: number): FlowChange => {
    const { host } = servers[at]!.station;
    const all = flowsAt(host, 'br-tun').filter(({ table }) => table === 20);
    const removed = [all[(at * 7) % all.length]!];
    return { host, bridge: 'br-tun', removed, added: [] };
  };
  const step = Math.max(1, Math.floor(servers.length / 150));
  const some = servers.map((_, at) => at).filter((at) => at % step === 0);
  const groups = some.map((at) => at - (at % 50));
  return {
    kept_s,
    flows,
    changes: {
      rule: timed(
        kept,
        some.map((at) => [ruleOf(at)]),
      ),
      group: timed(
        kept,
        groups.map((first) => Array.from({ length: 50 }, (_, i) => ruleOf(first + i))),
      ),
      forwarding: timed(
        kept,
        some.map((at) => [forwarding(at)]),
      ),
    },
  };
}

/** Every change and its undoing, each by itself. */
function timed(kept: KeptPairs, all: readonly (readonly FlowChange[])[]): Times {
  const times: number[] = [];
  let pairs = 0;
  const once = (changes: readonly FlowChange[]): void => {
    const started = process.cpuUsage();
    const done = kept.change(...changes);
    const { user, system } = process.cpuUsage(started);
    if (done === null) throw new Error('all anew');
    times.push((user + system) / 1000);
    pairs += done.pairs.length;
  };
  for (const changes of all) {
    once(changes);
    once(changes.map((one) => ({ ...one, removed: one.added, added: one.removed })));
  }
  times.sort((a, b) => a - b);
  return {
    half_ms: times[Math.floor(times.length / 2)]!,
    most_ms: times[Math.floor(times.length * 0.95)]!,
    pairs: pairs / times.length,
  };
}

/** A row for each kind of change. */
export function keptRows(ports: number): readonly Row[] {
  const { kept_s, flows, changes, megabytes } = measure<KeptTimes>('kept-pairs', String(ports));
  return Object.entries(TARGETS).map(([kind, target]): Row => {
    const { half_ms, most_ms, pairs } = changes[kind as Kind];
    return {
      what: `all pairs of ${figure(ports)} ports again, ${SAYS[kind as Kind]} changed`,
      ours:
        `half of the changes within ${figure(half_ms)} ms (processor), 95 of 100 within ` +
        `${figure(most_ms)} ms; ${figure(pairs)} pairs changed in the mean; ` +
        `${figure(kept_s)} s and ${figure(megabytes)} MB for the first time, ${figure(flows)} flows`,
      real: null,
      ratio: null,
      target: `≤ ${target} ms`,
      met: half_ms <= target,
    };
  });
}
