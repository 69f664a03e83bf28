/**
 * A sender may use an address that its namespace does not have (an allowed address pair before
 * keepalived takes it, a spoofed source). Who sends from an address has it: for this one walk it
 * stands on the interface that has addresses already.
 */

import { type IpAddress, type Namespace, ROUTE_TABLES } from '../dataplane/routing/types.ts';
import { prefixCovers } from '../packet/prefix.ts';

/** An address that a namespace is given for one walk: the sender's choice, a host asked about. */
export interface Borrowed {
  readonly host: string;
  readonly namespace: string;
  readonly address: IpAddress;
}

const LOCAL = ROUTE_TABLES['local'] ?? 255;

/** Whether the namespace owns the address. */
export function owns({ interfaces }: Namespace, wanted: IpAddress): boolean {
  return interfaces.some(({ addresses }) =>
    addresses.some(
      ({ address }) => address.version === wanted.version && address.value === wanted.value,
    ),
  );
}

/** The namespace with the address added where its subnet is, else to its first interface. */
export function withAddress(namespace: Namespace, address: IpAddress): Namespace {
  const suited = namespace.interfaces.filter(
    (one) => !one.loopback && one.addresses.some((own) => own.address.version === address.version),
  );
  const device =
    suited.find(({ addresses }) => addresses.some((own) => prefixCovers(own, address))) ??
    suited[0];
  if (device === undefined || owns(namespace, address)) return namespace;
  const length = address.version === 4 ? 32 : 128;
  const added = {
    address,
    length,
    peer: null,
    scope: 'global',
    secondary: true,
    deprecated: false,
    tentative: false,
  } as const;
  return {
    ...namespace,
    interfaces: namespace.interfaces.map((one) =>
      one === device ? { ...one, addresses: [...one.addresses, added] } : one,
    ),
    routes: [
      ...namespace.routes,
      {
        version: address.version,
        prefix: { address, length },
        type: 'local',
        table: LOCAL,
        metric: 0,
        source: address,
        scope: 'host',
        hops: [{ gateway: null, device: device.name, weight: 1, onLink: false, dead: false }],
        mtu: null,
        origin: { file: 'the sender’s own choice of address', line: 0 },
      },
    ],
  };
}
