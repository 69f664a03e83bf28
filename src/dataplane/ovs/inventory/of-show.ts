/**
 * `ovs-ofctl show` and `dump-ports-desc`, OpenFlow 1.0 to 1.5: which number, name, MAC and
 * state each port has (ovs `lib/ofp-print.c ofp_print_phy_port()`).
 */
import { readMac } from '../../../text/address-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { RESERVED_PORTS } from '../types/flow.ts';

export interface ShownPorts {
  /** `0000222ac1aba444`; '' for a ports description. */
  datapathId: string;
  readonly ports: ShownOpenFlowPort[];
}

export interface ShownOpenFlowPort {
  readonly ofport: number;
  readonly name: string;
  readonly mac: bigint;
  /** `PORT_DOWN`, `NO_FLOOD`… */
  config: readonly string[];
  /** `LINK_DOWN`, `LIVE`, `BLOCKED`, or STP states. */
  state: readonly string[];
}

const PORT = /^\s*(LOCAL|\d+|0x[0-9a-f]+)(?:\((.+)\))?: (?:addr|ethernet): ?([0-9a-f:]+)/;

const KNOWN = ['config', 'state', 'current', 'advertised', 'supported', 'speed', 'peer'];

const HEADINGS =
  /^(OFPT_|OFPST_|NXT_|n_tables|n_buffers|capabilities|actions|queue|frags|miss_send_len)/;

export function readOpenFlowPorts(file: string, text: string): Parsed<ShownPorts> {
  const lines = linesOf(file, text);
  const shown: ShownPorts = { datapathId: '', ports: [] };
  for (const [i, line] of lines.lines.entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const port = PORT.exec(line);
    const [, key = '', rest = ''] = /^(\w+):\s*(.*)$/.exec(trimmed) ?? [];
    const last = shown.ports.at(-1);
    if (port !== null) {
      const mac = readMac(port[3] ?? '');
      if (mac === undefined) complain(lines, i, port[3] ?? '', 'This is not a MAC address');
      shown.ports.push({
        ofport: port[1] === 'LOCAL' ? RESERVED_PORTS.LOCAL : Number(port[1]),
        name: port[2] ?? port[1] ?? '',
        mac: mac ?? 0n,
        config: [],
        state: [],
      });
    } else if (/^OFPT_FEATURES_REPLY/.test(trimmed)) {
      shown.datapathId = /dpid:([0-9a-f]+)/.exec(trimmed)?.[1] ?? '';
    } else if (HEADINGS.test(trimmed)) continue;
    else if (last === undefined || !KNOWN.includes(key)) {
      complain(lines, i, key === '' ? trimmed : key, 'This is no line of `ovs-ofctl show`', KNOWN);
    } else if (key === 'config') last.config = flagsOf(rest);
    else if (key === 'state') last.state = flagsOf(rest);
  }
  return { value: shown, problems: lines.problems };
}

function flagsOf(text: string): readonly string[] {
  return text === '0' ? [] : text.split(/\s+/).filter((word) => word !== '');
}
