/** What is compiled once per snapshot and shared by all walks over it. */
import { type Network } from '../dataplane/network.ts';
import { type PreparedSwitch } from '../dataplane/ovs/pipeline/prepared.ts';
import { type CompiledNamespace } from '../dataplane/routing/stack.ts';

export interface CompiledNetwork {
  readonly network: Network;
  /** By `HOST NAMESPACE`. */
  readonly namespaces: Map<string, CompiledNamespace>;
  /** By host. */
  readonly switches: Map<string, PreparedSwitch>;
}

export function compileNetwork(network: Network): CompiledNetwork {
  return { network, namespaces: new Map(), switches: new Map() };
}
