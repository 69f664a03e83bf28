/** The numbers of a host as it was read, for compiling what its agents would make there. */
import { firstZone } from '../../agents/bridge-firewall.ts';
import { type Numbers } from '../../agents/numbers.ts';
import { numbersBeside, zonesOf } from '../../apply/numbers.ts';
import { type Host, type Network } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { symbolsOf } from '../../verify/configuration/symbols.ts';

/** Networks are `network-ID` where Neutron's objects name them. */
const NAMED = /^network-(?!of-)(.+)$/;

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
    return numbersBeside({ ports: portsOf(host), vlans, zone: zonesOf(host, first) });
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
