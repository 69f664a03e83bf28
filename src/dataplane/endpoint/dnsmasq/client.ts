/** What dnsmasq knows of who asks: the network it is on, its line in the host file, its tags. */
import { prefixMask } from '../../../packet/addresses.ts';
import { type InterfaceAddress, type IpAddress } from '../../routing/types.ts';
import { holds } from './tags.ts';
import { type DhcpHost, type DhcpLease, type DhcpRange, type Dnsmasq } from './types.ts';

/** The interface a message came in by. */
export interface ServedInterface {
  readonly name: string;
  readonly addresses: readonly InterfaceAddress[];
}

/** A range that serves an interface, and the server's own address in it. */
export interface Context {
  readonly range: DhcpRange;
  readonly local: IpAddress;
  readonly prefixLength: number;
}

/** Who asks. */
export interface Client {
  readonly mac: bigint;
  /** Option 61, or the DUID, as hexadecimal pairs with colons; null when absent. */
  readonly clientId: string | null;
  readonly tags: ReadonlySet<string>;
  readonly host: DhcpHost | null;
}

/** `fa16:…` of a list may start with a star: `lo*` is any interface that starts so. */
function isNamed(names: readonly string[], name: string): boolean {
  return names.some((one) =>
    one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : one === name,
  );
}

/** Whether DHCP is served on the interface at all. */
export function serves(config: Dnsmasq, name: string): boolean {
  if (isNamed(config.exceptInterfaces, name) || isNamed(config.noDhcpInterfaces, name))
    return false;
  return config.interfaces.length === 0 || isNamed(config.interfaces, name);
}

/** Ranges whose network holds an address of the interface (dhcp.c complete_context()). */
export function contextsOf(
  config: Dnsmasq,
  version: 4 | 6,
  { addresses }: ServedInterface,
): readonly Context[] {
  return config.ranges.flatMap((range): Context[] => {
    if (range.version !== version) return [];
    for (const { address, length, scope } of addresses) {
      if (address.version !== version || scope === 'link') continue;
      const prefixLength = range.prefixLength ?? length;
      if (inNetwork(address, range.start, prefixLength)) {
        return [{ range, local: address, prefixLength }];
      }
    }
    return [];
  });
}

/** Whether two addresses share their first bits. */
export function inNetwork(a: IpAddress, b: IpAddress, length: number): boolean {
  if (a.version !== b.version) return false;
  const mask = prefixMask(a.version, length);
  return (a.value & mask) === (b.value & mask);
}

/** The client's line: by client id, else by MAC; lines for another network do not count. */
export function hostOf(
  config: Dnsmasq,
  contexts: readonly Context[],
  mac: bigint,
  clientId: string | null,
): DhcpHost | null {
  const version = contexts[0]?.range.version;
  const here = config.hosts.filter(({ addresses }) => {
    const own = addresses.filter((one) => one.version === version);
    if (own.length === 0) return addresses.length === 0;
    return own.some((one) => contexts.some((context) => holdsAddress(context, one)));
  });
  const byId = here.find((one) => one.clientId !== null && sameId(one.clientId, clientId));
  return byId ?? here.find(({ macs }) => macs.includes(mac)) ?? null;
}

/** An id is written as hexadecimal pairs or as text; `id:*` stands for none. */
function sameId(written: string, sent: string | null): boolean {
  if (sent === null) return false;
  if (written.toLowerCase() === sent.toLowerCase()) return true;
  const bytes = [...new TextEncoder().encode(written)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':') === sent.toLowerCase();
}

/** Whether the address lies in the network of the context. */
export function holdsAddress({ range, prefixLength }: Context, address: IpAddress): boolean {
  return inNetwork(range.start, address, prefixLength);
}

/** The contexts that are for this client: their conditions hold. */
export function contextsFor(contexts: readonly Context[], client: Client): readonly Context[] {
  return contexts.filter(({ range }) => holds(range.tags, client.tags));
}

/** The first address of the host's line in one of the contexts. */
export function fixedAddress(
  contexts: readonly Context[],
  host: DhcpHost | null,
): { readonly context: Context; readonly address: IpAddress } | null {
  for (const address of host?.addresses ?? []) {
    const context = contexts.find((one) => holdsAddress(one, address));
    if (context !== undefined) return { context, address };
  }
  return null;
}

/** The lease the client holds in one of the contexts. */
export function leasedAddress(
  contexts: readonly Context[],
  leases: readonly DhcpLease[],
  mac: bigint,
): { readonly context: Context; readonly address: IpAddress } | null {
  for (const lease of leases) {
    if (lease.mac !== mac) continue;
    const context = contexts.find((one) => holdsAddress(one, lease.address) && isDynamic(one));
    if (context !== undefined) return { context, address: lease.address };
  }
  return null;
}

/** Whether addresses of the range are given to anybody. */
export function isDynamic({ range }: Context): boolean {
  return range.end !== null && range.modes.length === 0;
}
