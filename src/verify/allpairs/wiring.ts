/**
 * What dumps say stands behind every port of every switch: told by wires, namespaces and guests, and
 * read once for a network. Before: `snapshot/read`. After: `places.ts`, `router.ts`.
 */
import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { parseIptablesSave } from '../../dataplane/iptables/text/save.ts';
import { type InterfaceId } from '../../dataplane/network.ts';
import { type Bridge, type Port } from '../../dataplane/ovs/types/switch.ts';
import { type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { namespaceOf } from '../../trace/world.ts';
import { type Chains, chainsOf } from './chains.ts';
import { NotCarried } from './frame.ts';
import { settingsOf } from './routes.ts';

/** What is at the other end of a port's wire. */
export type Wired =
  | { readonly kind: 'patch'; readonly peer: string }
  | { readonly kind: 'tunnel'; readonly port: Port }
  | { readonly kind: 'namespace'; readonly seat: Seat }
  | { readonly kind: 'nic'; readonly segment: string; readonly at: InterfaceId }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unknown'; readonly why: string };

/** An interface of a namespace. */
export interface Seat {
  readonly host: string;
  readonly namespace: string;
  readonly device: Interface;
  readonly mac: number;
  /** IPv4 addresses of the device. */
  readonly addresses: readonly number[];
  readonly state: Namespace;
}

export type Wiring = ReadonlyMap<Bridge, ReadonlyMap<Port, Wired>>;

const known = new WeakMap<CompiledNetwork, Wiring>();
const NOBODY: Wired = { kind: 'nobody' };

/** Every port's wire; read when it is asked for first. */
export function wiringOf(compiled: CompiledNetwork): Wiring {
  let found = known.get(compiled);
  if (found === undefined) {
    const all = new Map<Bridge, Map<Port, Wired>>();
    for (const [host, { switch: of }] of compiled.network.hosts) {
      for (const bridge of of?.bridges ?? []) {
        const wires = bridge.ports.map((port): [Port, Wired] => {
          return [port, wiredTo(compiled, host, bridge, port)];
        });
        all.set(bridge, new Map(wires));
      }
    }
    found = all;
    known.set(compiled, found);
  }
  return found;
}

function wiredTo(compiled: CompiledNetwork, host: string, bridge: Bridge, port: Port): Wired {
  const { network } = compiled;
  if (port.ofport < 0) return NOBODY;
  if (port.type === 'patch')
    return port.peer === null ? NOBODY : { kind: 'patch', peer: port.peer };
  if (port.tunnel !== null) return { kind: 'tunnel', port };
  const inside = network.interfaceOf({ host, bridge: bridge.name, port: port.name });
  if (inside === null) return { kind: 'unknown', why: `${host} has no interface ${port.name}` };
  const wire = network.wire(inside);
  const reached = (to: InterfaceId): Wired => {
    const state = namespaceOf(compiled, to.host, to.namespace);
    const device = state?.interfaces.find(({ name }) => name === to.name);
    if (state === undefined || device === undefined) {
      return { kind: 'unknown', why: `${to.host} ${to.namespace} ${to.name} was not captured` };
    }
    const own = network.switchPortOf(to);
    const isInside = inside.namespace === to.namespace && inside.name === to.name;
    if (device.master !== null || (own !== null && !isInside)) {
      return { kind: 'unknown', why: `${to.name} is a port of a bridge` };
    }
    const mac = Number(device.mac);
    const addresses = device.addresses.flatMap(({ address }) =>
      address.version === 4 ? [Number(address.value)] : [],
    );
    const { namespace } = to;
    return { kind: 'namespace', seat: { host: to.host, namespace, device, mac, addresses, state } };
  };
  switch (wire.kind) {
    case 'switch-port':
      return reached(inside);
    case 'interface':
      return isLive(compiled, inside)
        ? reached(wire.to)
        : { kind: 'unknown', why: `${inside.name} is down` };
    case 'guest': {
      const seat = seatBehind(network.neutron, host, inside.name);
      return reached({ host, namespace: guestName(seat.tap), name: seat.device });
    }
    case 'segment':
      return { kind: 'nic', segment: wire.segment.name, at: inside };
    case 'kernel':
      return NOBODY;
    case 'unknown':
      return { kind: 'unknown', why: wire.why };
  }
}

function isLive({ network }: CompiledNetwork, { host, namespace, name }: InterfaceId): boolean {
  const device = network
    .namespace(host, namespace)
    ?.state.interfaces.find((one) => one.name === name);
  return device === undefined || (device.up && device.running);
}

const rules = new WeakMap<CompiledNetwork, Map<string, Chains | NotCarried>>();

/** The rules of a namespace; read when they are asked for first. */
export function chainsIn(
  compiled: CompiledNetwork,
  host: string,
  namespace: string,
): Chains | NotCarried {
  let mine = rules.get(compiled);
  if (mine === undefined) {
    mine = new Map();
    rules.set(compiled, mine);
  }
  const key = `${host} ${namespace}`;
  let found = mine.get(key);
  if (found === undefined) {
    found = readChains(compiled, host, namespace);
    mine.set(key, found);
  }
  return found;
}

function readChains(
  { network }: CompiledNetwork,
  host: string,
  namespace: string,
): Chains | NotCarried {
  const state = network.namespace(host, namespace);
  const source = state?.source('iptables-save') ?? state?.source('iptables-save.txt');
  const nft = state?.source('nft-ruleset') ?? state?.source('nft-ruleset.txt');
  if (source === undefined) return nft === undefined ? new Map() : new NotCarried('nft rules');
  const { value, problems } = parseIptablesSave(source.text, source.file, 4);
  if (problems.length > 0) return new NotCarried('rules that were not understood');
  return chainsOf([value]);
}

/** Reads of all namespaces behind ports what all pairs ask of them. */
export function readBehindPorts(compiled: CompiledNetwork): void {
  for (const wires of wiringOf(compiled).values()) {
    for (const wired of wires.values()) {
      if (wired.kind !== 'namespace') continue;
      const { host, namespace, device, state } = wired.seat;
      // Each list is read from its file when it is looked at.
      void [state.neighbours, state.routes, state.rules];
      settingsOf(state, device.name);
      chainsIn(compiled, host, namespace);
    }
  }
}
