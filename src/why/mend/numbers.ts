/** The numbers of a host as it was read, for compiling what its agents would make there. */
import { firstZone } from '../../agents/bridge-firewall.ts';
import { type Numbers } from '../../agents/numbers.ts';
import { numbersBeside } from '../../apply/numbers.ts';
import { type Host, type Network, ROOT } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { symbolsOf } from '../../verify/configuration/symbols.ts';

/** Networks are `network-ID` where Neutron's objects name them. */
const NAMED = /^network-(?!of-)(.+)$/;

/** A zone that a port or a network has, by the first part of its id (ip_conntrack.py). */
const ZONED = /\b(?:qvb|tap|brq)([0-9a-f]{8}-[0-9a-f]{2})\b.* --zone (\d+)/g;

export function numbersAsRead(real: Network, cloud: Cloud): (host: string) => Numbers {
  const first = firstZone({ cloud });
  const symbols = symbolsOf(real);
  return (name) => {
    const host = real.hosts.get(name);
    const vlans = new Map<string, number>();
    for (const [vlan, network] of symbols.get(name)?.networkOfVlan ?? []) {
      const id = NAMED.exec(network)?.[1];
      if (id !== undefined) vlans.set(id, vlan);
    }
    const zones = host === undefined ? new Map<string, number>() : zonesOf(host);
    const zone = (key: string): number | undefined => {
      const used = zones.get(key.slice(0, 11));
      return used === undefined || used < first ? undefined : used - first + 1;
    };
    return numbersBeside({ ports: portsOf(host), vlans, zone });
  };
}

function portsOf(host: Host | undefined): ReadonlyMap<string, ReadonlyMap<string, number>> {
  return new Map(
    (host?.switch?.bridges ?? []).map(({ name, ports }) => [
      name,
      new Map(
        ports.flatMap((port) =>
          port.ofport > 0 && port.ofport < 0xff00 ? [[port.name, port.ofport] as const] : [],
        ),
      ),
    ]),
  );
}

function zonesOf({ namespaces }: Host): Map<string, number> {
  const root = namespaces.get(ROOT);
  const text = (root?.source('iptables-save') ?? root?.source('iptables-save.txt'))?.text ?? '';
  return new Map([...text.matchAll(ZONED)].map(([, id = '', zone = '']) => [id, Number(zone)]));
}
