/**
 * A network that changes while time goes on: the base stays as it was read, changed namespaces
 * lie above it. What the living network shows at a moment is a `Network` like any other.
 */
import { type Host, type NamespaceState, type Network } from '../../dataplane/network.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';

export class LivingNetwork {
  readonly network: Network;
  /** Counts the changes of every namespace, by `HOST NAMESPACE`. */
  private readonly versions = new Map<string, number>();
  private readonly hosts = new Map<string, LivingHost>();

  constructor(base: Network) {
    for (const [name, host] of base.hosts) this.hosts.set(name, livingHost(host));
    const namespace: Network['namespace'] = (host, name) =>
      this.hosts.has(host)
        ? this.hosts.get(host)?.namespaces.get(name)
        : base.namespace(host, name);
    this.network = Object.create(base, {
      hosts: { value: this.hosts, enumerable: true },
      namespace: { value: namespace, enumerable: true },
    }) as Network;
  }

  /** Changes a namespace; false when there is nothing to change. */
  change(host: string, name: string, how: (before: Namespace) => Namespace): boolean {
    const namespaces = this.hosts.get(host)?.namespaces;
    const before = namespaces?.get(name);
    if (namespaces === undefined || before === undefined) return false;
    const state = how(before.state);
    if (state === before.state) return false;
    namespaces.set(name, changed(before, state));
    this.versions.set(`${host} ${name}`, this.version(host, name) + 1);
    return true;
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

function changed(before: NamespaceState, state: Namespace): NamespaceState {
  return Object.create(before, { state: { value: state, enumerable: true } }) as NamespaceState;
}
