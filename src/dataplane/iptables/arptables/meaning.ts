/** What rules of arptables mean (net/ipv4/netfilter/arp_tables.c arp_packet_match()). */
import { type Field } from '../../../packet/fields.ts';
import { and, type Match, NONE, not, test } from '../../../traffic/match.ts';
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
import {
  type ArpCondition,
  type ArpRule,
  type ArpSetting,
  type ArpTable,
  printArpRule,
} from './save.ts';

/** Compiles arptables; bridges ask FORWARD, the stack INPUT and OUTPUT. */
export function compileArptables(tables: readonly ArpTable[], around: Surroundings): FrameRules {
  const language: FrameLanguage<ArpCondition, ArpSetting> = {
    match: (rule) => and(...rule.conditions.map((one) => conditionMatch(one, rule, around))),
    target: targetOf,
    print: printArpRule,
    tables: {
      prerouting: [],
      input: ['filter'],
      forward: ['filter'],
      output: ['filter'],
      postrouting: [],
    },
  };
  return compileFrames(tables, language);
}

function conditionMatch(one: ArpCondition, rule: ArpRule, around: Surroundings): Match {
  const match = plainMatch(one, rule, around);
  return one.not ? not(match) : match;
}

function plainMatch(one: ArpCondition, rule: ArpRule, around: Surroundings): Match {
  switch (one.kind) {
    case 'in':
      return interfaceMatch(F.iif, one.value, around);
    case 'out':
      return interfaceMatch(F.oif, one.value, around);
    case 'source':
      return test(F.arpSource, one.value.value, one.value.mask);
    case 'destination':
      return test(F.arpTarget, one.value.value, one.value.mask);
    case 'sourceMac':
      return test(F.arpSourceMac, one.value.value, one.value.mask);
    case 'destinationMac':
      return test(F.arpTargetMac, one.value.value, one.value.mask);
    case 'operation':
      return test(F.arpOperation, BigInt(one.value));
    // Fields carry Ethernet ARP for IPv4 only (RFC 826: lengths 6 and 4, types 1 and 0x800).
    case 'hardwareLength':
      return one.value === 6 ? and() : NONE;
    case 'hardwareType':
      return one.value === 1 ? and() : NONE;
    case 'protocolType':
      return one.value === 0x800 ? and() : NONE;
    case 'opaque':
      return unknownCondition(`${one.value} of the rule${printArpRule(rule)}`, rule.origin);
  }
}

const WRITES: Readonly<Partial<Record<ArpSetting['kind'], Field>>> = {
  sourceAddress: F.arpSource,
  destinationAddress: F.arpTarget,
  sourceMac: F.arpSourceMac,
  destinationMac: F.arpTargetMac,
};

function targetOf({
  target,
  settings,
}: ArpRule): ReturnType<FrameLanguage<ArpCondition, ArpSetting>['target']> {
  // Simplification: the mark that arptables sets is read and printed, and not seen by later rules.
  if (target === 'CLASSIFY' || target === 'MARK') return { change: (_, p) => p, next: 'CONTINUE' };
  if (target !== 'mangle') return null;
  const writes: Assignment[] = [];
  let next: Next = 'ACCEPT';
  for (const one of settings) {
    const to = WRITES[one.kind];
    if (one.kind === 'next') next = one.value;
    else if (to !== undefined && typeof one.value === 'bigint')
      writes.push(assignment(to, one.value));
    else if (to !== undefined && typeof one.value === 'object')
      writes.push(assignment(to, one.value.value));
  }
  return {
    change: (traffic, p) => writes.reduce((made, write) => traffic.set(made, write), p),
    next,
  };
}
