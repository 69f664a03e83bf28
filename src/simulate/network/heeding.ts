/**
 * Which copies of a flooded frame are worth making. Thousands of routers stand on one provider
 * network, and an advert, an announcement or an ARP request tells most of them nothing: a copy that
 * would change nothing where it arrives is not made. What is spared is exactly that.
 */
import { type NamespaceState, type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { valueOf } from '../../trace/programs/packets.ts';
import { type Packet } from '../../traffic/packet.ts';

/** Where a VRRP router listens. */
export interface Listener {
  readonly host: string;
  readonly namespace: string;
  readonly interface: string;
  readonly virtualRouterId: number;
}

/** What is being sent, as far as the packet alone does not say. */
export type Sending =
  | { readonly kind: 'advert'; readonly virtualRouterId: number }
  /** Concerns who knows neighbours, and who has the address itself. */
  | { readonly kind: 'announcement'; readonly address: bigint | null };

/** A router's namespace. */
interface Place {
  readonly host: string;
  readonly namespace: string;
  /** Ids of the virtual routers that listen here, on whatever interface. */
  readonly ids: Set<number>;
  /** Interfaces on which adverts are listened to. */
  readonly listening: Set<string>;
  own: ReadonlySet<bigint>;
  /** Answers for addresses that are not its own. */
  proxies: boolean;
}

interface Named {
  readonly name: string;
}

/** The ports of one flood by who is behind them; their order is the flood's. */
interface Behind {
  readonly always: readonly number[];
  readonly byPlace: ReadonlyMap<Place, number>;
  readonly adverts: Map<number, readonly Named[]>;
}

export class Heeding {
  sending: Sending | null = null;
  private readonly network: Network;
  private readonly places = new Map<string, Place>();
  private readonly byPort = new Map<string, Map<string, Place>>();
  private readonly owners = new Map<bigint, Set<Place>>();
  private readonly proxies = new Set<Place>();
  private readonly changed = new Set<Place>();
  /** Namespaces that know neighbours. */
  private readonly knowing = new Set<Place>();
  private floods = new WeakMap<readonly Named[], Behind>();

  constructor(network: Network, listeners: readonly Listener[]) {
    this.network = network;
    for (const one of listeners) this.listen(one);
  }

  /** Somebody listens there. */
  listen({ host, namespace, interface: device, virtualRouterId }: Listener): void {
    const key = `${host} ${namespace}`;
    const state = this.network.namespace(host, namespace);
    if (state === undefined) return;
    let place = this.places.get(key);
    if (place === undefined) {
      place = {
        host,
        namespace,
        ids: new Set(),
        listening: new Set(),
        own: new Set(),
        proxies: false,
      };
      this.places.set(key, place);
      this.changed.add(place);
      const ports = this.byPort.get(host) ?? new Map<string, Place>();
      this.byPort.set(host, ports);
      for (const { name, loopback } of state.state.interfaces) {
        if (!loopback) ports.set(name, place);
      }
    }
    place.ids.add(virtualRouterId);
    place.listening.add(device);
    // Who hears which adverts is looked at anew.
    this.floods = new WeakMap();
  }

  /** A namespace has other addresses or settings than before. */
  namespaceChanged(host: string, name: string): void {
    const place = this.places.get(`${host} ${name}`);
    if (place !== undefined) this.changed.add(place);
  }

  /** A packet has come there; it knows so many neighbours now. */
  learnedAt(host: string, name: string, neighbours: number): void {
    const place = this.places.get(`${host} ${name}`);
    if (place === undefined) return;
    if (neighbours > 0) this.knowing.add(place);
    else this.knowing.delete(place);
  }

  /** The ports of a host's switch at which something may come of a copy of the frame. */
  among<T extends Named>(host: string, ports: readonly T[], p: Packet): readonly T[] {
    const sent = this.sending ?? questionIn(p);
    if (sent === null) return ports;
    const behind = this.behind(host, ports);
    if (behind.byPlace.size === 0) return ports;
    if (sent.kind === 'announcement') return this.concerned(ports, behind, sent.address);
    const known = behind.adverts.get(sent.virtualRouterId);
    if (known !== undefined) return known as readonly T[];
    const deaf = new Set<number>();
    for (const [{ ids, listening }, at] of behind.byPlace) {
      if (listening.has(ports[at]?.name ?? '') && !ids.has(sent.virtualRouterId)) deaf.add(at);
    }
    const heard = ports.filter((_, at) => !deaf.has(at));
    behind.adverts.set(sent.virtualRouterId, heard);
    return heard;
  }

  private concerned<T>(
    ports: readonly T[],
    { always, byPlace }: Behind,
    address: bigint | null,
  ): readonly T[] {
    this.look();
    const found = new Set(always);
    const take = (place: Place): void => {
      const at = byPlace.get(place);
      if (at !== undefined) found.add(at);
    };
    for (const place of this.knowing) take(place);
    for (const place of this.proxies) take(place);
    if (address !== null) for (const place of this.owners.get(address) ?? []) take(place);
    return [...found].sort((a, b) => a - b).flatMap((at) => ports[at] ?? []);
  }

  /** Two ports of one place on one flood: both always get their copies. */
  private behind(host: string, ports: readonly Named[]): Behind {
    const known = this.floods.get(ports);
    if (known !== undefined) return known;
    const on = this.byPort.get(host);
    const byPlace = new Map<Place, number>();
    const always: number[] = [];
    for (const [at, { name }] of ports.entries()) {
      const place = on?.get(name);
      if (place === undefined || byPlace.has(place)) always.push(at);
      else byPlace.set(place, at);
    }
    const made = { always, byPlace, adverts: new Map() };
    this.floods.set(ports, made);
    return made;
  }

  /** Looks at the namespaces that have changed. */
  private look(): void {
    for (const place of this.changed) {
      for (const address of place.own) this.owners.get(address)?.delete(place);
      const state = this.network.namespace(place.host, place.namespace);
      place.own = new Set(state === undefined ? [] : addressesOf(state));
      for (const address of place.own) {
        const owners = this.owners.get(address) ?? new Set<Place>();
        this.owners.set(address, owners);
        owners.add(place);
      }
      if (state !== undefined && answersForOthers(state, place.own)) this.proxies.add(place);
      else this.proxies.delete(place);
    }
    this.changed.clear();
  }
}

function addressesOf({ state }: NamespaceState): readonly bigint[] {
  return state.interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address.value));
}

/** Proxy ARP, or addresses that are local by a route alone. */
function answersForOthers({ state }: NamespaceState, own: ReadonlySet<bigint>): boolean {
  for (const [name, value] of state.sysctls) {
    if (/\.(proxy_arp(_pvlan)?|proxy_ndp)$/.test(name) && value !== '0') return true;
  }
  return state.routes.some(({ type, version, prefix }) => {
    if (type !== 'local' || prefix === null) return false;
    return prefix.length < (version === 4 ? 32 : 128)
      ? !isLoopback(prefix.address)
      : !own.has(prefix.address.value) && !isLoopback(prefix.address);
  });
}

function isLoopback({ version, value }: IpAddress): boolean {
  return version === 4 ? value >> 24n === 127n : value === 1n;
}

/** An ARP request concerns whoever has the address it asks for, and who knows who asks. */
function questionIn(p: Packet): Sending | null {
  if (p.inner !== null || valueOf(p, 'eth_type') !== 0x0806n) return null;
  if (valueOf(p, 'arp_op') !== 1n) return null;
  return { kind: 'announcement', address: valueOf(p, 'arp_tpa') };
}
