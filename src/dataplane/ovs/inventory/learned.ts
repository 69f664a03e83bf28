/** What a bridge learned: `ovs-appctl fdb/show BRIDGE`; and `ovs-ofctl dump-tlv-map`. */
import { readMac } from '../../../text/address-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { RESERVED_PORTS } from '../types/flow.ts';
import { type FdbEntry, type TlvMapping } from '../types/switch.ts';

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

/** ` class  type  length  match field`, then a line per mapping. */
export function readTlvMap(file: string, text: string): Parsed<readonly TlvMapping[]> {
  const lines = linesOf(file, text);
  const mappings: TlvMapping[] = [];
  for (const [i, line] of lines.lines.entries()) {
    const row = /^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(\d+)\s+tun_metadata(\d+)/i.exec(line);
    if (row !== null) {
      mappings.push({
        index: Number(row[4]),
        optionClass: Number(row[1]),
        optionType: Number(row[2]),
        length: Number(row[3]),
      });
    } else if (!/^\s*$|^(NXT_|OFPT_)|^\s*(class|max|allocated|mapping|-+)/.test(line)) {
      complain(lines, i, line.trim(), 'This is no line of `dump-tlv-map`');
    }
  }
  return { value: mappings, problems: lines.problems };
}
