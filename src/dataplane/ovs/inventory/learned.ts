/** What a bridge learned, as `ovs-appctl fdb/show BRIDGE` prints it. */
import { readMac } from '../../../text/address-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { RESERVED_PORTS } from '../types/flow.ts';
import { type FdbEntry } from '../types/switch.ts';

/** ` port  VLAN  MAC                Age`, then a line per address. */
export function readFdb(file: string, text: string): Parsed<readonly FdbEntry[]> {
  const lines = linesOf(file, text);
  const entries: FdbEntry[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || /^\s*port\s+VLAN/i.test(line)) continue;
    const [port = '', vlan = '', macText = '', age = ''] = line.trim().split(/\s+/);
    const mac = readMac(macText);
    const number = port === 'LOCAL' ? RESERVED_PORTS.LOCAL : Number(port);
    if (mac === undefined || !Number.isInteger(number) || !/^\d+$/.test(vlan)) {
      complain(lines, i, line.trim(), 'This is no line of `fdb/show`');
      continue;
    }
    entries.push({
      port: number,
      vlan: Number(vlan),
      mac,
      age_s: /^\d+$/.test(age) ? Number(age) : 'static',
    });
  }
  return { value: entries, problems: lines.problems };
}
