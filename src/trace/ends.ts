/**
 * What a person means by a word: a VM's name, a port id, a tap, an address, `router:NAME`,
 * `external:ADDR`, `HOST:INTERFACE`, `WORD@NETWORK`. More than one meaning is listed, never guessed.
 */

import { guestName } from '../dataplane/endpoint/guest.ts';
import { seatBehind } from '../dataplane/endpoint/guest-nics.ts';
import { type Endpoint, type Network, ROOT } from '../dataplane/network.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { writeIp } from '../text/address-text.ts';
import { nearest } from '../text/suggest.ts';
import { networkById } from './objects.ts';
import { parseAddress } from './probe-record.ts';
import { type TraceEnd } from './types.ts';

/** A place traffic starts from or goes to, with the network's own view of it. */
export interface ResolvedEnd {
  readonly end: TraceEnd;
  /** Null for an address that nobody in the snapshot owns. */
  readonly endpoint: Endpoint | null;
}

export type Resolution =
  | { readonly kind: 'found'; readonly resolved: ResolvedEnd }
  /** Each candidate begins with a word that names it alone. */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly string[] }
  | { readonly kind: 'unknown'; readonly message: string };

/** What is known about the question when a word is looked up. */
export interface Wanted {
  /** Who sends needs a place; who receives may be an address that routes lead to. */
  readonly side?: 'from' | 'to';
  /** The other end: routers and DHCP servers answer on the network that both are on. */
  readonly other?: ResolvedEnd | null;
  /** Which of several addresses is meant; without it IPv4 comes first. */
  readonly version?: 4 | 6;
}

/** Finds what `word` names. */
export function resolveEnd(network: Network, word: string, wanted: Wanted = {}): Resolution {
  if (word.startsWith('external:')) return external(network, word.slice('external:'.length));
  if (word.startsWith('router:')) {
    return router(network, word.slice('router:'.length), wanted);
  }
  const at = word.indexOf('@');
  if (at > 0) {
    const part = onNetwork(network, word.slice(0, at), word.slice(at + 1), wanted);
    // A person may have called a server so.
    const named = network.find(word);
    if (named.length === 0) return part;
    if (part.kind !== 'found') return choose(network, named, word, wanted);
    return ambiguous(network, [...named, ...[part.resolved.endpoint ?? []].flat()]);
  }
  const found = network.find(word);
  const address = parseAddress(word);
  if (address !== null && found.length !== 1) return ofAddress(found, word, address, wanted);
  if (found.length > 0) {
    const own = wanted.side === 'from' ? ofHostItself(network, found) : null;
    return own ?? choose(network, found, word, wanted);
  }
  return hostInterface(network, word) ?? unknown(network, word);
}

/** A port that is no guest's but an interface of a host itself, as Octavia's health manager has one. */
function ofHostItself(network: Network, found: readonly Endpoint[]): Resolution | null {
  const [one, ...others] = found;
  if (one?.port == null || others.length > 0) return null;
  const { id, host, deviceOwner } = one.port;
  if (/^(compute|network|trunk):/.test(deviceOwner)) return null;
  const own = network.hosts.get(host);
  const plugged = (own?.switch?.bridges ?? [])
    .flatMap(({ ports }) => ports)
    .find(({ externalIds }) => externalIds['iface-id'] === id);
  const devices = own?.namespaces.get(ROOT)?.state.interfaces ?? [];
  const device = devices.find(({ name }) => name === plugged?.name);
  return device === undefined || device.addresses.length === 0
    ? null
    : hostInterface(network, `${host}:${device.name}`);
}

/** An address as text. */
export function formatAddress(address: IpAddress): string {
  return writeIp(address);
}

/**
 * Several owners of one address: as a destination the packet goes where the sender's routes lead
 * it; a sender has to be named.
 */
function ofAddress(
  found: readonly Endpoint[],
  word: string,
  address: IpAddress,
  { side }: Wanted,
): Resolution {
  if (side !== 'from') return resolvedTo(addressEnd(word, address), null);
  if (found.length > 1) return { kind: 'ambiguous', candidates: found.map((one) => told(one)) };
  const message = `nobody in the snapshot has ${word}; somebody outside sends as external:${word}`;
  return { kind: 'unknown', message };
}

function resolvedTo(end: TraceEnd, endpoint: Endpoint | null): Resolution {
  return { kind: 'found', resolved: { end, endpoint } };
}

function choose(
  network: Network,
  found: readonly Endpoint[],
  word: string,
  wanted: Wanted,
): Resolution {
  const [first] = found;
  if (first === undefined) return unknown(network, word);
  if (found.length === 1) return resolvedTo(endOf(network, first, word, wanted), first);
  const agents = found.every(({ role }) => role === 'router' || role === 'dhcp');
  if (!agents) return ambiguous(network, found);
  return agentEnd(network, found, word, wanted);
}

function ambiguous(network: Network, found: readonly Endpoint[]): Resolution {
  return { kind: 'ambiguous', candidates: found.map((one) => told(one, network)) };
}

/** A candidate behind a word that names it alone. */
function told(endpoint: Endpoint, network?: Network): string {
  const { port, host, interface: device, role, name } = endpoint;
  const addresses = endpoint.addresses.map(writeIp).join(' ');
  const agent = role === 'router' || role === 'dhcp';
  const word = port === null || agent ? `${host}:${device}` : port.id;
  const on = port === null || network === undefined ? null : networkById(network, port.networkId);
  return `${word}  ${name}, ${role} on ${host}${on === null ? '' : `, network ${on.name}`}  ${addresses}`;
}

/**
 * A router stands on many networks and perhaps on many hosts. As a destination it is its address
 * on the sender's network; as a sender it is the namespace that has its addresses (of a highly
 * available router: the master's).
 */
function agentEnd(
  network: Network,
  found: readonly Endpoint[],
  word: string,
  wanted: Wanted,
): Resolution {
  const near = found.filter(
    ({ port }) => port?.networkId === wanted.other?.endpoint?.port?.networkId,
  );
  const active = (near.length > 0 ? near : found).filter((one) => isActive(network, one));
  const usable = active.length > 0 ? active : found;
  const [first] = usable;
  if (first === undefined) return unknown(network, word);
  const places = new Set(usable.map(({ host, namespace }) => `${host} ${namespace}`));
  const addresses = new Set(usable.map(({ addresses: [own] }) => (own ? writeIp(own) : '')));
  const decided = wanted.side === 'from' ? places.size === 1 : addresses.size === 1;
  if (!decided) return ambiguous(network, usable);
  const end = endOf(network, first, word, wanted);
  return resolvedTo(wanted.side === 'from' ? { ...end, address: null } : end, first);
}

/** Whether the namespace really has the port's address on its interface. */
function isActive(
  network: Network,
  { host, namespace, interface: device, addresses }: Endpoint,
): boolean {
  if (namespace === null) return false;
  const state = network.namespace(host, namespace)?.state;
  const own = state?.interfaces.find(({ name }) => name === device)?.addresses ?? [];
  return addresses.some(({ version, value }) =>
    own.some(({ address }) => address.version === version && address.value === value),
  );
}

function endOf(network: Network, endpoint: Endpoint, word: string, { version }: Wanted): TraceEnd {
  const asked = parseAddress(word);
  const own = endpoint.addresses.find((address) => address.version === (version ?? 4));
  const any = version === undefined ? endpoint.addresses[0] : undefined;
  return {
    label: endpoint.name,
    kind: endpoint.role === 'other' ? 'host' : endpoint.role,
    host: endpoint.host,
    namespace: endpoint.namespace ?? guestNamespaceOf(network, endpoint),
    port: endpoint.port?.id ?? null,
    address: asked ?? own ?? any ?? null,
  };
}

/** A guest that nobody captured is called after the tap of its first port. */
function guestNamespaceOf({ neutron }: Network, { host, tap }: Endpoint): string | null {
  return tap === null ? null : guestName(seatBehind(neutron, host, tap).tap);
}

function addressEnd(label: string, address: IpAddress): TraceEnd {
  return { label, kind: 'address', host: null, namespace: null, port: null, address };
}

function external(network: Network, word: string): Resolution {
  const address = parseAddress(word);
  if (address === null) {
    return { kind: 'unknown', message: `external: needs an address, not ${JSON.stringify(word)}` };
  }
  const owner = network.find(word).find((one) => one.role === 'host');
  const end: TraceEnd = { ...addressEnd(word, address), kind: 'external' };
  return resolvedTo(
    owner === undefined ? end : { ...end, host: owner.host, namespace: owner.namespace },
    owner ?? null,
  );
}

function router(network: Network, word: string, wanted: Wanted): Resolution {
  const { routers } = network.neutron;
  const named = routers.filter(
    ({ name, id }) => name === word || (word.length >= 4 && id.startsWith(word)),
  );
  if (named.length > 1) {
    const candidates = named.map(({ id, name }) => `router:${id}  ${name}`);
    return { kind: 'ambiguous', candidates };
  }
  const [only] = named;
  if (only === undefined) {
    const names = routers.map(({ name }) => name);
    const message = `there is no router ${JSON.stringify(word)}${hint(word, names)}`;
    return { kind: 'unknown', message: `${message}${known(names)}` };
  }
  const found = network.endpoints.filter(
    ({ role, port }) => role === 'router' && port?.deviceId === only.id,
  );
  if (found.length > 0) return agentEnd(network, found, only.name, wanted);
  const message = `router ${only.name} is in no namespace of the snapshot`;
  return { kind: 'unknown', message };
}

function onNetwork(network: Network, word: string, name: string, wanted: Wanted): Resolution {
  const { networks } = network.neutron;
  const named = networks.filter(
    (one) => one.name === name || (name.length >= 4 && one.id.startsWith(name)),
  );
  if (named.length > 1) {
    const candidates = named.map((one) => `${word}@${one.id}  network ${one.name}`);
    return { kind: 'ambiguous', candidates };
  }
  const [net] = named;
  if (net === undefined) {
    const names = networks.map((one) => one.name);
    const message = `there is no network ${JSON.stringify(name)}${hint(name, names)}${known(names)}`;
    return { kind: 'unknown', message };
  }
  const found = network.find(word).filter((one) => one.port?.networkId === net.id);
  if (found.length > 0) return choose(network, found, word, wanted);
  const address = parseAddress(word);
  if (address !== null && wanted.side !== 'from')
    return resolvedTo(addressEnd(word, address), null);
  const on = network.endpoints.filter(({ port }) => port?.networkId === net.id);
  const names = on.map((one) => one.name);
  const message = `nothing on network ${net.name} is named ${word}${hint(word, names)}`;
  return { kind: 'unknown', message: `${message}${known(names)}` };
}

/** `HOST:INTERFACE`, in whichever namespace of the host the interface is. */
function hostInterface(network: Network, word: string): Resolution | null {
  const colon = word.indexOf(':');
  const host = colon > 0 ? network.hosts.get(word.slice(0, colon)) : undefined;
  if (host === undefined) return null;
  const name = word.slice(colon + 1);
  const names: string[] = [];
  for (const [namespace, { state }] of host.namespaces) {
    names.push(...state.interfaces.map((one) => one.name));
    const device = state.interfaces.find((one) => one.name === name);
    if (device === undefined) continue;
    const address = device.addresses.find((one) => one.scope === 'global')?.address ?? null;
    const kind = 'host' as const;
    return resolvedTo({ label: word, kind, host: host.name, namespace, port: null, address }, null);
  }
  const message = `${host.name} has no interface ${JSON.stringify(name)}${hint(name, names)}`;
  return { kind: 'unknown', message };
}

function unknown(network: Network, word: string): Resolution {
  const { neutron, endpoints } = network;
  const people = endpoints.filter(({ role }) => role === 'vm' || role === 'host');
  const names = [...people.map(({ name }) => name), ...neutron.routers.map(({ name }) => name)];
  const others = endpoints.flatMap(({ port, tap }) => [port?.id ?? '', tap ?? '']);
  const message = `nothing is named ${JSON.stringify(word)}${hint(word, [...names, ...others])}`;
  return { kind: 'unknown', message: `${message}${known(names)}` };
}

function hint(word: string, names: readonly string[]): string {
  const near = nearest(word, names);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** Names that would have been understood; a screen holds only some. */
const MOST_NAMES = 12;
/** Ports without a name are called by their ids, which nobody types. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;

function known(names: readonly string[]): string {
  const all = [...new Set(names)].filter((name) => name !== '' && !UUID.test(name)).sort();
  if (all.length === 0) return '';
  const more = all.length > MOST_NAMES ? `, and ${all.length - MOST_NAMES} more` : '';
  return ` (known: ${all.slice(0, MOST_NAMES).join(', ')}${more})`;
}
