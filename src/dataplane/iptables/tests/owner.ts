/** `-m owner`: the socket that sent the packet (net/netfilter/xt_owner.c owner_mt()). */
import { guard } from '../../../traffic/guard.ts';
import { ANY, and, type Match, NONE, not, or, range, test } from '../../../traffic/match.ts';
import { F } from '../fields.ts';
import { type KnownMatch } from '../text/match-rows.ts';
import { type Given } from '../text/options.ts';
import { type OwnerTest } from './types.ts';

/** Values of `meta_owner`: what is known about the socket a packet was sent by. */
export const OWNER = { unknown: 0, none: 1, kernel: 2, process: 3 } as const;

const is = (value: number): Match => test(F.owner, BigInt(value));

/** The test of one match; null for a name instead of a number. */
export function ownerTest(match: Extract<KnownMatch, { kind: 'owner' }>): OwnerTest | null {
  const { socket, uid, gid } = match.options;
  const [user, group] = [interval(uid), interval(gid)];
  if (user === null || group === null) return null;
  const given = [socket, uid, gid].filter((option) => option !== undefined);
  const allTurned = given.every((option) => option.not);
  const idsTurned = [uid, gid].every((option) => option === undefined || option.not);
  const exists = socket?.not !== true;
  const process = and(
    user === undefined ? ANY : inRange(F.uid, user, uid?.not === true),
    group === undefined ? ANY : inRange(F.gid, group, gid?.not === true),
  );
  const holds = or(
    allTurned ? is(OWNER.none) : NONE,
    exists && idsTurned ? is(OWNER.kernel) : NONE,
    exists ? and(is(OWNER.process), process) : NONE,
  );
  return { kind: 'owner', unknown: guard(is(OWNER.unknown)), holds: guard(holds) };
}

type Ids = { readonly from: bigint; readonly to: bigint };

function inRange(of: typeof F.uid, { from, to }: Ids, turned: boolean): Match {
  return turned ? not(range(of, from, to)) : range(of, from, to);
}

/** `1000`, `1000-2000`; undefined where the option is missing, null for a name. */
function interval(option: Given<string> | undefined): Ids | null | undefined {
  if (option === undefined) return undefined;
  const found = /^(\d+)(?:-(\d+))?$/.exec(option.value);
  if (found === null) return null;
  const [, from = '0', to = from] = found;
  return { from: BigInt(from), to: BigInt(to) };
}
