/** A DHCP message as usual clients make it. */
import { DHCP_OPTION, type Dhcp, type DhcpOption } from '../../packet/dhcp.ts';

/** The transaction id of every exchange that is traced. */
export const TRANSACTION = 0x0001_0001;
/** What usual clients ask for: dhclient's list, with MTU and classless routes. */
const PARAMETERS = [1, 28, 2, 3, 15, 6, 119, 12, 26, 121, 42] as const;
const PARAMETER_LIST = 55;

/** A message of the client with this MAC. */
export function clientMessage(mac: bigint, type: number, options: readonly DhcpOption[]): Dhcp {
  return {
    op: 1,
    hardwareType: 1,
    hardwareLength: 6,
    hops: 0,
    transaction: TRANSACTION,
    elapsed_s: 0,
    flags: 0,
    clientAddress: 0,
    yourAddress: 0,
    serverAddress: 0,
    relayAddress: 0,
    clientHardware: Uint8Array.from([...macBytes(mac), ...new Array<number>(10).fill(0)]),
    serverName: new Uint8Array(64),
    bootFile: new Uint8Array(128),
    options: [
      { code: DHCP_OPTION.messageType, data: Uint8Array.of(type) },
      ...options,
      { code: PARAMETER_LIST, data: Uint8Array.from(PARAMETERS) },
    ],
    rest: new Uint8Array(0),
  };
}

/** The six bytes of a MAC address. */
export function macBytes(mac: bigint): readonly number[] {
  return [40n, 32n, 24n, 16n, 8n, 0n].map((shift) => Number((mac >> shift) & 255n));
}
