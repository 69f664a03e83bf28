/**
 * What native tunnelling of the userspace datapath knows: `tnl/neigh/show` (`tnl/arp/show`),
 * `ovs/route/show`, `tnl/ports/show`, `ofproto/list-tunnels`.
 */
import { readIp, readMac, readPrefix } from '../../../text/address-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type TunnelNeighbour, type TunnelRoute } from '../types/switch.ts';

export function readTunnelNeighbours(
  file: string,
  text: string,
): Parsed<readonly TunnelNeighbour[]> {
  const lines = linesOf(file, text);
  const found: TunnelNeighbour[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || /^(IP\s|=+$)/.test(line.trim())) continue;
    const [ip = '', macText = '', bridge = ''] = line.trim().split(/\s+/);
    const address = readIp(ip);
    const mac = readMac(macText);
    if (address === undefined || mac === undefined) {
      complain(lines, i, line.trim(), 'This is no line of `tnl/neigh/show`');
    } else {
      found.push({
        address: { version: address.version, address: address.value },
        mac,
        bridge,
      });
    }
  }
  return { value: found, problems: lines.problems };
}

/** `Cached: 10.0.0.0/24 MARK 1 dev br0 GW 10.0.0.1 SRC 10.0.0.2 local` (ovs-router.c). */
export function readTunnelRoutes(file: string, text: string): Parsed<readonly TunnelRoute[]> {
  const lines = linesOf(file, text);
  const found: TunnelRoute[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('Route Table')) continue;
    const row = /^(?:Cached|User): (\S+)(?: MARK (\d+))? dev (\S+)(.*)$/.exec(line.trim());
    const prefix = row === null ? undefined : readPrefix(row[1] ?? '');
    if (row === null || prefix === undefined) {
      complain(lines, i, line.trim(), 'This is no line of `ovs/route/show`');
      continue;
    }
    const rest = row[4] ?? '';
    found.push({
      prefix: { version: prefix.address.version, address: prefix.address.value },
      prefixLength: prefix.length,
      device: row[3] ?? '',
      gateway: endpointAfter('GW', rest),
      source: endpointAfter('SRC', rest),
      mark: Number(row[2] ?? 0),
    });
  }
  return { value: found, problems: lines.problems };
}

function endpointAfter(word: string, text: string): TunnelRoute['gateway'] {
  const address = readIp(new RegExp(`\\b${word} (\\S+)`).exec(text)?.[1] ?? '');
  return address === undefined ? null : { version: address.version, address: address.value };
}

/** One tunnel port of `ofproto/list-tunnels`. */
export interface ListedTunnel {
  readonly datapathPort: number;
  readonly name: string;
  readonly type: string;
  readonly local: string;
  readonly remote: string;
  readonly key: string;
}

/** `port 17: vxlan-ac1e (vxlan: 1.1.1.1->1.1.1.2, key=flow, …)` (ofproto/tunnel.c). */
export function readListedTunnels(file: string, text: string): Parsed<readonly ListedTunnel[]> {
  const lines = linesOf(file, text);
  const found: ListedTunnel[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '') continue;
    const row = /^port (\d+): (\S+) \((\w+): ([^,\s]+)->([^,\s]+), key=([^,\s)]+)/.exec(
      line.trim(),
    );
    if (row === null) {
      complain(lines, i, line.trim(), 'This is no line of `ofproto/list-tunnels`');
      continue;
    }
    const [, port, name = '', type = '', local = '', remote = '', key = ''] = row;
    found.push({ datapathPort: Number(port), name, type, local, remote, key });
  }
  return { value: found, problems: lines.problems };
}

/** A listener for tunnel packets of `tnl/ports/show`. */
export interface TunnelListener {
  readonly name: string;
  readonly datapathPort: number;
  /** The flow that packets for it match, in datapath notation. */
  readonly match: string;
}

export function readTunnelListeners(file: string, text: string): Parsed<readonly TunnelListener[]> {
  const lines = linesOf(file, text);
  const found: TunnelListener[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || /^Listening ports/.test(line)) continue;
    const row = /^(\S+) \((\d+)\)(?: : (.*)| ref_cnt=\d+)?$/.exec(line.trim());
    if (row === null) complain(lines, i, line.trim(), 'This is no line of `tnl/ports/show`');
    else found.push({ name: row[1] ?? '', datapathPort: Number(row[2]), match: row[3] ?? '' });
  }
  return { value: found, problems: lines.problems };
}
