/** Places of which a side's dump has no file: what stands there cannot be compared. */
import { type Network } from '../../dataplane/network.ts';
import { type Section } from './types.ts';

/** What a missing file of a namespace or bridge would have told. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  'ip-addr': ['addresses', 'devices', 'routes'],
  'ip-link': ['devices'],
  'ip-route-v4': ['routes'],
  'ip-rule-v4': ['rules'],
  'ip-neigh-v4': ['neighbours'],
  'iptables-save': ['iptables'],
  'ip6tables-save': ['ip6tables'],
  sysctl: ['settings'],
  'ss-listen': ['sockets'],
  flows: ['table'],
};

/** The missing file behind an empty section of this side; null when the side can tell. */
export type Ignorance = (section: Section) => string | null;

export function ignoranceOf(network: Network): Ignorance {
  const files = new Map<string, string>();
  for (const { file } of network.missing) {
    const [, host, place, name = ''] =
      /^hosts\/([^/]+)\/ns\/([^/]+)\/(.+)$/.exec(file) ??
      /^hosts\/([^/]+)\/ovs\/(.+)\.(flows)$/.exec(file) ??
      [];
    for (const part of PARTS[name] ?? []) files.set(`${host} ${place} ${part}`, file);
  }
  return ({ host, device, part }) =>
    files.get(`${host} ${device} ${part.split(' ')[0] ?? ''}`) ?? null;
}
