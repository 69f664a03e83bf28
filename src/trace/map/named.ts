/** Words of a person to a map: what they name, and what lies around it. */
import { type Network } from '../../dataplane/network.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { nearest } from '../../text/suggest.ts';
import { type Understood } from '../ask.ts';
import { type CloudMap, mapAround } from './cloud-map.ts';

/** Boxes that one drawing may have. */
const MOST = 400;

/**
 * The map around what the words name.
 * @param reach how many connections away from it.
 */
export function mapOf(
  { neutron, find }: Pick<Network, 'neutron' | 'find'>,
  words: readonly string[],
  reach: number,
): Understood<CloudMap> {
  const starts: string[] = [];
  for (const word of words) {
    const ports = find(word).flatMap(({ port }) => (port === null ? [] : [port]));
    const found = namedThings(neutron, word, ports);
    if (found.length === 0) return { kind: 'wrong', message: unknown(neutron, word), details: [] };
    starts.push(...found);
  }
  const map = mapAround(neutron, starts, reach);
  if (map.boxes.length <= MOST) return { kind: 'understood', value: map };
  const message = `${map.boxes.length} boxes are too many for one drawing (${MOST}): ask for fewer steps around`;
  return { kind: 'wrong', message, details: [] };
}

function unknown({ networks, routers, servers }: Neutron, word: string): string {
  const near = nearest(
    word,
    [...networks, ...routers, ...servers].map(({ name }) => name),
  );
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return `nothing of the cloud is called ${JSON.stringify(word)}${hint}`;
}

/**
 * The ids of what a word names: networks and routers by name or id, servers and ports by what
 * traces take. Empty when nothing has that name.
 */
function namedThings(
  neutron: Neutron,
  word: string,
  ports: readonly NeutronPort[],
): readonly string[] {
  const called = word.startsWith('router:') ? word.slice('router:'.length) : word;
  const isIt = ({ id, name }: { readonly id: string; readonly name: string }): boolean =>
    name === called || id === called || (called.length >= 8 && id.startsWith(called));
  const found = [...neutron.networks, ...neutron.routers].filter(isIt).map(({ id }) => id);
  const owners = ports.map((port) => ownerIdOf(port));
  return [...new Set([...found, ...owners])];
}

function ownerIdOf({ id, deviceId, deviceOwner }: NeutronPort): string {
  const isOf = deviceOwner.startsWith('compute:') || deviceOwner.startsWith('network:router');
  return isOf && deviceId !== '' ? deviceId : id;
}
