/**
 * Records of failovers: which host was master of a router, and which one took over. The router's
 * instances stand in keepalived's files; who is master shows in who has its addresses.
 */
import { type Network } from '../../dataplane/network.ts';
import { effectiveInstance } from '../../dataplane/vrrp/effective.ts';
import { type VrrpInstance } from '../../dataplane/vrrp/types.ts';
import { type CompiledNetwork, compileNetwork } from '../compiled-network.ts';
import { type ProbeRecord } from '../probe-record.ts';
import { daemonsOf } from '../programs/daemons.ts';
import { NOTHING, type ReplayedProbe } from '../replay.ts';

/** One instance of a router on a host. */
interface Member {
  readonly host: string;
  readonly router: string;
  readonly priority: number;
  readonly isMaster: boolean;
}

/** Follows the failovers of a file in their order: every one starts from the last one's end. */
export interface FailoverReplay {
  compare(network: Network, record: ProbeRecord): ReplayedProbe | string;
}

/** Begins with the masters that the first snapshot shows. */
export function failoverReplay(): FailoverReplay {
  let master: string | null = null;
  return {
    compare(network, record) {
      const members = membersOf(compileNetwork(network));
      const routers = new Set(members.map(({ router }) => router));
      if (routers.size !== 1)
        return `the snapshot shows ${routers.size} redundant routers, not one`;
      master ??= members.find(({ isMaster }) => isMaster)?.host ?? null;
      const successors = successorsOf(members, master);
      const predicted = { ...NOTHING, old_master: master, new_masters: successors };
      const differs: string[] = [];
      const old = record.raw['old_master'];
      const next = record.raw['new_master'];
      if (typeof old === 'string' && old !== master) differs.push('old_master');
      if (typeof next === 'string' && !successors.includes(next)) differs.push('new_master');
      master = typeof next === 'string' ? next : (successors[0] ?? null);
      return { index: record.index, predicted, agrees: differs.length === 0, differs };
    },
  };
}

/** Of the others those with the highest priority; equal ones race, and each may win. */
function successorsOf(members: readonly Member[], master: string | null): readonly string[] {
  const others = members.filter(({ host }) => host !== master);
  const highest = Math.max(...others.map(({ priority }) => priority));
  return others.filter(({ priority }) => priority === highest).map(({ host }) => host);
}

function membersOf(compiled: CompiledNetwork): readonly Member[] {
  const members = new Map<string, Member>();
  for (const host of compiled.network.hosts.keys()) {
    for (const daemon of daemonsOf(compiled, host)) {
      if (daemon.kind !== 'keepalived') continue;
      const { config, namespace, path } = daemon;
      for (const instance of config.instances) {
        const { priority } = effectiveInstance(instance, config.globals);
        const isMaster = hasAddresses(compiled.network, host, namespace, instance);
        const router = `${path} ${instance.name}`;
        members.set(`${host} ${router}`, { host, router, priority, isMaster });
      }
    }
  }
  return [...members.values()];
}

function hasAddresses(
  network: Network,
  host: string,
  namespace: string | null,
  { addresses, excludedAddresses }: VrrpInstance,
): boolean {
  const state = network.namespace(host, namespace ?? '')?.state;
  const own = state?.interfaces.flatMap((one) => one.addresses) ?? [];
  const wanted = [...addresses, ...excludedAddresses];
  return wanted.some(({ address }) =>
    own.some(
      (one) => one.address.version === address.version && one.address.value === address.value,
    ),
  );
}
