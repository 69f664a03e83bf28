/**
 * Rules of iptables and ebtables that are missing, too many or elsewhere: a chain at a time, each
 * rule behind the one that precedes it in the agent's own order. Numbers of rules count as the
 * lines are run one after the other.
 */
import { printRule } from '../../dataplane/iptables/text/rule.ts';
import { parseIptablesSave } from '../../dataplane/iptables/text/save.ts';
import { type NamespaceState } from '../../dataplane/network.ts';
import { type Difference } from '../../verify/configuration/types.ts';
import { byPlace, inSpace } from './lines.ts';
import { type Mend, type Mender } from './types.ts';

const PART = /^(ip6?tables|ebtables|arptables) (\S+) (\S+)$/;

interface Place {
  readonly program: string;
  readonly table: string;
  readonly chain: string;
}

export const ruleMends: Mender = (sides, differences) => {
  return byPlace(differences).flatMap((group): readonly Mend[] => {
    const { device, part } = group[0]!;
    const [, program = '', table = '', chain = ''] = PART.exec(part) ?? [];
    const real = sides.real.host.namespaces.get(device);
    const made = sides.made.host.namespaces.get(device);
    if (program === '' || chain === 'chains' || real === undefined || made === undefined) return [];
    const at = { program, table, chain };
    const done = mended(chainOf(real, at), chainOf(made, at), group, at);
    if (done === null) return [];
    const text = group.flatMap(({ a, b }) => [a?.text, b?.text].filter((one) => one !== undefined));
    const file = `${program}-save`;
    const change = (before: string): string => withChain(before, at, done.rules);
    return [
      {
        host: real.host,
        device,
        part,
        text: text.join('\n'),
        lines: done.lines.map((line) => inSpace(device, line)),
        edits: [{ of: 'file', host: real.host, namespace: device, file, change }],
      },
    ];
  });
};

/** The chain with its differences mended, and the lines that do it; null where it reads otherwise. */
function mended(
  before: readonly string[],
  wanted: readonly string[],
  differences: readonly Difference[],
  { program, table, chain }: Place,
): { readonly rules: readonly string[]; readonly lines: readonly string[] } | null {
  const rules = [...before];
  const lines: string[] = [];
  const run = (words: string): number => lines.push(`${program} -t ${table} ${words}`);
  const body = (rule: string): string => rule.slice(`-A ${chain} `.length);
  const insert = (rule: string): void => {
    const at = placeOf(rule, rules, wanted);
    rules.splice(at, 0, rule);
    run(`-I ${chain} ${at + 1} ${body(rule)}`);
  };
  for (const { kind, a, b } of differences) {
    const [to, old] = [a?.text ?? null, b?.text ?? null];
    // Of an order the rule of the agents that stands too late is taken out first.
    const gone = kind === 'order' ? to : old;
    const from = gone === null ? -1 : rules.indexOf(gone);
    if (gone !== null && from < 0) return null;
    if (kind === 'different' && to !== null) {
      rules.splice(from, 1, to);
      run(`-R ${chain} ${from + 1} ${body(to)}`);
      continue;
    }
    if (gone !== null) {
      rules.splice(from, 1);
      run(`-D ${chain} ${from + 1}`);
    }
    if (to !== null) insert(to);
  }
  return { rules, lines };
}

/** Behind the nearest rule that stands before it in the wanted order, else at the beginning. */
function placeOf(rule: string, rules: readonly string[], wanted: readonly string[]): number {
  const before = wanted.slice(0, Math.max(0, wanted.indexOf(rule))).reverse();
  const known = before.find((each) => rules.includes(each));
  return known === undefined ? 0 : rules.indexOf(known) + 1;
}

/** Rules of a chain as they are printed anywhere. */
function chainOf(state: NamespaceState, { program, table, chain }: Place): readonly string[] {
  const source = state.source(`${program}-save`) ?? state.source(`${program}-save.txt`);
  if (source === undefined) return [];
  if (program === 'iptables' || program === 'ip6tables') {
    const { value } = parseIptablesSave(source.text, source.file, program === 'iptables' ? 4 : 6);
    const of = value.tables.find(({ name }) => name === table);
    const rules = of?.chains.find(({ name }) => name === chain)?.rules ?? [];
    return rules.map((rule) => `-A ${chain}${printRule(rule)}`);
  }
  return linesOf(source.text, table).map(withoutCounters).filter(inChain(chain));
}

function inChain(chain: string): (line: string) => boolean {
  return (line) => line.startsWith(`-A ${chain} `) || line === `-A ${chain}`;
}

function linesOf(text: string, table: string): readonly string[] {
  const lines = text.split('\n');
  const from = lines.indexOf(`*${table}`);
  if (from < 0) return [];
  const rest = lines.slice(from + 1);
  // ebtables-save ends a table where the next begins.
  const end = rest.findIndex((line) => line === 'COMMIT' || line.startsWith('*'));
  return end < 0 ? rest : rest.slice(0, end);
}

function withoutCounters(line: string): string {
  return line
    .replace(/^\[\d+:\d+\] /, '')
    .replace(/ -c \d+ \d+$/, '')
    .trimEnd();
}

/** The file with other rules in one chain of one table. */
function withChain(text: string, { table, chain }: Place, rules: readonly string[]): string {
  const body = linesOf(text, table);
  const mine = body.map((line) => inChain(chain)(withoutCounters(line)));
  const first = mine.indexOf(true);
  const at = first < 0 ? body.length : first;
  const next = [
    ...body.filter((_line, i) => i < at),
    ...rules,
    ...body.filter((_line, i) => i >= at && mine[i] !== true),
  ];
  return text
    .split('\n')
    .toSpliced(text.split('\n').indexOf(`*${table}`) + 1, body.length, ...next)
    .join('\n');
}
