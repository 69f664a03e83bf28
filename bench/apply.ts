/**
 * How long planning takes where one in a hundred of 10,000 flows is another, how long the plan's
 * bundle takes beside `ovs-ofctl replace-flows` of the whole table, and how long a host is read.
 */
import { fingerprint } from '../src/apply/execute/hash.ts';
import { networkOf } from '../src/apply/execute/observe.ts';
import { makePlan } from '../src/apply/plan.ts';
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { gather, openConnections } from '../src/snapshot/collect/gather.ts';
import { type InventoryHost } from '../src/snapshot/collect/inventory.ts';
import { compileFiles } from '../src/snapshot/read/compiled.ts';
import { figure, type Row, told } from './report.ts';
import { cpuSeconds, inTurns } from './stopwatch.ts';
import { startVswitchd } from './vswitchd.ts';

const FLOWS = 10_000;
const CLOUD = `hosts:
  - {name: one, nics: [{name: eth2}], agents: {openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, datapath: userspace}}}
networks:
  - {name: n, type: vlan, physical_network: external, segmentation_id: 7, subnets: [{name: n, cidr: 10.0.0.0/24, dhcp: false}]}
`;
const FILE = 'hosts/one/ovs/br-int.flows.txt';

/** The flows of a host; every hundredth has another action when `changed`. */
function flows(changed: boolean): readonly string[] {
  return Array.from({ length: FLOWS }, (_, i) => {
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const action = changed && i % 100 === 0 ? 'drop' : `resubmit(,${60 + (i % 20)})`;
    return `cookie=0x686f70, table=${i % 20}, priority=${100 + (i % 7)},ip,nw_dst=${address} actions=${action}`;
  });
}

function filesWith(lines: readonly string[]): ReadonlyMap<string, string> {
  const { value } = readCloudYaml('cloud.yaml', CLOUD);
  if (value === null) throw new Error('no cloud');
  const files = new Map([...compileFiles(value)].map(([path, text]) => [path, text()]));
  if (!files.has(FILE)) throw new Error('no flows');
  return files.set(FILE, lines.map((line) => ` ${line}\n`).join(''));
}

function planned() {
  const [old, wanted] = [filesWith(flows(false)), filesWith(flows(true))];
  const started = cpuSeconds();
  const [seen, to] = [networkOf(old), networkOf(wanted)];
  const { plan } = makePlan(
    { name: 'wanted', network: to },
    { network: seen, owned: new Map(), agents: new Map(), programs: new Map() },
    { hosts: ['one'], order: 'direct', rivals: 'takeover', hash: fingerprint },
  );
  return { plan, took_s: cpuSeconds() - started };
}

/** Rows of this section. */
export async function applyRows(): Promise<readonly Row[]> {
  const tries = [planned(), planned(), planned()];
  const took_s = Math.min(...tries.map((each) => each.took_s));
  const [{ plan } = { plan: null }] = tries;
  const lines = (plan?.steps ?? []).flatMap(({ forward }) =>
    forward.flatMap((action) => (action.kind === 'flows' ? action.lines : [])),
  );
  return [
    told(
      `a plan for ${figure(FLOWS)} flows, ${figure(lines.length)} of them changed, both dumps read`,
      `${figure(took_s)} s (processor)`,
    ),
    ...(await pushed(lines)),
    await collected(),
  ];
}

async function pushed(lines: readonly string[]): Promise<readonly Row[]> {
  const daemon = await startVswitchd();
  if (daemon === null) return [];
  try {
    const bridge = ['--', 'set', 'bridge', 'b', 'datapath_type=dummy', 'fail_mode=secure'];
    daemon.run('ovs-vsctl', ['add-br', 'b', ...bridge]);
    const all = [flows(false), flows(true)].map((each) => `${each.join('\n')}\n`);
    const of = ['-O', 'OpenFlow14', '--bundle'];
    daemon.run('ovs-ofctl', [...of, 'replace-flows', 'b', '-'], all[0]);
    const back = flows(false).filter((_, i) => i % 100 === 0);
    let turn = 0;
    const [ours, real] = await inTurns(
      [
        () => {
          const bundle = turn++ % 2 === 0 ? lines : back.map((line) => `add ${line}`);
          daemon.run('ovs-ofctl', [...of, 'add-flows', 'b', '-'], `${bundle.join('\n')}\n`);
          return 1;
        },
        () => {
          daemon.run('ovs-ofctl', [...of, 'replace-flows', 'b', '-'], all[turn++ % 2]);
          return 1;
        },
      ],
      { rounds: 4, seconds: 0.5 },
    );
    if (ours === undefined || real === undefined) return [];
    return [
      {
        what: `these ${figure(lines.length)} changes in one bundle, beside replace-flows of all`,
        ours: `${figure(ours.best_s * 1000)} ms`,
        real: `${figure(real.best_s * 1000)} ms`,
        ratio: `${figure(real.best_s / ours.best_s)} ×`,
        target: null,
        met: null,
      },
    ];
  } finally {
    daemon.stop();
  }
}

/** This very machine, which is only looked at. */
async function collected(): Promise<Row> {
  const host: InventoryHost = { name: 'here', reach: { kind: 'local' }, sudo: false };
  const connections = openConnections({ hosts: [host] });
  try {
    let best = Number.POSITIVE_INFINITY;
    let files = 0;
    for (let i = 0; i < 5; i++) {
      const { results } = await gather([host], connections);
      best = Math.min(best, results[0]?.took_ms ?? Number.POSITIVE_INFINITY);
      files = results[0]?.files ?? 0;
    }
    return told(
      `a host read without a network between (${figure(files)} files)`,
      `${figure(best)} ms`,
    );
  } finally {
    await connections.close();
  }
}
