/**
 * Rules of iptables, ip6tables, ebtables and arptables, a section per chain, and the sets they
 * ask. Counters and comments do not count; connection tracking zones count by their network.
 */
import { parseArptablesSave, printArpRule } from '../../dataplane/iptables/arptables/save.ts';
import { parseEbtablesSave, printFrameRule } from '../../dataplane/iptables/ebtables/save.ts';
import { writeElement } from '../../dataplane/iptables/ipset/element.ts';
import { parseIpsetSave } from '../../dataplane/iptables/ipset/save.ts';
import { type IpSet } from '../../dataplane/iptables/ipset/types.ts';
import {
  type FlatChain,
  type FlatRule,
  type FlatTable,
} from '../../dataplane/iptables/text/flat.ts';
import { printRule, printTarget } from '../../dataplane/iptables/text/rule.ts';
import { parseIptablesSave } from '../../dataplane/iptables/text/save.ts';
import { BASE_CHAINS, type Chain, type Rule, type Table } from '../../dataplane/iptables/types.ts';
import { type SourceText } from '../../dataplane/network.ts';
import { type Origin, type Parsed, type Problem } from '../../text/problem.ts';
import { type NamespaceSide, namespaceKey } from './devices.ts';
import { type Carriers, carry, type Names } from './numbers.ts';
import { aboutName, aboutNamespace } from './objects.ts';
import { areDisjoint } from './order.ts';
import { pureFilters, testsOf } from './rule-meaning.ts';
import { section, statement } from './statement.ts';
import { withoutDrawn } from './symbols.ts';
import { type Section, type Statement } from './types.ts';

const FILES = [
  ['iptables', 4],
  ['ip6tables', 6],
] as const;

/** The rules of a namespace as its files say them. */
export interface ReadRules {
  readonly packets: readonly { readonly program: string; readonly table: Table }[];
  readonly frames: readonly {
    readonly program: string;
    readonly table: AnyFlatTable;
    readonly print: (rule: AnyFlatRule) => string;
  }[];
  readonly sets: readonly IpSet[];
}

/** Reads all rules and sets of a namespace; what could not be read goes to `problems`. */
export function readRules(side: NamespaceSide, problems: Problem[]): ReadRules {
  const read = <T>(name: string, parse: (text: string, file: string) => Parsed<T>): T | null => {
    const source = sourceOf(side, `${name}-save`);
    if (source === undefined) return null;
    const { value, problems: found } = parse(source.text, source.file);
    problems.push(...found);
    return value;
  };
  return {
    packets: FILES.flatMap(([program, version]) => {
      const ruleset = read(program, (text, file) => parseIptablesSave(text, file, version));
      return (ruleset?.tables ?? []).map((table) => ({ program, table }));
    }),
    frames: (
      [
        ['ebtables', parseEbtablesSave, printFrameRule],
        ['arptables', parseArptablesSave, printArpRule],
      ] as const
    ).flatMap(([program, parse, print]) =>
      (read(program, parse as Parser) ?? []).map((table) => ({
        program,
        table,
        print: (rule: AnyFlatRule) => wholeMacs((print as (rule: AnyFlatRule) => string)(rule)),
      })),
    ),
    sets: read('ipset', parseIpsetSave) ?? [],
  };
}

/** Lists of MACs as they are meant: some versions of ebtables print them without leading zeros. */
function wholeMacs(text: string): string {
  return text.replaceAll(/(--among-(?:src|dst) )(\S+)/g, (_, option: string, list: string) => {
    return option + list.replaceAll(/(?<=^|[:,])[0-9a-f](?=[:,=]|$)/g, '0$&');
  });
}

/** All rules and sets as statements; `zones` names the zones of connection tracking. */
export function ruleSections(
  side: NamespaceSide,
  { packets, frames, sets }: ReadRules,
  zones: Names,
): readonly Section[] {
  const numbers = { zones, marks: scopeMarks(packets) };
  return [
    ...packets.flatMap(({ program, table }) => tableSections(side, program, table, numbers)),
    ...frames.flatMap(({ program, table, print }) => flatSections(side, program, table, print)),
    ...setSections(side, sets),
  ];
}

/** The zones of connection tracking, by the rules that put packets into them. */
export function zoneCarriers({ packets }: ReadRules): Carriers {
  const carriers = new Map<string, string[]>();
  for (const { table } of packets) {
    for (const rule of table.chains.flatMap((chain) => chain.rules)) {
      if (rule.target.kind !== 'CT') continue;
      const zone = ZONE.exec(printTarget(rule.target))?.[2];
      if (zone !== undefined) carry(carriers, zone, selectorOf(rule));
    }
  }
  return carriers;
}

const ZONE = /(--zone(?:-orig|-reply)?) (\d+)/;

/**
 * Marks of address scopes, which the L3 agent draws for every router (`address-scope-marks`), by
 * the first of the devices in the scope.
 */
function scopeMarks(packets: ReadRules['packets']): Names {
  const devices = new Map<string, string>();
  for (const { table } of packets) {
    if (table.name !== 'mangle') continue;
    for (const { name, rules } of table.chains) {
      if (!name.endsWith('-scope')) continue;
      for (const rule of rules) {
        const [, device = '', mark = ''] = SCOPED.exec(printRule(rule)) ?? [];
        const known = devices.get(mark);
        if (mark !== '' && (known === undefined || device < known)) devices.set(mark, device);
      }
    }
  }
  return new Map([...devices].map(([mark, device]) => [mark, `scope-of-${device}`]));
}

const SCOPED = /^ ?-i (\S+) -j MARK --set-xmark (0x[0-9a-f]+\/0xffff0000)$/;
const MARK = /0x[0-9a-f]+\/0xffff0000/g;

/** Numbers that the agents draw, by what they stand for. */
interface DrawnNumbers {
  readonly zones: Names;
  readonly marks: Names;
}

/** What a rule asks, without its comments and its target. */
function selectorOf(rule: Rule): string {
  const matches = rule.matches.filter(({ kind }) => kind !== 'comment');
  return printRule({ ...rule, matches, target: { kind: 'none' } });
}

type AnyFlatRule = FlatRule<{ readonly kind: string }, { readonly kind: string }>;
type AnyFlatTable = FlatTable<{ readonly kind: string }, { readonly kind: string }>;
type Parser = (text: string, file: string) => Parsed<readonly AnyFlatTable[]>;

/** A capture names its files with `.txt`, a sos report without. */
function sourceOf({ namespace }: NamespaceSide, name: string): SourceText | undefined {
  return namespace.source(name) ?? namespace.source(`${name}.txt`);
}

function chainKey(device: string, part: string, chain: string): string {
  return `${device} ${part} ${chain}`;
}

function tableSections(
  side: NamespaceSide,
  program: string,
  table: Table,
  numbers: DrawnNumbers,
): readonly Section[] {
  const { host, namespace } = side;
  const part = `${program} ${table.name}`;
  const filters = pureFilters(table);
  const rules = new Map<Statement, Rule>();
  const commute = (a: Statement, b: Statement): boolean => {
    const [first, second] = [rules.get(a), rules.get(b)];
    if (first === undefined || second === undefined) return false;
    return (
      printTarget(first.target) === printTarget(second.target) ||
      (filters.ends(first.target) && filters.ends(second.target)) ||
      areDisjoint(testsOf(first), testsOf(second))
    );
  };
  const chains = table.chains.filter((chain) => isDeclared(table, chain));
  return [
    section(
      host.name,
      namespace.name,
      `${part} chains`,
      chains.map(({ name, policy, origin }) =>
        chainStatement(side, chainKey(namespace.name, part, name), name, policy, origin),
      ),
    ),
    ...table.chains.map((chain) => ({
      ...section(
        host.name,
        namespace.name,
        `${part} ${chain.name}`,
        chain.rules.map((rule) => {
          const made = ruleStatement(side, part, chain, rule, numbers);
          rules.set(made, rule);
          return made;
        }),
      ),
      commute,
    })),
  ];
}

/** Base chains stand there whether or not anything is loaded; only a policy of theirs counts. */
function isDeclared({ name }: Table, chain: Chain): boolean {
  return !BASE_CHAINS[name].includes(chain.name) || chain.policy === 'DROP';
}

function chainStatement(
  side: NamespaceSide,
  key: string,
  name: string,
  policy: string | null,
  origin: Origin,
): Statement {
  const { network, namespace } = side;
  return statement(`${name}${policy === null ? '' : ` policy ${policy}`}`, {
    subject: key,
    origin: () => origin,
    about: () => aboutName(network, name) ?? aboutNamespace(network, namespace.name),
    needs: [namespaceKey(namespace.name)],
  });
}

function ruleStatement(
  side: NamespaceSide,
  part: string,
  chain: Chain,
  rule: Rule,
  { zones, marks }: DrawnNumbers,
): Statement {
  const { network, namespace, symbols } = side;
  const symbolic = (text: string): string =>
    withoutDrawn(text, symbols)
      .trim()
      .replaceAll(MARK, (mark) => marks.get(mark) ?? mark);
  const selects = symbolic(selectorOf(rule));
  const target = symbolic(printTarget(rule.target)).replace(
    ZONE,
    (_, flag: string, zone: string) => `${flag} ${zones.get(zone) ?? zone}`,
  );
  return statement(`${selects} ${target}`.trim(), {
    subject: selects,
    text: `-A ${chain.name}${printRule(rule)}`,
    origin: () => rule.origin,
    about: () =>
      aboutName(network, chain.name) ??
      aboutName(network, printRule(rule)) ??
      aboutNamespace(network, namespace.name),
    needs: [namespaceKey(namespace.name), chainKey(namespace.name, part, chain.name)],
  });
}

function flatSections(
  side: NamespaceSide,
  program: string,
  table: AnyFlatTable,
  print: (rule: AnyFlatRule) => string,
): readonly Section[] {
  const { network, host, namespace } = side;
  const part = `${program} ${table.name}`;
  const rules = new Map<Statement, AnyFlatRule>();
  const commute = (a: Statement, b: Statement): boolean => {
    const [first, second] = [rules.get(a), rules.get(b)];
    if (first === undefined || second === undefined) return false;
    const device = (rule: AnyFlatRule): string =>
      / -i (?!! )(\S+)/.exec(` ${print(rule)}`)?.[1] ?? '';
    const apart = device(first) !== device(second) && device(first) !== '' && device(second) !== '';
    return apart || (first.target === second.target && first.settings.length === 0);
  };
  const of = (chain: FlatChain<{ kind: string }, { kind: string }>): Section => ({
    ...section(
      host.name,
      namespace.name,
      `${part} ${chain.name}`,
      chain.rules.map((rule) => {
        const text = print(rule).trim();
        const made = statement(text, {
          subject: text.replace(/ ?-j \S+.*$/, ''),
          text: `-A ${chain.name} ${text}`,
          origin: () => rule.origin,
          about: () => aboutName(network, `${chain.name} ${text}`),
          needs: [namespaceKey(namespace.name), chainKey(namespace.name, part, chain.name)],
        });
        rules.set(made, rule);
        return made;
      }),
    ),
    commute,
  });
  const base = ['BROUTING', 'PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
  return [
    section(
      host.name,
      namespace.name,
      `${part} chains`,
      table.chains
        .filter(({ name, policy }) => !base.includes(name) || policy === 'DROP')
        .map(({ name, policy, origin }) =>
          chainStatement(side, chainKey(namespace.name, part, name), name, policy, origin),
        ),
    ),
    ...table.chains.map(of),
  ];
}

/** Sizes of hash tables and counters of a set decide nothing. */
const IDLE_OPTIONS = new Set([
  'hashsize',
  'maxelem',
  'bucketsize',
  'initval',
  'counters',
  'family',
]);

function setSections(side: NamespaceSide, sets: readonly IpSet[]): readonly Section[] {
  const { network, host, namespace } = side;
  return [
    section(
      host.name,
      namespace.name,
      'sets',
      sets.map(({ name, type, version, options, origin }) => {
        const words = options
          .filter((one) => !IDLE_OPTIONS.has(one.name))
          .map((one) => ` ${one.name} ${one.value ?? ''}`.trimEnd());
        return statement(`${name} ${type} IPv${version}${words.join('')}`, {
          subject: `set ${name}`,
          origin: () => origin,
          about: () => aboutName(network, name),
          needs: [namespaceKey(namespace.name)],
        });
      }),
    ),
    ...sets.map(({ name, version, entries }) =>
      section(
        host.name,
        namespace.name,
        `set ${name}`,
        entries.map(({ parts, options, origin }) => {
          const words = options
            .filter((one) => one.name === 'nomatch' || one.name === 'timeout')
            .map((one) => ` ${one.name}`);
          return statement(`${writeElement(parts, version)}${words.join('')}`, {
            subject: writeElement(parts, version),
            origin: () => origin,
            about: () => aboutName(network, name),
            needs: [namespaceKey(namespace.name), `set ${name}`],
          });
        }),
      ),
    ),
  ];
}
