/**
 * iptables chains over connections whose addresses and interfaces are concrete: which part of the
 * ports goes on, with which marks. Only what Neutron's L3 agent writes is carried; a rule of
 * another kind that could match hands the pair to the proof of one pair.
 */
import {
  type Chain,
  type Rule,
  type Ruleset,
  type TableName,
} from '../../dataplane/iptables/types.ts';
import { melted } from '../../traffic/intervals.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { FROM_PORT, PROTOCOL, TO_PORT } from './coordinates.ts';
import { NotCarried } from './frame.ts';

/** A new connection on its way through a namespace. */
export interface Passing {
  readonly source: number;
  readonly destination: number;
  readonly input: string;
  /** Empty before routing. */
  readonly output: string;
  readonly mark: number;
  readonly connectionMark: number;
  /** What NAT has changed. */
  readonly translated: { readonly source: boolean; readonly destination: boolean };
  /** The source port was chosen anew. */
  readonly anyPort: boolean;
  readonly where: Region;
}

interface Ended {
  readonly kind: 'accept' | 'drop' | 'return';
  readonly at: Passing;
}

export type Chains = ReadonlyMap<TableName, ReadonlyMap<string, Chain>>;

export function chainsOf(rulesets: readonly Ruleset[]): Chains {
  const tables = new Map<TableName, Map<string, Chain>>();
  for (const { tables: all } of rulesets) {
    for (const { name, chains } of all) {
      tables.set(name, new Map(chains.map((chain) => [chain.name, chain])));
    }
  }
  return tables;
}

/** What passes a base chain of a table. */
export function passChain(
  regions: Regions,
  chains: Chains,
  table: TableName,
  base: string,
  at: Passing,
): readonly Passing[] {
  const chain = chains.get(table)?.get(base);
  if (chain === undefined) return [at];
  return walkChain({ regions, chains: chains.get(table)!, table, depth: 0 }, chain, at).flatMap(
    ({ kind, at: passed }) => {
      if (kind === 'drop' || (kind === 'return' && chain.policy === 'DROP')) return [];
      return [passed];
    },
  );
}

interface Walk {
  readonly regions: Regions;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly table: TableName;
  depth: number;
}

const MAX_DEPTH = 32;

function walkChain(walk: Walk, { rules }: Chain, at: Passing): readonly Ended[] {
  if (++walk.depth > MAX_DEPTH) throw new NotCarried('chains without end');
  const ended: Ended[] = [];
  let left: Passing[] = [at];
  for (const rule of rules) {
    const next: Passing[] = [];
    for (const part of left) {
      const where = meets(walk.regions, rule, part);
      const hit = walk.regions.and(part.where, where);
      if (hit === NOWHERE) {
        next.push(part);
        continue;
      }
      const rest = walk.regions.minus(part.where, where);
      if (rest !== NOWHERE) next.push({ ...part, where: rest });
      act(walk, rule, { ...part, where: hit }, ended, next);
    }
    left = next;
    if (left.length === 0) break;
  }
  for (const part of left) ended.push({ kind: 'return', at: part });
  walk.depth--;
  return ended;
}

function act(walk: Walk, { target }: Rule, at: Passing, ended: Ended[], next: Passing[]): void {
  switch (target.kind) {
    case 'none':
      next.push(at);
      return;
    case 'verdict':
      if (target.verdict === 'QUEUE') break;
      ended.push({ kind: VERDICTS[target.verdict], at });
      return;
    case 'REJECT':
      ended.push({ kind: 'drop', at });
      return;
    case 'jump':
    case 'goto': {
      const chain = walk.chains.get(target.chain);
      if (chain === undefined) throw new NotCarried('a chain that is not there');
      for (const one of walkChain(walk, chain, at)) {
        if (one.kind !== 'return') ended.push(one);
        else if (target.kind === 'jump') next.push(one.at);
        else ended.push(one);
      }
      return;
    }
    case 'MARK': {
      const { setXmark } = target.options;
      if (setXmark === undefined) break;
      const { value, mask } = setXmark.value;
      next.push({ ...at, mark: ((at.mark & ~mask) ^ value) >>> 0 });
      return;
    }
    case 'CONNMARK': {
      const { save, restore, nfmask, ctmask } = target.options;
      const [nf, ct] = [nfmask?.value ?? 0xffff_ffff, ctmask?.value ?? 0xffff_ffff];
      if (save !== undefined) {
        const connectionMark = ((at.connectionMark & ~ct) ^ (at.mark & nf)) >>> 0;
        next.push({ ...at, connectionMark });
        return;
      }
      if (restore === undefined) break;
      next.push({ ...at, mark: ((at.mark & ~nf) ^ (at.connectionMark & ct)) >>> 0 });
      return;
    }
    case 'DNAT': {
      const { to, random, persistent } = target.options;
      if (walk.table !== 'nat' || (random ?? persistent) !== undefined) break;
      const destination = only(to?.value);
      if (destination === null) break;
      const changed = destination !== at.destination;
      const translated = { ...at.translated, destination: changed };
      ended.push({ kind: 'accept', at: { ...at, destination, translated } });
      return;
    }
    case 'SNAT': {
      const { to, random, randomFully, persistent } = target.options;
      if (walk.table !== 'nat' || persistent !== undefined) break;
      const source = only(to?.value);
      if (source === null) break;
      const anyPort = (random ?? randomFully) !== undefined;
      const translated = { ...at.translated, source: source !== at.source };
      ended.push({ kind: 'accept', at: { ...at, source, translated, anyPort } });
      return;
    }
    default:
  }
  throw new NotCarried(`the target ${target.kind}`);
}

const VERDICTS = { ACCEPT: 'accept', DROP: 'drop', RETURN: 'return' } as const;

/** One address without ports; null for everything else. */
function only(
  to:
    | {
        readonly addresses: { readonly from: bigint; readonly to: bigint } | null;
        readonly ports: unknown;
      }
    | undefined,
): number | null {
  const addresses = to?.addresses ?? null;
  if (to === undefined || addresses === null || to.ports !== null) return null;
  return addresses.from === addresses.to ? Number(addresses.from) : null;
}

/** Where a rule's conditions hold. */
function meets(regions: Regions, rule: Rule, at: Passing): Region {
  const { source, destination, inInterface, outInterface, protocol, fragment } = rule;
  if (source !== null && !inNetwork(source, at.source)) return NOWHERE;
  if (destination !== null && !inNetwork(destination, at.destination)) return NOWHERE;
  if (inInterface !== null && !isCalled(inInterface, at.input)) return NOWHERE;
  if (outInterface !== null && !isCalled(outInterface, at.output)) return NOWHERE;
  if (fragment !== null && !fragment.not) return NOWHERE;
  let where: Region = EVERYWHERE;
  if (protocol !== null && protocol.value.number !== 0) {
    const { number } = protocol.value;
    where = negated(regions, regions.of(PROTOCOL, Uint32Array.of(number, number)), protocol.not);
  }
  for (const match of rule.matches) {
    if (where === NOWHERE) return NOWHERE;
    where = regions.and(where, matchWhere(regions, match, at));
  }
  return where;
}

function negated(regions: Regions, where: Region, not: boolean): Region {
  return not ? regions.minus(EVERYWHERE, where) : where;
}

function inNetwork(
  { value: { value, mask }, not }: NonNullable<Rule['source']>,
  address: number,
): boolean {
  return ((address & Number(mask)) >>> 0 === Number(value)) !== not;
}

function isCalled(
  { value: { name, wildcard }, not }: NonNullable<Rule['inInterface']>,
  device: string,
): boolean {
  return (wildcard ? device.startsWith(name) : device === name) !== not;
}

function matchWhere(regions: Regions, match: Rule['matches'][number], at: Passing): Region {
  const always = (holds: boolean): Region => (holds ? EVERYWHERE : NOWHERE);
  switch (match.kind) {
    case 'comment':
      return EVERYWHERE;
    case 'tcp':
    case 'udp': {
      const { sport, dport, ...rest } = match.options;
      if (Object.keys(rest).length > 0 || at.anyPort) break;
      const protocol = match.kind === 'tcp' ? 6 : 17;
      let where = regions.of(PROTOCOL, Uint32Array.of(protocol, protocol));
      for (const [given, variable] of [
        [dport, TO_PORT],
        [sport, FROM_PORT],
      ] as const) {
        if (given === undefined) continue;
        const range = regions.of(variable, melted([given.value.from, given.value.to]));
        where = regions.and(where, negated(regions, range, given.not));
      }
      return where;
    }
    case 'mark': {
      const { mark } = match.options;
      if (mark === undefined) break;
      return always(((at.mark & mark.value.mask) >>> 0 === mark.value.value) !== mark.not);
    }
    case 'connmark': {
      const { mark } = match.options;
      if (mark === undefined) break;
      return always(
        ((at.connectionMark & mark.value.mask) >>> 0 === mark.value.value) !== mark.not,
      );
    }
    case 'state':
    case 'conntrack': {
      const { state, ...rest } = match.options;
      if (state === undefined || Object.keys(rest).length > 0) break;
      const holds = state.value.some(
        (one) =>
          one === 'NEW' ||
          (one === 'DNAT' && at.translated.destination) ||
          (one === 'SNAT' && at.translated.source),
      );
      return always(holds !== state.not);
    }
    default:
  }
  throw new NotCarried(`the match ${match.kind}`);
}
