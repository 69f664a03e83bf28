/**
 * What hosts forget when a plan moves addresses: bridges may have learned a server's MAC address
 * where it was, tables of tunnels its host, and routers the MAC address that an IP address had.
 */
import { type Host, type Network, ROOT } from '../../dataplane/network.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type Bridge } from '../../dataplane/ovs/types/switch.ts';
import { deviceName, namespaceOwner } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Action, type Change } from '../types.ts';
import { type Draft } from './draft.ts';

/** A port that was plugged in at another host before. */
export interface Move {
  readonly port: NeutronPort;
  /** The server's name. */
  readonly server: string;
  readonly from: string;
  readonly to: string;
}

/** @param old as it was read @param wanted with the objects of what is wanted */
export function movesOf(old: Network, wanted: Network): readonly Move[] {
  const names = new Map(wanted.neutron.servers.map(({ id, name }) => [id, name]));
  return wanted.neutron.ports.flatMap((port): readonly Move[] => {
    const server = names.get(port.deviceId);
    if (server === undefined || isPlugged(old, port.host, port)) return [];
    const from = [...old.hosts.keys()].find((host) => isPlugged(old, host, port));
    return from === undefined ? [] : [{ port, server, from, to: port.host }];
  });
}

/** Whether a host has the port on a bridge. */
export function isPlugged(network: Network, host: string, { id }: NeutronPort): boolean {
  const of = network.hosts.get(host);
  const bridges = of?.switch?.bridges ?? [];
  if (bridges.some(({ ports }) => ports.some((one) => one.externalIds['iface-id'] === id)))
    return true;
  const tap = deviceName('tap', id);
  const faces = of?.namespaces.get(ROOT)?.state.interfaces ?? [];
  return faces.some(({ name, master }) => name === tap && master !== null);
}

/**
 * The step of a host, as it was read, in which it forgets where addresses were.
 *
 * @param changes of all hosts
 */
export function forgetDrafts(
  old: Network,
  wanted: Network,
  name: string,
  { moves, changes }: { readonly moves: readonly Move[]; readonly changes: readonly Change[] },
): readonly Draft[] {
  const [from, to] = [old.hosts.get(name), wanted.hosts.get(name)];
  if (from === undefined || to === undefined) return [];
  const forward = [
    ...(moves.length === 0 ? [] : stationActions(from, to)),
    ...neighbourActions(from, wanted, changes),
  ];
  if (forward.length === 0) return [];
  return [
    {
      phase: 'forget',
      title: 'forget where addresses were',
      pairs: [],
      forward,
      // Nobody can give back what was forgotten, and nobody has to: it is learned again.
      inverse: [],
      partial: 'one table after the other',
    },
  ];
}

function stationActions(from: Host, to: Host): readonly Action[] {
  const wanted = new Map((to.switch?.bridges ?? []).map((one) => [one.name, one]));
  const both = (from.switch?.bridges ?? []).filter(({ name }) => wanted.has(name));
  const learning = both.filter((one) => isNormal(one) || isNormal(wanted.get(one.name)!));
  const tables = both.flatMap((one): readonly Action[] => {
    const matches = [...new Set([...learnedTables(one), ...learnedTables(wanted.get(one.name)!)])];
    return matches.length === 0 ? [] : [{ kind: 'forget', bridge: one.name, matches }];
  });
  const faces = from.namespaces.get(ROOT)?.state.interfaces ?? [];
  const bridges = faces
    .filter(({ name, kind }) => kind === 'bridge' && /^(brq|qbr)/.test(name))
    .map((one) => one.name)
    .filter(
      (one) => to.namespaces.get(ROOT)?.state.interfaces.some(({ name }) => name === one) === true,
    );
  return [
    ...(learning.length === 0
      ? []
      : [{ kind: 'stations', bridges: learning.map(({ name }) => name) } as const]),
    ...tables,
    ...(bridges.length === 0 ? [] : [{ kind: 'macs', namespace: ROOT, bridges } as const]),
  ];
}

function isNormal({ flows }: Bridge): boolean {
  return flows.some((flow) => /\bNORMAL\b/.test(printFlow(flow)));
}

function learnedTables({ flows }: Bridge): readonly string[] {
  return flows
    .filter(({ actions }) => actions.some(({ kind }) => kind === 'learn'))
    .flatMap((flow) => /learn\((table=\d+)/.exec(printFlow(flow))?.[1] ?? []);
}

/**
 * Neighbours of routers and DHCP servers under addresses that another MAC address may have now:
 * those of servers that come while others go.
 */
function neighbourActions(
  { namespaces }: Host,
  { neutron }: Network,
  changes: readonly Change[],
): readonly Action[] {
  const plugs = changes.filter(({ old, new: to }) => PLUGS.test((to ?? old)?.key ?? ''));
  if (!plugs.some(({ new: to }) => to === null)) return [];
  const ids = plugs.flatMap(({ old, new: to }) =>
    old === null ? [PLUGS.exec(to?.key ?? '')?.[1] ?? ''] : [],
  );
  const coming = neutron.ports.filter(({ id }) => ids.includes(id.slice(0, 11)));
  const addresses = coming.flatMap(({ fixedIps }) => fixedIps.map(({ address }) => address));
  return [...namespaces.values()].flatMap(({ name, state }): readonly Action[] => {
    if (namespaceOwner(name) === undefined) return [];
    const of = state.interfaces.flatMap((face) =>
      addresses
        .filter((address) =>
          face.addresses.some((own) =>
            prefixCovers({ address: own.address, length: own.length }, address),
          ),
        )
        .map((address) => [writeIp(address), face.name] as const),
    );
    return of.length === 0 ? [] : [{ kind: 'neighbours', namespace: name, of }];
  });
}

/** Devices of servers, by the first part of their port's id. */
const PLUGS = /^(?:tap|qvo)([0-9a-f]{8}-[0-9a-f]{2})$/;
