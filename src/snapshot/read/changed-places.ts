/**
 * Which switches and namespaces two dump folders of one cloud show with another state: other flows,
 * rules, members of sets, routes, entries. Where files differ that say how hosts are connected, or
 * who has which address, the folders are two clouds as far as a walk can tell.
 * Before: `catalog.ts`. After: `verify/proof/unchanged.ts`.
 */
import { type FilePlace, ROOT } from '../../dataplane/network.ts';
import { catalogOfCapture, placesOf } from './catalog.ts';
import { type Folder } from './folder.ts';
import { catalogOfSos } from './sos.ts';

/** Files that are read only by who has come to the switch or namespace they are of. */
const OF_SWITCH: readonly string[] = ['flows', 'flows-names', 'groups', 'meters', 'fdb'];
const OF_NAMESPACE: readonly string[] = [
  ...['iptables-save', 'ip6tables-save', 'ipset-save', 'ebtables-save', 'arptables-save'],
  ...['nft-ruleset', 'conntrack', 'sysctl', 'ss-listen', 'bridge-fdb'],
  ...['ip-route-v4', 'ip-route-v6', 'ip-rule-v4', 'ip-rule-v6', 'ip-neigh-v4', 'ip-neigh-v6'],
];
/** What other namespaces and the switch have of a host's own namespace. */
const SHARED: readonly string[] = ['sysctl', 'conntrack'];
/** What groups allow is in flows and rules; packets do not ask the API. */
const OF_API: readonly string[] = ['security-groups', 'security-group-rules', 'address-groups'];

/** A switch or a namespace (`HOST NAMESPACE`, `HOST ` for the switch). */
function placeKey(host: string, namespace: string | null): string {
  return `${host} ${namespace ?? ''}`;
}

/**
 * The switches and namespaces with another state.
 * @returns null where more than such state differs, or nobody can say what files are about
 */
export function changedPlaces(before: Folder, after: Folder): ReadonlySet<string> | null {
  const paths = before.list();
  const others = new Set(after.list());
  if (paths.length !== others.size || !paths.every((path) => others.has(path))) return null;
  const catalog = catalogOfCapture(before) ?? catalogOfSos(before);
  if (catalog === undefined) return null;
  const places = placesOf(catalog);
  const changed = new Set<string>();
  for (const path of paths) {
    if (isSame(before.read(path), after.read(path))) continue;
    const place = places.get(path);
    // A file that no reader takes says nothing to anybody.
    if (place === undefined || (place.kind === 'api' && OF_API.includes(place.name))) continue;
    const key = keyOf(place);
    if (key === null) return null;
    changed.add(key);
  }
  return changed;
}

function keyOf({ kind, host, within, name }: FilePlace): string | null {
  if (kind === 'bridge') return OF_SWITCH.includes(name) ? placeKey(host, null) : null;
  if (kind !== 'namespace' || !OF_NAMESPACE.includes(name)) return null;
  return within === ROOT && SHARED.includes(name) ? null : placeKey(host, within);
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
