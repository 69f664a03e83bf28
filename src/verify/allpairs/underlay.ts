/**
 * Where tunnels end: which host has the far address, whether the hosts' own stacks carry packets
 * there unfiltered, and which port of it the frame comes out of.
 */
import { type NamespaceState, ROOT } from '../../dataplane/network.ts';
import { LOCAL_PORT } from '../../dataplane/ovs/pipeline/prepared.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type Namespace } from '../../dataplane/routing/types.ts';
import { EVERYWHERE } from '../../traffic/sets/regions.ts';
import { type Fabric } from './fabric.ts';
import { ipFrame, NotCarried } from './frame.ts';
import { type Places } from './places.ts';
import { routeTo } from './routes.ts';
import { type TunnelEnd, type Underlay } from './tunnel-end.ts';
import { type Cell } from './upkeep.ts';

export function openUnderlay(fabric: Fabric): Underlay {
  const { places } = fabric;
  const { network } = places.compiled;
  const roots = new Map<number, string>();
  const twice = new Set<number>();
  for (const [name, { namespaces }] of network.hosts) {
    for (const { addresses, loopback } of namespaces.get(ROOT)?.state.interfaces ?? []) {
      for (const { address } of addresses) {
        if (loopback || address.version !== 4) continue;
        const value = Number(address.value);
        if (roots.has(value)) twice.add(value);
        roots.set(value, name);
      }
    }
  }
  // By `HOST KIND KEY REMOTE`: the ports of a host that take frames from a remote address.
  const takers = new Map<string, TunnelEnd[]>();
  for (const [host, { bridges }] of places.switches) {
    for (const { name, ports } of bridges) {
      const bridge = places.bridge(host, name)!;
      for (const { ofport, tunnel } of ports) {
        if (tunnel === null) continue;
        const remote =
          tunnel.remote === null || tunnel.remote === 'flow' ? 'any' : tunnel.remote.address;
        const key = `${host} ${tunnel.kind} ${tunnel.inKey === 'flow' ? 'flow' : 'key'} ${remote}`;
        const list = takers.get(key);
        if (list === undefined) takers.set(key, [{ bridge, inPort: ofport }]);
        else list.push({ bridge, inPort: ofport });
      }
    }
  }
  const plain = new Map<string, boolean>();
  const isPlain = (host: string): boolean => {
    let known = plain.get(host);
    if (known === undefined) {
      known = isUnfiltered(network.namespace(host, ROOT));
      plain.set(host, known);
    }
    return known;
  };
  const ends = new Map<string, Cell<TunnelEnd | null | NotCarried>>();
  const find = (host: string, port: Port): TunnelEnd | null => {
    const { tunnel } = port;
    if (tunnel === null || tunnel.remote === null || tunnel.remote === 'flow') {
      throw new NotCarried('a tunnel without a far end of its own');
    }
    if (tunnel.outKey !== 'flow' || tunnel.inKey !== 'flow') throw new NotCarried('tunnel keys');
    if (!['vxlan', 'gre', 'geneve'].includes(tunnel.kind)) throw new NotCarried('a rare tunnel');
    const { local, remote } = tunnel;
    if (remote.version !== 4 || local === null || local === 'flow') {
      throw new NotCarried('a tunnel without an address of its own');
    }
    const to = Number(remote.address);
    const target = roots.get(to);
    if (target === undefined || twice.has(to)) throw new NotCarried('nobody known has the far end');
    if (target === host || roots.get(Number(local.address)) !== host) {
      throw new NotCarried('a tunnel that is not between two hosts');
    }
    if (!isPlain(host) || !isPlain(target)) throw new NotCarried('a host that filters');
    if (places.switches.get(host)?.datapath === 'kernel') byKernel(places, host, target, to);
    else bySwitch(fabric, host, target, to);
    const others = takers.get(`${target} ${tunnel.kind} flow any`) ?? [];
    const mine = takers.get(`${target} ${tunnel.kind} flow ${local.address}`) ?? [];
    if (others.length > 0 || mine.length > 1) throw new NotCarried('several ports take a tunnel');
    const [end] = mine;
    const back = end?.bridge.ports.get(end.inPort)?.tunnel;
    if (end === undefined) return null;
    const meant =
      back?.local !== null && back?.local !== 'flow' && back?.local?.address === remote.address;
    if (!meant || back?.destinationPort !== tunnel.destinationPort) {
      throw new NotCarried('tunnel ends that differ');
    }
    return end;
  };
  return {
    farEnd(host, port) {
      const known = fabric.upkeep.get(ends, `${host} ${port.name}`, () => {
        try {
          return find(host, port);
        } catch (error) {
          if (error instanceof NotCarried) return error;
          throw error;
        }
      });
      if (known instanceof NotCarried) throw known;
      return known;
    },
  };
}

/** Rules that could drop, rewrite or count packets: anything that is appended to a chain. */
function isUnfiltered(state: NamespaceState | undefined): boolean {
  if (state === undefined) return false;
  for (const name of ['iptables-save', 'nft-ruleset', 'ebtables-save', 'arptables-save']) {
    const text = (state.source(name) ?? state.source(`${name}.txt`))?.text ?? '';
    if (/^(\[\d+:\d+\] )?-A /m.test(text) || /^:\S+ DROP/m.test(text)) return false;
    if (name === 'nft-ruleset' && /\b(drop|reject)\b/.test(text)) return false;
  }
  return true;
}

/** The host's own stack sends over one wire to a NIC that has the address. */
function byKernel({ compiled }: Places, host: string, target: string, to: number): void {
  const { network } = compiled;
  const own = network.namespace(host, ROOT)?.state;
  const route = own === undefined ? null : routeTo(own, to);
  if (route === null || route.gateway !== null) throw new NotCarried('an underlay that is routed');
  const wire = network.wire({ host, namespace: ROOT, name: route.device });
  if (wire.kind !== 'segment') throw new NotCarried('an underlay that is no segment');
  const device = deviceWith(network.namespace(target, ROOT)?.state, to);
  const here = wire.segment.members.some((one) => one.host === target && one.name === device);
  if (!here || !isUp(own, route.device)) throw new NotCarried('an underlay that is not connected');
}

function deviceWith(state: Namespace | undefined, address: number): string | null {
  for (const { name, up, running, addresses } of state?.interfaces ?? []) {
    if (!up || !running) continue;
    if (
      addresses.some((one) => one.address.version === 4 && Number(one.address.value) === address)
    ) {
      return name;
    }
  }
  return null;
}

function isUp(state: Namespace | undefined, name: string): boolean {
  const device = state?.interfaces.find((one) => one.name === name);
  return device?.up === true && device.running;
}

/** The switch encapsulates by itself: the packet leaves by a bridge, to the far bridge's own port. */
function bySwitch(fabric: Fabric, host: string, target: string, to: number): void {
  const { places } = fabric;
  const { tunnelRoutes, tunnelNeighbours } = places.switches.get(host)!;
  const covering = tunnelRoutes.filter(({ prefix, prefixLength }) => {
    const shift = 32 - prefixLength;
    return (
      prefix.version === 4 &&
      Math.floor(Number(prefix.address) / 2 ** shift) === Math.floor(to / 2 ** shift)
    );
  });
  const [route] = covering.sort((a, b) => b.prefixLength - a.prefixLength);
  if (route === undefined || route.gateway !== null)
    throw new NotCarried('an underlay that is routed');
  const bridge = places.bridge(host, route.device);
  const mac =
    tunnelNeighbours.find(
      (one) =>
        one.bridge === route.device &&
        one.address.version === 4 &&
        Number(one.address.address) === to,
    )?.mac ?? macOf(places, target, to);
  if (bridge === undefined || mac === null) throw new NotCarried('an underlay without neighbour');
  const local = places.behind(bridge, LOCAL_PORT);
  const own = local.kind === 'station' ? local.station.mac : 0;
  const frame = ipFrame(own, Number(mac), 'source', null, EVERYWHERE);
  const found = fabric.arrive(bridge, LOCAL_PORT, frame);
  const [only] = found;
  const there = only?.station;
  if (
    found.length !== 1 ||
    there?.host !== target ||
    only?.where !== EVERYWHERE ||
    !there.addresses.includes(to)
  ) {
    throw new NotCarried('an underlay that is not connected');
  }
}

function macOf({ compiled }: Places, host: string, to: number): bigint | null {
  const state = compiled.network.namespace(host, ROOT)?.state;
  const name = deviceWith(state, to);
  return state?.interfaces.find((one) => one.name === name)?.mac ?? null;
}
