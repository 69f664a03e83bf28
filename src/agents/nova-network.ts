/**
 * nova-network on a host of Linux bridges: its bridges are the gateways of guests, dnsmasq gives
 * addresses on them, and iptables translates what leaves by the public interface
 * (nova/network/linux_net.py `init_host`, `floating_forward_rules`, `metadata_forward`).
 */
import { type NetworkHost } from '../model/cloud.ts';
import { networkBridge } from '../model/ids.ts';
import { METADATA_TEXT } from '../model/metadata-address.ts';
import {
  type CloudAddress,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronSubnet,
} from '../model/neutron.ts';
import { writeIp, writeMac } from '../text/address-text.ts';
import { agentRules } from './agent-chains.ts';
import { addressesOf, listen } from './namespace-parts.ts';
import { type DeviceAgent, NOTHING, type Place } from './part.ts';
import { type AddressPlan, emptyNamespace } from './plan.ts';
import { type CloudView } from './view.ts';

const ROOT = 'root';
const METADATA = `${METADATA_TEXT[4]}/32`;
/** `metadata_port` of nova-api. */
const METADATA_PORT = 8775;
const LEASE_S = 120;

/** A network that this host serves. */
interface Served extends NetworkHost {
  readonly network: NeutronNetwork;
}

function servedBy({ view, host }: Place): readonly Served[] {
  return [...view.cloud.networkHosts].flatMap(([id, hosts]) => {
    const network = view.networks.get(id);
    const own = hosts.find((each) => each.host === host.name);
    return network === undefined || own === undefined ? [] : [{ ...own, network }];
  });
}

/** Networks whose bridges are gateways here. */
export function novaNetworks(at: Place): readonly string[] {
  return servedBy(at).map(({ network }) => network.id);
}

/** Addresses that the bridge of a network has on this host. */
export function novaGateways(at: Place, networkId: string): readonly AddressPlan[] {
  const own = servedBy(at).find(({ network }) => network.id === networkId);
  return own === undefined ? [] : addressesOf(at.view, own.gateways);
}

/** Floating IPs that a NIC has beside its own addresses. */
export function novaFloating(at: Place, nic: string): readonly AddressPlan[] {
  if (at.host.novaNetwork?.publicInterface !== nic) return [];
  return floatingHere(at).map(({ floating }) => ({
    address: floating,
    length: 32,
    scope: 'global',
  }));
}

/** dnsmasq on the bridges, and nova-api for metadata. */
export const novaNetwork: DeviceAgent = (at) => {
  const served = servedBy(at).filter(({ dhcp }) => dhcp);
  const translated = at.host.novaNetwork !== null && at.host.metadata !== null;
  if (served.length === 0 && !translated) return NOTHING;
  const texts = served.map((each) => dnsmasq(at, each));
  return {
    plugs: [],
    namespaces: [
      {
        ...emptyNamespace(ROOT),
        sockets: [
          ...(served.length > 0 ? [listen('udp', 67, 'dnsmasq')] : []),
          ...served.flatMap(({ gateways }) =>
            gateways.map(({ address }) => listen('udp', 53, 'dnsmasq', address)),
          ),
          ...(translated ? [listen('tcp', METADATA_PORT, 'nova-api')] : []),
        ],
      },
    ],
    files: new Map(texts.flatMap(({ files }) => files)),
    commandLines: texts.map(({ line }) => line),
  };
};

/** The process and its file of clients: in multi_host the guests of this host alone. */
function dnsmasq(
  { view, host }: Place,
  { network, gateways, ownGuestsOnly }: Served,
): { readonly line: string; readonly files: readonly (readonly [string, string])[] } {
  const name = `nova-${networkBridge(network.id)}`;
  const path = `/var/lib/nova/networks/${name}`;
  const guests = view
    .portsOfNetwork(network.id)
    .filter(({ deviceOwner }) => deviceOwner.startsWith('compute:'))
    .filter((port) => !ownGuestsOnly || port.host === host.name);
  const ranges = subnetsOf(view, network).map(
    ({ prefix }) =>
      `--dhcp-range=set:${network.id},${writeIp(prefix.address)},static,${maskOf(prefix.length)},${LEASE_S}s`,
  );
  const line = [
    'dnsmasq --strict-order --bind-interfaces --conf-file=/dev/null',
    `--pid-file=${path}.pid`,
    ...gateways.map(({ address }) => `--listen-address=${writeIp(address)}`),
    '--except-interface=lo',
    ...ranges,
    `--dhcp-hostsfile=${path}.conf --leasefile-ro --domain=novalocal --no-hosts`,
  ].join(' ');
  return { line, files: [[`nova/networks/${name}.conf`, guests.flatMap(clientLines).join('')]] };
}

function clientLines({ mac, fixedIps }: NeutronPort): readonly string[] {
  return fixedIps
    .filter(({ address }) => address.version === 4)
    .map(({ address }) => {
      const text = writeIp(address);
      return `${writeMac(mac)},host-${text.replaceAll('.', '-')}.novalocal,${text}\n`;
    });
}

function maskOf(length: number): string {
  const mask = length === 0 ? 0n : (0xffff_ffffn << BigInt(32 - length)) & 0xffff_ffffn;
  return writeIp({ version: 4, value: mask });
}

function subnetsOf({ cloud }: CloudView, { id }: NeutronNetwork): readonly NeutronSubnet[] {
  return cloud.neutron.subnets.filter(
    ({ networkId, prefix }) => networkId === id && prefix.address.version === 4,
  );
}

interface FloatingHere {
  readonly floating: CloudAddress;
  readonly fixed: CloudAddress;
}

/** A floating IP stands where the gateway of its guest is. */
function floatingHere(at: Place): readonly FloatingHere[] {
  const { view, host } = at;
  const served = new Map(servedBy(at).map((each) => [each.network.id, each]));
  return view.cloud.neutron.floatingIps.flatMap(({ address, fixedAddress, portId }) => {
    const port = view.ports.get(portId ?? '');
    const by = served.get(port?.networkId ?? '');
    if (port === undefined || by === undefined || fixedAddress === null) return [];
    if (by.ownGuestsOnly && port.host !== host.name) return [];
    return [{ floating: address, fixed: fixedAddress }];
  });
}

/** Table nat of nova-network; '' on hosts where it translates nothing. */
export function novaTranslation(at: Place): string {
  const { host, view } = at;
  const { novaNetwork: own } = host;
  const nic = host.nics.find(({ name }) => name === own?.publicInterface);
  const source = nic?.addresses.find(({ address }) => address.version === 4)?.address;
  if (own === null || source === undefined) return '';
  const rules = agentRules('nova-network', ['nat']);
  const nat = rules.table('nat');
  const out = `-o ${own.publicInterface}`;
  if (host.metadata !== null) {
    const { novaHost, novaPort } = host.metadata;
    const to = novaHost.startsWith('127.')
      ? `-j REDIRECT --to-ports ${novaPort}`
      : `-j DNAT --to-destination ${novaHost}:${novaPort}`;
    nat.rule('PREROUTING', `-d ${METADATA} -p tcp -m tcp --dport 80 ${to}`);
  }
  const ranges = servedBy(at).flatMap(({ network }) =>
    subnetsOf(view, network).map(({ prefix }) => `${writeIp(prefix.address)}/${prefix.length}`),
  );
  nat.rule('snat', `-j ${nat.chain('float-snat')}`);
  for (const range of ranges) {
    nat.rule('snat', `-s ${range} ${out} -j SNAT --to-source ${writeIp(source)}`);
    nat.rule('POSTROUTING', `-s ${range} -d ${writeIp(source)}/32 -j ACCEPT`);
    nat.rule('POSTROUTING', `-s ${range} -d ${range} -m conntrack ! --ctstate DNAT -j ACCEPT`);
  }
  for (const each of floatingHere(at)) {
    const [floating, fixed] = [writeIp(each.floating), writeIp(each.fixed)];
    const to = `-j SNAT --to-source ${floating}`;
    nat.rule('float-snat', `-s ${fixed}/32 -d ${fixed}/32 ${to}`);
    nat.rule('float-snat', `-s ${fixed}/32 ${out} ${to}`);
    nat.rule('PREROUTING', `-d ${floating}/32 -j DNAT --to-destination ${fixed}`);
    nat.rule('OUTPUT', `-d ${floating}/32 -j DNAT --to-destination ${fixed}`);
    nat.rule('POSTROUTING', `-s ${fixed}/32 -m conntrack --ctstate DNAT ${to}`);
  }
  return rules.text();
}
