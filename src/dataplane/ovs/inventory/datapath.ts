/**
 * The datapath's ports (`dpif/show`, `dpctl/show`): which OpenFlow port has which number there,
 * and which kind of datapath it is.
 */
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { optionsOf } from './vsctl-show.ts';

export interface DatapathPort {
  readonly bridge: string;
  readonly name: string;
  /** null in `dpctl/show`. */
  readonly ofport: number | null;
  /** null for patch ports, which have no port in the datapath. */
  readonly number: number | null;
  /** `tap`, `internal`, `patch`, `vxlan`, `system`; '' when not printed. */
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface Datapath {
  /** `netdev` (userspace) or `system` (kernel). */
  readonly type: string;
  readonly name: string;
  readonly ports: readonly DatapathPort[];
}

const PORT_SHOW = /^\s+(\S+) (\d+)\/(none|\d+):(?: \(([\w-]+)(?:: (.*))?\))?$/;
const PORT_CTL =
  /^(?:, could not retrieve stats \(.*\))?\s+port (\d+): (\S+)(?: \(([\w-]+)(?:: (.*))?\))?$/;
const STATISTICS = /^\s+(lookups|flows|masks|cache|missed|RX|TX|collisions|hit|overruns)\b/;

/** `ovs-appctl dpif/show` or `dpctl/show`; both may print several datapaths. */
export function readDatapaths(file: string, text: string): Parsed<readonly Datapath[]> {
  const lines = linesOf(file, text);
  const found: { type: string; name: string; ports: DatapathPort[] }[] = [];
  let bridge = '';
  for (const [i, line] of lines.lines.entries()) {
    const head = /^(\w+)@([^:\s]+):/.exec(line);
    const show = PORT_SHOW.exec(line);
    const ctl = PORT_CTL.exec(line);
    const ports = found.at(-1)?.ports;
    if (head !== null) {
      found.push({ type: head[1] ?? '', name: head[2] ?? '', ports: [] });
      bridge = '';
    } else if (ports !== undefined && show !== null) {
      const [, name = '', ofport, number, type = '', options = ''] = show;
      ports.push({
        bridge,
        name,
        ofport: Number(ofport),
        number: number === 'none' ? null : Number(number),
        type,
        options: optionsOf(options),
      });
    } else if (ports !== undefined && ctl !== null) {
      const [, number, name = '', type = '', options = ''] = ctl;
      ports.push({
        bridge: '',
        name,
        ofport: null,
        number: Number(number),
        type,
        options: optionsOf(options),
      });
    } else if (/^ {2}\S+:$/.test(line)) bridge = line.trim().slice(0, -1);
    else if (!STATISTICS.test(line) && !/^(\s*|, could not retrieve stats \(.*\))$/.test(line)) {
      complain(lines, i, line.trim(), 'This is no line of `dpif/show` or `dpctl/show`');
    }
  }
  return { value: found, problems: lines.problems };
}
