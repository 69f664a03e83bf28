/**
 * Security groups as iptables rules on bridges: of the firewall bridge `qbr…` in front of br-int
 * (iptables_hybrid) and of the Linux bridge agent. A packet of a guest passes FORWARD twice
 * marked by the tap it came from and the one it goes to, `o…` then `i…`
 * (neutron/agent/linux/iptables_firewall.py, Zed).
 */
import { linkLocalAddress } from '../model/ids.ts';
import { type CloudPrefix, type NeutronPort, type NeutronRule } from '../model/neutron.ts';
import { writeIp, writeMac } from '../text/address-text.ts';
import { type AgentRules, agentRules, type TableText } from './agent-chains.ts';
import { type CloudView } from './view.ts';

/** A port with the devices its packets are known by. */
export interface BridgedPort {
  readonly port: NeutronPort;
  readonly tap: string;
  /** The other way into the bridge: `qvb…`, or the bridge `brq…` itself. */
  readonly behind: string;
  readonly zone: number;
  /** As the agent writes it into the comment of the zone rules. */
  readonly label: string;
}

/** The ports of a host by how they are treated. */
export interface FilteredPorts {
  readonly guarded: readonly BridgedPort[];
  /** Taps of guests whose port security is off. */
  readonly unguarded: readonly string[];
  /** Taps of routers and DHCP servers. */
  readonly trusted: readonly string[];
  /** False where one zone has all connections, as with nova-network. */
  readonly zoned?: boolean;
}

export interface BridgeRules {
  readonly iptables: string;
  readonly ip6tables: string;
  readonly ipset: string;
}

/**
 * Connection tracking zones of ports start here; those below belong to others. Older agents began
 * with the first.
 */
export function firstZone({ cloud }: Pick<CloudView, 'cloud'>): number {
  return cloud.settings.dialect === 'pike' ? 1 : 4097;
}

/** Names of sets are cut to what ipset takes, with room for `-n` behind (swapping two sets). */
const LONGEST_SET = 31 - 2;
const SUFFIX = 10;

const BRIDGED = '--physdev-is-bridged';

export function bridgeFirewall(
  view: CloudView,
  binary: string,
  { guarded: ports, unguarded, trusted, zoned = true }: FilteredPorts,
): BridgeRules {
  // The agent writes them in the order of their taps, so that a restart changes nothing.
  const guarded = ports.toSorted((a, b) => (a.tap < b.tap ? -1 : 1));
  const rules = [4, 6].map((version) => {
    const all = agentRules(binary, ['raw', 'filter'], version === 4 ? 4 : 6);
    const ip = version === 4 ? 4 : 6;
    if (zoned) for (const at of guarded) zones(all, view, at);
    for (const at of guarded) guard(all, view, at, ip);
    // Filtered ports come first: what a router sends to a guest of the same host is filtered too.
    for (const tap of trusted) trust(all, tap);
    fallback(all);
    for (const tap of unguarded) accept(all, tap);
    return all.text();
  });
  return {
    iptables: rules[0] ?? '',
    ip6tables: rules[1] ?? '',
    ipset: setsText(view, guarded),
  };
}

function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}

function trust(all: AgentRules, tap: string): void {
  const filter = all.table('filter');
  const words = comment('Accept all packets when port is trusted.');
  filter.rule('FORWARD', `-m physdev --physdev-out ${tap} ${BRIDGED} ${words} -j ACCEPT`);
  filter.rule('FORWARD', `-m physdev --physdev-in ${tap} ${BRIDGED} ${words} -j ACCEPT`);
}

function accept(all: AgentRules, tap: string): void {
  const filter = all.table('filter');
  const words = comment('Accept all packets when port security is disabled.');
  const into = `-m physdev --physdev-in ${tap} ${BRIDGED} ${words} -j ACCEPT`;
  filter.rule('FORWARD', `-m physdev --physdev-out ${tap} ${BRIDGED} ${words} -j ACCEPT`);
  filter.rule('FORWARD', into);
  filter.rule('INPUT', into);
}

/**
 * Connections stand in zones, as tenants share addresses. A port whose group is stateless has
 * none: the first of its groups that has rules decides (`_get_port_sg_rules`).
 */
function zones(all: AgentRules, view: CloudView, of: BridgedPort): void {
  const { tap, behind, zone, label, port } = of;
  const raw = all.table('raw');
  const group = view.groups.get(port.securityGroups[0] ?? '');
  const tracked = group === undefined || group.stateful || group.rules.length === 0;
  const set = tracked
    ? `${comment(`Set zone for ${label}`)} -j CT --zone ${zone}`
    : `${comment(`Make ${label} stateless`)} -j CT --notrack`;
  raw.rule('PREROUTING', `-m physdev --physdev-in ${behind} ${set}`);
  raw.rule('PREROUTING', `-i ${behind} ${set}`);
  raw.rule('PREROUTING', `-m physdev --physdev-in ${tap} ${set}`);
}

function guard(all: AgentRules, view: CloudView, at: BridgedPort, version: 4 | 6): void {
  const filter = all.table('filter');
  const short = at.port.id.slice(0, SUFFIX);
  const [ingress, egress] = [`i${short}`, `o${short}`];
  const chain = filter.chain('sg-chain');
  const direct = comment('Direct traffic from the VM interface to the security group chain.');
  const out = `-m physdev --physdev-out ${at.tap} ${BRIDGED}`;
  const into = `-m physdev --physdev-in ${at.tap} ${BRIDGED}`;
  filter.rule('FORWARD', `${out} ${direct} -j ${chain}`);
  filter.rule('FORWARD', `${into} ${direct} -j ${chain}`);
  const jump = comment('Jump to the VM specific chain.');
  filter.rule('sg-chain', `${out} ${jump} -j ${filter.chain(ingress)}`);
  filter.rule('sg-chain', `${into} ${jump} -j ${filter.chain(egress)}`);
  const host = comment('Direct incoming traffic from VM to the security group chain.');
  filter.rule('INPUT', `${into} ${host} -j ${all.name(egress)}`);
  ingressChain(filter, all, view, at.port, ingress, version);
  egressChain(filter, all, view, at.port, egress, version);
}

const KNOWN =
  '-m state --state RELATED,ESTABLISHED -m comment --comment ' +
  '"Direct packets associated with a known session to the RETURN chain." -j RETURN';
const INVALID =
  '-m state --state INVALID -m comment --comment "Drop packets that appear related to an existing ' +
  'connection (e.g. TCP ACK/FIN) but do not have an entry in conntrack." -j DROP';

function ending(filter: TableText, all: AgentRules, chain: string): void {
  filter.rule(chain, INVALID);
  const words = comment('Send unmatched traffic to the fallback chain.');
  filter.rule(chain, `${words} -j ${all.name('sg-fallback')}`);
}

function ingressChain(
  filter: TableText,
  all: AgentRules,
  view: CloudView,
  port: NeutronPort,
  chain: string,
  version: 4 | 6,
): void {
  if (version === 6) {
    for (const type of [130, 135, 136]) {
      filter.rule(chain, `-p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j RETURN`);
    }
  }
  filter.rule(chain, KNOWN);
  if (version === 4) {
    for (const { address } of port.fixedIps.filter((each) => each.address.version === 4)) {
      const to = `-d ${writeIp(address)}/32`;
      filter.rule(chain, `${to} -p udp -m udp --sport 67 --dport 68 -j RETURN`);
    }
    filter.rule(chain, '-d 255.255.255.255/32 -p udp -m udp --sport 67 --dport 68 -j RETURN');
  } else {
    for (const { address } of port.fixedIps.filter((each) => each.address.version === 6)) {
      const to = `-d ${writeIp(address)}/128`;
      filter.rule(chain, `${to} -p udp -m udp --sport 547 --dport 546 -j RETURN`);
    }
    filter.rule(chain, '-d fe80::/64 -p udp -m udp --sport 547 --dport 546 -j RETURN');
    if (hasSix(port)) filter.rule(chain, '-p ipv6-icmp -m icmp6 --icmpv6-type 134 -j RETURN');
  }
  for (const text of ruleTexts(view, port, 'ingress', version)) filter.rule(chain, text);
  ending(filter, all, chain);
}

function egressChain(
  filter: TableText,
  all: AgentRules,
  view: CloudView,
  port: NeutronPort,
  chain: string,
  version: 4 | 6,
): void {
  const client = comment('Allow DHCP client traffic.');
  const server = comment('Prevent DHCP Spoofing by VM.');
  const icmp = comment('Allow IPv6 ICMP traffic.');
  if (version === 4) {
    filter.rule(
      chain,
      `-s 0.0.0.0/32 -d 255.255.255.255/32 -p udp -m udp --sport 68 --dport 67 ${client} -j RETURN`,
    );
    spoofing(filter, port, chain, 4);
    filter.rule(chain, `-p udp -m udp --sport 68 --dport 67 ${client} -j RETURN`);
    filter.rule(chain, `-p udp -m udp --sport 67 --dport 68 ${server} -j DROP`);
  } else {
    for (const type of [131, 135, 143]) {
      const match = `-s ::/128 -d ff02::/16 -p ipv6-icmp -m icmp6 --icmpv6-type ${type}`;
      filter.rule(chain, `${match} ${icmp} -j RETURN`);
    }
    spoofing(filter, port, chain, 6);
    const advertisement = comment('Drop IPv6 Router Advts from VM Instance.');
    filter.rule(chain, `-p ipv6-icmp -m icmp6 --icmpv6-type 134 ${advertisement} -j DROP`);
    filter.rule(chain, `-p ipv6-icmp ${icmp} -j RETURN`);
    filter.rule(chain, `-p udp -m udp --sport 546 --dport 547 ${client} -j RETURN`);
    filter.rule(chain, `-p udp -m udp --sport 547 --dport 546 ${server} -j DROP`);
  }
  filter.rule(chain, KNOWN);
  for (const text of ruleTexts(view, port, 'egress', version)) filter.rule(chain, text);
  ending(filter, all, chain);
}

function hasSix(port: NeutronPort): boolean {
  return port.fixedIps.some(({ address }) => address.version === 6);
}

const PAIRS = comment('Allow traffic from defined IP/MAC pairs.');
const NO_PAIR = `${comment('Drop traffic without an IP/MAC allow rule.')} -j DROP`;

/** Asks a chain of the port's own addresses, when it has one of the version. */
function spoofing(filter: TableText, port: NeutronPort, egress: string, version: 4 | 6): void {
  const pairs = pairsOf(port, version);
  if (pairs.length === 0) return;
  const chain = `s${egress.slice(1)}`;
  filter.rule(egress, `-j ${filter.chain(chain)}`);
  for (const { source, mac } of pairs) {
    const from = source === null ? '' : `-s ${source} `;
    filter.rule(chain, `${from}-m mac --mac-source ${writeMac(mac)} ${PAIRS} -j RETURN`);
  }
  filter.rule(chain, NO_PAIR);
}

interface Pair {
  /** null stands for every address: a port without one is held to its MAC alone. */
  readonly source: string | null;
  readonly mac: bigint;
}

function pairsOf(port: NeutronPort, version: 4 | 6): readonly Pair[] {
  const whole = version === 4 ? 32 : 128;
  const given = [
    ...port.allowedAddressPairs.map(({ prefix, mac }) => ({ ...prefix, mac: mac ?? port.mac })),
    ...port.fixedIps.map(({ address }) => ({ address, length: whole, mac: port.mac })),
  ].filter(({ address }) => address.version === version);
  const own = version === 6 ? [...new Set(given.map(({ mac }) => mac))] : [];
  return [
    ...given.map(({ mac, ...prefix }) => ({ source: networkText(prefix), mac })),
    ...own.map((mac) => ({ source: `${writeIp(linkLocalAddress(mac))}/128`, mac })),
    ...(port.fixedIps.length === 0 ? [{ source: null, mac: port.mac }] : []),
  ];
}

/** A prefix as iptables prints it: always with its length, and without host bits. */
function networkText({ address, length }: CloudPrefix): string {
  const rest = BigInt((address.version === 4 ? 32 : 128) - length);
  return `${writeIp({ ...address, value: (address.value >> rest) << rest })}/${length}`;
}

function ruleTexts(
  view: CloudView,
  port: NeutronPort,
  direction: NeutronRule['direction'],
  version: 4 | 6,
): readonly string[] {
  const texts = port.securityGroups.flatMap((id) =>
    (view.groups.get(id)?.rules ?? [])
      .filter((rule) => rule.direction === direction && rule.version === version)
      .map(ruleText),
  );
  // Two groups with the same rule make one.
  return [...new Set(texts)];
}

/**
 * A rule of a group as the port's chain has it. Address groups mean nothing to this driver: their
 * rules hold for every address (`_convert_sg_rule_to_iptables_args`).
 */
function ruleText(rule: NeutronRule): string {
  const side = rule.direction === 'ingress' ? 's' : 'd';
  const set = rule.remoteGroup;
  const prefix = rule.remotePrefix;
  const remote =
    set !== null
      ? [`-m set --match-set ${setName(set, rule.version)} ${side === 's' ? 'src' : 'dst'}`]
      : prefix === null || prefix.length === 0
        ? []
        : [`-${side} ${networkText(prefix)}`];
  const protocol = protocolWords(rule);
  // iptables prints addresses before the protocol and extension matches after it.
  const parts = set === null ? [...remote, ...protocol] : [...protocol, ...remote];
  return [...parts, '-j RETURN'].join(' ');
}

function protocolWords(rule: NeutronRule): string[] {
  const { protocol, portMin, portMax } = rule;
  if (protocol === null || protocol === 'any' || protocol === '0') return [];
  const name = protocol.toLowerCase();
  if (['icmp', '1', 'icmpv6', 'ipv6-icmp', 'icmp6', '58'].includes(name)) {
    const [word, option] =
      rule.version === 4
        ? ['icmp', '-m icmp --icmp-type']
        : ['ipv6-icmp', '-m icmp6 --icmpv6-type'];
    if (portMin === null) return [`-p ${word}`];
    return [`-p ${word}`, `${option} ${portMin}${portMax === null ? '' : `/${portMax}`}`];
  }
  const transport = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite' }[name] ?? name;
  const own = OWN_MATCH.has(transport) ? `-m ${transport} ` : '';
  if (portMin === null || portMax === null || !WITH_PORTS.has(transport)) {
    return [`-p ${transport}`];
  }
  if (portMin === portMax && own !== '') return [`-p ${transport}`, `${own}--dport ${portMin}`];
  const ports = portMin === portMax ? String(portMin) : `${portMin}:${portMax}`;
  return [`-p ${transport}`, `${own}-m multiport --dports ${ports}`];
}

/** Protocols with ports; for UDP-Lite only `multiport` knows them. */
const WITH_PORTS = new Set(['tcp', 'udp', 'sctp', 'dccp', 'udplite']);
const OWN_MATCH = new Set(['tcp', 'udp', 'sctp', 'dccp']);

function fallback(all: AgentRules): void {
  const filter = all.table('filter');
  filter.rule('sg-chain', '-j ACCEPT');
  const words = comment('Default drop rule for unmatched traffic.');
  filter.rule('sg-fallback', `${words} -j DROP`);
}

function setName(group: string, version: 4 | 6): string {
  return `NIPv${version}${group}`.slice(0, LONGEST_SET);
}

/** A set per group and IP version that some rule of this host's ports names. */
function setsText(view: CloudView, guarded: readonly BridgedPort[]): string {
  const sets = new Map<string, { readonly group: string; readonly version: 4 | 6 }>();
  for (const { port } of guarded) {
    for (const rule of port.securityGroups.flatMap((id) => view.groups.get(id)?.rules ?? [])) {
      const group = rule.remoteGroup;
      if (group === null) continue;
      sets.set(setName(group, rule.version), { group, version: rule.version });
    }
  }
  const lines: string[] = [];
  for (const [name, { group, version }] of sets) {
    const family = version === 4 ? 'inet' : 'inet6';
    lines.push(`create ${name} hash:net family ${family} hashsize 1024 maxelem 65536`);
    for (const member of membersOf(view, group, version)) lines.push(`add ${name} ${member}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function membersOf(view: CloudView, group: string, version: 4 | 6): readonly string[] {
  const whole = version === 4 ? 32 : 128;
  const texts = view
    .membersOf(group)
    .filter(({ address }) => address.version === version)
    .flatMap(({ address, length }) => {
      // A set of networks cannot hold everything; two halves stand for it.
      if (length === 0) return version === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
      return [length === whole ? writeIp(address) : `${writeIp(address)}/${length}`];
    });
  return [...new Set(texts)];
}
