/** Live hosts as a plan sees them: read once, with what is ours and which agents run there. */
import { type Network } from '../../dataplane/network.ts';
import { type Connections, gather, type HostResult } from '../../snapshot/collect/gather.ts';
import { type HostPart } from '../../snapshot/collect/host-script.ts';
import { type InventoryHost } from '../../snapshot/collect/inventory.ts';
import { memoryFolder } from '../../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../snapshot/read/open.ts';
import { type Seen } from '../plan.ts';
import { actualState, readOwned } from '../state/host.ts';
import { type HostState } from '../types.ts';

export interface Observed extends Seen {
  readonly results: readonly HostResult[];
  readonly files: ReadonlyMap<string, string>;
  /** The address from which this controller is seen by each host, and the host's own. */
  readonly operators: ReadonlyMap<
    string,
    { readonly from: string; readonly to: string; readonly port: number }
  >;
}

const HOST_TIMEOUT_MS = 60_000;

/** Reads hosts. Throws for one that cannot be read: nothing is planned half blind. */
export async function observe(
  hosts: readonly InventoryHost[],
  connections: Connections,
): Promise<Observed> {
  const { files, results } = await gather(hosts, connections, {
    parallel: 16,
    timeout_ms: HOST_TIMEOUT_MS,
  });
  const failed = results.filter(({ error }) => error !== null);
  if (failed.length > 0) {
    throw new Unreadable(failed.map(({ host, error }) => `${host}: ${error}`).join('; '));
  }
  return { ...observedOf(files, hosts), results };
}

export class Unreadable extends Error {}

/** The same from files that were read before. */
function observedOf(
  files: ReadonlyMap<string, string>,
  hosts: readonly { readonly name: string }[],
): Omit<Observed, 'results'> {
  const file = (host: string, name: string): string => files.get(`hosts/${host}/${name}`) ?? '';
  const operators = new Map<string, { from: string; to: string; port: number }>();
  for (const { name } of hosts) {
    const [from = '', , to = '', port = ''] = file(name, 'operator.txt').trim().split(' ');
    if (from !== '' && to !== '') operators.set(name, { from, to, port: Number(port) });
  }
  return {
    files,
    network: networkOf(files),
    owned: new Map(hosts.map(({ name }) => [name, readOwned(file(name, 'hopwise-owned.txt'))])),
    agents: new Map(
      hosts.map(({ name }) => [name, file(name, 'neutron-agents.txt').split('\n').filter(Boolean)]),
    ),
    programs: new Map(
      hosts.map(({ name }) => [name, file(name, 'programs.txt').split('\n').filter(Boolean)]),
    ),
    operators,
  };
}

export function networkOf(files: ReadonlyMap<string, string>): Network {
  return openSnapshot(memoryFolder(new Map([...files].map(([path, text]) => [path, () => text]))));
}

/** Regions to read, and namespaces in which other ends of their cables stand. */
export interface Sight {
  readonly regions: ReadonlySet<string>;
  readonly beside: readonly string[];
}

/** One host's items as they are now; only those of some regions when they are given. */
export async function observeHost(
  host: InventoryHost,
  connections: Connections,
  sight: Sight | null = null,
): Promise<HostState | string> {
  const { files, results } = await gather([host], connections, {
    parallel: 1,
    timeout_ms: HOST_TIMEOUT_MS,
    ...(sight === null ? {} : { part: partOf(sight) }),
  });
  const error = results[0]?.error ?? null;
  if (error !== null) return error;
  const { network, owned } = observedOf(files, [host]);
  const read = network.hosts.get(host.name);
  if (read === undefined) return 'nothing was read';
  return actualState(network, read, owned.get(host.name) ?? new Set(), []);
}

/** What has to be read to know some regions. */
function partOf({ regions, beside }: Sight): HostPart {
  const of = (kind: string): readonly string[] =>
    [...regions].flatMap((region) =>
      region.startsWith(`${kind} `) ? [region.slice(kind.length + 1)] : [],
    );
  const namespaces = of('namespace');
  return {
    // The other ends of cables tell what a device is.
    namespaces: namespaces.length === 0 ? [] : [...new Set(['root', ...namespaces, ...beside])],
    bridges: of('flows'),
    // Which devices are ports of the switch is told by its database.
    database: regions.has('switch') || namespaces.length > 0,
    // What keepalived gives and takes is told by its files.
    daemons: regions.has('daemons') || namespaces.some((name) => name !== 'host'),
  };
}
