/**
 * Namespaces with their devices and addresses. MAC addresses count where Neutron gave them;
 * whether an internal port of a switch is a `tun` or an `openvswitch` device depends on the
 * datapath, and a guest's tap on how the guest was made: neither counts.
 */
import { type Host, type NamespaceState, type Network, ROOT } from '../../dataplane/network.ts';
import { type Interface, type InterfaceAddress } from '../../dataplane/routing/types.ts';
import { linkLocalAddress, portIdPrefix } from '../../model/ids.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { aboutDevice, aboutNamespace } from './objects.ts';
import { lineOf, section, statement } from './statement.ts';
import { type HostSymbols, withoutDrawn } from './symbols.ts';
import { type Section, type Statement } from './types.ts';

/** How a namespace and a device are called among the things that others need. */
export function namespaceKey(namespace: string): string {
  return `namespace ${namespace}`;
}

export function deviceKey(namespace: string, device: string): string {
  return `${namespace} device ${device}`;
}

/** A namespace of one side as its statements are made of it. */
export interface NamespaceSide {
  readonly network: Network;
  readonly host: Host;
  readonly namespace: NamespaceState;
  readonly symbols: HostSymbols;
}

/** The namespaces of a host that agents make, and its own. */
export function namespacesSection(
  network: Network,
  host: Host,
  counted: (namespace: string) => boolean,
): Section {
  const all = [...host.namespaces.values()].filter(({ name }) => counted(name));
  return section(
    host.name,
    'host',
    'namespaces',
    all.map(({ name }) =>
      statement(namespaceKey(name), {
        text: name,
        origin: () => ({ file: `hosts/${host.name}/ns/${name}`, line: 0 }),
        about: () => aboutNamespace(network, name),
      }),
    ),
  );
}

/** The datapath's own devices and those that modules make in every namespace carry nothing. */
const LEFTOVERS =
  /^(ovs-netdev|ovs-system|vxlan_sys_.*|gre_sys|genev_sys_.*|gre0|gretap0|erspan0|sit0|tunl0|ip6tnl0|ip6gre0|ip_vti0|ip6_vti0|bonding_masters|lo)$/;

export function countedInterfaces({ state }: NamespaceState): readonly Interface[] {
  return state.interfaces.filter(({ name, loopback }) => !loopback && !LEFTOVERS.test(name));
}

export function deviceSections(side: NamespaceSide): readonly Section[] {
  const { host, namespace } = side;
  const devices = countedInterfaces(namespace);
  const needs = [namespaceKey(namespace.name)];
  const of = (device: Interface): Pick<Statement, 'about' | 'needs'> => ({
    about: () => aboutDevice(side.network, host.name, device.name),
    needs: [...needs, deviceKey(namespace.name, device.name)],
  });
  return [
    section(
      host.name,
      namespace.name,
      'devices',
      devices.map((device) => {
        const words = deviceWords(side, device);
        return statement(words.join(' '), {
          subject: deviceKey(namespace.name, device.name),
          origin: lineOf(namespace, 'ip-link.json', device.name),
          ...of(device),
          needs,
        });
      }),
    ),
    section(
      host.name,
      namespace.name,
      'addresses',
      devices.flatMap((device) =>
        device.addresses
          .filter((address) => isConfigured(side, device, address))
          .map((address) => addressStatement(side, device, address, of(device))),
      ),
    ),
  ];
}

function deviceWords(side: NamespaceSide, device: Interface): readonly string[] {
  const { network, host, namespace } = side;
  const kind = kindOf(side, device);
  const mac = network.neutron.ports.some((port) => port.mac === device.mac)
    ? [`mac ${writeMac(device.mac)}`]
    : [];
  // How a guest is joined to its tap is the hypervisor's business.
  const peer = kind === 'tap' ? null : peerOf(side, device);
  // A bridge without an address is only the handle of its ports.
  const handle = kind === 'switch' && device.addresses.every((one) => one.scope === 'link');
  return [
    device.name,
    kind,
    ...(handle ? [] : [device.up ? 'up' : 'down', `mtu ${device.mtu}`]),
    ...(device.master === null ? [] : [`in ${device.master}`]),
    ...(kind === 'nic' || namespace.name === ROOT ? [] : mac),
    ...(peer === null ? [] : [`to ${peer}`]),
    ...details(device),
    ...bridgePort(side, device),
    ...(host.switch === null ? [] : []),
  ];
}

/** What a device is, whatever the datapath calls it. */
function kindOf({ host, namespace }: NamespaceSide, device: Interface): string {
  for (const bridge of host.switch?.bridges ?? []) {
    if (bridge.name === device.name) return 'switch';
    const port = bridge.ports.find(({ name }) => name === device.name);
    if (port?.type === 'internal') return 'switch-port';
  }
  if (namespace.name !== ROOT) return device.kind;
  if (device.name.startsWith('tap') && portIdPrefix(device.name) !== undefined) return 'tap';
  const wired =
    device.kind === '' || (device.kind === 'veth' && portIdPrefix(device.name) === undefined);
  return wired ? 'nic' : device.kind;
}

/** The other end of a veth pair between namespaces that agents make. */
function peerOf({ network, host, namespace }: NamespaceSide, device: Interface): string | null {
  if (device.kind !== 'veth') return null;
  const at = { host: host.name, namespace: namespace.name, name: device.name };
  const wire = network.wire(at);
  if (wire.kind !== 'interface') return null;
  const guest = wire.to.namespace.startsWith('vm-') || wire.to.host !== host.name;
  if (guest || (namespace.name === ROOT && portIdPrefix(device.name) === undefined)) return null;
  return `${wire.to.namespace}/${wire.to.name}`;
}

const DETAILS: Readonly<Record<string, readonly string[]>> = {
  vxlan: ['id', 'local', 'link', 'group', 'port', 'learning', 'proxy', 'l2miss', 'l3miss'],
  vlan: ['id', 'protocol'],
  bridge: ['stp_state', 'vlan_filtering', 'vlan_default_pvid'],
};
const USUAL: Readonly<Record<string, unknown>> = {
  stp_state: 0,
  vlan_filtering: 0,
  vlan_default_pvid: 1,
  learning: true,
  proxy: false,
  l2miss: false,
  l3miss: false,
  protocol: '802.1Q',
};

/** What of a device's settings decides about packets, unless it is as usual. */
function details({ kind, details: given }: Interface): readonly string[] {
  return (DETAILS[kind] ?? []).flatMap((key) => {
    const value = given[key];
    return value === undefined || value === USUAL[key] ? [] : [`${key} ${String(value)}`];
  });
}

function bridgePort({ namespace }: NamespaceSide, { name }: Interface): readonly string[] {
  const port = namespace.state.bridgePorts.find(({ device }) => device === name);
  if (port === undefined) return [];
  return [
    ...(port.state === 'forwarding' ? [] : [port.state]),
    ...(port.hairpin ? ['hairpin'] : []),
    ...(port.learning ? [] : ['not learning']),
    ...(port.flood ? [] : ['not flooding']),
    ...(port.isolated ? ['isolated'] : []),
  ];
}

/**
 * Link-local addresses come with the device. They count where an agent's device has a MAC that
 * Neutron gave: which host of a router has them is decided by keepalived.
 */
function isConfigured(
  { network, namespace }: NamespaceSide,
  { mac }: Interface,
  { address, scope }: InterfaceAddress,
): boolean {
  if (scope !== 'link' || address.version === 4) return true;
  if (namespace.name === ROOT) return false;
  const own = linkLocalAddress(mac).value === address.value;
  return !own || network.neutron.ports.some((port) => port.mac === mac);
}

function addressStatement(
  { namespace, symbols }: NamespaceSide,
  device: Interface,
  { address, length, scope }: InterfaceAddress,
  more: Pick<Statement, 'about' | 'needs'>,
): Statement {
  const plain = writeIp(address);
  const text = `${plain}/${length}${scope === 'global' ? '' : ` scope ${scope}`} on ${device.name}`;
  return statement(withoutDrawn(text, symbols), {
    subject: withoutDrawn(`${plain} on ${device.name}`, symbols),
    text,
    origin: lineOf(namespace, 'ip-addr.json', plain),
    ...more,
  });
}
