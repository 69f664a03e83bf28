/**
 * What dnsmasq says at this moment to a server that asks for an address, by the files that it has
 * read last; and what becomes of a server that is given another address than it had.
 */
import { answerDhcp, messageType } from '../../dataplane/endpoint/dnsmasq/answer4.ts';
import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { DHCP_MESSAGE, DHCP_OPTION, dhcpOption } from '../../packet/dhcp.ts';
import { get32 } from '../../packet/wire/bytes.ts';
import { clientMessage } from '../../trace/exchanges/client-message.ts';
import { daemonsIn } from '../../trace/programs/daemons.ts';
import { addAddress, removeAddress } from './changes.ts';
import { type Stage } from './stage.ts';

/** An answer to a DHCPDISCOVER or a DHCPREQUEST. */
export type Offer =
  | { readonly kind: 'given'; readonly address: IpAddress; readonly length_us: number | null }
  | { readonly kind: 'refused' };

const SECOND_US = 1_000_000;
const FOREVER = 0xffff_ffff;

/**
 * The answer of the DHCP server in a namespace; null where it says nothing.
 * @param held the address that is to be renewed; null when the client asks for any
 */
export function offerOf(
  { compiled, network }: Stage,
  { host, namespace }: { readonly host: string; readonly namespace: string },
  mac: bigint,
  held: IpAddress | null,
): Offer | null {
  const interfaces = network.namespace(host, namespace)?.state.interfaces ?? [];
  const type = held === null ? DHCP_MESSAGE.discover : DHCP_MESSAGE.request;
  const message = clientMessage(mac, type, []);
  const asked = { ...message, clientAddress: Number(held?.value ?? 0n) };
  for (const daemon of daemonsIn(compiled, host, namespace)) {
    if (daemon.kind !== 'dnsmasq') continue;
    const { config } = daemon;
    const knows = held === null || config.leases.some((one) => one.mac === mac);
    // Who has a lease got it here, whether a dump shows the file of leases or not.
    const lease = {
      ...{ expires_s: 0, mac, association: null, name: null, clientId: null },
      ...{ address: held ?? { version: 4 as const, value: 0n }, origin: daemon.origin },
    };
    const known = knows ? config : { ...config, leases: [...config.leases, lease] };
    for (const on of interfaces) {
      if (on.loopback) continue;
      const answer = answerDhcp(known, on, asked);
      // Any free address of a range: the one that it has is as free as before.
      if (answer.kind === 'open' && held !== null) {
        return { kind: 'given', address: held, length_us: null };
      }
      if (answer.kind !== 'answer') continue;
      if (messageType(answer.message) === DHCP_MESSAGE.nak) return { kind: 'refused' };
      const option = dhcpOption(answer.message, DHCP_OPTION.leaseTime);
      const length_s = option === null ? FOREVER : get32(option, 0);
      return {
        kind: 'given',
        address: { version: 4, value: BigInt(answer.message.yourAddress) },
        length_us: length_s === FOREVER ? Number.POSITIVE_INFINITY : length_s * SECOND_US,
      };
    }
  }
  return null;
}

/** The server takes the address that it was given in the place of the one it had. */
export function takeAddress(
  stage: Stage,
  endpoint: Endpoint,
  from: IpAddress,
  to: IpAddress,
): void {
  const { neutron, endpoints } = stage.network;
  const own = endpoint.port?.id;
  const isOld = ({ version, value }: IpAddress): boolean =>
    version === from.version && value === from.value;
  const ports = neutron.ports.map((port) =>
    port.id === own
      ? {
          ...port,
          fixedIps: port.fixedIps.map((one) =>
            isOld(one.address) ? { ...one, address: to } : one,
          ),
        }
      : port,
  );
  const now = endpoints.find((one) => one.port?.id === own) ?? endpoint;
  stage.living.rebind(
    { ...neutron, ports },
    endpoints.map((one) =>
      one.port?.id === own
        ? {
            ...one,
            port: ports.find(({ id }) => id === own) ?? one.port,
            addresses: one.addresses.map((each) => (isOld(each) ? to : each)),
          }
        : one,
    ),
  );
  const { host, namespace, tap } = now;
  if (namespace === null) {
    stage.renew(host, guestName(seatBehind(neutron, host, tap ?? '').tap));
    return;
  }
  stage.change(host, namespace, (before) => {
    const device = before.interfaces.find(({ addresses }) =>
      addresses.some(({ address }) => isOld(address)),
    );
    const old = device?.addresses.find(({ address }) => isOld(address));
    if (device === undefined || old === undefined) return before;
    const rest = { attributes: [], noTrack: false, origin: { file: 'lease', line: 0 } };
    const placed = { ...rest, length: old.length, device: device.name, scope: null };
    const gateways = before.routes.filter(({ hops }) =>
      hops.some(({ gateway, device: by }) => gateway !== null && by === device.name),
    );
    const moved = addAddress(removeAddress(before, { ...placed, address: from }), {
      ...placed,
      address: to,
    });
    // The router comes with the lease.
    const lost = gateways.filter((route) => !moved.routes.includes(route));
    return { ...moved, routes: [...moved.routes, ...lost] };
  });
}
