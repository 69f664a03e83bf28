/** What a snapshot lacks, and what an answer without it cannot know. */
import { type FilePlace, type Missing, ROOT } from '../../dataplane/network.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type Catalog, type HostCatalog } from './catalog.ts';

type Paths = ReadonlyMap<string, string>;

/** Any one of `files` is enough. `everywhere`: also in guests, not only where agents work. */
interface Need {
  readonly files: readonly string[];
  readonly consequence: string;
  readonly everywhere: boolean;
}

const NAMESPACE_NEEDS: readonly Need[] = [
  need(['ip-addr'], 'Which addresses the namespace answers for is not known', true),
  need(['ip-link', 'ip-addr'], 'Its interfaces are told by the names of ports', true),
  need(['ip-route-v4'], 'IPv4 packets are routed only to what addresses connect', true),
  need(['ip-route-v6'], 'IPv6 packets are routed only to what addresses connect', true),
  need(['ip-rule-v4'], 'The kernel’s default rules are assumed for IPv4', true),
  need(['ip-rule-v6'], 'The kernel’s default rules are assumed for IPv6', true),
  need(['ip-neigh-v4'], 'Every IPv4 neighbour has to be asked for', true),
  need(['ip-neigh-v6'], 'Every IPv6 neighbour has to be asked for', true),
  need(['iptables-save'], 'IPv4 is taken to pass without filter and NAT', false),
  need(['ip6tables-save'], 'IPv6 is taken to pass without filter and NAT', false),
  need(['sysctl'], 'Settings are taken from what agents set, else from kernel defaults', true),
  need(['ss-listen'], 'Which services listen is not known', true),
];

const FLOWS_CONSEQUENCE = 'Nothing that enters the bridge can be followed';

const BRIDGE_NEEDS: readonly Need[] = [
  need(['flows', 'flows-names'], FLOWS_CONSEQUENCE, true),
  need(['of-show', 'ports-desc'], 'Port states and numbers come from the database alone', true),
  need(['groups'], 'Groups are taken to be absent', true),
  need(['fdb'], 'NORMAL floods, as if nothing had been learned', true),
];

function need(files: readonly string[], consequence: string, everywhere: boolean): Need {
  return { files, consequence, everywhere };
}

/** Kernel settings of hosts and agents matter; nobody filters inside of a guest by default. */
export function missingOf(root: boolean, paths: Paths): readonly Missing[] {
  const agent = root || paths.has('iptables-save') || paths.has('ip6tables-save');
  return lacking(NAMESPACE_NEEDS, paths, agent);
}

function lacking(needs: readonly Need[], paths: Paths, all: boolean): readonly Missing[] {
  return needs
    .filter((each) => all || each.everywhere)
    .filter((each) => !each.files.some((file) => paths.has(file)))
    .map((each) => ({ file: each.files[0] ?? '', consequence: each.consequence }));
}

/** Of a whole snapshot: files named by where they would stand. */
export function missingOfCatalog(catalog: Catalog): readonly Missing[] {
  const missing: Missing[] = [...catalog.missing];
  if (!catalog.api.has('ports')) {
    missing.push({
      file: 'api/ports.json',
      consequence: 'Servers are found by namespace and device names, not by Neutron names',
    });
  }
  for (const host of catalog.hosts.values()) missing.push(...missingOfHost(host));
  return missing;
}

function missingOfHost(host: HostCatalog): Missing[] {
  const at = `hosts/${host.name}`;
  const missing: Missing[] = [];
  const add = (kind: 'namespace' | 'bridge', within: string, found: readonly Missing[]): void => {
    const folder = kind === 'bridge' ? `${at}/ovs/${within}.` : `${at}/ns/${within}/`;
    for (const { file, consequence } of found) {
      const place: FilePlace = { kind, host: host.name, within, name: file };
      missing.push({ file: `${folder}${file}`, consequence, place });
    }
  };
  for (const [name, paths] of host.namespaces) {
    const agents = name === ROOT || namespaceOwner(name) !== undefined;
    add('namespace', name, missingOf(agents, paths));
  }
  if (!host.namespaces.has(ROOT)) {
    missing.push({
      file: `${at}/ns/root`,
      consequence: 'Its devices are told by the names of ports; tunnels cannot be followed',
    });
  }
  for (const [bridge, paths] of host.bridges) {
    add('bridge', bridge, lacking(BRIDGE_NEEDS, paths, true));
  }
  const switched = host.bridges.size > 0 || host.ovs.size > 0;
  const known = ['ovsdb-dump', 'list-Interface', 'vsctl-show'].some((file) => host.ovs.has(file));
  if (switched && !known) {
    missing.push({
      file: `${at}/ovs/ovsdb-dump`,
      consequence: 'VLAN tags, tunnel endpoints and patch peers of ports are not known',
      place: { kind: 'switch', host: host.name, within: '', name: 'ovsdb-dump' },
    });
  }
  return missing;
}

/** Bridges that the switch's database names and of which there is no file at all. */
export function missingBridges(
  host: HostCatalog,
  bridges: readonly { readonly name: string }[],
): readonly Missing[] {
  return bridges
    .filter(({ name }) => !host.bridges.has(name))
    .map(({ name }) => ({
      file: `hosts/${host.name}/ovs/${name}.flows`,
      consequence: FLOWS_CONSEQUENCE,
      place: { kind: 'bridge', host: host.name, within: name, name: 'flows' },
    }));
}
