/** What the local pages are about: one network, prepared once, and another to compare it with. */
import { type Network } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { lazily } from '../../trace/lazily.ts';
import { prepareTracing, type Tracer } from '../../trace/tracer.ts';
import { type Verdict } from '../../trace/types.ts';
import { type AskedRows, openRows } from '../../verify/allpairs/asked-rows.ts';
import { type Prover, prepareProofs } from '../../verify/proof/prove.ts';
import { type OpenedSnapshot } from '../snapshot-option.ts';

export interface Served {
  readonly name: string;
  readonly network: Network;
  readonly tracer: Tracer;
  /** Prepared when the first proof is asked for. */
  readonly prover: Prover;
  /** Whose objects agents go by; null where nothing tells. */
  readonly cloud: Cloud | null;
  /** Servers by the names that questions take, sorted. */
  readonly servers: readonly string[];
  /** Servers by group: networks and security groups. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** The port that a server's name stands for, by its id. */
  readonly portOf: ReadonlyMap<string, string>;
  /** What servers send, proved when somebody asks for it. */
  readonly rows: AskedRows;
  /** Verdicts of pairs that were traced one by one, by address of their page. */
  readonly traced: Map<string, Verdict | string>;
  readonly other: Pick<Served, 'name' | 'network' | 'tracer'> | null;
}

/** Prepares what is asked again and again. */
export function prepareServed(
  { name, network }: OpenedSnapshot,
  cloud: Cloud | null,
  other: OpenedSnapshot | null,
): Served {
  const { neutron } = network;
  const groups = new Map<string, Set<string>>();
  const names = new Map<string, string>();
  const add = (group: string, server: string): void => {
    const members = groups.get(group);
    if (members === undefined) groups.set(group, new Set([server]));
    else members.add(server);
  };
  const nameOf = new Map(neutron.servers.map(({ id, name: called }) => [id, called]));
  const networks = new Map(neutron.networks.map((one) => [one.id, one.name]));
  const securityGroups = new Map(neutron.securityGroups.map((one) => [one.id, one.name]));
  for (const port of neutron.ports) {
    if (!port.deviceOwner.startsWith('compute:')) continue;
    const label = nameOf.get(port.deviceId) ?? port.name;
    // A name that two have would be refused as a question; the port's id is not.
    const word = label === '' || names.has(label) ? port.id.slice(0, 8) : label;
    names.set(word, port.id);
    add(`network ${networks.get(port.networkId) ?? port.networkId}`, word);
    for (const id of port.securityGroups) add(`group ${securityGroups.get(id) ?? id}`, word);
  }
  return lazily(
    {
      name,
      network,
      cloud,
      tracer: prepareTracing(network),
      servers: [...names.keys()].sort(),
      portOf: names,
      traced: new Map(),
      groups: new Map(
        [...groups].sort().map(([group, members]) => [group, [...members].sort()] as const),
      ),
      other: other === null ? null : { ...other, tracer: prepareTracing(other.network) },
    },
    { prover: () => prepareProofs(network), rows: () => openRows(network) },
  );
}
