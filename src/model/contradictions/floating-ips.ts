/** Floating IPs and forwarded ports: one address for one port, and a router that leads there. */
import { prefixCovers } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Cloud } from '../cloud.ts';
import { type NeutronFloatingIp, type NeutronPortForwarding } from '../neutron.ts';
import { type Contradiction, groupedBy, named } from './types.ts';

export function ofFloatingIps({ neutron }: Cloud): readonly Contradiction[] {
  const networks = new Map(neutron.networks.map((each) => [each.id, each]));
  const ports = new Map(neutron.ports.map((each) => [each.id, each]));
  const forwarded = groupedBy(neutron.portForwardings, ({ floatingIpId }) => floatingIpId);
  const addresses = new Map<string, NeutronFloatingIp>();
  const behind = new Map<string, NeutronFloatingIp>();
  const found = neutron.floatingIps.flatMap((floating) => {
    const own: Contradiction[] = [];
    const text = `Floating IP ${writeIp(floating.address)}`;
    const wrong = (message: string, ...columns: readonly string[]): void => {
      own.push({ kind: 'floatingips', id: floating.id, message, columns });
    };
    const network = networks.get(floating.networkId);
    if (network?.external === false) {
      wrong(
        `${text} is of network ${named(network)}, which is not external`,
        'floating_network_id',
        'floating_network',
      );
    }
    const place = `${floating.networkId} ${floating.address.value}`;
    if (addresses.has(place)) wrong(`${text} is there twice`, 'floating_ip_address');
    addresses.set(place, floating);
    const port = ports.get(floating.portId ?? '');
    const rows = forwarded.get(floating.id) ?? [];
    if (port !== undefined) {
      if (rows.length > 0) {
        wrong(
          `${text} leads to port ${named(port)} or forwards its own ports, not both`,
          'port_id',
          'port',
        );
      }
      const { fixedAddress } = floating;
      if (fixedAddress !== null) {
        const key = `${floating.networkId} ${port.id} ${fixedAddress.value}`;
        const other = behind.get(key);
        if (other !== undefined) {
          const at = `port ${named(port)}, which ${writeIp(other.address)} leads to already`;
          wrong(`${text} leads to ${at}`, 'fixed_ip_address', 'Fixed IP Address');
        }
        behind.set(key, floating);
        const isOwn =
          port.fixedIps.some(({ address }) => address.value === fixedAddress.value) ||
          port.allowedAddressPairs.some(({ prefix }) => prefixCovers(prefix, fixedAddress));
        if (!isOwn) {
          const lacks = `port ${named(port)} has neither ${writeIp(fixedAddress)} nor an allowed pair of it`;
          wrong(`${text}: ${lacks}`, 'fixed_ip_address', 'Fixed IP Address');
        }
      }
    }
    own.push(...twice(floating, rows));
    return own;
  });
  return [...found, ...besideFloating(neutron.portForwardings, behind, neutron.floatingIps)];
}

/** One port of an address leads to one place. */
function twice(
  floating: NeutronFloatingIp,
  rows: readonly NeutronPortForwarding[],
): readonly Contradiction[] {
  return rows.flatMap((row, i) => {
    const [from, to] = row.externalPorts;
    const other = rows
      .slice(0, i)
      .find(
        ({ protocol, externalPorts: [first, last] }) =>
          protocol === row.protocol && first <= to && from <= last,
      );
    if (other === undefined) return [];
    const range = from === to ? `${from}` : `${from} to ${to}`;
    const message = `Floating IP ${writeIp(floating.address)} forwards ${row.protocol} port ${range} already`;
    return [{ kind: 'floatingips' as const, id: floating.id, message }];
  });
}

/** An address with a floating IP is behind no forwarded ports (PortHasBindingFloatingIP). */
function besideFloating(
  forwardings: readonly NeutronPortForwarding[],
  behind: ReadonlyMap<string, NeutronFloatingIp>,
  all: readonly NeutronFloatingIp[],
): readonly Contradiction[] {
  if (behind.size === 0) return [];
  const own = new Map(all.map((each) => [each.id, each]));
  return forwardings.flatMap(({ floatingIpId, internalPortId, internalAddress }) => {
    const network = own.get(floatingIpId)?.networkId ?? '';
    const other = behind.get(`${network} ${internalPortId} ${internalAddress.value}`);
    if (other === undefined || other.id === floatingIpId) return [];
    const message = `${writeIp(internalAddress)} has floating IP ${writeIp(other.address)}, so no ports are forwarded to it`;
    return [{ kind: 'floatingips' as const, id: floatingIpId, message }];
  });
}
