/**
 * A source that the sending port does not own: refused by the ARP and MAC tables of br-int, by the
 * base rules of the OpenFlow firewall, or by the `s` chain of the iptables firewall.
 */

import { type RuleStep } from '../../dataplane/iptables/steps.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { prefixCovers, sameAddress } from '../../packet/prefix.ts';
import { type Reason } from '../../reasons/codes.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { readField } from '../../traffic/words.ts';
import { portByNumber, portLabel, portOfDevice, portRef } from '../objects.ts';
import { type Case, type Diagnosis, type Finding, flowsOf, numberIn, tupleOf } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { flowHit } from './nearby.ts';

/** Tables of br-int that compare the sender with its port (ovs_constants.py). */
const TABLES: ReadonlyMap<number, Reason> = new Map([
  [24, 'ARP_SPOOF_BLOCKED'],
  [25, 'MAC_SPOOF_BLOCKED'],
  [71, 'SG_PORT_SECURITY_BLOCKED'],
  [77, 'SG_PORT_SECURITY_BLOCKED'],
  [78, 'SG_PORT_SECURITY_BLOCKED'],
]);
const SPOOF_CHAIN = /^neutron-[a-z]+-s([0-9a-f]{8}-[0-9a-f])$/;
const BRIDGE_CHAIN = / neutron(?:MAC|ARP)-(tap[0-9a-f]{8}-[0-9a-f]{2})$/;
/** A flow that asks for no more than these refuses all that nothing lets pass. */
const OF_PORT: ReadonlySet<string> = new Set(['reg5', 'in_port', 'eth_type']);
const VERDICTS: ReadonlySet<number> = new Set([91, 92, 93, 94]);
const ARP = 0x0806;
/** Neighbour advertisements (RFC 4861 §4.4) claim what stands in them, not whom they come from. */
const ICMP6 = 58;
const SOLICITATION_OF_ROUTERS = 133;
const ADVERTISEMENT = 136;

export const spoofedSource: Diagnosis = (of) => inSwitch(of) ?? inRules(of);

function inSwitch(of: Case): Finding | null {
  if (!/^br-int table \d+$/.test(of.drop.where)) return null;
  const flows = flowsOf(of);
  const asked = isDiscovery(of.words) ? flows.findLast(({ step }) => step.table === 71) : undefined;
  const decided = asked ?? flows.findLast(({ step }) => !VERDICTS.has(step.table));
  const code =
    asked !== undefined
      ? 'ARP_SPOOF_BLOCKED'
      : decided === undefined
        ? undefined
        : TABLES.get(decided.step.table);
  if (decided === undefined || code === undefined) return null;
  const { network } = of.compiled;
  const { words, step } = decided;
  const device = portByNumber(network, of.host, 'br-int', numberIn(words, 'in_port'));
  const port = device === null ? null : portOfDevice(network, of.host, device.name);
  const confirm = [onHost(of.host, `ovs-ofctl dump-flows br-int table=${step.table}`)];
  const plain = (step.flow?.tests ?? []).every(({ field: { name } }) => OF_PORT.has(name));
  const found =
    (plain ? unprogrammed(of, code, port, words, confirm) : null) ??
    finding(of, code, port, device?.name ?? 'the port', words, confirm);
  return { ...found, component: `br-int table ${step.table}`, ...flowHit(step.flow) };
}

/** Messages of neighbour discovery (RFC 4861 §4): connections are not tracked by them. */
export function isDiscovery(words: Uint32Array): boolean {
  if (numberIn(words, 'ip_proto') !== ICMP6) return false;
  const type = numberIn(words, 'tp_src');
  return type >= SOLICITATION_OF_ROUTERS && type <= ADVERTISEMENT;
}

function inRules(of: Case): Finding | null {
  if (of.drop.reason !== 'MAC_SPOOF_BLOCKED' && of.drop.reason !== 'ARP_SPOOF_BLOCKED') return null;
  const bridged = BRIDGE_CHAIN.exec(of.drop.where)?.[1];
  const entered = of.diary.findLastIndex(({ step }) => step.kind === 'enter');
  const asked = of.diary.slice(Math.max(0, entered)).findLast(({ step }) => {
    return step.kind === 'rule' && SPOOF_CHAIN.test((step as RuleStep).chain);
  });
  if (bridged !== undefined) return inBridge(of, bridged);
  if (asked === undefined) return null;
  const { chain } = asked.step as RuleStep;
  const prefix = SPOOF_CHAIN.exec(chain)?.[1] ?? '';
  const port = of.compiled.network.neutron.ports.find(({ id }) => id.startsWith(prefix)) ?? null;
  const confirm = [onHost(of.host, `iptables -vnL ${chain}`)];
  const code = 'MAC_SPOOF_BLOCKED';
  return (
    unprogrammed(of, code, port, asked.words, confirm) ??
    finding(of, code, port, `port ${prefix}`, asked.words, confirm)
  );
}

/** The Linux bridge agent's chains of a tap (agent/linux/arp_protect.py, in ebtables). */
function inBridge(of: Case, device: string): Finding {
  const port = portOfDevice(of.compiled.network, of.host, device);
  const confirm = [onHost(of.host, `ebtables -t nat -L | grep ${device}`)];
  return (
    unprogrammed(of, of.drop.reason, port, of.words, confirm) ??
    finding(of, of.drop.reason, port, device, of.words, confirm)
  );
}

/** Null where Neutron would refuse it as well: then the sender is at fault. */
function unprogrammed(
  of: Case,
  code: Reason,
  port: NeutronPort | null,
  words: Uint32Array,
  confirm: readonly string[],
): Finding | null {
  const source = sourceOf(words);
  const mac = readField(words, field('eth_src'));
  if (port === null || source === null || !owns(port, source, mac)) return null;
  const name = portLabel(of.compiled.network, port);
  const kind =
    of.compiled.network.hosts.get(of.host)?.switch == null ? 'linuxbridge' : 'openvswitch';
  return {
    code,
    because: [
      `${writeIp(source)} is ${name}’s own by Neutron, but ${of.host} was not programmed to let it send from there`,
    ],
    neutron: [portRef(of.compiled.network, port)],
    fix: {
      summary: `restart neutron-${kind}-agent on ${of.host}, which programs the port anew`,
      commands: [restartAgent(of.host, `neutron-${kind}-agent`)],
    },
    confirm,
  };
}

function finding(
  of: Case,
  code: Reason,
  port: NeutronPort | null,
  device: string,
  words: Uint32Array,
  confirm: readonly string[],
): Finding {
  if (port === null) {
    return { code, because: [`${device} sent from an address that is not its own`], confirm };
  }
  const name = portLabel(of.compiled.network, port);
  const mac = readField(words, field('eth_src'));
  const source = sourceOf(words);
  const because = mac === port.mac ? addressText(name, port, source) : macText(name, port, mac);
  const foreign = mac === port.mac ? '' : `,mac-address=${writeMac(mac)}`;
  const pair = source === null ? null : `ip-address=${writeIp(source)}${foreign}`;
  return {
    code,
    because: [because],
    neutron: [portRef(of.compiled.network, port)],
    fix: {
      summary: 'if the port may send from it, add the address to its allowed address pairs',
      commands: pair === null ? [] : [`openstack port set --allowed-address ${pair} ${port.id}`],
      remedies:
        source === null
          ? []
          : [
              {
                kind: 'allow-address',
                portId: port.id,
                address: source,
                mac: mac === port.mac ? null : mac,
              },
            ],
    },
    confirm,
  };
}

/** The sender's address: of ARP the one it claims. */
function sourceOf(words: Uint32Array): IpAddress | null {
  if (numberIn(words, 'eth_type') === ARP) {
    return { version: 4, value: readField(words, field('arp_spa')) };
  }
  if (numberIn(words, 'ip_proto') === ICMP6 && numberIn(words, 'tp_src') === ADVERTISEMENT) {
    return { version: 6, value: readField(words, field('nd_target')) };
  }
  return tupleOf(words)?.source ?? null;
}

function owns(
  { fixedIps, allowedAddressPairs, mac }: NeutronPort,
  source: IpAddress,
  from = mac,
): boolean {
  const pairs = allowedAddressPairs.some(
    (pair) => (pair.mac ?? mac) === from && prefixCovers(pair.prefix, source),
  );
  return pairs || (from === mac && fixedIps.some(({ address }) => sameAddress(address, source)));
}

function addressText(name: string, port: NeutronPort, source: IpAddress | null): string {
  if (source === null || owns(port, source)) return `port security of ${name} refuses the packet`;
  const own = port.fixedIps.map(({ address }) => writeIp(address)).join(', ');
  const pairs = port.allowedAddressPairs.length === 0 ? '' : ' or its allowed address pairs';
  return `${name} sends from ${writeIp(source)}, which is not its own ${own}${pairs}`;
}

function macText(name: string, port: NeutronPort, mac: bigint): string {
  return `${name} sends from MAC ${writeMac(mac)}, its port’s own is ${writeMac(port.mac)}`;
}
