/**
 * Two routers with one virtual router id on one network: to keepalived they are one router (RFC
 * 5798 §5.2.3, §6.1), of which at most one instance is master. The agents give every router of a
 * tenant's HA network an id of its own (`router_ha_vr_id_allocations`).
 */
import { type NeutronRouter } from '../../model/neutron.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { type Read } from '../lineage.ts';
import { networkById, portOfDevice, routerOfNamespace, routerRef } from '../objects.ts';
import { daemonsOf } from '../programs/daemons.ts';
import { type EnterStep } from '../steps.ts';
import { type Remark } from '../types.ts';
import { type Case, type Finding } from './case.ts';
import { onHost, word } from './commands.ts';

/** One instance of a router’s keepalived on one host. */
interface Member {
  readonly router: NeutronRouter;
  readonly host: string;
  readonly path: string;
  readonly id: number;
  /** The network its adverts go over. */
  readonly networkId: string;
}

interface Clash {
  readonly own: Member;
  readonly others: readonly Member[];
  readonly text: string;
}

/** Who has no master because another router is taken for its own has this cause. */
export function atSharedId({ compiled }: Case, found: Finding): Finding {
  if (found.code !== 'VRRP_NO_MASTER') return found;
  const router = routerOfNamespace(compiled.network, found.component ?? '');
  const clash = router === null ? null : clashOf(compiled, router);
  if (clash === null) return found;
  const { own, others, text } = clash;
  const routers = new Set([own, ...others].map((one) => one.router));
  return {
    ...found,
    code: 'VRRP_VRID_CLASH',
    evidence: `virtual_router_id ${own.id} in ${own.path}`,
    because: [text, ...found.because],
    neutron: [...routers].map(routerRef),
    fix: {
      summary: 'give one of the routers another virtual router id: delete and create it anew',
      commands: [],
    },
    confirm: [own, ...others].map(({ host, path }) =>
      onHost(host, `grep virtual_router_id ${word(path)}`),
    ),
  };
}

/** A router that passes packets on although another one shares its id: the next election is luck. */
export function sharedIds(compiled: CompiledNetwork, read: Read): readonly Remark[] {
  const met = new Set<NeutronRouter>();
  for (const step of read.steps) {
    if (step.kind !== 'enter') continue;
    const router = routerOfNamespace(compiled.network, (step as EnterStep).device);
    if (router?.ha === true) met.add(router);
  }
  return [...met].flatMap((router): readonly Remark[] => {
    const clash = clashOf(compiled, router);
    if (clash === null) return [];
    return [{ kind: 'warning', code: 'VRRP_VRID_CLASH', text: clash.text }];
  });
}

function clashOf(compiled: CompiledNetwork, router: NeutronRouter): Clash | null {
  const all = membersOf(compiled);
  for (const own of all) {
    if (own.router !== router) continue;
    const others = all.filter(
      (one) => one.router !== router && one.id === own.id && one.networkId === own.networkId,
    );
    if (others.length === 0) continue;
    const names = [...new Set([own, ...others].map((one) => nameOf(one.router)))].join(' and ');
    const where = networkById(compiled.network, own.networkId)?.name ?? own.networkId;
    const text = `${names} both use virtual router id ${own.id} on ${where}: one silences the other, and at most one of them has a master`;
    return { own, others, text };
  }
  return null;
}

function nameOf({ name, id }: NeutronRouter): string {
  return name === '' ? id : name;
}

/** Instances of all hosts whose router and network are known; files of agents name the router. */
function membersOf(compiled: CompiledNetwork): readonly Member[] {
  const { network } = compiled;
  const members: Member[] = [];
  for (const host of network.hosts.keys()) {
    for (const daemon of daemonsOf(compiled, host)) {
      if (daemon.kind !== 'keepalived') continue;
      const { config, path, namespace } = daemon;
      const router =
        network.neutron.routers.find(({ id }) => path.includes(id)) ??
        routerOfNamespace(network, namespace ?? '');
      if (router === null) continue;
      for (const { interface: device, virtualRouterId } of config.instances) {
        const networkId = portOfDevice(network, host, device ?? '')?.networkId;
        if (virtualRouterId === null || networkId === undefined) continue;
        members.push({ router, host, path, id: virtualRouterId, networkId });
      }
    }
  }
  return members;
}
