/** A cloud compiled for hosts that were just read: with their numbers and their NICs' addresses. */
import { type DumpFiles } from '../agents/dump/folder.ts';
import { type Network, ROOT } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { compileFiles } from '../snapshot/read/compiled.ts';
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
  return compileFiles({ ...cloud, hosts }, { numbers: (host) => numbersOf(seen.hosts.get(host)) });
}
