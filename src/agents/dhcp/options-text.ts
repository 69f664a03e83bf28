/** What the DHCP agent writes for dnsmasq (neutron/agent/linux/dhcp.py, class Dnsmasq). */
import {
  type CloudAddress,
  type CloudPrefix,
  type NeutronPort,
  type NeutronSubnet,
} from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';

const METADATA = '169.254.169.254/32';

/** A subnet as one dnsmasq serves it. */
export interface ServedSubnet {
  readonly subnet: NeutronSubnet;
  /** Where metadata is asked for: the gateway, or the DHCP server itself when nobody routes. */
  readonly metadataVia: CloudAddress | null;
  /** DHCP servers' own addresses, as DNS servers where the subnet names none. */
  readonly servers: readonly CloudAddress[];
  /** Other subnets of the network, which are on-link for its guests. */
  readonly onLink: readonly CloudPrefix[];
}

/** The hosts file: MAC, name, address; all addresses of one MAC stand on lines of their own. */
export function hostsText(ports: readonly NeutronPort[], domain: string): string {
  return lines(
    ports.flatMap((port) =>
      port.fixedIps.map(({ address }) => {
        const text = address.version === 6 ? `[${writeIp(address)}]` : writeIp(address);
        return `${writeMac(port.mac)},${hostName(address)}.${domain},${text}`;
      }),
    ),
  );
}

export function additionalHosts(ports: readonly NeutronPort[], domain: string): string {
  return lines(
    ports.flatMap((port) =>
      port.fixedIps.map(({ address }) => {
        const name = hostName(address);
        return `${writeIp(address)}\t${name}.${domain} ${name}`;
      }),
    ),
  );
}

function hostName(address: CloudAddress): string {
  return `host-${writeIp(address).replaceAll(/[.:]/g, '-')}`;
}

export function optionsText(served: readonly ServedSubnet[]): string {
  return served
    .flatMap((each) => (each.subnet.prefix.address.version === 4 ? options4(each) : options6(each)))
    .join('\n');
}

function options4({ subnet, metadataVia, onLink }: ServedSubnet): string[] {
  const tag = `tag:subnet-${subnet.id}`;
  const routes = [
    ...subnet.hostRoutes.map(({ to, via }) => `${prefixText(to)},${writeIp(via)}`),
    ...(metadataVia === null ? [] : [`${METADATA},${writeIp(metadataVia)}`]),
    ...onLink.map((prefix) => `${prefixText(prefix)},0.0.0.0`),
    ...(subnet.gateway === null ? [] : [`0.0.0.0/0,${writeIp(subnet.gateway)}`]),
  ];
  const servers = subnet.dnsServers.map(writeIp).join(',');
  return [
    ...(servers === '' ? [] : [`${tag},option:dns-server,${servers}`]),
    ...(routes.length === 0
      ? []
      : [
          `${tag},option:classless-static-route,${routes.join(',')}`,
          `${tag},249,${routes.join(',')}`,
        ]),
    `${tag},option:router${subnet.gateway === null ? '' : `,${writeIp(subnet.gateway)}`}`,
  ];
}

function options6({ subnet }: ServedSubnet): string[] {
  const servers = subnet.dnsServers.map((each) => `[${writeIp(each)}]`).join(',');
  const tag = `tag:subnet-${subnet.id}`;
  return servers === '' ? [] : [`${tag},option6:dns-server,${servers}`];
}

function prefixText({ address, length }: CloudPrefix): string {
  return `${writeIp(address)}/${length}`;
}

/** One range per subnet: addresses are given only to hosts that are listed. */
export function rangeOf(subnet: NeutronSubnet, lease_s: number): string {
  const { address, length } = subnet.prefix;
  const tag = `--dhcp-range=set:subnet-${subnet.id},${writeIp(address)}`;
  if (address.version === 6) {
    const mode = subnet.ipv6AddressMode === 'dhcpv6-stateful' ? 'static' : 'static';
    return `${tag},${mode},${length},${lease_s}s`;
  }
  const mask = 0xffff_ffffn ^ ((1n << BigInt(32 - length)) - 1n);
  return `${tag},static,${writeIp({ version: 4, value: mask })},${lease_s}s`;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
