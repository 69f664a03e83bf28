/**
 * What a guest whose inside nobody captured was told by DHCP: the answer of the servers of its
 * network to its MAC, asked without the network between them.
 */
import { answerDhcp } from '../../dataplane/endpoint/dnsmasq/answer4.ts';
import { type GivenSettings } from '../../dataplane/endpoint/guest.ts';
import { ROOT } from '../../dataplane/network.ts';
import { namespaceOwner, networkBridge } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import {
  DHCP_MESSAGE,
  DHCP_OPTION,
  type Dhcp,
  dhcpOption,
  parseClasslessRoutes,
} from '../../packet/dhcp.ts';
import { get16, get32 } from '../../packet/wire/bytes.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { clientMessage } from '../exchanges/client-message.ts';
import { type Daemon } from './daemon.ts';
import { daemonsOf } from './daemons.ts';

/** The settings of a port's guest; null when no server of its network has an answer. */
export function givenTo(compiled: CompiledNetwork, port: NeutronPort): GivenSettings | null {
  const request = clientMessage(port.mac, DHCP_MESSAGE.discover, []);
  for (const { host, daemon, namespace } of serversFor(compiled, port.networkId)) {
    // nova-network's dnsmasq stands on the bridge itself.
    const only = namespace === ROOT ? networkBridge(port.networkId) : null;
    const state = compiled.network.namespace(host, namespace)?.state;
    for (const on of state?.interfaces ?? []) {
      if (on.loopback || (only !== null && on.name !== only)) continue;
      const answer = answerDhcp(daemon.config, on, request);
      if (answer.kind === 'answer') return settingsOf(answer.message);
    }
  }
  return null;
}

/** A DHCP server, and where it stands in the order of hosts. */
interface Server {
  readonly order: number;
  readonly host: string;
  readonly namespace: string;
  readonly daemon: Dnsmasq;
}

type Dnsmasq = Extract<Daemon, { kind: 'dnsmasq' }>;

/** The servers of the hosts that were read so far. */
interface Found {
  readonly hosts: Iterator<string>;
  readonly byNetwork: Map<string, Server[]>;
  /** Those in a root namespace; each may be that of every network. */
  readonly roots: Server[];
  count: number;
}

const found = new WeakMap<CompiledNetwork, Found>();

/** The DHCP servers that may be a network's, in the order of hosts; no host is read in vain. */
function* serversFor(compiled: CompiledNetwork, networkId: string): Generator<Server> {
  let known = found.get(compiled);
  if (known === undefined) {
    const hosts = compiled.network.hosts.keys();
    known = { hosts, byNetwork: new Map(), roots: [], count: 0 };
    found.set(compiled, known);
  }
  const { byNetwork, roots } = known;
  let last = -1;
  do {
    let mine: readonly Server[] = byNetwork.get(networkId) ?? [];
    if (roots.length > 0) mine = [...mine, ...roots].sort((a, b) => a.order - b.order);
    for (const server of mine) {
      if (server.order <= last) continue;
      last = server.order;
      yield server;
    }
  } while (readNext(compiled, known));
}

/** Reads the servers of one more host; false: there is none. */
function readNext(compiled: CompiledNetwork, known: Found): boolean {
  const next = known.hosts.next();
  if (next.done === true) return false;
  const host = next.value;
  for (const daemon of daemonsOf(compiled, host)) {
    if (daemon.kind !== 'dnsmasq' || daemon.namespace === null) continue;
    const { namespace } = daemon;
    const server: Server = { order: known.count++, host, namespace, daemon };
    const owner = namespaceOwner(namespace)?.id;
    if (namespace === ROOT) known.roots.push(server);
    else if (owner !== undefined) {
      const others = known.byNetwork.get(owner);
      if (others === undefined) known.byNetwork.set(owner, [server]);
      else others.push(server);
    }
  }
  return true;
}

/** Classless routes take the place of the router option (RFC 3442, "DHCP Client Behavior"). */
function settingsOf(message: Dhcp): GivenSettings {
  const classless = dhcpOption(message, DHCP_OPTION.classlessRoutes);
  const routers = dhcpOption(message, DHCP_OPTION.router);
  const mtu = dhcpOption(message, DHCP_OPTION.mtu);
  const four = (value: number): { version: 4; value: bigint } => ({
    version: 4,
    value: BigInt(value),
  });
  const routes =
    classless === null
      ? routers === null
        ? []
        : [{ to: null, via: four(get32(routers, 0)) }]
      : (parseClasslessRoutes(classless) ?? []).map(({ destination, length, router }) => ({
          to: length === 0 ? null : { address: four(destination), length },
          // 0.0.0.0 says that the destination is on the link itself.
          via: router === 0 ? null : four(router),
        }));
  return { routes, mtu: mtu === null ? null : get16(mtu, 0) };
}
