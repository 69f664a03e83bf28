/**
 * Rules on a bridge (net/bridge/br_netfilter_hooks.c): ebtables at every hook, and for IP the
 * ordinary iptables chains, in which the bridge is the interface and ports are "physical".
 * Order per hook: include/uapi/linux/netfilter_bridge.h, NF_BR_PRI_*.
 */
import { allBits, field } from '../../packet/fields.ts';
import { type Guard, guard } from '../../traffic/guard.ts';
import { test } from '../../traffic/match.ts';
import { type Split } from '../../traffic/traffic.ts';
import { type Assignment, assignment } from '../../traffic/words.ts';
import { type CompiledPort, FRAME } from './compiled.ts';
import { type HookName, type Hooks, type Passed } from './hooks.ts';
import { type BridgeFlow, type BridgeWork } from './work.ts';

const none = (name: string): Assignment => assignment(field(name), 0n);
export const NO_PHYSICAL_INPUT = none('meta_physin');
const NO_PHYSICAL_OUTPUT = none('meta_physout');
const NO_INPUT = none('meta_iif');
const NO_OUTPUT = none('meta_oif');
const ETHERTYPE = field('eth_type');
const IS_IPV4 = guard(test(ETHERTYPE, 0x0800n));
const IS_IPV6 = guard(test(ETHERTYPE, 0x86ddn));
const IS_ARP = guard(test(ETHERTYPE, 0x0806n));
const DESTINATION = { 4: allBits(field('ip_dst')), 6: allBits(field('ipv6_dst')) } as const;

/** A frame on its way in, and whether the IP chains have seen it already. */
export interface Prerouted<P> extends BridgeFlow<P> {
  readonly prerouted: boolean;
}

/** NF_BR_PRE_ROUTING: ebtables, then PREROUTING of iptables for what is IP. */
export function afterPrerouting<P>(
  work: BridgeWork<P>,
  port: CompiledPort,
  p: P,
): readonly Prerouted<P>[] {
  const { traffic } = work.run;
  const out: Prerouted<P>[] = [];
  for (const { p: part, work: next } of passBridgeHook(work, 'prerouting', port, null, p)) {
    let rest: P | null = part;
    for (const version of [4, 6] as const) {
      if (rest === null) break;
      const { hit, miss }: Split<P> = callsIp(work, version, rest);
      if (hit !== null) out.push(...preroute(next, version, port, hit));
      rest = miss;
    }
    if (rest === null) continue;
    const bare = traffic.set(rest, NO_PHYSICAL_OUTPUT);
    out.push({ p: bare, prerouted: false, work: next });
  }
  return out;
}

/** br_nf_pre_routing(): where DNAT changed the destination, the namespace has to route. */
function preroute<P>(
  work: BridgeWork<P>,
  version: 4 | 6,
  port: CompiledPort,
  p: P,
): readonly Prerouted<P>[] {
  const { traffic } = work.run;
  const before = traffic.fork(p);
  const address = DESTINATION[version];
  const out: Prerouted<P>[] = [];
  for (const { p: part, work: next } of passIp(work, 'prerouting', version, port, null, p)) {
    const { hit, miss } = traffic.same(part, before, [[address, address]]);
    if (hit !== null) out.push({ p: hit, prerouted: true, work: next });
    if (miss === null) continue;
    const { handle } = next;
    work.out.push({ kind: 'readdressed', version, port: port.of.name, handle, p: miss });
  }
  return out;
}

/** One hook for a frame between two ports; `input` is null for what the host sends. */
export function passBridgeHook<P>(
  work: BridgeWork<P>,
  hook: HookName,
  input: CompiledPort | null,
  output: CompiledPort | null,
  p: P,
): readonly BridgeFlow<P>[] {
  const placed = placeLogical(work, hook, place(work, input, output, p));
  const framed = ask(work, work.state.hooks?.frames ?? null, hook, 4, placed);
  // The IP chains take part where a bridged frame is forwarded; PREROUTING has its own way.
  const bridged = input !== null && (hook === 'forward' || hook === 'postrouting');
  const out: BridgeFlow<P>[] = [];
  for (const flow of framed) {
    if (!bridged) {
      out.push(flow);
      continue;
    }
    const { p: part, work: next } = flow;
    const four = callsIp(next, 4, part);
    if (four.hit !== null) out.push(...passIp(next, hook, 4, input, output, four.hit));
    const six = four.miss === null ? NOTHING : callsIp(next, 6, four.miss);
    if (six.hit !== null) out.push(...passIp(next, hook, 6, input, output, six.hit));
    if (six.miss !== null) out.push(...passArp(next, hook, input, output, six.miss));
  }
  return out.map((flow) => ({ ...flow, p: displace(flow.work, flow.p) }));
}

const NOTHING = { hit: null, miss: null } as const;

/** `--logical-in` and `--logical-out`: the bridge, where the hook has that side. */
function placeLogical<P>(work: BridgeWork<P>, hook: HookName, p: P): P {
  const { config } = work.state;
  const comesIn = hook === 'prerouting' || hook === 'input' || hook === 'forward';
  const goesOut = hook === 'forward' || hook === 'output' || hook === 'postrouting';
  const placed = work.run.traffic.set(p, comesIn ? config.setInput : NO_INPUT);
  return work.run.traffic.set(placed, goesOut ? config.setOutput : NO_OUTPUT);
}

function displace<P>(work: BridgeWork<P>, p: P): P {
  return work.run.traffic.set(work.run.traffic.set(p, NO_INPUT), NO_OUTPUT);
}

function place<P>(
  work: BridgeWork<P>,
  input: CompiledPort | null,
  output: CompiledPort | null,
  p: P,
): P {
  const { traffic } = work.run;
  const placed = traffic.set(p, input?.setPhysicalInput ?? NO_PHYSICAL_INPUT);
  return traffic.set(placed, output?.setPhysicalOutput ?? NO_PHYSICAL_OUTPUT);
}

/** Which frames the IP chains see: of that version, untagged unless a sysctl says otherwise. */
export function callsIp<P>(work: BridgeWork<P>, version: 4 | 6, p: P): Split<P> {
  const { netfilter } = work.state.config.of;
  const called = version === 4 ? netfilter.iptables : netfilter.ip6tables;
  if (!called) return { hit: null, miss: p };
  return untaggedThat(work, version === 4 ? IS_IPV4 : IS_IPV6, netfilter.vlanTagged, p);
}

function untaggedThat<P>(work: BridgeWork<P>, is: Guard, evenTagged: boolean, p: P): Split<P> {
  const { traffic } = work.run;
  const ip = traffic.split(p, is);
  // With VLAN filtering every frame carries a tag inside; the kernel looks at the port's view.
  if (ip.hit === null || evenTagged || work.state.config.of.vlanFiltering) return ip;
  const tagged = traffic.split(ip.hit, FRAME.tagged);
  const [miss] = traffic.join([ip.miss, tagged.hit].filter((part) => part !== null));
  return { hit: tagged.miss, miss: miss ?? null };
}

function passIp<P>(
  work: BridgeWork<P>,
  hook: HookName,
  version: 4 | 6,
  input: CompiledPort | null,
  output: CompiledPort | null,
  p: P,
): readonly BridgeFlow<P>[] {
  const { traffic } = work.run;
  const { config, hooks } = work.state;
  let packet = place(work, input, output, p);
  packet = traffic.set(packet, hook === 'postrouting' ? NO_INPUT : config.setInput);
  packet = traffic.set(packet, hook === 'prerouting' ? NO_OUTPUT : config.setOutput);
  return ask(work, hooks?.packets ?? null, hook, version, packet, input);
}

/** br_nf_forward_arp(): arptables sees the ports, not the bridge. */
function passArp<P>(
  work: BridgeWork<P>,
  hook: HookName,
  input: CompiledPort | null,
  output: CompiledPort | null,
  p: P,
): readonly BridgeFlow<P>[] {
  const { arp } = work.state.hooks ?? { arp: null };
  const called = work.state.config.of.netfilter.arptables;
  if (arp === null || hook !== 'forward' || !called) return [{ p, work }];
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, IS_ARP);
  const out: BridgeFlow<P>[] = miss === null ? [] : [{ p: miss, work }];
  if (hit === null) return out;
  const placed = traffic.set(hit, input?.setInput ?? NO_INPUT);
  return [...out, ...ask(work, arp, hook, 4, traffic.set(placed, output?.setOutput ?? NO_OUTPUT))];
}

/**
 * br_nf_local_in(): a group's frame that goes up confirms its connection here, so that the copies
 * for other ports do not share one that is still to be confirmed.
 */
export function confirmGroup<P>(work: BridgeWork<P>, p: P): readonly BridgeFlow<P>[] {
  const hooks = work.state.hooks?.packets;
  if (hooks?.confirm === undefined || work.handle === null) return [{ p, work }];
  const { hit, miss } = work.run.traffic.split(p, FRAME.group);
  const out: BridgeFlow<P>[] = miss === null ? [] : [{ p: miss, work }];
  if (hit === null) return out;
  const { version } = work.handle.cls;
  return [...out, ...accepted(work, version, hooks.confirm(version, hit, work.handle), null)];
}

function ask<P>(
  work: BridgeWork<P>,
  hooks: Hooks<P> | null,
  hook: HookName,
  version: 4 | 6,
  p: P,
  input: CompiledPort | null = null,
): readonly BridgeFlow<P>[] {
  if (hooks === null) return [{ p, work }];
  return accepted(work, version, hooks.pass(work.run, hook, version, p, work.handle), input);
}

function accepted<P>(
  work: BridgeWork<P>,
  version: 4 | 6,
  all: readonly Passed<P>[],
  input: CompiledPort | null,
): readonly BridgeFlow<P>[] {
  const flows: BridgeFlow<P>[] = [];
  for (const passed of all) {
    if (passed.kind === 'accepted') {
      flows.push({ p: passed.p, work: { ...work, handle: passed.handle } });
    } else if (passed.kind === 'answer' && input !== null) {
      work.out.push({ kind: 'reset', version, port: input.of.name, p: passed.p });
    } else if (passed.kind === 'icmp-error') work.out.push({ ...passed, version });
    else if (passed.kind !== 'answer') work.out.push(passed);
  }
  return flows;
}
