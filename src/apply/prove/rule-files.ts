/**
 * Rules and sets of a host's namespaces in the middle of a plan, as `iptables-save` and `ipset save`
 * would show them: chains that the plan changes are as they are behind its last step, all others as
 * they were read, so that rules of others stand beside them. Before: `stages.ts`.
 *
 * Simplification: groups, meters and rules of ebtables are the old ones until the plan's last step
 * of their bridge or namespace is done.
 */
import { ROOT } from '../../dataplane/network.ts';
import { CHAIN_PREFIX, type Step } from '../types.ts';

/** Files that differ from those of a stage when its items are these. */
export type RuleFiles = (
  files: ReadonlyMap<string, string>,
  texts: ReadonlyMap<string, string>,
) => ReadonlyMap<string, string>;

const EXACT = ['flow ', 'chain ', 'set ', 'frames ', 'group ', 'meter '];

/** Whether an item is shown exactly in the middle of a plan. */
export function isExact(id: string): boolean {
  return EXACT.some((kind) => id.startsWith(kind));
}

const BASE = new Set(['INPUT', 'FORWARD', 'OUTPUT', 'PREROUTING', 'POSTROUTING']);
const TABLES = { 'iptables-save': '4', 'ip6tables-save': '6' } as const;

/** @param steps all of the host's, in their order */
export function ruleFiles(
  host: string,
  old: ReadonlyMap<string, string>,
  made: ReadonlyMap<string, string>,
  steps: readonly Step[],
): RuleFiles {
  const final = new Map(steps.flatMap(({ changes }) => changes));
  const touched = [...final.keys()];
  const places = new Set(touched.filter(isExact).map((id) => id.split(' ', 2)[1] ?? ''));
  return (files, texts) => {
    const out = new Map<string, string>();
    const base = (path: string): string | undefined =>
      files.has(path) ? (old.get(path) ?? made.get(path)) : undefined;
    const put = (path: string, from: string, make: (text: string) => string): void => {
      out.set(path, make(base(path) ?? from));
    };
    for (const place of places) {
      const at = `hosts/${host}/ns/${place}/`;
      const isThere = place === ROOT || [...files.keys()].some((path) => path.startsWith(at));
      for (const [name, version] of Object.entries(TABLES)) {
        const own = touched.filter((id) => id.startsWith(`chain ${place} ${version} `));
        if (own.length === 0 || !isThere) continue;
        put(pathIn(files, `${at}${name}`), '', (text) => withChains(text, place, own, texts));
      }
      const sets = touched.filter((id) => id.startsWith(`set ${place} `));
      if (sets.length > 0 && isThere) {
        put(pathIn(files, `${at}ipset-save`), '', (text) => withSets(text, sets, texts));
      }
      const whole = (kind: string, path: string): void => {
        const own = touched.filter((id) => id.startsWith(`${kind} ${place} `));
        const isDone = own.every((id) => (texts.get(id) ?? null) === final.get(id));
        const text = (isDone ? made : old).get(path);
        if (own.length > 0 && files.has(path) && text !== undefined) out.set(path, text);
      };
      whole('frames', pathIn(files, `${at}ebtables-save`));
      whole('group', `hosts/${host}/ovs/${place}.groups.txt`);
      whole('meter', `hosts/${host}/ovs/${place}.meters.txt`);
    }
    return out;
  };
}

function pathIn(files: ReadonlyMap<string, string>, path: string): string {
  return files.has(path) ? path : `${path}.txt`;
}

interface ChainText {
  policy: string;
  rules: readonly string[];
}

/** The text with those chains as `texts` has them. */
function withChains(
  text: string,
  place: string,
  ids: readonly string[],
  texts: ReadonlyMap<string, string>,
): string {
  const tables = chainsOf(text);
  for (const id of ids) {
    const [, , , table = '', chain = ''] = id.split(' ');
    const chains = tables.get(table) ?? new Map<string, ChainText>();
    tables.set(table, chains);
    const now = texts.get(id);
    const [policy, ...rules] = (now === undefined ? [null] : JSON.parse(now)) as readonly (
      | string
      | null
    )[];
    const own = rules.filter((rule) => rule !== null);
    const before = chains.get(chain);
    if (place === ROOT && BASE.has(chain)) {
      // Of the host's own chains only the jumps to ours are ours, and they stand first.
      const others = (before?.rules ?? []).filter((rule) => !isJump(rule));
      chains.set(chain, { policy: before?.policy ?? 'ACCEPT', rules: [...own, ...others] });
    } else if (BASE.has(chain)) chains.set(chain, { policy: policy ?? 'ACCEPT', rules: own });
    else if (now === undefined) chains.delete(chain);
    else chains.set(chain, { policy: '-', rules: own });
  }
  return [...tables].map(([table, chains]) => tableText(table, chains)).join('');
}

function isJump(rule: string): boolean {
  return / ?-[jg] /.test(rule) && rule.includes(` ${CHAIN_PREFIX}`);
}

function tableText(table: string, chains: ReadonlyMap<string, ChainText>): string {
  const lines = [
    `*${table}`,
    ...[...chains].map(([name, { policy }]) => `:${name} ${policy} [0:0]`),
    ...[...chains].flatMap(([name, { rules }]) => rules.map((rule) => `-A ${name} ${rule}`)),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function chainsOf(text: string): Map<string, Map<string, ChainText>> {
  const tables = new Map<string, Map<string, ChainText>>();
  let chains = new Map<string, ChainText>();
  for (const line of text.split('\n')) {
    const table = /^\*(\S+)/.exec(line)?.[1];
    if (table !== undefined) {
      chains = new Map();
      tables.set(table, chains);
      continue;
    }
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name !== undefined && policy !== undefined) chains.set(name, { policy, rules: [] });
    const [, of, rule] = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (of === undefined || rule === undefined) continue;
    const known = chains.get(of) ?? { policy: BASE.has(of) ? 'ACCEPT' : '-', rules: [] };
    chains.set(of, { ...known, rules: [...known.rules, rule] });
  }
  return tables;
}

function withSets(
  text: string,
  ids: readonly string[],
  texts: ReadonlyMap<string, string>,
): string {
  const names = new Map(ids.map((id) => [id.split(' ')[2] ?? '', texts.get(id)]));
  const others = text
    .split('\n')
    .filter((line) => line !== '' && !names.has(line.split(' ')[1] ?? ''));
  const own = [...names].flatMap(([name, now]) => {
    if (now === undefined) return [];
    const [create, entries] = JSON.parse(now) as readonly [string, readonly string[]];
    return [`create ${name} ${create}`, ...entries.map((entry) => `add ${name} ${entry}`)];
  });
  return [...others, ...own].map((line) => `${line}\n`).join('');
}
