/**
 * radvd of a router: it tells every IPv6 network how its guests get their addresses
 * (neutron/agent/linux/ra.py, Zed).
 */
import { type NeutronPort, type NeutronRouter, type NeutronSubnet } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Part } from '../part.ts';
import { type CloudView } from '../view.ts';
import { internalDevice } from './interfaces.ts';

/** `min_rtr_adv_interval` and `max_rtr_adv_interval`, seconds. */
const INTERVALS_s = [30, 100] as const;
/** Smallest MTU of IPv6 (RFC 8200 §5); a network with less tells none. */
const LEAST_MTU = 1280;
/** More DNS servers than that are not told (`MAX_RDNSS_ENTRIES`). */
const MOST_SERVERS = 3;

/** Its file and command line; nothing for a router without IPv6. */
export function advertiser(
  view: CloudView,
  router: NeutronRouter,
  internal: readonly NeutronPort[],
): Pick<Part, 'files' | 'commandLines'> {
  const text = internal.map((port) => interfaceText(view, port)).join('');
  if (text === '') return { files: new Map(), commandLines: [] };
  const conf = `/var/lib/neutron/ra/${router.id}.radvd.conf`;
  const pid = `/var/lib/neutron/external/pids/${router.id}.pid.radvd`;
  return {
    files: new Map([[`ra/${router.id}.radvd.conf`, text]]),
    commandLines: [`radvd -C ${conf} -p ${pid} -m syslog -u neutron`],
  };
}

function interfaceText(view: CloudView, port: NeutronPort): string {
  const subnets = port.fixedIps
    .map(({ subnetId }) => view.subnets.get(subnetId))
    .filter((each) => each !== undefined && each.prefix.address.version === 6)
    .filter((each, at, all) => all.indexOf(each) === at) as readonly NeutronSubnet[];
  if (subnets.length === 0) return '';
  const modes = subnets.map(({ ipv6RaMode }) => ipv6RaMode);
  const mtu = view.networks.get(port.networkId)?.mtu ?? 0;
  const servers = subnets
    .filter(({ ipv6RaMode }) => ipv6RaMode === 'slaac')
    .flatMap(({ dnsServers }) => dnsServers)
    .slice(0, MOST_SERVERS)
    .map(writeIp);
  const lines = [
    `interface ${internalDevice(port)}`,
    '{',
    '   AdvSendAdvert on;',
    `   MinRtrAdvInterval ${INTERVALS_s[0]};`,
    `   MaxRtrAdvInterval ${INTERVALS_s[1]};`,
    ...(mtu >= LEAST_MTU ? [`   AdvLinkMTU ${mtu};`] : []),
    ...(modes.includes('dhcpv6-stateless') ? ['   AdvOtherConfigFlag on;'] : []),
    ...(modes.includes('dhcpv6-stateful') ? ['   AdvManagedFlag on;'] : []),
    ...(servers.length === 0 ? [] : [`   RDNSS ${servers.join(' ')} {};`]),
    ...subnets
      .filter(({ ipv6RaMode }) => ipv6RaMode === 'slaac' || ipv6RaMode === 'dhcpv6-stateless')
      .flatMap((subnet) => prefixText(subnet, true)),
    ...subnets
      .filter(({ ipv6RaMode }) => ipv6RaMode === 'dhcpv6-stateful')
      .flatMap((subnet) => prefixText(subnet, false)),
    '   route fe80::a9fe:a9fe/128 {',
    '   };',
    '};',
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function prefixText({ prefix: { address, length } }: NeutronSubnet, formed: boolean): string[] {
  return [
    `   prefix ${writeIp(address)}/${length}`,
    '   {',
    '        AdvOnLink on;',
    `        AdvAutonomous ${formed ? 'on' : 'off'};`,
    '   };',
  ];
}
