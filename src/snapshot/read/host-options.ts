/** Options of a host's agents as their configuration files have them (oslo.config). */
import { type Host } from '../../dataplane/network.ts';
import { readIni } from './ini.ts';

/** An option of one of the host's agent configuration files, the last one that has it. */
export function option(
  host: Host | undefined,
  agent: string,
  section: string,
  name: string,
): string | undefined {
  let found: string | undefined;
  for (const [path, read] of host?.configs ?? []) {
    const file = path.split('/').at(-1) ?? '';
    if (!file.endsWith('.ini') && !file.endsWith('.conf')) continue;
    if (!file.includes(agent) && file !== 'neutron.conf') continue;
    found = readIni(read().text).get(section)?.get(name) ?? found;
  }
  return found;
}

/** Words that oslo.config takes for true. */
export function isOn(word: string | undefined): boolean {
  return /^(true|1|yes|on)$/i.test(word ?? '');
}
