/**
 * A network that changes while time goes on: the base stays as it was read, changed namespaces
 * lie above it. What the living network shows at a moment is a `Network` like any other.
 */
import {
  type Endpoint,
  type Host,
  type InterfaceId,
  type NamespaceState,
  type Network,
  type SwitchPortId,
  type Wire,
} from '../../dataplane/network.ts';
import { type Switch } from '../../dataplane/ovs/types/switch.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { type Neutron } from '../../model/neutron.ts';

export class LivingNetwork {
  readonly network: Network;
  /** Counts the changes of every namespace, by `HOST NAMESPACE`. */
  private readonly versions = new Map<string, number>();
  private readonly hosts = new Map<string, LivingHost>();
  /** Wires that are not as in the base, by `HOST NAMESPACE INTERFACE`. */
  private readonly wires = new Map<string, Wire>();
  private readonly switchPorts = new Map<string, SwitchPortId>();
  private readonly interfaces = new Map<string, InterfaceId>();
  private endpoints: readonly Endpoint[] | null = null;
  private neutron: Neutron | null = null;
  /** Of `endpoints`, by host. */
  private readonly endpointsByHost = new Map<string, readonly Endpoint[]>();
  private readonly base: Network;

  constructor(base: Network) {
    for (const [name, host] of base.hosts) this.hosts.set(name, livingHost(host));
    const namespace: Network['namespace'] = (host, name) =>
      this.hosts.has(host)
        ? this.hosts.get(host)?.namespaces.get(name)
        : base.namespace(host, name);
    const wire: Network['wire'] = (at) => this.wires.get(interfaceKey(at)) ?? base.wire(at);
    const switchPortOf: Network['switchPortOf'] = (at) =>
      this.switchPorts.get(interfaceKey(at)) ?? base.switchPortOf(at);
    const interfaceOf: Network['interfaceOf'] = (port) =>
      this.interfaces.get(portKey(port)) ?? base.interfaceOf(port);
    this.base = base;
    this.network = Object.create(base, {
      hosts: { value: this.hosts, enumerable: true },
      namespace: { value: namespace, enumerable: true },
      wire: { value: wire, enumerable: true },
      switchPortOf: { value: switchPortOf, enumerable: true },
      interfaceOf: { value: interfaceOf, enumerable: true },
      endpoints: { get: () => this.endpoints ?? base.endpoints, enumerable: true },
      endpointsOf: { value: (host: string) => this.endpointsOf(host), enumerable: true },
      neutron: { get: () => this.neutron ?? base.neutron, enumerable: true },
    }) as Network;
  }

  /** Changes a namespace; false when there is nothing to change. */
  change(host: string, name: string, how: (before: Namespace) => Namespace): boolean {
    const before = this.hosts.get(host)?.namespaces.get(name);
    if (before === undefined) return false;
    const state = how(before.state);
    if (state === before.state) return false;
    this.setNamespace(host, name, changed(before, { state: { value: state, enumerable: true } }));
    return true;
  }

  /** Gives a host a namespace, or another one of that name; null takes it away. */
  setNamespace(host: string, name: string, state: NamespaceState | null): void {
    const namespaces = this.hosts.get(host)?.namespaces;
    if (state === null) namespaces?.delete(name);
    else namespaces?.set(name, state);
    this.versions.set(`${host} ${name}`, this.version(host, name) + 1);
  }

  /** Puts other files of rules (`iptables-save`…) into a namespace. */
  changeRules(host: string, name: string, source: NamespaceState['source']): void {
    const before = this.hosts.get(host)?.namespaces.get(name);
    if (before === undefined) return;
    this.setNamespace(host, name, changed(before, { source: { value: source, enumerable: true } }));
  }

  /** Changes a host's switch; false when there is nothing to change. */
  changeSwitch(host: string, how: (before: Switch) => Switch): boolean {
    const living = this.hosts.get(host);
    const before = living?.switch ?? null;
    if (living === undefined || before === null) return false;
    const after = how(before);
    if (after === before) return false;
    Object.defineProperty(living, 'switch', { value: after, enumerable: true, configurable: true });
    return true;
  }

  /** Connects an interface otherwise than in the base. */
  connect(at: InterfaceId, wire: Wire): void {
    this.wires.set(interfaceKey(at), wire);
  }

  /** Makes an interface of a kernel a port of a switch that the base does not have. */
  plug(at: InterfaceId, port: SwitchPortId): void {
    this.switchPorts.set(interfaceKey(at), port);
    this.interfaces.set(portKey(port), at);
  }

  /** Ports of servers are bound elsewhere now. */
  rebind(neutron: Neutron, endpoints: readonly Endpoint[]): void {
    this.neutron = neutron;
    this.endpoints = endpoints;
    this.endpointsByHost.clear();
  }

  private endpointsOf(host: string): readonly Endpoint[] {
    if (this.endpoints === null) return this.base.endpointsOf(host);
    const known = this.endpointsByHost.get(host);
    if (known !== undefined) return known;
    const found = this.endpoints.filter((one) => one.host === host);
    this.endpointsByHost.set(host, found);
    return found;
  }

  /** How often a namespace has changed. */
  version(host: string, name: string): number {
    return this.versions.get(`${host} ${name}`) ?? 0;
  }
}

type LivingHost = Host & { readonly namespaces: Map<string, NamespaceState> };

/** Members of the base are read when they are asked for, so they are not copied here. */
function livingHost(host: Host): LivingHost {
  return Object.create(host, {
    namespaces: { value: new Map(host.namespaces), enumerable: true },
  }) as LivingHost;
}

function changed(before: NamespaceState, what: PropertyDescriptorMap): NamespaceState {
  return Object.create(before, what) as NamespaceState;
}

function interfaceKey({ host, namespace, name }: InterfaceId): string {
  return `${host} ${namespace} ${name}`;
}

function portKey({ host, bridge, port }: SwitchPortId): string {
  return `${host} ${bridge} ${port}`;
}
