/**
 * Servers of a cohort as lists in the order of their addresses, and those among them that let the
 * same out: one answer goes for a run of them. Before: `outlets.ts`. After: `cohort-walk.ts`.
 */
import { NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { ADDRESS } from './coordinates.ts';
import { type Gates } from './outlets.ts';
import { type Server } from './servers.ts';

/** A server of a cohort. */
export interface Member {
  readonly server: Server;
  readonly gates: Gates;
}

/** Members that let the same out. */
export interface Team {
  readonly gates: Gates;
  /** In the order of their addresses. */
  readonly members: readonly Member[];
}

const teams = new WeakMap<readonly Member[], readonly Team[]>();

/** Members by what they let out; worked out once for each list. */
export function teamsOf(members: readonly Member[]): readonly Team[] {
  let found = teams.get(members);
  if (found === undefined) {
    const byGates = new Map<string, Member[]>();
    for (const member of members) {
      const mine = byGates.get(member.gates.text);
      if (mine === undefined) byGates.set(member.gates.text, [member]);
      else mine.push(member);
    }
    found = [...byGates.values()].map((mine) => ({ gates: mine[0]!.gates, members: mine }));
    teams.set(members, found);
  }
  return found;
}

/** Runs of a team's members for whose addresses a region is the same, those of nothing left out. */
export function eachRun(
  regions: Regions,
  { members }: Team,
  where: Region,
  tell: (here: Region, from: number, end: number) => void,
): void {
  for (let i = 0; i < members.length; ) {
    const { region, upTo } = regions.runAt(where, ADDRESS, members[i]!.server.address);
    let end = i + 1;
    while (end < members.length && members[end]!.server.address <= upTo) end++;
    if (region !== NOWHERE) tell(region, i, end);
    i = end;
  }
}
