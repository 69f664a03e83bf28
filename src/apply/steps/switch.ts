/** Changes of bridges, ports and flows as actions. Swapping old and new gives the inverse. */
import { type Action, COOKIE, OWNER, OWNER_KEY, type PortData } from '../types.ts';
import { type Pair, pairsOf } from './pairs.ts';

/** New bridges; without a bridge nothing can stand on it, so they come first and go last. */
export function bridgeActions(pairs: readonly Pair[]): readonly Action[] {
  const commands = pairsOf('bridge', pairs).flatMap(
    ({ old, to }): readonly (readonly string[])[] => {
      const name = (to ?? old)?.key ?? '';
      if (to === null) return [['--if-exists', 'del-br', name]];
      const set = ['set', 'bridge', name, `fail_mode=${to.data.failMode}`];
      return [
        ...(old === null ? [['--may-exist', 'add-br', name]] : []),
        [
          ...set,
          ...(to.data.datapath === 'system' ? [] : [`datapath_type=${to.data.datapath}`]),
          `external_ids:${OWNER_KEY}=${OWNER}`,
        ],
      ];
    },
  );
  return commands.length === 0 ? [] : [{ kind: 'ovsdb', commands }];
}

/** Ports of all bridges in one transaction: removed, changed, added. */
export function portActions(pairs: readonly Pair[]): readonly Action[] {
  const ports = pairsOf('port', pairs);
  const commands = [
    ...ports.flatMap(({ old, to }) => {
      // What cannot be changed on a living port is made anew.
      const gone = old !== null && (to === null || isOther(old.data, to.data));
      return gone ? [['--if-exists', 'del-port', old.place, old.key]] : [];
    }),
    ...ports.flatMap(({ old, to }) => {
      if (to === null) return [];
      const anew = old === null || isOther(old.data, to.data);
      return portCommands(to.data, anew ? null : old.data);
    }),
  ];
  return commands.length === 0 ? [] : [{ kind: 'ovsdb', commands }];
}

function isOther(a: PortData, b: PortData): boolean {
  return a.type !== b.type || a.ofport !== b.ofport;
}

function portCommands(port: PortData, old: PortData | null): readonly (readonly string[])[] {
  const { bridge, name, type, ofport, tag, trunks } = port;
  const clear = old === null ? [] : [['clear', 'port', name, 'tag', 'trunks', 'other_config']];
  const row = [
    ...(tag === null ? [] : [`tag=${tag}`]),
    ...(trunks.length === 0 ? [] : [`trunks=${trunks.join(',')}`]),
    ...words('other_config', port.otherConfig),
  ];
  return [
    ...(old === null ? [['--may-exist', 'add-port', bridge, name]] : []),
    ...clear,
    ...(row.length === 0 ? [] : [['set', 'port', name, ...row]]),
    ...(old === null ? [] : [['clear', 'interface', name, 'options', 'external_ids']]),
    [
      'set',
      'interface',
      name,
      ...(type === '' ? [] : [`type=${type}`]),
      `ofport_request=${ofport}`,
      ...words('options', port.options),
      ...words('external_ids', { ...port.externalIds, [OWNER_KEY]: OWNER }),
    ],
  ];
}

/** `column:key="value"`, with the value as OVSDB reads strings (RFC 7047 §3.1 <string>). */
function words(column: string, values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).map(
    ([key, value]) => `${column}:${JSON.stringify(key)}=${JSON.stringify(value)}`,
  );
}

/**
 * Changes of flows and groups, all of a bridge in one bundle: groups come before the flows that
 * name them, and go after.
 */
export function flowActions(pairs: readonly Pair[]): readonly Action[] {
  const flows = flowLines(pairs);
  const groups = pairsOf('group', pairs);
  const grouped = new Set(groups.map(({ old, to }) => (to ?? old)!.place));
  const plain = [...flows].filter(([bridge]) => !grouped.has(bridge));
  return [
    ...plain.map(([bridge, lines]): Action => ({ kind: 'flows', bridge, lines })),
    ...[...grouped].map((bridge): Action => {
      const own = groups.filter(({ old, to }) => (to ?? old)!.place === bridge);
      const lines = [
        ...own.flatMap(({ old, to }) =>
          to === null ? [] : [`group ${old === null ? 'add' : 'modify'} ${to.data.line}`],
        ),
        ...(flows.get(bridge) ?? []).map((line) => `flow ${line}`),
        ...own.flatMap(({ old, to }) =>
          to === null ? [`group delete group_id=${old?.data.id ?? 0}`] : [],
        ),
      ];
      return { kind: 'bundle', bridge, lines };
    }),
  ];
}

function flowLines(pairs: readonly Pair[]): ReadonlyMap<string, readonly string[]> {
  const bridges = new Map<string, string[]>();
  for (const { old, to } of pairsOf('flow', pairs)) {
    const item = to ?? old;
    if (item === null) continue;
    const lines = bridges.get(item.place) ?? [];
    bridges.set(item.place, lines);
    const cookie = `0x${COOKIE.toString(16)}`;
    if (to !== null) lines.push(`add ${withCookie(to.data.line)}`);
    else lines.push(`delete_strict cookie=${cookie}/-1,${item.data.match}`);
  }
  return bridges;
}

function withCookie(line: string): string {
  return line.startsWith('cookie=') ? line : `cookie=0x${COOKIE.toString(16)}, ${line}`;
}

/** Meters come before the flows that name them; one that goes takes such flows with it. */
export function meterActions(pairs: readonly Pair[]): readonly Action[] {
  const meters = pairsOf('meter', pairs);
  return [...new Set(meters.map(({ old, to }) => (to ?? old)!.place))].map((bridge): Action => {
    const own = meters.filter(({ old, to }) => (to ?? old)!.place === bridge);
    const commands = own.map(({ old, to }): readonly [string, string] => {
      if (to === null) return ['del-meter', `meter=${old?.data.id ?? 0}`];
      return [old === null ? 'add-meter' : 'mod-meter', to.data.line];
    });
    return { kind: 'meters', bridge, commands };
  });
}
