/**
 * Ports that the agent has put on the dead VLAN 4095 (neutron_lib constants
 * `DEAD_VLAN_TAG`): not bound, administratively down, or being taken away.
 */
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { deviceName } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { sameAddress } from '../../packet/prefix.ts';
import { readField } from '../../traffic/words.ts';
import {
  type NeutronRef,
  networkById,
  networkOfTag,
  networkRef,
  portByNumber,
  portLabel,
  portOfDevice,
  portRef,
  switchPort,
} from '../objects.ts';
import { type Fix } from '../types.ts';
import { type Diagnosis, type Finding, flowsOf, numberIn, tupleOf } from './case.ts';
import { onHost, restartAgent, word } from './commands.ts';

const DEAD_VLAN = 4095;

/** The sender's own port is dead: its frames are dropped where they enter the bridge. */
export const deadSender: Diagnosis = (of) => {
  // A trunk's bridge stands before br-int, where its ports are dead or alive.
  const first = flowsOf(of).find(({ step }) => !step.bridge.startsWith('tbr-'));
  if (first === undefined || first.step.bridge !== 'br-int') return null;
  const entered = portByNumber(
    of.compiled.network,
    of.host,
    'br-int',
    numberIn(first.words, 'in_port'),
  );
  if (entered === null) return null;
  if (entered.vlan.tag !== DEAD_VLAN) return deadSubPort(of, entered.name, first.words);
  return deadFinding(of.compiled.network, of.host, entered.name);
};

/**
 * A trunk's bridge floods what a guest tags to the parent's patch as well, where it is stopped for
 * its tag or its MAC; that its sub-port is dead is why the other copy ended, too.
 */
function deadSubPort(
  { compiled: { network }, host }: Parameters<Diagnosis>[0],
  device: string,
  words: Uint32Array,
): Finding | null {
  if (!device.startsWith('tpi-')) return null;
  const parent = portOfDevice(network, host, device);
  const trunk = network.neutron.trunks.find(({ portId }) => portId === parent?.id);
  const tag = numberIn(words, 'vlan_tci') & 0xfff;
  const sub = trunk?.subPorts.find(({ segmentationId }) => segmentationId === tag);
  const port = network.neutron.ports.find(({ id }) => id === sub?.portId);
  return port === undefined ? null : deadReceiver(network, port);
}

/**
 * Nobody is behind any tunnel for the network, since who is asked for is down: with l2population
 * agents flood only to hosts with ports that are up (l2pop/mech_driver.py).
 */
export const deadTarget: Diagnosis = (of) => {
  const { network } = of.compiled;
  if (!of.drop.where.startsWith('br-tun ')) return null;
  const at = networkOfTag(network, of.host, numberIn(of.words, 'vlan_tci') & 0xfff);
  const asked: IpAddress | undefined =
    numberIn(of.words, 'eth_type') === ARP
      ? { version: 4, value: readField(of.words, field('arp_tpa')) }
      : tupleOf(of.words)?.destination;
  if (at === null || asked === undefined) return null;
  const port = network.neutron.ports.find(
    ({ networkId, adminUp, fixedIps }) =>
      networkId === at.id &&
      !adminUp &&
      fixedIps.some(({ address }) => sameAddress(address, asked)),
  );
  return port === undefined ? null : deadReceiver(network, port);
};

const ARP = 0x0806;

/** What is wrong with a Neutron port where it is plugged; null when it is alive. */
export function deadReceiver(network: Network, port: NeutronPort): Finding | null {
  const { host } = port;
  const device = deviceOn(network, host, port);
  const plugged = device === null ? null : switchPort(network, host, device);
  if (plugged !== null && plugged.vlan.tag === DEAD_VLAN) {
    return deadFinding(network, host, plugged.name);
  }
  if (port.adminUp) return null;
  const name = portLabel(network, port);
  return {
    code: 'VLAN_LOCAL_DEAD_4095',
    host,
    component: `port ${port.id}`,
    because: [`Neutron’s port of ${name} is administratively down`],
    neutron: refs(network, port),
    fix: enable(port),
  };
}

/** Behind a trunk's bridge the integration bridge has a patch for each of its ports. */
const PLUGGED = ['tpi-', 'spi-', 'tap', 'qvo', 'qr-', 'qg-', 'ha-', 'sg-', 'fg-'] as const;

/** The switch port of a Neutron port, whatever the plugging driver called it. */
export function deviceOn(network: Network, host: string, port: NeutronPort): string | null {
  for (const prefix of PLUGGED) {
    const name = deviceName(prefix, port.id);
    if (switchPort(network, host, name) !== null) return name;
  }
  // What somebody plugs by hand has a name of its own: the switch's database tells its port
  // (ovs-vswitchd.conf.db(5), Interface external_ids:iface-id).
  const bridges = network.hosts.get(host)?.switch?.bridges ?? [];
  const named = bridges
    .flatMap(({ ports }) => ports)
    .find(({ externalIds }) => externalIds['iface-id'] === port.id);
  return named?.name ?? null;
}

function deadFinding(network: Network, host: string, device: string): Finding {
  const port = portOfDevice(network, host, device);
  const base = {
    code: 'VLAN_LOCAL_DEAD_4095',
    host,
    component: `br-int port ${device}`,
    evidence: `tag: ${DEAD_VLAN}`,
    origin: null,
    confirm: [onHost(host, `ovs-vsctl get Port ${word(device)} tag`)],
  } as const;
  const restart: Fix = {
    summary: `look into the agent’s log on ${host}, then restart it`,
    commands: [restartAgent(host, 'neutron-openvswitch-agent')],
  };
  if (port === null) {
    return {
      ...base,
      because: [`${device} is on the dead VLAN 4095: no agent has bound it`],
      fix: restart,
    };
  }
  const name = portLabel(network, port);
  const down = `Neutron’s port of ${name} is administratively down, so ${host} put ${device} on the dead VLAN 4095`;
  const unbound = `${device} of ${name} is on the dead VLAN 4095: the agent on ${host} has not bound it (port status ${port.status})`;
  return {
    ...base,
    because: [port.adminUp ? unbound : down],
    neutron: refs(network, port),
    fix: port.adminUp ? restart : enable(port),
  };
}

function enable(port: NeutronPort): Fix {
  return {
    summary: 'set the port up, when nobody took it down on purpose',
    commands: [`openstack port set --enable ${port.id}`],
  };
}

function refs(network: Network, port: NeutronPort): readonly NeutronRef[] {
  const of = networkById(network, port.networkId);
  return [portRef(network, port), ...(of === null ? [] : [networkRef(of)])];
}
