/** What the DHCP agent writes for dnsmasq (neutron/agent/linux/dhcp.py, class Dnsmasq, Zed). */

import { METADATA_TEXT } from '../../model/metadata-address.ts';
import {
  type CloudAddress,
  type CloudPrefix,
  type DhcpOption,
  type DnsName,
  type NeutronPort,
  type NeutronSubnet,
} from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';

const METADATA_ROUTE = `${METADATA_TEXT[4]}/32`;

/** A network as one dnsmasq serves it. */
export interface ServedNetwork {
  /** Whether dnsmasq and its agent know tags of hosts (since Neutron 16, Ussuri). */
  readonly tagged: boolean;
  readonly domain: string;
  /** All subnets of the network by their id. */
  readonly subnets: ReadonlyMap<string, NeutronSubnet>;
  /** Ports that are clients or have a name; DHCP servers are not among them. */
  readonly clients: readonly NeutronPort[];
}

/** A subnet as one dnsmasq serves it. */
export interface ServedSubnet {
  readonly subnet: NeutronSubnet;
  /** Where metadata is asked for: the gateway, or the DHCP server itself when nobody routes. */
  readonly metadataVia: CloudAddress | null;
  /** Addresses of the network's DHCP servers here; several of them are DNS servers together. */
  readonly servers: readonly CloudAddress[];
  /** Other subnets of the network, which are on-link for its guests. */
  readonly onLink: readonly CloudPrefix[];
}

/** Owners of ports that dnsmasq need not know (`port_requires_dhcp_configuration`). */
const UNKNOWN_OWNERS = new Set([
  'network:router_ha_interface',
  'network:floatingip',
  'network:dhcp',
  'network:distributed',
]);

export function isKnownToServer({ deviceOwner }: NeutronPort): boolean {
  return !UNKNOWN_OWNERS.has(deviceOwner);
}

/** A client forms its address itself; dnsmasq has none for it. */
function formsItself(subnet: NeutronSubnet): boolean {
  return subnet.ipv6AddressMode === 'slaac' || subnet.ipv6AddressMode === 'dhcpv6-stateless';
}

/** The hosts file: MAC, name, address; all addresses of one MAC stand on lines of their own. */
export function hostsText({ tagged, domain, subnets, clients }: ServedNetwork): string {
  return lines(
    clients.flatMap((port) =>
      port.fixedIps.flatMap(({ subnetId, address }) => {
        const subnet = subnets.get(subnetId);
        const mac = writeMac(port.mac);
        const options = port.dhcpOptions ?? [];
        const own = tagOfPort(port, tagged);
        if (subnet !== undefined && formsItself(subnet)) {
          const asks = subnet.ipv6AddressMode === 'dhcpv6-stateless' && options.length > 0;
          return asks ? [`${mac},${tagged ? 'tag:dhcpv6,' : ''}set:${own}`] : [];
        }
        if (subnet?.dhcp !== true) return [];
        const client = options.find(isClientId);
        const id = client === undefined ? '' : `id:${client.value},`;
        const set = options.length > (client === undefined ? 0 : 1) ? `,set:${own}` : '';
        const name = nameOf(port, address, domain).whole;
        // The tag keeps a line from answering DHCP of the other version.
        return address.version === 6
          ? [`${mac},${tagged ? 'tag:dhcpv6,' : ''}${id}${name},[${writeIp(address)}]${set}`]
          : [`${mac},${id}${name},${writeIp(address)}${set}`];
      }),
    ),
  );
}

/** The client's own id is matched by the hosts file and is no option. */
function isClientId({ name }: DhcpOption): boolean {
  return /^(client-id|61)$/.test(name);
}

function tagOfPort({ id }: NeutronPort, tagged: boolean): string {
  return tagged ? `port-${id}` : id;
}

/** Options of single ports (`_generate_opts_per_port`), of IP versions that the port has. */
export function portOptions({
  tagged,
  clients,
}: Pick<ServedNetwork, 'tagged' | 'clients'>): readonly string[] {
  return clients.flatMap((port) =>
    (port.dhcpOptions ?? [])
      .filter((option) => !isClientId(option))
      .filter(({ version }) => port.fixedIps.some(({ address }) => address.version === version))
      .map(({ name, value, version }) => {
        const kind = version === 4 ? 'option:' : 'option6:';
        const what = /^\d+$/.test(name) ? name : kind + name;
        return `tag:${tagOfPort(port, tagged)},${what},${value}`;
      }),
  );
}

export function additionalHosts({
  domain,
  clients,
}: Pick<ServedNetwork, 'domain' | 'clients'>): string {
  return lines(
    clients.flatMap((port) =>
      port.fixedIps.map(({ address }) => {
        const { host, whole } = nameOf(port, address, domain);
        return `${writeIp(address)}\t${whole} ${host}`;
      }),
    ),
  );
}

/** The name that the server gave to an address, else one made of it (`_get_dns_assignment`). */
function nameOf(
  { dnsNames = [] }: NeutronPort,
  address: CloudAddress,
  domain: string,
): Pick<DnsName, 'host' | 'whole'> {
  const given = dnsNames.find((each) => each.address.value === address.value);
  if (given !== undefined) return given;
  const host = `host-${writeIp(address).replaceAll(/[.:]/g, '-')}`;
  return { host, whole: domain === '' ? host : `${host}.${domain}` };
}

export function optionsText(
  served: readonly ServedSubnet[],
  domain: string,
  ofPorts: readonly string[] = [],
): string {
  const told = served.filter(({ subnet }) => subnet.ipv6AddressMode !== 'slaac');
  return [
    ...told.flatMap((each) => [
      ...dnsServers(each.subnet),
      ...(isFour(each.subnet) ? options4(each) : options6(each.subnet, domain)),
    ]),
    ...ofPorts,
    ...told.flatMap(ownServers),
  ].join('\n');
}

function isFour({ prefix }: NeutronSubnet): boolean {
  return prefix.address.version === 4;
}

function tagOf({ id }: NeutronSubnet): string {
  return `tag:subnet-${id}`;
}

/** `dns-server` with addresses as dnsmasq wants them for the version. */
function dnsOption(subnet: NeutronSubnet, addresses: readonly CloudAddress[]): string {
  const four = isFour(subnet);
  const texts = addresses.map((each) => (four ? writeIp(each) : `[${writeIp(each)}]`));
  return [tagOf(subnet), `option${four ? '' : '6'}:dns-server`, ...texts].join(',');
}

function dnsServers(subnet: NeutronSubnet): string[] {
  const { dnsServers: given } = subnet;
  if (given.length === 0) return [];
  // The unspecified address means that none shall be told.
  const none = given.length === 1 && given[0]?.value === 0n;
  return [dnsOption(subnet, none ? [] : given)];
}

/** With several servers and no DNS of its own, a subnet's clients are told of all of them. */
function ownServers({ subnet, servers }: ServedSubnet): string[] {
  return subnet.dnsServers.length > 0 || servers.length < 2 ? [] : [dnsOption(subnet, servers)];
}

function options4({ subnet, metadataVia, onLink }: ServedSubnet): string[] {
  const tag = tagOf(subnet);
  const gateway = gatewayOf(subnet);
  const given = subnet.hostRoutes.filter(({ to }) => to.length > 0);
  const routes = [
    ...onLink.toReversed().map((prefix) => `${prefixText(prefix)},0.0.0.0`),
    ...given.map(({ to, via }) => `${prefixText(to)},${writeIp(via)}`),
    ...(metadataVia === null ? [] : [`${METADATA_ROUTE},${writeIp(metadataVia)}`]),
  ];
  const all = gateway === null ? routes : [...routes, `0.0.0.0/0,${writeIp(gateway)}`];
  return [
    ...(routes.length === 0
      ? []
      : [`${tag},option:classless-static-route,${all.join(',')}`, `${tag},249,${all.join(',')}`]),
    `${tag},option:router${gateway === null ? '' : `,${writeIp(gateway)}`}`,
  ];
}

/** A host route to everywhere stands in for a gateway. */
export function gatewayOf({ gateway, hostRoutes }: NeutronSubnet): CloudAddress | null {
  return gateway ?? hostRoutes.find(({ to }) => to.length === 0)?.via ?? null;
}

function options6(subnet: NeutronSubnet, domain: string): string[] {
  return domain === '' ? [] : [`${tagOf(subnet)},option6:domain-search,${domain}`];
}

function prefixText({ address, length }: CloudPrefix): string {
  return `${writeIp(address)}/${length}`;
}

/** Longer prefixes than this have no clients that could form addresses in them. */
const LONGEST_RANGE_6 = 64;
/** `dnsmasq_lease_max`. */
const MOST_LEASES = 1n << 24n;

/** Subnets of which dnsmasq may give addresses or options. */
export function isRanged(subnet: NeutronSubnet): boolean {
  if (isFour(subnet)) return true;
  const { ipv6AddressMode: mode, ipv6RaMode } = subnet;
  const answered =
    mode === 'dhcpv6-stateful' || mode === 'dhcpv6-stateless' || (!mode && !ipv6RaMode);
  return answered && subnet.prefix.length >= LONGEST_RANGE_6;
}

/** One range per subnet, in which addresses are given only to hosts that are listed. */
export function rangesOf(served: readonly NeutronSubnet[], lease_s: number): readonly string[] {
  const ranged = served.filter(isRanged);
  const possible = ranged.reduce((sum, { prefix: { address, length } }) => {
    return sum + (1n << BigInt((address.version === 4 ? 32 : 128) - length));
  }, 0n);
  const most = possible < MOST_LEASES ? possible : MOST_LEASES;
  return [...ranged.map((subnet) => rangeOf(subnet, lease_s)), `--dhcp-lease-max=${most}`];
}

function rangeOf(subnet: NeutronSubnet, lease_s: number): string {
  const { address, length } = subnet.prefix;
  const tag = `--dhcp-range=set:subnet-${subnet.id},${writeIp(address)},static`;
  // -1 is for ever (`dhcp_lease_duration`).
  const lease = lease_s === -1 ? 'infinite' : `${lease_s}s`;
  if (address.version === 6) return `${tag},${length},${lease}`;
  const mask = 0xffff_ffffn ^ ((1n << BigInt(32 - length)) - 1n);
  return `${tag},${writeIp({ version: 4, value: mask })},${lease}`;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
