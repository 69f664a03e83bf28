/**
 * What a person means by a word: a VM's name, a port id, a tap, an address, `router:NAME`,
 * `external:ADDR`, `HOST:INTERFACE`, `ADDR@NETWORK`. More than one meaning is listed, never guessed.
 */

import { guestName } from '../dataplane/endpoint/guest.ts';
import { type Endpoint, type Network } from '../dataplane/network.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { formatIpv4, formatIpv6 } from '../packet/addresses.ts';
import { nearest } from '../text/suggest.ts';
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
  | { readonly kind: 'ambiguous'; readonly candidates: readonly string[] }
  | { readonly kind: 'unknown'; readonly message: string };

/** Finds what `word` names. */
export function resolveEnd(network: Network, word: string): Resolution {
  if (word.startsWith('external:')) return external(network, word.slice('external:'.length));
  if (word.startsWith('router:')) {
    return byRole(network, word.slice('router:'.length), 'router', word);
  }
  const at = word.indexOf('@');
  if (at > 0) return onNetwork(network, word.slice(0, at), word.slice(at + 1));
  const found = network.find(word);
  const address = parseAddress(word);
  // Several owners of one address: the packet goes where the sender's routes lead it.
  if (address !== null && found.length !== 1) return resolvedTo(addressEnd(word, address), null);
  if (found.length > 0) return choose(found, word);
  const colon = word.lastIndexOf(':');
  if (colon > 0) {
    const onHost = hostInterface(network, word.slice(0, colon), word.slice(colon + 1));
    if (onHost !== null) return onHost;
  }
  return unknown(network, word);
}

/** An address as text. */
export function formatAddress(address: IpAddress): string {
  return address.version === 4 ? formatIpv4(address.value) : formatIpv6(address.value);
}

function resolvedTo(end: TraceEnd, endpoint: Endpoint | null): Resolution {
  return { kind: 'found', resolved: { end, endpoint } };
}

function choose(found: readonly Endpoint[], word: string): Resolution {
  const [first] = found;
  if (first === undefined) return { kind: 'unknown', message: `nothing is named ${word}` };
  if (found.length > 1) return { kind: 'ambiguous', candidates: found.map(describe) };
  return resolvedTo(endOf(first, word), first);
}

/** A candidate as a word that names it alone. */
function describe(endpoint: Endpoint): string {
  const addresses = endpoint.addresses.map(formatAddress).join(' ');
  const id = endpoint.port?.id ?? `${endpoint.host}:${endpoint.interface}`;
  return `${id}  ${endpoint.name}  ${endpoint.role} on ${endpoint.host}  ${addresses}`;
}

function endOf(endpoint: Endpoint, word: string): TraceEnd {
  const asked = parseAddress(word);
  const own = endpoint.addresses.find((address) => address.version === 4);
  return {
    label: endpoint.name,
    kind: endpoint.role === 'other' ? 'host' : endpoint.role,
    host: endpoint.host,
    namespace: endpoint.namespace ?? (endpoint.tap === null ? null : guestName(endpoint.tap)),
    port: endpoint.port?.id ?? null,
    address: asked ?? own ?? endpoint.addresses[0] ?? null,
  };
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
  return resolvedTo(owner === undefined ? end : { ...end, host: owner.host }, owner ?? null);
}

function byRole(network: Network, word: string, role: Endpoint['role'], whole: string): Resolution {
  const router = network.neutron.routers.find(
    ({ name, id }) => name === word || id.startsWith(word),
  );
  const matching = network.endpoints.filter(
    (one) => one.role === role && (one.name === word || one.port?.deviceId === router?.id),
  );
  if (matching.length === 0) return { kind: 'unknown', message: `there is no ${whole}` };
  const [first] = matching;
  return first === undefined ? unknown(network, whole) : resolvedTo(endOf(first, word), first);
}

function onNetwork(network: Network, word: string, name: string): Resolution {
  const net = network.neutron.networks.find((one) => one.name === name || one.id.startsWith(name));
  if (net === undefined) {
    const near = nearest(
      name,
      network.neutron.networks.map((one) => one.name),
    );
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return { kind: 'unknown', message: `there is no network ${JSON.stringify(name)}${hint}` };
  }
  const found = network.find(word).filter((one) => one.port?.networkId === net.id);
  if (found.length > 0) return choose(found, word);
  const address = parseAddress(word);
  if (address !== null) return resolvedTo(addressEnd(word, address), null);
  return { kind: 'unknown', message: `nothing on network ${name} is named ${word}` };
}

function hostInterface(network: Network, host: string, name: string): Resolution | null {
  for (const [namespace, state] of network.hosts.get(host)?.namespaces ?? []) {
    const device = state.state.interfaces.find((one) => one.name === name);
    if (device === undefined) continue;
    const address = device.addresses.find((one) => one.scope === 'global')?.address ?? null;
    return resolvedTo(
      { label: `${host}:${name}`, kind: 'host', host, namespace, port: null, address },
      null,
    );
  }
  return null;
}

function unknown(network: Network, word: string): Resolution {
  const near = nearest(
    word,
    network.endpoints.map((one) => one.name),
  );
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  const names = [...new Set(network.endpoints.map((one) => one.name))].slice(0, 12).join(', ');
  return {
    kind: 'unknown',
    message: `nothing is named ${JSON.stringify(word)}${hint} (known: ${names})`,
  };
}
