/**
 * In which stages the flows of a bridge change. `direct`: all at one moment. `staged`: first accept
 * what others will send, then send the new, forget what was learned, and drop the old last. While
 * old packets are still accepted they are read as new ones, so that nothing old is learned again.
 */
import { parseFlows } from '../../dataplane/ovs/text/flows.ts';
import { flowItem } from '../state/switch.ts';
import { type Item, type ItemOf, type PhaseName } from '../types.ts';
import { type Pair, pairsOf } from './pairs.ts';

export type FlowOrder = 'direct' | 'staged';

export interface FlowStage {
  readonly phase: PhaseName;
  readonly pairs: readonly Pair[];
  /** Tables of which what was learned is forgotten: `table=20`. */
  readonly forget: readonly string[];
}

/** @param unplugs ports go away: the flows that guard them stay until they are gone */
export function flowStages(
  pairs: readonly Pair[],
  order: FlowOrder,
  unplugs: boolean,
): readonly FlowStage[] {
  const stage = (phase: PhaseName, of: readonly Pair[]): FlowStage => ({
    phase,
    pairs: of,
    forget: [],
  });
  const renames = order === 'direct' ? [] : renamesOf(pairs);
  const accepted = new Set<Pair>(renames.map(({ to }) => to));
  const dropped = new Set<Pair>(renames.map(({ old }) => old));
  const others = pairs.filter((pair) => !accepted.has(pair) && !dropped.has(pair));
  const late = others.filter(({ to }) => to === null && unplugs);
  const now = others.filter((pair) => !late.includes(pair));
  const aliases = renames.flatMap(({ old, to }) => aliasOf(old, to));
  const tables = renames.length === 0 ? [] : learnedTables(pairs);
  const ended = renames.map(({ old }): Pair => {
    const alias = aliases.find(({ to }) => to?.key === old.old?.key);
    return alias === undefined ? old : { old: alias.to, to: null };
  });
  return [
    ...(accepted.size === 0 ? [] : [stage('accept', [...accepted])]),
    ...(now.length + aliases.length === 0 ? [] : [stage('send', [...now, ...aliases])]),
    ...(tables.length === 0 ? [] : [{ phase: 'flush' as const, pairs: [], forget: tables }]),
    ...(ended.length + late.length === 0 ? [] : [stage('drop', [...ended, ...late])]),
  ];
}

interface Rename {
  /** The flow that goes, and the one that comes. */
  readonly old: Pair;
  readonly to: Pair;
}

/** A flow that goes and one that comes in its table with the same actions: one thing, renamed. */
function renamesOf(pairs: readonly Pair[]): readonly Rename[] {
  const flows = pairsOf('flow', pairs) as readonly Pair[];
  const coming = flows.filter(({ old }) => old === null);
  const used = new Set<Pair>();
  return flows.flatMap((old): readonly Rename[] => {
    if (old.to !== null || old.old === null) return [];
    const to = coming.find((each) => !used.has(each) && isRename(old.old!, each.to!));
    if (to === undefined) return [];
    used.add(to);
    return [{ old, to }];
  });
}

/** Tests by which a packet from elsewhere is told: a tunnel's key, or a tag on the wire. */
const NAMES = /\b(tun_id|dl_vlan)=(0x[0-9a-f]+|\d+)/;

function isRename(a: Item, b: Item): boolean {
  if (a.kind !== 'flow' || b.kind !== 'flow') return false;
  const bare = ({ key }: Item): string => key.replace(NAMES, '$1');
  return (
    NAMES.test(a.key) && bare(a) === bare(b) && actionsOf(a.data.line) === actionsOf(b.data.line)
  );
}

function actionsOf(line: string): string {
  return line.slice(line.indexOf(' actions=') + 1);
}

/** The old flow that reads a packet as a new one; only for tunnels, whose key is carried on. */
function aliasOf(old: Pair, to: Pair): readonly Pair[] {
  const [from, into] = [old.old, to.to];
  if (from?.kind !== 'flow' || into?.kind !== 'flow') return [];
  const key = /\btun_id=(0x[0-9a-f]+|\d+)/.exec(into.key)?.[1];
  if (key === undefined) return [];
  const head = from.data.line.slice(0, from.data.line.indexOf(' actions='));
  const line = `${head} actions=set_field:${key}->tun_id,${actionsOf(into.data.line).slice('actions='.length)}`;
  const item = readFlow(from, line);
  return item === null ? [] : [{ old: from, to: item }];
}

function readFlow({ place }: Item, line: string): ItemOf<'flow'> | null {
  const [flow] = parseFlows(new TextEncoder().encode(line), place).value;
  return flow === undefined ? null : flowItem(place, flow);
}

/** Tables that flows learn into; agents' bridges learn into table 20 of br-tun. */
function learnedTables(pairs: readonly Pair[]): readonly string[] {
  const tables = new Set<string>(['table=20']);
  for (const { old, to } of pairs) {
    const item = to ?? old;
    if (item?.kind !== 'flow') continue;
    for (const found of item.data.line.matchAll(/learn\((table=\d+)/g)) tables.add(found[1] ?? '');
  }
  return [...tables];
}
