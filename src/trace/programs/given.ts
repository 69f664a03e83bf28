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
import { daemonsOf } from './daemons.ts';

/** The settings of a port's guest; null when no server of its network has an answer. */
export function givenTo(compiled: CompiledNetwork, port: NeutronPort): GivenSettings | null {
  const request = clientMessage(port.mac, DHCP_MESSAGE.discover, []);
  for (const host of compiled.network.hosts.keys()) {
    for (const daemon of daemonsOf(compiled, host)) {
      if (daemon.kind !== 'dnsmasq' || daemon.namespace === null) continue;
      const { namespace } = daemon;
      // nova-network's dnsmasq stands on the bridge itself.
      const only = namespace === ROOT ? networkBridge(port.networkId) : null;
      if (only === null && namespaceOwner(namespace)?.id !== port.networkId) continue;
      const state = compiled.network.namespace(host, daemon.namespace)?.state;
      for (const on of state?.interfaces ?? []) {
        if (on.loopback || (only !== null && on.name !== only)) continue;
        const answer = answerDhcp(daemon.config, on, request);
        if (answer.kind === 'answer') return settingsOf(answer.message);
      }
    }
  }
  return null;
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
