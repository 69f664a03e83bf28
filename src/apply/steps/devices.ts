/**
 * Changes of one namespace's devices, addresses, routes and settings as actions: first what goes,
 * then what comes, each in the order in which the kernel can take it.
 */
import { ROOT } from '../../dataplane/network.ts';
import { perDevice } from '../difference.ts';
import { deviceWord } from '../script.ts';
import { type Action, type DeviceData, type ItemOf } from '../types.ts';
import { type Pair, pairsOf } from './pairs.ts';

/** @param force goes on behind a line that fails, as on the way back from a half done step */
export function deviceActions(
  namespace: string,
  pairs: readonly Pair[],
  force: boolean,
): readonly Action[] {
  const devices = pairsOf('device', pairs);
  const gone = new Set(
    devices.flatMap(({ old, to }) => (to === null && old !== null ? [old.key] : [])),
  );
  const ip = (lines: readonly string[]): readonly Action[] =>
    lines.length === 0 ? [] : [{ kind: 'ip', namespace, lines, force }];
  const removed = devices.filter(
    ({ old, to }) => old !== null && (to === null || isOther(old.data, to.data)),
  );
  const added = devices.filter(
    ({ old, to }) => to !== null && (old === null || isOther(old.data, to.data)),
  );
  const changed = devices.filter(
    ({ old, to }) => old !== null && to !== null && !isOther(old.data, to.data),
  );
  const moves = added.flatMap(({ to }): readonly Action[] =>
    to?.data.kind === 'internal' && namespace !== ROOT
      ? [{ kind: 'move', device: to.key, from: ROOT, to: namespace }]
      : [],
  );
  const sysctls = pairsOf('sysctl', pairs).flatMap(({ to }) =>
    to === null ? [] : [[to.key, to.data.value] as const],
  );
  const general = sysctls.filter(([name]) => perDevice(name) === null);
  const special = sysctls.filter(
    ([name]) => perDevice(name) !== null && !gone.has(perDevice(name) ?? ''),
  );
  return [
    ...ip(removalLines(pairs, gone)),
    ...removed.flatMap(({ old }) => removal(namespace, old!.data, force)),
    ...settings(namespace, general),
    ...ip(added.flatMap(({ to }) => creation(namespace, to!))),
    ...moves,
    ...ip(
      added.flatMap(({ to }) =>
        to?.data.kind === 'internal' || to?.data.kind === 'veth' ? shape(to.data) : [],
      ),
    ),
    ...ip(changed.flatMap(({ to }) => [...shape(to!.data), upLine(to!.data)])),
    ...settings(namespace, special),
    ...ip([
      ...pairsOf('member', pairs).flatMap(({ to }) =>
        to === null
          ? []
          : [`link set dev ${deviceWord(to.key)} master ${deviceWord(to.data.master)}`],
      ),
      ...pairsOf('address', pairs).flatMap(({ to }) =>
        to === null ? [] : [addressLine('add', to)],
      ),
      ...added.map(({ to }) => upLine(to!.data)),
      ...pairsOf('route', pairs).flatMap(({ to }) =>
        to === null ? [] : [`${family(to.data.version)}route replace ${to.data.words}`],
      ),
      ...pairsOf('rule', pairs).flatMap(({ to }) =>
        to === null ? [] : [`${family(to.data.version)}rule add ${to.data.words}`],
      ),
      ...pairsOf('neighbour', pairs).flatMap(({ to }) =>
        to === null ? [] : [`neigh replace ${to.data.words}`],
      ),
    ]),
    ...fdbLines(namespace, pairs, force),
    ...owned(namespace, pairs),
  ];
}

function settings(
  namespace: string,
  values: readonly (readonly [string, string])[],
): readonly Action[] {
  return values.length === 0 ? [] : [{ kind: 'sysctl', namespace, values }];
}

function isOther(a: DeviceData, b: DeviceData): boolean {
  const peer = (of: DeviceData): string =>
    of.peer === null ? '' : `${of.peer.namespace}/${of.peer.device}`;
  return (
    a.kind !== b.kind ||
    peer(a) !== peer(b) ||
    a.lower !== b.lower ||
    JSON.stringify(a.details) !== JSON.stringify(b.details)
  );
}

/** What goes from devices that stay; what stands on a device that goes, goes with it. */
function removalLines(pairs: readonly Pair[], gone: ReadonlySet<string>): readonly string[] {
  return [
    ...pairsOf('rule', pairs).flatMap(({ old, to }) =>
      old !== null && to === null ? [`${family(old.data.version)}rule del ${old.data.words}`] : [],
    ),
    ...pairsOf('route', pairs).flatMap(({ old, to }) => {
      if (
        old === null ||
        to !== null ||
        [...gone].some((name) => old.data.words.includes(`dev ${name}`))
      )
        return [];
      return [`${family(old.data.version)}route del ${old.data.words}`];
    }),
    ...pairsOf('neighbour', pairs).flatMap(({ old, to }) =>
      old !== null && to === null && !gone.has(old.data.device)
        ? [`neigh del ${withoutState(old.data.words)}`]
        : [],
    ),
    ...pairsOf('address', pairs).flatMap(({ old, to }) =>
      old !== null && to === null && !gone.has(old.data.device) ? [addressLine('del', old)] : [],
    ),
    ...pairsOf('member', pairs).flatMap(({ old, to }) =>
      old !== null && to === null && !gone.has(old.key)
        ? [`link set dev ${deviceWord(old.key)} nomaster`]
        : [],
    ),
  ];
}

function withoutState(words: string): string {
  return words.replace(/ lladdr \S+/, '').replace(/ nud \S+/, '');
}

/** One of the two ends makes and removes both: the host's own, whose devices come first. */
function makesBoth(namespace: string, { name, peer }: DeviceData): boolean {
  if (peer === null) return true;
  if (peer.namespace === namespace) return name < peer.device;
  return namespace === ROOT || (peer.namespace !== ROOT && namespace < peer.namespace);
}

function removal(namespace: string, device: DeviceData, force: boolean): readonly Action[] {
  const { name, kind } = device;
  if (kind === 'veth' && !makesBoth(namespace, device)) return [];
  if (kind !== 'internal')
    return [{ kind: 'ip', namespace, lines: [`link del dev ${deviceWord(name)}`], force }];
  return namespace === ROOT ? [] : [{ kind: 'move', device: name, from: namespace, to: ROOT }];
}

function creation(namespace: string, { data }: ItemOf<'device'>): readonly string[] {
  const { name, kind, peer, mtu, mac, lower, details } = data;
  const device = deviceWord(name);
  switch (kind) {
    case 'internal':
      return [];
    case 'bridge':
      return [
        `link add name ${device} type bridge${details['stp_state'] === '1' ? ' stp_state 1' : ''}`,
      ];
    case 'veth': {
      if (peer === null || !makesBoth(namespace, data)) return [];
      const there =
        peer.namespace === namespace
          ? ''
          : ` netns ${peer.namespace === ROOT ? '1' : peer.namespace}`;
      return [
        `link add name ${device} mtu ${mtu} address ${mac} type veth peer name ${deviceWord(peer.device)} mtu ${mtu}${there}`,
      ];
    }
    case 'vlan':
      return [
        `link add link ${deviceWord(lower ?? '')} name ${device} type vlan id ${details['id'] ?? '0'}`,
      ];
    case 'vxlan':
      return [
        [
          `link add name ${device} mtu ${mtu} type vxlan id ${details['id'] ?? '0'}`,
          ...(details['local'] === undefined ? [] : [`local ${details['local']}`]),
          ...(details['group'] === undefined ? [] : [`group ${details['group']}`]),
          ...(details['link'] === undefined ? [] : [`dev ${deviceWord(details['link'])}`]),
          `dstport ${details['port'] ?? '4789'}`,
          ...(details['proxy'] === 'true' ? ['proxy'] : []),
          ...(details['learning'] === 'false' ? ['nolearning'] : []),
        ].join(' '),
      ];
  }
}

function shape({ name, mac, mtu, kind }: DeviceData): readonly string[] {
  const device = deviceWord(name);
  return [
    ...(kind === 'internal' || kind === 'veth' ? [`link set dev ${device} address ${mac}`] : []),
    ...(kind === 'bridge' ? [] : [`link set dev ${device} mtu ${mtu}`]),
  ];
}

function upLine({ name, up }: DeviceData): string {
  return `link set dev ${deviceWord(name)} ${up ? 'up' : 'down'}`;
}

function addressLine(verb: 'add' | 'del', { data, text }: ItemOf<'address'>): string {
  const scope = text === 'global' ? '' : ` scope ${text}`;
  const dad = verb === 'add' && data.version === 6 ? ' nodad' : '';
  return `addr ${verb} ${data.address} dev ${deviceWord(data.device)}${verb === 'add' ? scope : ''}${dad}`;
}

function family(version: 4 | 6): string {
  return version === 6 ? '-6 ' : '';
}

function fdbLines(namespace: string, pairs: readonly Pair[], force: boolean): readonly Action[] {
  const lines = pairsOf('fdb', pairs).flatMap(({ old, to }) => {
    if (to !== null) return [`fdb append ${to.data.words} self permanent`];
    return old === null ? [] : [`fdb del ${old.data.words} self`];
  });
  return lines.length === 0 ? [] : [{ kind: 'bridge', namespace, lines, force }];
}

/** What of the host's own namespace is noted as ours. */
function owned(namespace: string, pairs: readonly Pair[]): readonly Action[] {
  if (namespace !== ROOT) return [];
  const of = (gone: boolean): readonly string[] =>
    [...pairsOf('device', pairs), ...pairsOf('member', pairs)].flatMap(({ old, to }) => {
      const item = gone ? (to === null ? old : null) : old === null ? to : null;
      return item === null ? [] : [`${item.kind} ${item.place} ${item.key}`];
    });
  const [add, remove] = [of(false), of(true)];
  return add.length + remove.length === 0 ? [] : [{ kind: 'own', add, remove }];
}
