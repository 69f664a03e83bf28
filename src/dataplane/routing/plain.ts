/** A device that is up and nothing special, for namespaces that no dump shows. */
import { type Interface, type InterfaceAddress } from './types.ts';

export function plainInterface(
  name: string,
  index: number,
  mac: bigint,
  mtu: number,
  addresses: readonly InterfaceAddress[] = [],
): Interface {
  return {
    name,
    index,
    mac,
    mtu,
    up: true,
    running: true,
    loopback: false,
    promiscuous: false,
    kind: '',
    master: null,
    linkIndex: null,
    linkNamespace: null,
    addresses,
    details: {},
  };
}
