/** Addresses of `bind` and `server` (Configuration Manual, section 11): host, port, unix path. */
import { readIp } from '../../../../text/address-text.ts';
import { type IpAddress } from '../../../routing/types.ts';

/** An address with its port as haproxy writes it. */
export interface HaproxyAddress {
  /** null with a null host: every address. */
  readonly address: IpAddress | null;
  readonly version: 4 | 6 | null;
  readonly host: string | null;
  readonly path: string | null;
  readonly ports: readonly [number, number] | null;
}

/** `1.2.3.4:80`, `:::80`, `*:80-90`, `[::1]:80`, `ipv4@…`, `/run/x.sock`, `name:80`. */
export function readAddress(word: string): HaproxyAddress | undefined {
  const [, family = '', rest = ''] =
    /^(?:(ipv4|ipv6|tcp|tcp4|tcp6|udp|udp4|udp6|unix|abns)@)?(.*)$/.exec(word) ?? [];
  if (family === 'unix' || family === 'abns' || rest.startsWith('/')) {
    return { address: null, version: null, host: null, path: rest, ports: null };
  }
  const colon = rest.lastIndexOf(':');
  // The last colon stands before the port, also behind an IPv6 address (`fe80::1:80`).
  const bare = colon < 0 || rest.endsWith(']');
  const portText = bare ? '' : rest.slice(colon + 1);
  const ports = readPorts(portText);
  if (ports === undefined) return undefined;
  // `:::9697` leaves `::`, the IPv6 way to say any address.
  const text = (bare ? rest : rest.slice(0, colon)).replace(/^\[(.*)\]$/, '$1');
  const asked = family.endsWith('6') ? 6 : family.endsWith('4') ? 4 : null;
  if (text === '' || text === '*') {
    return { address: null, version: asked ?? 4, host: null, path: null, ports };
  }
  const address = readIp(text);
  if (address === undefined) {
    if (!/^[\w.-]+$/.test(text)) return undefined;
    return { address: null, version: asked, host: text, path: null, ports };
  }
  const wildcard = address.value === 0n;
  return {
    address: wildcard ? null : address,
    version: address.version,
    host: null,
    path: null,
    ports,
  };
}

/** Empty is null; `80`, `80-90`; `+1` (an offset to the client's port) is not read. */
function readPorts(text: string): readonly [number, number] | null | undefined {
  if (text === '') return null;
  const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (from === undefined) return undefined;
  const range: readonly [number, number] = [Number(from), Number(to ?? from)];
  return range[1] <= 65535 && range[0] <= range[1] ? range : undefined;
}
