/**
 * Frames for a MAC address that nobody has: somebody answered for the neighbour with it. That is
 * the ARP responder of br-tun (table 21), the ARP proxy of a VXLAN device, both written by
 * l2population, or an entry that somebody wrote into the sender's own table.
 */
import { ROOT } from '../../dataplane/network.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type NeighbourStep } from '../../dataplane/routing/steps.ts';
import { field } from '../../packet/fields.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { readField } from '../../traffic/words.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding } from './case.ts';
import { inNamespace, onHost, restartAgent } from './commands.ts';

const RESPONDER_TABLE = 21;

export const strangeMac: Diagnosis = (of) => {
  const mac = readField(of.words, field('eth_dst'));
  if (mac === 0n || ((mac >> 40n) & 1n) === 1n || isSomebodys(of, mac)) return null;
  const at = of.diary.findLastIndex(({ step }) => step.kind === 'neighbour');
  const place = of.diary.slice(0, Math.max(at, 0)).findLast(({ step }) => step.kind === 'enter');
  if (place === undefined) return null;
  const { host } = place.step as EnterStep;
  const step = of.diary[at]?.step as NeighbourStep;
  if (step.state === 'permanent') return written(host, step, mac);
  return responded(of, host, mac) ?? proxied(of, host, mac);
};

function isSomebodys({ compiled: { network } }: Case, mac: bigint): boolean {
  if (network.neutron.ports.some((port) => port.mac === mac)) return true;
  return [...network.hosts.values()].some(({ namespaces }) =>
    [...namespaces.values()].some(({ state }) => state.interfaces.some((one) => one.mac === mac)),
  );
}

function written(host: string, { namespace, device }: NeighbourStep, mac: bigint): Finding {
  return {
    code: 'NO_NEIGHBOR',
    host,
    component: `${namespace} neighbours of ${device}`,
    evidence: `permanent entry with MAC ${writeMac(mac)}`,
    origin: null,
    because: [
      'the neighbour was written by hand, so nobody is asked',
      `nothing in the snapshot has MAC ${writeMac(mac)}: the frame is flooded in vain`,
    ],
    fix: { summary: 'delete the permanent entry, so that the neighbour is asked', commands: [] },
    confirm: [inNamespace(host, namespace, `ip neigh show dev ${device}`)],
  };
}

/** The flow that answered ARP with that MAC. */
function responded({ compiled }: Case, host: string, mac: bigint): Finding | null {
  const bridges = compiled.network.hosts.get(host)?.switch?.bridges ?? [];
  const flows = bridges.find(({ name }) => name === 'br-tun')?.flows ?? [];
  const hex = `0x${mac.toString(16)}`;
  const flow = flows.find((one) => {
    if (one.table !== RESPONDER_TABLE) return false;
    const text = printFlow(one);
    return text.includes(hex) || text.includes(writeMac(mac));
  });
  if (flow === undefined) return null;
  return stale(host, `br-tun table ${RESPONDER_TABLE}`, mac, {
    origin: flow.origin,
    agent: 'neutron-openvswitch-agent',
    confirm: `ovs-ofctl dump-flows br-tun table=${RESPONDER_TABLE}`,
  });
}

/** The neighbour entry by which a VXLAN device answered. */
function proxied({ compiled }: Case, host: string, mac: bigint): Finding | null {
  const state = compiled.network.namespace(host, ROOT)?.state;
  const entry = state?.neighbours.find((one) => one.mac === mac);
  const device = state?.interfaces.find(({ name }) => name === entry?.device);
  if (entry === undefined || device?.kind !== 'vxlan') return null;
  return stale(host, device.name, mac, {
    origin: null,
    agent: 'neutron-linuxbridge-agent',
    confirm: `ip neigh show dev ${device.name} ${writeIp(entry.address)}`,
  });
}

function stale(
  host: string,
  component: string,
  mac: bigint,
  about: Pick<Finding, 'origin'> & { readonly agent: string; readonly confirm: string },
): Finding {
  const { origin, agent, confirm } = about;
  return {
    code: 'FDB_STALE',
    host,
    component,
    evidence: `answers ARP with ${writeMac(mac)}`,
    ...(origin === undefined ? {} : { origin }),
    because: [
      `${component} of ${host} answers ARP with ${writeMac(mac)}, which nothing in the snapshot has: the frame is flooded in vain`,
    ],
    fix: {
      summary: `restart ${agent} on ${host}, which populates the entries anew`,
      commands: [restartAgent(host, agent)],
    },
    confirm: [onHost(host, confirm)],
  };
}
