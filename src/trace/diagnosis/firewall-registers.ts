/**
 * The firewall of Open vSwitch counts a packet to a port by reg5, its OpenFlow number, and to a
 * network by reg6, its local VLAN, which is its conntrack zone as well (firewall.py
 * _initialize_egress(), _initialize_ingress()). A flow of table 60 that writes other numbers makes
 * every later table speak of somebody else.
 */
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { readField } from '../../traffic/words.ts';
import { portLabel, portOfDevice, portRef } from '../objects.ts';
import { type Case, type Diagnosis, type Finding, flowsOf, numberIn } from './case.ts';
import { onHost, restartAgent } from './commands.ts';

const INTEGRATION = 'br-int';
const TRANSIENT = 60;
const AGENT = 'neutron-openvswitch-agent';

export const firewallRegisters: Diagnosis = (of) => {
  if (of.device !== 'ovs' || of.stray === true) return null;
  const flows = flowsOf(of);
  const at = flows.findLastIndex(
    ({ step }) => step.bridge === INTEGRATION && step.table === TRANSIENT,
  );
  const entry = flows[at];
  const after = flows.slice(at + 1);
  if (entry === undefined || after.length === 0) return null;
  if (after.some(({ step }) => step.bridge !== INTEGRATION || step.table <= TRANSIENT)) return null;
  const meant = meantBy(of, entry.step, numberIn(entry.words, 'in_port'), entry.words);
  if (meant === null) return null;
  const { port, of: device } = meant;
  // Later tables count frames for ports of the same host to those.
  const next = after[0]?.words ?? of.words;
  const [number, network] = [numberIn(next, 'reg5'), numberIn(next, 'reg6')];
  const label = portLabel(of.compiled.network, port);
  if (number !== device.ofport) {
    const because = `this flow counts the frames of ${label} to port number ${number}, and its number is ${device.ofport}`;
    return finding(of, entry.step, port, 'OF_NO_SUCH_PORT', because);
  }
  const { tag } = device.vlan;
  if (tag === null || network === tag) return null;
  const because = `this flow counts the frames of ${label} to local VLAN and zone ${network}, and its port has tag ${tag}`;
  return finding(of, entry.step, port, 'CT_WRONG_ZONE', because);
};

/** The port that the flow is for: that with the frame’s MAC, else the one the frame came by. */
function meantBy(
  { compiled: { network }, host }: Case,
  { flow }: FlowStep,
  inPort: number,
  words: Uint32Array,
): { readonly port: NeutronPort; readonly of: Port } | null {
  const bridge = network.hosts.get(host)?.switch?.bridges.find(({ name }) => name === INTEGRATION);
  const byNumber = flow?.tests.some(({ field: { name } }) => name === 'in_port') === true;
  const mac = readField(words, field('eth_dst'));
  for (const device of bridge?.ports ?? []) {
    if (byNumber && device.ofport !== inPort) continue;
    const port = portOfDevice(network, host, device.name);
    if (port !== null && (byNumber || port.mac === mac)) return { port, of: device };
  }
  return null;
}

function finding(
  of: Case,
  { bridge, table, flow }: FlowStep,
  port: NeutronPort,
  code: Finding['code'],
  because: string,
): Finding {
  return {
    code,
    component: `${bridge} table ${table}`,
    evidence: flow === null ? '' : `priority ${flow.priority}`,
    origin: flow?.origin ?? null,
    because: [because],
    neutron: [portRef(of.compiled.network, port)],
    fix: {
      summary: `restart ${AGENT} on ${of.host}, which writes the flows of the port anew`,
      commands: [restartAgent(of.host, AGENT)],
    },
    confirm: [onHost(of.host, `ovs-ofctl dump-flows ${bridge} table=${table}`)],
  };
}
