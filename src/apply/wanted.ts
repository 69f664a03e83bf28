/** A cloud compiled for hosts that were just read: with their numbers and their NICs' addresses. */
import { firstZone } from '../agents/bridge-firewall.ts';
import { type DumpFiles } from '../agents/dump/folder.ts';
import { type Network, ROOT } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { NAMESPACES } from '../model/ids.ts';
import { type NeutronRouter } from '../model/neutron.ts';
import { compileFiles } from '../snapshot/read/compiled.ts';
import { withDrawn, withHaAddresses } from './drawn.ts';
import { numbersOf } from './numbers.ts';

export function compileWanted(cloud: Cloud, seen: Network): DumpFiles {
  const hosts = cloud.hosts.map((host) => {
    const there = seen.hosts.get(host.name)?.namespaces.get(ROOT)?.state.interfaces ?? [];
    const nics = host.nics.map((nic) => {
      const own = there.find(({ name }) => name === nic.name);
      return own === undefined ? nic : { ...nic, mac: own.mac };
    });
    return { ...host, nics };
  });
  const routers = cloud.neutron.routers.map((router) => electedRouter(router, seen));
  const neutron = { ...cloud.neutron, routers };
  const kept = withHaAddresses(seen, withDrawn(seen, { ...cloud, hosts, neutron }));
  const first = firstZone({ cloud });
  return compileFiles(kept, { numbers: (host) => numbersOf(seen.hosts.get(host), first) });
}

/** A router whose active host is the one that holds its virtual addresses now. */
function electedRouter(router: NeutronRouter, seen: Network): NeutronRouter {
  if (!router.ha) return router;
  const holds = router.agents.map(({ host }) => {
    const space = seen.hosts.get(host)?.namespaces.get(NAMESPACES.router + router.id);
    return (space?.state.interfaces ?? []).some(
      ({ name, addresses }) =>
        name.startsWith('qr-') && addresses.some((a) => a.scope === 'global'),
    );
  });
  if (!holds.includes(true)) return router;
  const agents = router.agents.map((agent, i) => ({
    ...agent,
    haState: holds[i] === true ? ('active' as const) : ('standby' as const),
  }));
  return { ...router, agents };
}
