/**
 * The two ends of a tunnel between hosts: each needs its own address on a working interface, the
 * other's address as its remote one, and both the same UDP port (RFC 7348 §4.1 gives VXLAN 4789,
 * Linux took 8472 before).
 */
import { FABRIC_BRIDGE } from '../../dataplane/endpoint/physical.ts';
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type Interface, type IpAddress } from '../../dataplane/routing/types.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { hostOfTunnelAddress, switchPort, tunnelAddressOf } from '../objects.ts';
import { type Case, type Diagnosis, type Finding, UNANSWERED } from './case.ts';
import { inNamespace, onHost } from './commands.ts';
import { fabricFault } from './fabric.ts';
import { askedFor } from './neighbours.ts';
import { nicFault, placesOf } from './uplink.ts';
import { lastTunnel, remoteOf } from './wrong-tunnel.ts';
import { lastVxlan } from './wrong-vxlan.ts';

const TUNNELLED = /^(vxlan|gre|geneve)$/;
/** Endings of a tunnel's own packets: nobody takes them, or nothing carries them. */
const OUTER: ReadonlySet<string> = new Set([
  'NOT_LISTENING',
  'TUNNEL_ENDPOINT_MISSING',
  'TUNNEL_LOCAL_IP_MISMATCH',
  'VNI_MAP_MISSING',
  'FDB_STALE',
  'FLOOD_BLOCKED',
]);

export const tunnelEnds: Diagnosis = (of) => {
  for (const [a, b] of pairsOf(of)) {
    const found = tunnelFault(of, a, b) ?? cutOff(of, b) ?? cutOff(of, a);
    if (found !== null) return found;
  }
  return null;
};

/** What the physical switch does to the NIC of a tunnel address that nobody heard of. */
function cutOff(of: Case, host: string): Finding | null {
  const { network } = of.compiled;
  const asked = askedFor(of);
  if (!UNANSWERED.has(of.drop.reason) || asked === null) return null;
  if (hostOfTunnelAddress(network, asked) === null) return null;
  const address = tunnelAddressOf(network, host);
  const nic = address === null ? undefined : holderOf(network, host, address)?.name;
  if (nic === undefined) return null;
  const wire = network.wire({ host, namespace: ROOT, name: nic });
  if (wire.kind !== 'interface' || wire.to.host === host) return null;
  const fault = fabricFault(of, host, { nics: [nic], vlan: null });
  return fault?.component === `${FABRIC_BRIDGE} ${wire.to.name}` ? fault : null;
}

/** The interface of a host's own namespace that has an address. */
function holderOf(network: Network, host: string, address: IpAddress): Interface | undefined {
  return network
    .namespace(host, ROOT)
    ?.state.interfaces.find(({ addresses }) =>
      addresses.some((own) => sameAddress(own.address, address)),
    );
}

/** Hosts between which the frame was on its way in a tunnel. */
function pairsOf(of: Case): readonly (readonly [string, string])[] {
  const { network } = of.compiled;
  const sent = sentBetween(of);
  if (UNANSWERED.has(of.drop.reason)) {
    const asked = askedFor(of);
    const other = asked === null ? null : hostOfTunnelAddress(network, asked);
    if (other !== null) return other === of.host ? [] : [[of.host, other]];
    const [first, ...rest] = placesOf(of).filter(({ of: { provider } }) =>
      TUNNELLED.test(provider.type),
    );
    return first === undefined
      ? []
      : rest.flatMap(({ host }) => (host === first.host ? [] : [[first.host, host] as const]));
  }
  if (sent === null) return unroutedFrom(of);
  // A host that has lost its tunnel address takes the packet for one to be forwarded.
  const strange = of.device === ROOT && of.drop.reason === 'IP_FORWARD_OFF';
  return strange || OUTER.has(of.drop.reason) ? [sent] : [];
}

/** The userspace datapath looks for a route itself before it encapsulates (native_tunnel_output()). */
function unroutedFrom({
  compiled,
  device,
  drop,
  host,
}: Case): readonly (readonly [string, string])[] {
  const name = /^(\S+): no route to the tunnel/.exec(drop.evidence)?.[1];
  if (device !== 'ovs' || drop.reason !== 'NO_ROUTE' || name === undefined) return [];
  const port = switchPort(compiled.network, host, name);
  const remote = port === null ? null : remoteOf(port);
  const to = remote === null ? null : hostOfTunnelAddress(compiled.network, remote);
  return to === null || to === host ? [] : [[host, to]];
}

/** From where to where the last tunnel of the frame leads. */
function sentBetween(of: Case): readonly [string, string] | null {
  const { network } = of.compiled;
  const tunnel = lastTunnel(of);
  if (tunnel !== null) {
    const port = switchPort(network, tunnel.host, tunnel.port);
    const remote = port === null ? null : remoteOf(port);
    const to = tunnel.reached ?? (remote === null ? null : hostOfTunnelAddress(network, remote));
    return to === null || to === tunnel.host ? null : [tunnel.host, to];
  }
  const vxlan = lastVxlan(of.diary);
  if (vxlan === null || vxlan.remote === null) return null;
  const to = hostOfTunnelAddress(network, { version: 4, value: vxlan.remote });
  return to === null || to === vxlan.host ? null : [vxlan.host, to];
}

/** What is wrong with either end of the tunnels between two hosts; null when nothing is. */
export function tunnelFault({ compiled }: Case, a: string, b: string): Finding | null {
  const { network } = compiled;
  return (
    ownEnd(network, a) ??
    ownEnd(network, b) ??
    localFault(network, a, b) ??
    localFault(network, b, a) ??
    portFault(network, a, b)
  );
}

/** The address of a host's own end: on which interface it stands, and whether that works. */
function ownEnd(network: Network, host: string): Finding | null {
  const address = tunnelAddressOf(network, host);
  const devices = network.namespace(host, ROOT)?.state.interfaces ?? [];
  if (address === null || devices.length === 0) return null;
  const text = writeIp(address);
  const device = holderOf(network, host, address);
  const confirm = [inNamespace(host, ROOT, 'ip addr')];
  if (device === undefined) {
    return {
      code: 'TUNNEL_LOCAL_IP_MISMATCH',
      host,
      component: `tunnel address ${text}`,
      evidence: 'on no interface',
      origin: null,
      because: [`${text}, from which ${host} tunnels, is on none of its interfaces`],
      fix: { summary: `give ${host} its address ${text} back, or set local_ip`, commands: [] },
      confirm,
    };
  }
  const bridge = network.hosts.get(host)?.switch?.bridges.find(({ name }) => name === device.name);
  if (!device.up || (!device.running && device.kind !== 'bridge')) {
    return {
      code: 'INTERFACE_DOWN',
      host,
      component: device.name,
      evidence: device.up ? 'no carrier' : 'the interface is down',
      origin: null,
      because: [`${device.name} of ${host}, by which its tunnels leave, is down`],
      fix: { summary: `set ${device.name} up on ${host}`, commands: [] },
      confirm: [inNamespace(host, ROOT, `ip link show ${device.name}`)],
    };
  }
  const { name, master } = device;
  if (devices.some((one) => one.name === master && one.kind === 'bridge')) {
    return {
      code: 'TUNNEL_LOCAL_IP_MISMATCH',
      host,
      component: name,
      evidence: `master ${master}`,
      origin: null,
      because: [
        `${text}, from which ${host} tunnels, stands on ${name}, a port of ${master}: what comes in goes to the bridge`,
      ],
      fix: {
        summary: `take ${name} out of ${master}, or give the bridge its address`,
        commands: [],
      },
      confirm: [inNamespace(host, ROOT, `ip link show ${name}`)],
    };
  }
  return bridge === undefined ? null : nicFault(network, host, bridge, 'tunnel traffic');
}

/** The switch's tunnel ports from one host to another one. */
function portsTo(network: Network, host: string, to: string): readonly Port[] {
  const remote = tunnelAddressOf(network, to);
  const bridges = network.hosts.get(host)?.switch?.bridges ?? [];
  return remote === null
    ? []
    : bridges
        .flatMap(({ ports }) => ports)
        .filter((port) => {
          const end = port.tunnel === null ? null : remoteOf(port);
          return end !== null && sameAddress(end, remote);
        });
}

/** A tunnel port that sends from another address than its host's. */
function localFault(network: Network, host: string, to: string): Finding | null {
  const own = tunnelAddressOf(network, host);
  for (const { name, tunnel } of portsTo(network, host, to)) {
    const local = tunnel?.local ?? null;
    if (own === null || local === null || local === 'flow') continue;
    const used: IpAddress = { version: local.version, value: local.address };
    if (sameAddress(used, own)) continue;
    return {
      code: 'TUNNEL_LOCAL_IP_MISMATCH',
      host,
      component: `br-tun ${name}`,
      evidence: `local_ip=${writeIp(used)}`,
      origin: null,
      because: [
        `${name} of ${host} sends from ${writeIp(used)}, but the host’s is ${writeIp(own)}`,
      ],
      fix: { summary: `restart neutron-openvswitch-agent on ${host}`, commands: [] },
      confirm: [onHost(host, `ovs-vsctl get Interface ${name} options`)],
    };
  }
  return null;
}

/** One end of a tunnel, with the UDP port that it sends to and listens on. */
interface End {
  readonly host: string;
  readonly name: string;
  readonly udp: number;
  /** The key it is for; null where flows choose it. */
  readonly key: number | null;
}

function meet(one: End, other: End): boolean {
  return one.key === null || other.key === null || one.key === other.key;
}

function portFault(network: Network, a: string, b: string): Finding | null {
  const near = endsOf(network, a, b);
  const far = endsOf(network, b, a);
  const pairs = near.flatMap((one) =>
    far.filter((other) => meet(one, other)).map((other) => [one, other] as const),
  );
  const fits = (other: End): boolean =>
    near.some((one) => meet(one, other) && one.udp === other.udp);
  const pair = pairs.find(([one, other]) => one.udp !== other.udp && !fits(other));
  if (pair === undefined) return null;
  const usual = usualPort(network);
  const [one, other] = pair[0].udp === usual ? [pair[1], pair[0]] : pair;
  return {
    code: 'TUNNEL_ENDPOINT_MISSING',
    host: one.host,
    component: one.name,
    evidence: `UDP port ${one.udp} instead of ${other.udp}`,
    origin: null,
    because: [
      `${one.name} of ${one.host} uses UDP port ${one.udp}, ${other.name} of ${other.host} UDP port ${other.udp}: neither takes the other’s packets`,
    ],
    fix: { summary: 'set the same vxlan_udp_port for the agents of all hosts', commands: [] },
    confirm: [inNamespace(one.host, ROOT, 'ss -lun')],
  };
}

function endsOf(network: Network, host: string, to: string): readonly End[] {
  const ports = portsTo(network, host, to).flatMap(({ name, tunnel }): End[] =>
    tunnel?.kind === 'vxlan'
      ? [{ host, name: `br-tun ${name}`, udp: tunnel.destinationPort, key: null }]
      : [],
  );
  const devices = network.namespace(host, ROOT)?.state.interfaces ?? [];
  return [...ports, ...devices.flatMap((one) => vxlanEnd(host, one))];
}

function vxlanEnd(host: string, { name, kind, details }: Interface): readonly End[] {
  const udp = Number(details['port']);
  const key = Number(details['id']);
  return kind === 'vxlan' && Number.isInteger(udp)
    ? [{ host, name, udp, key: Number.isInteger(key) ? key : null }]
    : [];
}

/** The UDP port that most tunnels of the cloud use. */
function usualPort(network: Network): number {
  const counts = new Map<number, number>();
  for (const { name, switch: sw } of network.hosts.values()) {
    const ports = sw?.bridges.flatMap((bridge) => bridge.ports) ?? [];
    const own = ports.flatMap(({ tunnel }) =>
      tunnel?.kind === 'vxlan' ? [tunnel.destinationPort] : [],
    );
    const devices = network.namespace(name, ROOT)?.state.interfaces ?? [];
    // A host counts once, however many tunnels it has.
    const all = new Set([
      ...own,
      ...devices.flatMap((one) => vxlanEnd(name, one)).map(({ udp }) => udp),
    ]);
    for (const udp of all) counts.set(udp, (counts.get(udp) ?? 0) + 1);
  }
  const [most] = [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
  return most?.[0] ?? 4789;
}
