/** What rules of ebtables mean (net/bridge/netfilter/ebt_*.c). */
import { and, type Match, NONE, not, or, range, test } from '../../../traffic/match.ts';
import { type Assignment, assignment } from '../../../traffic/words.ts';
import { interfaceMatch } from '../condition.ts';
import { F } from '../fields.ts';
import {
  compileFrames,
  type FrameLanguage,
  type FrameRules,
  type Next,
  unknownCondition,
} from '../frames.ts';
import { type Surroundings } from '../surroundings.ts';
import { type Network } from '../text/address.ts';
import { type FrameCondition, type FrameRule, type FrameSetting, type FrameTable } from './rows.ts';
import { printFrameRule } from './save.ts';

/**
 * Compiles ebtables. Tables per hook in ascending priority (NF_BR_PRI_*): nat -300 on the way
 * in, filter -200, nat 100 and filter 200 for own frames, nat 300 on the way out.
 */
export function compileEbtables(tables: readonly FrameTable[], around: Surroundings): FrameRules {
  const language: FrameLanguage<FrameCondition, FrameSetting> = {
    match: (rule) => and(...rule.conditions.map((one) => conditionMatch(one, rule, around))),
    target: targetOf,
    print: printFrameRule,
    tables: {
      prerouting: ['nat'],
      input: ['filter'],
      forward: ['filter'],
      output: ['nat', 'filter'],
      postrouting: ['nat'],
    },
  };
  return compileFrames(tables, language);
}

function conditionMatch(one: FrameCondition, rule: FrameRule, around: Surroundings): Match {
  const match = plainMatch(one, rule, around);
  return one.not ? not(match) : match;
}

const ARP = test(F.ethType, 0x0806n);
const IP4 = test(F.ethType, 0x0800n);
const IP6 = test(F.ethType, 0x86ddn);
const VLAN_PRESENT = test(F.vlanTci, 0x1000n, 0x1000n);
const VLAN_TYPES: readonly (number | null)[] = [0x8100, 0x88a8];

function network(of: typeof F.arpSource, { value, mask }: Network): Match {
  return test(of, value, mask);
}

function plainMatch(one: FrameCondition, rule: FrameRule, around: Surroundings): Match {
  switch (one.kind) {
    case 'type':
      // The field holds what is behind the tags; to ebtables a tagged frame is 802.1Q.
      if (VLAN_TYPES.includes(one.value.number)) return VLAN_PRESENT;
      if (one.value.number === null) return range(F.ethType, 0n, 0x5ffn);
      return and(not(VLAN_PRESENT), test(F.ethType, BigInt(one.value.number)));
    case 'source':
      return test(F.ethSource, one.value.value, one.value.mask);
    case 'destination':
      return test(F.ethDestination, one.value.value, one.value.mask);
    case 'in':
      return interfaceMatch(F.physin, one.value, around);
    case 'out':
      return interfaceMatch(F.physout, one.value, around);
    case 'logicalIn':
      return interfaceMatch(F.iif, one.value, around);
    case 'logicalOut':
      return interfaceMatch(F.oif, one.value, around);
    case 'amongSource':
    case 'amongDestination':
      return amongMatch(one);
    case 'mark': {
      const { value, mask, some } = one.value;
      if (some) return not(test(F.mark, 0n, BigInt(mask)));
      return (value & ~mask) !== 0 ? NONE : test(F.mark, BigInt(value), BigInt(mask));
    }
    case 'vlanId':
      return and(VLAN_PRESENT, test(F.vlanTci, BigInt(one.value), 0xfffn));
    case 'vlanPriority':
      return and(VLAN_PRESENT, test(F.vlanTci, BigInt(one.value) << 13n, 0xe000n));
    case 'log':
    case 'logLevel':
    case 'logPrefix':
    case 'logIp':
    case 'logIp6':
    case 'logArp':
    case 'nflog':
    case 'nflogPrefix':
    case 'nflogGroup':
    case 'nflogRange':
    case 'nflogThreshold':
      return and();
    default:
      return headerMatch(one, rule);
  }
}

function headerMatch(one: FrameCondition, rule: FrameRule): Match {
  switch (one.kind) {
    case 'arpOperation':
      return and(ARP, test(F.arpOperation, BigInt(one.value)));
    case 'arpSource':
      return and(ARP, network(F.arpSource, one.value));
    case 'arpDestination':
      return and(ARP, network(F.arpTarget, one.value));
    case 'arpSourceMac':
      return and(ARP, test(F.arpSourceMac, one.value.value, one.value.mask));
    case 'arpDestinationMac':
      return and(ARP, test(F.arpTargetMac, one.value.value, one.value.mask));
    case 'arpHardware':
      // Fields carry Ethernet ARP for IPv4 only (RFC 826: hardware 1, protocol 0x800).
      return one.value === 1 ? ARP : NONE;
    case 'arpProtocol':
      return one.value === 0x800 ? ARP : NONE;
    case 'ipSource':
      return and(IP4, network(F.source[4], one.value));
    case 'ipDestination':
      return and(IP4, network(F.destination[4], one.value));
    case 'ipProtocol':
      return and(IP4, test(F.protocol, BigInt(one.value.number)));
    case 'ipTos':
      return and(IP4, test(F.tos, BigInt(one.value)));
    case 'ipSourcePort':
      return and(IP4, range(F.sourcePort, BigInt(one.value.from), BigInt(one.value.to)));
    case 'ipDestinationPort':
      return and(IP4, range(F.destinationPort, BigInt(one.value.from), BigInt(one.value.to)));
    case 'ip6Source':
      return and(IP6, network(F.source[6], one.value));
    case 'ip6Destination':
      return and(IP6, network(F.destination[6], one.value));
    case 'ip6Protocol':
      return and(IP6, test(F.protocol, BigInt(one.value.number)));
    case 'ip6SourcePort':
      return and(IP6, range(F.sourcePort, BigInt(one.value.from), BigInt(one.value.to)));
    case 'ip6DestinationPort':
      return and(IP6, range(F.destinationPort, BigInt(one.value.from), BigInt(one.value.to)));
    default:
      return unknownCondition(`${one.kind} of the rule${printFrameRule(rule)}`, rule.origin);
  }
}

/** ebt_among.c: a MAC alone, or with the IPv4 address of the packet or of the ARP sender. */
function amongMatch(
  one: Extract<FrameCondition, { kind: 'amongSource' | 'amongDestination' }>,
): Match {
  const source = one.kind === 'amongSource';
  const mac = source ? F.ethSource : F.ethDestination;
  const [ip, arp] = source ? [F.source[4], F.arpSource] : [F.destination[4], F.arpTarget];
  const pairs = one.value.pairs.map(({ mac: value, address }) =>
    address === null
      ? test(mac, value)
      : and(test(mac, value), or(and(IP4, test(ip, address)), and(ARP, test(arp, address)))),
  );
  return or(...pairs);
}

type Language = FrameLanguage<FrameCondition, FrameSetting>;

/** Changes one field to a constant. */
function writing(write: Assignment, next: Next): ReturnType<Language['target']> {
  return { change: (traffic, p) => traffic.set(p, write), next };
}

function targetOf({ target, settings }: FrameRule): ReturnType<Language['target']> {
  let next: Next = 'ACCEPT';
  let write: Assignment | null = null;
  for (const one of settings) {
    switch (one.kind) {
      case 'dnatTarget':
      case 'snatTarget':
      case 'markTarget':
        next = one.value;
        break;
      case 'toDestination':
        write = assignment(F.ethDestination, one.value);
        break;
      case 'toSource':
        write = assignment(F.ethSource, one.value);
        break;
      case 'markSet':
        write = assignment(F.mark, BigInt(one.value));
        break;
      case 'markOr':
        write = assignment(F.mark, BigInt(one.value), BigInt(one.value));
        break;
      case 'markAnd':
        write = assignment(F.mark, 0n, BigInt(~one.value >>> 0));
        break;
      default:
        break;
    }
  }
  // Simplification: redirect, arpreply and mark-xor are read and printed; when traffic reaches
  // such a rule, the answer says that it is not computed.
  const known = target === 'dnat' || target === 'snat' || target === 'mark';
  return known && write !== null ? writing(write, next) : null;
}
