/** Why a probe was lost: the state of the routers on its way first, then what its own trace says. */
import { type Reason } from '../reasons/codes.ts';
import { type Age, ageText } from './network/neighbours.ts';
import { type Stage } from './network/stage.ts';
import { type Shot, type ShotBlocker } from './probes.ts';
import { type PlacedInstance } from './vrrp/instances.ts';
import { type NetworkRouters } from './vrrp/on-network.ts';
import { seconds } from './words.ts';

export interface Cause {
  readonly code: Reason;
  readonly sentence: string;
}

/** The routers that a probe depends on, as far as it has come through any of them. */
export function routersOnWay(
  vrrp: NetworkRouters,
  visited: ReadonlySet<string>,
): readonly (readonly PlacedInstance[])[] {
  const groups = new Map<string, PlacedInstance[]>();
  for (const one of vrrp.placed.values()) {
    const key = `${one.namespace} ${one.settings.virtualRouterId} ${one.link}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].filter((members) =>
    members.some((one) => visited.has(`${one.host} ${one.namespace}`)),
  );
}

/** Why this shot was lost. */
export function causeOf(
  vrrp: NetworkRouters,
  stage: Stage,
  groups: readonly (readonly PlacedInstance[])[],
  shot: Shot,
): Cause {
  const { deadHosts } = stage.cuts;
  for (const members of groups) {
    const router = members[0]?.router ?? '';
    // Who holds the addresses answers for them, whether a process is behind it or not.
    const holders = members.filter(
      (one) => !deadHosts.has(one.host) && vrrp.routers.stateOf(one.id).holds,
    );
    if (holders.length === 0) {
      return { code: 'VRRP_NO_MASTER', sentence: `no instance of ${router} is master` };
    }
    if (holders.length > 1) {
      const hosts = holders.map(({ host }) => host).join(' and ');
      return {
        code: 'VRRP_SPLIT_BRAIN',
        sentence: `${router} is master on ${hosts} at the same time`,
      };
    }
    const [holder] = holders;
    const astray = members.find(
      (one) => one !== holder && shot.visited.has(`${one.host} ${one.namespace}`),
    );
    if (holder !== undefined && astray !== undefined) {
      const last = vrrp.lastSaid.get(astray.id);
      const since = last === undefined ? '' : `, which sent ${last.what} at ${seconds(last.at_us)}`;
      return {
        code: 'FDB_STALE',
        sentence: `${router} is master on ${holder.host}, but switches send its frames to ${astray.host}${since}`,
      };
    }
  }
  const moved = shot.by.find((age) => isOutdated(stage, age));
  if (moved !== undefined) return { code: 'FDB_STALE', sentence: outdatedText(moved) };
  return shot.blocker === null
    ? { code: 'SNAPSHOT_INCOMPLETE', sentence: 'nobody is there to send it' }
    : { code: shot.blocker.code, sentence: blockerText(shot.blocker) };
}

/** Whether somebody has the address of a neighbour, and only with other MACs. */
function isOutdated({ network }: Stage, { address, mac }: Age): boolean {
  let found = false;
  for (const { namespaces } of network.hosts.values()) {
    for (const { state } of namespaces.values()) {
      for (const one of state.interfaces) {
        const has = one.addresses.some(
          ({ address: { version, value } }) =>
            version === address.version && value === address.value,
        );
        if (has && one.mac === mac) return false;
        found ||= has;
      }
    }
  }
  return found;
}

function outdatedText(age: Age): string {
  return `${age.namespace} still sends to ${ageText(age)}, and the address is elsewhere`;
}

/** What a trace says of a place often names it already. */
function blockerText({ host, component, evidence }: ShotBlocker): string {
  const named = evidence.includes(host) && evidence.includes(component);
  return named ? evidence : `${host} ${component}: ${evidence}`;
}
