/** The VRRP instances of a network: keepalived's configurations in the namespaces of its hosts. */

import { VIRTUAL_OWNER } from '../../dataplane/endpoint/guest-nics.ts';
import { type NamespaceState, type Network } from '../../dataplane/network.ts';
import { type Interface, type IpAddress } from '../../dataplane/routing/types.ts';
import { DIALECTS } from '../../dataplane/vrrp/machine/dialect.ts';
import { type InstanceSettings, instanceSettings } from '../../dataplane/vrrp/machine/settings.ts';
import { type Keepalived, type VrrpInstance, type VrrpScript } from '../../dataplane/vrrp/types.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { daemonsOf } from '../../trace/programs/daemons.ts';

/** An instance and where it lives. */
export interface PlacedInstance {
  /** `ROUTER@HOST`, unique in the network. */
  readonly id: string;
  readonly host: string;
  readonly namespace: string;
  /** The router's name, its id, or the instance's own name. */
  readonly router: string;
  /** Names the network its adverts are sent on. */
  readonly link: string;
  readonly settings: InstanceSettings;
  /** The file that it stands in, and it in that file. */
  readonly config: Keepalived;
  readonly instance: VrrpInstance;
  readonly scripts: readonly VrrpScript[];
  /** Where the configuration stands. */
  readonly path: string;
  /** Whether the Neutron L3 agent looks after it. */
  readonly byAgent: boolean;
}

/** Finds all instances; those without an interface or its address are left out. */
export function placedInstances(compiled: CompiledNetwork): readonly PlacedInstance[] {
  const { network } = compiled;
  const found: PlacedInstance[] = [];
  const taken = new Set<string>();
  const known = namesOf(network);
  for (const host of network.hosts.keys()) {
    for (const daemon of daemonsOf(compiled, host)) {
      if (daemon.kind !== 'keepalived' || daemon.namespace === null) continue;
      const { config, namespace, path } = daemon;
      const state = network.namespace(host, namespace);
      // Its parent and its child have the same command line.
      const place = `${host} ${namespace} ${path}`;
      if (state === undefined || taken.has(place)) continue;
      taken.add(place);
      for (const instance of config.instances) {
        const device = interfaceOf(state, instance.interface ?? '');
        const source = device === undefined ? null : sourceOf(device, isIpv6(instance));
        if (device === undefined || source === null) continue;
        const owner = namespaceOwner(namespace);
        // A distributed router elects its central part only.
        const ofRouter = owner?.kind === 'router' || owner?.kind === 'snat';
        const router = ofRouter
          ? routerName(known, owner.id)
          : (virtualName(network, instance) ?? instance.name);
        const id = uniqueName(taken, `${router}@${host}`, instance.name);
        found.push({
          id,
          host,
          namespace,
          router,
          link: linkOf(known, device, source),
          settings: settingsOf(config, instance, source),
          config,
          instance,
          scripts: config.scripts,
          path,
          byAgent: ofRouter,
        });
      }
    }
  }
  return found;
}

/** The settings of an instance of the keepalived that is simulated. */
export function settingsOf(
  config: Keepalived,
  instance: VrrpInstance,
  source: IpAddress,
): InstanceSettings {
  return instanceSettings(config, instance, source, DIALECTS['keepalived-2.2.7']);
}

export function interfaceOf({ state }: NamespaceState, name: string): Interface | undefined {
  return state.interfaces.find((one) => one.name === name);
}

/** keepalived takes the family of an instance from its first address (vrrp_parser.c). */
export function isIpv6({ nativeIpv6, addresses }: VrrpInstance): boolean {
  return nativeIpv6 === true || addresses[0]?.address.version === 6;
}

/** The first address of the interface: adverts are sent from it. */
export function sourceOf({ addresses }: Interface, six: boolean): IpAddress | null {
  const wanted = addresses.find(({ address, scope }) =>
    six ? address.version === 6 && scope === 'link' : address.version === 4,
  );
  return wanted?.address ?? null;
}

/** What is asked of Neutron's objects for each of thousands of instances. */
interface Names {
  /** Networks of ports, by MAC. */
  readonly networks: ReadonlyMap<bigint, string>;
  /** Names of routers, by id. */
  readonly routers: ReadonlyMap<string, string>;
}

function namesOf({ neutron }: Network): Names {
  const networks = new Map<bigint, string>();
  for (const { mac, networkId } of neutron.ports) {
    if (!networks.has(mac)) networks.set(mac, networkId);
  }
  return { networks, routers: new Map(neutron.routers.map(({ id, name }) => [id, name])) };
}

/** Neutron's network of the port, else the subnet. */
function linkOf({ networks }: Names, { mac, addresses }: Interface, source: IpAddress): string {
  const network = networks.get(mac);
  if (network !== undefined) return network;
  const own = addresses.find(({ address }) => address.value === source.value);
  const host = BigInt((source.version === 4 ? 32 : 128) - (own?.length ?? 0));
  return `${source.value >> host}/${own?.length ?? 0}`;
}

function routerName({ routers }: Names, id: string): string {
  const name = routers.get(id) ?? '';
  return name === '' ? id : name;
}

/** Amphorae call their instance after a load balancer's id; its virtual address has a port. */
function virtualName({ neutron }: Network, instance: VrrpInstance): string | null {
  const [virtual] = instance.addresses;
  const port = neutron.ports.find(
    ({ deviceOwner, fixedIps }) =>
      deviceOwner === VIRTUAL_OWNER &&
      fixedIps.some(({ address }) => address.value === virtual?.address.value),
  );
  return port === undefined || port.name === '' ? null : port.name;
}

/** Instances of one process that are in one sync group, each group once. */
export function syncGroupsOf(
  instances: Iterable<PlacedInstance>,
): readonly (readonly PlacedInstance[])[] {
  const groups = new Map<string, PlacedInstance[]>();
  for (const one of instances) {
    const { group } = one.settings;
    if (group === null) continue;
    const key = `${one.host} ${one.namespace} ${one.path} ${group}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

function uniqueName(taken: Set<string>, name: string, instance: string): string {
  const id = taken.has(name) ? `${name}:${instance}` : name;
  taken.add(id);
  return id;
}
