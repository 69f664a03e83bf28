/** Changes of chains and sets of one namespace as actions: each table changes at one moment. */
import { type Action, type ItemOf } from '../types.ts';
import { type Pair, type PairOf, pairsOf } from './pairs.ts';

/** @param pairs of one namespace */
export function filterActions(namespace: string, pairs: readonly Pair[]): readonly Action[] {
  const sets = pairsOf('set', pairs);
  const made = sets.flatMap(({ to }) => (to === null ? [] : setLines(to)));
  const gone = sets.flatMap(({ old, to }) =>
    to === null && old !== null ? [`destroy ${old.key}`] : [],
  );
  const restore = ([4, 6] as const).flatMap((version): readonly Action[] => {
    const chains = pairsOf('chain', pairs).filter(
      ({ old, to }) => (to ?? old)?.data.version === version,
    );
    if (chains.length === 0) return [];
    return [{ kind: 'restore', namespace, version, text: tables(chains).join('\n') }];
  });
  const noted = sets
    .filter(({ old, to }) => (old === null) !== (to === null))
    .map(({ old, to }) => ({ gone: to === null, line: `set ${namespace} ${(to ?? old)?.key}` }));
  return [
    ...(made.length === 0 ? [] : [{ kind: 'ipset', namespace, text: made.join('\n') } as const]),
    ...restore,
    ...(gone.length === 0 ? [] : [{ kind: 'ipset', namespace, text: gone.join('\n') } as const]),
    ...(noted.length === 0
      ? []
      : [
          {
            kind: 'own',
            add: noted.filter((each) => !each.gone).map(({ line }) => line),
            remove: noted.filter((each) => each.gone).map(({ line }) => line),
          } as const,
        ]),
  ];
}

/** A set is filled beside the old one and takes its place in one moment (ipset(8) swap). */
function setLines({ data: { name, create, entries } }: ItemOf<'set'>): readonly string[] {
  const beside = `${name.slice(0, 29)}-n`;
  return [
    `create ${name} ${create}`,
    `create ${beside} ${create}`,
    `flush ${beside}`,
    ...entries.map((entry) => `add ${beside} ${entry}`),
    `swap ${beside} ${name}`,
    `destroy ${beside}`,
  ];
}

function tables(chains: readonly PairOf<'chain'>[]): readonly string[] {
  const names = [...new Set(chains.map(({ old, to }) => (to ?? old)?.data.table ?? ''))];
  return names.flatMap((table) => {
    const own = chains.filter(({ old, to }) => (to ?? old)?.data.table === table);
    return [`*${table}`, ...tableLines(own), 'COMMIT'];
  });
}

/** Declared user chains are made or emptied; base chains are changed rule by rule. */
function tableLines(chains: readonly PairOf<'chain'>[]): readonly string[] {
  const declared: string[] = [];
  const before: string[] = [];
  const rules: string[] = [];
  const after: string[] = [];
  for (const { old, to } of chains) {
    const { chain, whole } = (to ?? old)!.data;
    const user = (to ?? old)!.data.policy === null && whole;
    if (user) {
      if (to !== null) declared.push(`:${chain} - [0:0]`);
      else {
        before.push(`-F ${chain}`);
        after.push(`-X ${chain}`);
      }
      rules.push(...(to?.data.rules ?? []).map((rule) => `-A ${chain} ${rule}`));
    } else if (whole) {
      declared.push(`:${chain} ${to?.data.policy ?? 'ACCEPT'} [0:0]`);
      before.push(`-F ${chain}`);
      rules.push(...(to?.data.rules ?? []).map((rule) => `-A ${chain} ${rule}`));
    } else {
      before.push(...(old?.data.rules ?? []).map((rule) => `-D ${chain} ${rule}`));
      rules.push(...(to?.data.rules ?? []).map((rule, i) => `-I ${chain} ${i + 1} ${rule}`));
    }
  }
  return [...declared, ...before, ...rules, ...after];
}
