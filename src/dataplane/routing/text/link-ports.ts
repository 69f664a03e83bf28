/** Bridge ports as `ip -d -json link` tells them (`info_slave_data`), for dumps without `bridge link`. */
import { jsonRoot, member, records, textOf, truthOf } from '../../../text/json-text.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { type BridgePort } from '../types.ts';
import { isJson } from './form.ts';
import { interfacesOfText } from './interface-text.ts';

/** Ports of Linux bridges among the interfaces; those of Open vSwitch and bonds are none. */
export function portsOfLinks(file: string, text: string): Parsed<readonly BridgePort[]> {
  const ports: BridgePort[] = [];
  const problems: Problem[] = [];
  if (!isJson(text)) {
    for (const { name, master, details } of interfacesOfText(file, text, problems)) {
      if (master !== null && details['slave'] === 'bridge') ports.push(plainPort(name, master));
    }
    // The interfaces themselves are read elsewhere, with these same problems.
    return { value: ports, problems: [] };
  }
  for (const row of records(jsonRoot(file, text, problems))) {
    const info = member(row, 'linkinfo');
    const master = textOf(member(row, 'master'));
    if (master === undefined || member(info, 'info_slave_kind')?.value !== 'bridge') continue;
    const data = member(info, 'info_slave_data');
    ports.push({
      device: textOf(member(row, 'ifname')) ?? '',
      master,
      state: textOf(member(data, 'state')) ?? 'forwarding',
      hairpin: truthOf(member(data, 'hairpin')) ?? false,
      learning: truthOf(member(data, 'learning')) ?? true,
      flood: truthOf(member(data, 'flood')) ?? true,
      isolated: truthOf(member(data, 'isolated')) ?? false,
    });
  }
  return { value: ports, problems };
}

function plainPort(device: string, master: string): BridgePort {
  return {
    device,
    master,
    state: 'forwarding',
    hairpin: false,
    learning: true,
    flood: true,
    isolated: false,
  };
}
