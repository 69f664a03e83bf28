/**
 * Between a host's kernel and the switch inside of it: the switch encapsulates and the host's own
 * stack sends; what comes back for the host's address in a tunnel of the switch goes up to it
 * (net/openvswitch/vport-netdev.c, the devices `vxlan_sys_4789`, `genev_sys_6081`, `gre_sys`).
 */
import { type Network } from '../dataplane/network.ts';
import { type Switch, type TunnelSettings } from '../dataplane/ovs/types/switch.ts';
import { ENCAPSULATION, field } from '../packet/fields.ts';
import { type Guard, guard } from '../traffic/guard.ts';
import { and, type Match, or, test } from '../traffic/match.ts';

/** The port by which tunnel packets of the kernel datapath come to the switch. */
export const TUNNEL_PORT = 'tunnel';

/** Whether a switch's port is one of the kernel's tunnel devices. */
export function isTunnelDevice(port: string): boolean {
  return port.startsWith(`${TUNNEL_PORT}:`);
}

const KINDS: Partial<Record<TunnelSettings['kind'], number>> = {
  vxlan: ENCAPSULATION.vxlan,
  geneve: ENCAPSULATION.geneve,
  gre: ENCAPSULATION.gre,
  ip6gre: ENCAPSULATION.gre,
};

/** What the kernel takes for a switch, and by which port it gives it on. */
export interface SwitchTunnels {
  readonly takes: Guard;
  readonly port: string;
}

/** Packets that the kernel takes for the switch of a host; null when it has no such tunnels. */
export function switchTunnels(network: Network, host: string): SwitchTunnels | null {
  const of = network.hosts.get(host)?.switch ?? null;
  if (of?.datapath !== 'kernel') return null;
  let known = tunnels.get(of);
  if (known === undefined) {
    known = tunnelsOf(of);
    tunnels.set(of, known);
  }
  return known;
}

/** Every walk asks for those of every host that a flood of the underlay reaches. */
const tunnels = new WeakMap<Switch, SwitchTunnels | null>();

function tunnelsOf(of: Switch): SwitchTunnels | null {
  const matches = new Map<string, Match>();
  for (const { tunnel } of of.bridges.flatMap((bridge) => bridge.ports)) {
    const kind = tunnel === null ? undefined : KINDS[tunnel.kind];
    if (tunnel === null || kind === undefined) continue;
    const encapsulated = test(field('encap_kind'), BigInt(kind));
    const port = test(field('udp_dst'), BigInt(tunnel.destinationPort));
    const key = `${kind} ${tunnel.destinationPort}`;
    matches.set(key, kind === ENCAPSULATION.gre ? encapsulated : and(encapsulated, port));
  }
  return matches.size === 0 ? null : { takes: guard(or(...matches.values())), port: TUNNEL_PORT };
}
