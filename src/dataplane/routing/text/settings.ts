/** Kernel settings (`sysctl -a`) and listening sockets (`ss -lnp`) of a namespace. */
import { readIp } from '../../../text/address-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type Socket } from '../types.ts';
import { isNetstat, socketsOfNetstat } from './net-tools.ts';

/** `net.ipv4.ip_forward = 1`, or with slashes as in /proc/sys; refused keys are left out. */
export function readSysctls(file: string, text: string): Parsed<ReadonlyMap<string, string>> {
  const lines = linesOf(file, text);
  const settings = new Map<string, string>();
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('#') || line.startsWith('sysctl: ')) continue;
    const equals = line.indexOf('=');
    if (equals <= 0) {
      // Values of several lines (dev.cdrom.info) continue without a key, which nobody asks for.
      if (settings.size > 0 && /^\s/.test(line)) continue;
      complain(lines, i, line, 'A setting is written `name = value`');
      continue;
    }
    const name = line.slice(0, equals).trim();
    settings.set(
      name.includes('.') ? name : name.replaceAll('/', '.'),
      line.slice(equals + 1).trim(),
    );
  }
  return { value: settings, problems: lines.problems };
}

const STATES = new Set(['LISTEN', 'UNCONN', 'ESTAB', 'TIME-WAIT', 'CLOSE-WAIT', 'SYN-SENT']);

/** `ss -lntup` or `netstat -lntup`: sockets that receive from anybody. Connected sockets are left out. */
export function readSockets(file: string, text: string): Parsed<readonly Socket[]> {
  if (isNetstat(text)) return socketsOfNetstat(file, text);
  const lines = linesOf(file, text);
  const sockets: Socket[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('Netid') || /^\s/.test(line)) continue;
    const [protocol = '', state = '', , , local = '', , ...rest] = line.split(/\s+/);
    if (!STATES.has(state)) {
      complain(lines, i, state, 'This is not a state of a socket', STATES);
      continue;
    }
    if (state !== 'LISTEN' && state !== 'UNCONN') continue;
    const kind = kindOf(protocol);
    if (kind === undefined) continue;
    const at = placeOf(local);
    if (at === undefined) complain(lines, i, local, 'This is not an address and a port');
    else sockets.push({ protocol: kind, ...at, ...processOf(rest.join(' ')) });
  }
  return { value: sockets, problems: lines.problems };
}

function kindOf(word: string): Socket['protocol'] | undefined {
  if (word === 'tcp' || word === 'udp' || word === 'raw') return word;
  if (word === 'icmp6' || word === 'icmp') return 'icmp';
  return word.startsWith('u_') ? 'unix' : undefined;
}

/** `10.0.0.1%eth0:53`, `[::]:80`, `*:22` (both versions). */
function placeOf(
  text: string,
):
  | { address: Socket['address']; version: 4 | 6 | null; port: number; device: string | null }
  | undefined {
  const match = /^(\*|\[[^\]]*\]|[^\s%]*?)(?:%([^:\]]+))?:(\*|\d+|[a-z][\w-]*)$/.exec(text);
  if (match === null) return undefined;
  const [, host = '', zone, port = ''] = match;
  const inside = host.replace(/^\[|\]$/g, '');
  const [bare = '', innerZone] = inside.split('%');
  const device = zone ?? innerZone ?? null;
  const number = /^\d+$/.test(port) ? Number(port) : 0;
  if (bare === '*') return { address: null, version: null, port: number, device };
  const address = readIp(bare);
  if (address === undefined) return undefined;
  const everywhere = address.value === 0n;
  return { address: everywhere ? null : address, version: address.version, port: number, device };
}

/** `users:(("dnsmasq",pid=166,fd=4))`; a name alone when the id is not told. */
function processOf(text: string): Pick<Socket, 'process' | 'pid'> {
  const [, process = '', pid] = /users:\(\("([^"]*)"(?:,pid=(\d+))?/.exec(text) ?? [];
  return pid === undefined ? { process } : { process, pid: Number(pid) };
}
