/** Two clouds for the same hosts, the first as if it were live, and the plan from one to the other. */
import { fingerprint } from '../../src/apply/execute/hash.ts';
import { networkOf } from '../../src/apply/execute/observe.ts';
import { makePlan, type Planned } from '../../src/apply/plan.ts';
import { type Ends } from '../../src/apply/prove/stages.ts';
import { type FlowOrder } from '../../src/apply/steps/flow-order.ts';
import { type Constraint, OWNER, OWNER_KEY } from '../../src/apply/types.ts';
import { type Network } from '../../src/dataplane/network.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';

export interface TwoClouds extends Planned {
  readonly ends: Ends;
}

function filesOf(yaml: string): ReadonlyMap<string, () => string> {
  const { value, problems } = readCloudYaml('cloud.yaml', yaml);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  return compileFiles(value);
}

function texts(files: ReadonlyMap<string, () => string>): Map<string, string> {
  return new Map([...files].map(([path, text]) => [path, text()]));
}

/** The dump that the agents of a cloud would give. */
export function compiledTexts(yaml: string): Map<string, string> {
  return texts(filesOf(yaml));
}

/** Rows of a switch with the mark of their owner, as they are after a plan has run. */
function marked(files: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    [...files].map(([path, text]) => {
      if (!/\/ovs\/list-(Bridge|Interface)\.json$/.test(path)) return [path, text];
      const table = JSON.parse(text) as { headings: string[]; data: unknown[][] };
      const at = table.headings.indexOf('external_ids');
      const [mode, name] = ['fail_mode', 'name'].map((word) => table.headings.indexOf(word));
      for (const row of table.data) {
        // The operator's own bridges forward by themselves, and NICs are nobody's to remove.
        if (row[mode!] === 'standalone' || /^eth\d/.test(String(row[name!]))) continue;
        const [, pairs] = row[at] as ['map', [string, string][]];
        pairs.push([OWNER_KEY, OWNER]);
      }
      return [path, JSON.stringify(table)];
    }),
  );
}

/** What hosts noted of the Linux bridges of their guests. */
function guestNotes({ hosts }: Network, host: string): readonly string[] {
  const faces = hosts.get(host)?.namespaces.get('root')?.state.interfaces ?? [];
  return faces.flatMap(({ name, master }) => [
    ...(/^(qbr|qvb|qvo|brq|vxlan-)/.test(name) ? [`device root ${name}`] : []),
    ...(/^(qvb|tap)/.test(name) && master !== null ? [`member root ${name}`] : []),
  ]);
}

export function planBetween(
  live: string,
  wanted: string,
  order: FlowOrder,
  constraints: readonly Constraint[] = [],
): TwoClouds {
  const [from, to] = [filesOf(live), filesOf(wanted)];
  const read = marked(texts(from));
  const network = networkOf(read);
  const hosts = [...network.hosts.keys()];
  const all = new Map(
    hosts.map((host) => {
      const names = [...(network.hosts.get(host)?.namespaces.keys() ?? [])].filter(
        (name) => name !== 'root',
      );
      return [
        host,
        new Set([...names.map((name) => `namespace ${name}`), ...guestNotes(network, host)]),
      ] as const;
    }),
  );
  const planned = makePlan(
    { name: 'wanted', network: networkOf(texts(to)) },
    { network, owned: all, agents: new Map(), programs: new Map() },
    { hosts, order, constraints, rivals: 'takeover', hash: fingerprint },
  );
  const old = new Map([...read].filter(([path]) => path.startsWith('hosts/')));
  return { ...planned, ends: { old, new: to } };
}
