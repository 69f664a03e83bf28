/** Subnets that no router joins, and routers without a way to the outside. */
import { type Neutron, type NeutronPort, type NeutronSubnet } from '../../model/neutron.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { type Reason } from '../../reasons/codes.ts';
import { safeName } from '../../trace/diagnosis/commands.ts';
import { type TraceEnd } from '../../trace/types.ts';
import { type Attempt, type Proposal, type Stuck } from '../attempt.ts';
import { newId } from './new-objects.ts';
import { objectChange } from './objects.ts';

const UNROUTED: ReadonlySet<Reason> = new Set(['NO_ROUTE', 'ARP_UNANSWERED', 'FLOOD_BLOCKED']);
const INTERFACES =
  /^network:(router_interface|ha_router_replicated_interface|router_interface_distributed)$/;

/** Joins the subnet of one end to the router that the other end's subnet has. */
export const joinedSubnets: Proposal = (stuck) => {
  const { blocker, question, situation } = stuck;
  if (!UNROUTED.has(blocker.code)) return [];
  const { neutron } = situation.network;
  const [from, to] = [subnetOf(neutron, question.from), subnetOf(neutron, question.to)];
  if (from !== null && question.to.kind === 'external') return wayOut(stuck, from);
  if (from === null || to === null || from.id === to.id) return [];
  const routers = [from, to].flatMap(({ id }) => routersOf(neutron, id));
  return [...new Set(routers)].flatMap((router) =>
    [from, to].flatMap((subnet): readonly Attempt[] => {
      if (routersOf(neutron, subnet.id).includes(router)) return [];
      return addSubnet(stuck, router, subnet);
    }),
  );
};

/** A subnet without a router, joined to one of its own project that leads outside. */
function wayOut(stuck: Stuck, subnet: NeutronSubnet): readonly Attempt[] {
  const { neutron } = stuck.situation.network;
  if (routersOf(neutron, subnet.id).length > 0) return [];
  const project = neutron.networks.find(({ id }) => id === subnet.networkId)?.project;
  return neutron.routers
    .filter((router) => router.gateway !== null && router.project === project)
    .flatMap(({ id }) => addSubnet(stuck, id, subnet));
}

function subnetOf(neutron: Neutron, { address, port }: TraceEnd): NeutronSubnet | null {
  if (address === null) return null;
  const own = neutron.ports.find(({ id }) => id === port)?.networkId ?? null;
  const found = neutron.subnets.filter(
    ({ networkId, prefix }) => (own === null || own === networkId) && prefixCovers(prefix, address),
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}

function routersOf({ ports }: Neutron, subnetId: string): readonly string[] {
  return ports.flatMap(({ deviceOwner, deviceId, fixedIps }) => {
    const joins = fixedIps.some((one) => one.subnetId === subnetId);
    return joins && INTERFACES.test(deviceOwner) ? [deviceId] : [];
  });
}

function addSubnet(stuck: Stuck, routerId: string, subnet: NeutronSubnet): readonly Attempt[] {
  const { neutron } = stuck.situation.network;
  const router = neutron.routers.find(({ id }) => id === routerId);
  const like = neutron.ports.find(
    ({ deviceId, deviceOwner }) => deviceId === routerId && INTERFACES.test(deviceOwner),
  );
  const { gateway, networkId } = subnet;
  if (router === undefined || like === undefined || gateway === null) return [];
  const isTaken = neutron.ports.some(({ fixedIps, networkId: of }) => {
    return of === networkId && fixedIps.some(({ address }) => address.value === gateway.value);
  });
  if (isTaken) return [];
  const added: NeutronPort = {
    ...like,
    id: newId(routerId, subnet.id),
    name: '',
    networkId,
    mac: 0xfa_16_3e_ff_00_00n + (gateway.value & 0xffffn),
    fixedIps: [{ subnetId: subnet.id, address: gateway }],
  };
  const routerName = safeName(router, neutron.routers);
  const subnetName = safeName(subnet, neutron.subnets);
  return objectChange(stuck, {
    summary: `join ${subnetName} to ${routerName}, if both networks may reach each other`,
    commands: [`openstack router add subnet ${routerName} ${subnetName}`],
    objects: (before) => ({ ...before, ports: [...before.ports, added] }),
  });
}
