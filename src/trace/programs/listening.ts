/**
 * Sockets of programs whose configuration is known, for namespaces whose socket list was not
 * captured: a program that runs listens where its files say.
 */
import { type Namespace, type Socket } from '../../dataplane/routing/types.ts';
import { DHCP_PORT } from '../../packet/dhcp.ts';
import { DHCP6_PORT } from '../../packet/dhcp6.ts';
import { type Daemon } from './daemon.ts';

/** The namespace with the sockets of its programs; unchanged where a list was captured. */
export function withListeners(of: Namespace, daemons: readonly Daemon[]): Namespace {
  if (daemons.length === 0 || !of.missing.some((file) => file.startsWith('ss-listen'))) return of;
  return { ...of, sockets: [...of.sockets, ...daemons.flatMap(socketsOf)] };
}

function socketsOf(daemon: Daemon): readonly Socket[] {
  if (daemon.kind === 'haproxy') {
    return daemon.config.proxies.flatMap(({ binds, disabled }) =>
      disabled ? [] : binds.filter(({ path }) => path === null).flatMap(bindSockets),
    );
  }
  if (daemon.kind !== 'dnsmasq') return [];
  const { ranges, dnsPort } = daemon.config;
  const any = { address: null, device: null, process: 'dnsmasq' };
  const dns = dnsPort === 0 ? [] : [dnsPort];
  return [
    ...ranges.map(({ version }): Socket => {
      const port = version === 4 ? DHCP_PORT.server : DHCP6_PORT.server;
      return { ...any, protocol: 'udp', version, port };
    }),
    ...dns.map((port): Socket => ({ ...any, protocol: 'udp', version: null, port })),
    ...dns.map((port): Socket => ({ ...any, protocol: 'tcp', version: null, port })),
  ];
}

/** Ranges of ports are rare and short. */
const MOST_PORTS = 1024;

function bindSockets({
  address,
  version,
  ports: [first, last],
}: {
  readonly address: Socket['address'];
  readonly version: 4 | 6 | null;
  readonly ports: readonly [number, number];
}): readonly Socket[] {
  const count = Math.min(last - first + 1, MOST_PORTS);
  return Array.from({ length: count }, (_, i): Socket => {
    const port = first + i;
    return { protocol: 'tcp', address, version, port, device: null, process: 'haproxy' };
  });
}
