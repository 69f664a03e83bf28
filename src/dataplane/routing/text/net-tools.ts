/**
 * The outputs of net-tools, which older hosts and their descriptions show: `ifconfig -a`,
 * `route -n` (also `netstat -rn`), `arp -n`, `netstat -lnp`. They say less than `ip` does: no peers, no kinds,
 * no policy rules; what they say is read into the same types.
 */
import { readIp, readMac } from '../../../text/address-text.ts';
import { complain, type Lines, linesOf } from '../../../text/lines.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import {
  type InterfaceAddress,
  type Neighbour,
  type NextHop,
  ROUTE_TABLES,
  type Route,
  type Socket,
} from '../types.ts';
import { type InterfaceDraft, scopeOf } from './interface-draft.ts';

type Mutable = { -readonly [K in keyof InterfaceDraft]: InterfaceDraft[K] } & {
  addresses: InterfaceAddress[];
};

/** `eth0: flags=4163<UP,…> mtu 1500` and, before net-tools 1.60, `eth0 Link encap:Ethernet`. */
const HEAD = /^([^\s:]+(?::\d+)?):? +(?:flags=\d+<([A-Z,]*)> +mtu (\d+)|Link encap:(.*))/;

/** Whether this is the output of ifconfig and not of ip. */
export function isIfconfig(text: string): boolean {
  return text.split('\n').some((line) => HEAD.test(line));
}

/** Lines that count packets or name hardware; nothing there says where packets go. */
const SILENT = /^(RX|TX|collisions|Interrupt|Memory|device|unspec|loop|Base|sit|tunnel|\[NO)/;

/** `ifconfig [-a]`. */
export function interfacesOfIfconfig(
  file: string,
  text: string,
  problems: Problem[],
): readonly InterfaceDraft[] {
  const lines = linesOf(file, text);
  const found: Mutable[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const head = HEAD.exec(line);
    if (head !== null) {
      // `eth0:1` is another address of eth0.
      const name = (head[1] ?? '').replace(/:\d+$/, '');
      const same = found.find((each) => each.name === name);
      const current = same ?? interfaceNamed(name, found.length + 1);
      if (same === undefined) found.push(current);
      else found.push(...found.splice(found.indexOf(current), 1));
      flagsOf(current, head[2] ?? '');
      if (head[3] !== undefined) current.mtu = Number(head[3]);
      hardwareOf(lines, i, head[4] ?? '', current);
      continue;
    }
    const current = found.at(-1);
    if (current === undefined) complain(lines, i, line, 'This is no line of ifconfig');
    else readDetail(lines, i, line.trim(), current);
  }
  problems.push(...lines.problems);
  return found;
}

function interfaceNamed(name: string, index: number): Mutable {
  return {
    name,
    index,
    mac: 0n,
    mtu: 1500,
    up: false,
    running: false,
    loopback: name === 'lo',
    promiscuous: false,
    kind: '',
    master: null,
    linkIndex: null,
    linkName: null,
    linkNamespace: null,
    addresses: [],
    details: {},
  };
}

function flagsOf(to: Mutable, words: string): void {
  const flags = words.split(/[\s,]+/);
  to.up ||= flags.includes('UP');
  to.running ||= flags.includes('RUNNING');
  to.loopback ||= flags.includes('LOOPBACK');
  to.promiscuous ||= flags.includes('PROMISC');
}

function hardwareOf(lines: Lines, i: number, words: string, to: Mutable): void {
  const mac = /HWaddr (\S+)/.exec(words)?.[1];
  if (mac === undefined) return;
  const value = readMac(mac);
  if (value === undefined) complain(lines, i, mac, 'This is not a MAC address');
  to.mac = value ?? 0n;
}

function readDetail(lines: Lines, i: number, line: string, to: Mutable): void {
  const [first = '', second = ''] = line.split(/\s+/);
  const four = /^inet (?:addr:)?(\S+)/.exec(line);
  const six = /^inet6 (?:addr: ?)?([0-9a-f:.]+)(?:\/(\d+)| +prefixlen (\d+))/i.exec(line);
  if (four !== null) {
    const mask = /(?:netmask |Mask:)(\S+)/.exec(line)?.[1] ?? '255.255.255.255';
    address(lines, i, four[1] ?? '', maskLength(mask), 'global', to);
  } else if (six !== null) {
    const scope = (/scopeid \S+<(\w+)>|Scope:(\w+)/.exec(line) ?? []).slice(1).find(Boolean);
    address(
      lines,
      i,
      six[1] ?? '',
      Number(six[2] ?? six[3]),
      (scope ?? 'global').toLowerCase(),
      to,
    );
  } else if (first === 'ether') {
    to.mac = readMac(second) ?? 0n;
    if (readMac(second) === undefined) complain(lines, i, second, 'This is not a MAC address');
  } else if (/\bMTU:\d+/.test(line)) {
    flagsOf(to, line);
    to.mtu = Number(/\bMTU:(\d+)/.exec(line)?.[1]);
  } else if (!SILENT.test(line)) complain(lines, i, first, 'This detail of ifconfig is not known');
}

function address(
  lines: Lines,
  i: number,
  word: string,
  length: number | null,
  scope: string,
  to: Mutable,
): void {
  const value = readIp(word);
  if (value === undefined || length === null || Number.isNaN(length)) {
    complain(lines, i, word, 'This is not an address with its mask');
    return;
  }
  to.addresses.push({
    address: value,
    length,
    peer: null,
    scope: scopeOf(to.loopback ? 'host' : scope),
    secondary: false,
    deprecated: false,
    tentative: false,
  });
}

/** The prefix length of `255.255.255.0`; null when it is no such mask. */
function maskLength(mask: string): number | null {
  const value = readIp(mask);
  if (value === undefined || value.version !== 4) return null;
  const bits = value.value.toString(2).padStart(32, '0');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : null;
}

const ROUTE_HEAD = /^\s*Destination\s+Gateway\s+(Genmask|Flags)/m;

/** Whether this is the output of `route -n` and not of `ip route`. */
export function isRouteTable(text: string): boolean {
  return ROUTE_HEAD.test(text);
}

/** `route -n`, `netstat -rn`: the main table of IPv4. */
export function routesOfTable(file: string, text: string): Parsed<readonly Route[]> {
  const lines = linesOf(file, text);
  const routes: Route[] = [];
  for (const [i, line] of lines.lines.entries()) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === '' || /^(#|Kernel|Destination)/.test(line.trim())) continue;
    const [to = '', via = '', mask = '', flags = ''] = words;
    // `netstat -rn` has MSS, Window and irtt where `route -n` has Metric, Ref and Use.
    const metric = words.length === 8 && /^\d+$/.test(words[4] ?? '') ? Number(words[4]) : 0;
    const destination = readIp(to === 'default' ? '0.0.0.0' : to);
    const gateway = readIp(via === '*' ? '0.0.0.0' : via);
    const length = maskLength(mask);
    if (destination === undefined || gateway === undefined || length === null || words.length < 5) {
      complain(lines, i, to, 'This is no line of `route -n`');
      continue;
    }
    const hop: NextHop = {
      gateway: gateway.value === 0n ? null : gateway,
      device: words.at(-1) ?? '',
      weight: 1,
      onLink: false,
      dead: !flags.includes('U'),
    };
    routes.push({
      version: 4,
      prefix: length === 0 ? null : { address: destination, length },
      type: flags.includes('!') ? 'unreachable' : 'unicast',
      table: ROUTE_TABLES['main'] ?? 254,
      metric,
      source: null,
      scope: gateway.value === 0n ? 'link' : 'global',
      hops: flags.includes('!') ? [] : [hop],
      mtu: null,
      origin: { file, line: i + 1 },
    });
  }
  return { value: routes, problems: lines.problems };
}

/** `arp -n`. */
export function isArpTable(text: string): boolean {
  return /^Address\s+HWtype\s+HWaddress/m.test(text);
}

/** Neighbours of `arp -n`; whether they still answer it does not say. */
export function neighboursOfTable(file: string, text: string): Parsed<readonly Neighbour[]> {
  const lines = linesOf(file, text);
  const found: Neighbour[] = [];
  for (const [i, line] of lines.lines.entries()) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === '' || /^(#|Address)/.test(line)) continue;
    const address = readIp(words[0] ?? '');
    const missing = line.includes('(incomplete)');
    const mac = missing ? undefined : readMac(words[2] ?? '');
    if (address === undefined || (mac === undefined && !missing)) {
      complain(lines, i, words[0] ?? '', 'This is no line of `arp -n`');
      continue;
    }
    const state = missing
      ? 'incomplete'
      : words.slice(3).join('').includes('M')
        ? 'permanent'
        : 'stale';
    found.push({ address, device: words.at(-1) ?? '', mac: mac ?? null, state, router: false });
  }
  return { value: found, problems: lines.problems };
}

/** Whether this is the output of `netstat -lnp` and not of ss. */
export function isNetstat(text: string): boolean {
  return /^(tcp|udp|raw)6?\s+(\d+\s+\d+\s+)?\S+:(\d+|\*)\s/m.test(text) && !/^Netid/m.test(text);
}

/** `netstat -lntup`: sockets that receive from anybody. */
export function socketsOfNetstat(file: string, text: string): Parsed<readonly Socket[]> {
  const lines = linesOf(file, text);
  const sockets: Socket[] = [];
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || /^(#|Active|Proto|unix)/.test(line)) continue;
    const found = /^(tcp|udp|raw)(6?)\s+(?:\d+\s+\d+\s+)?(\S+):(\d+|\*)\s+(.*)$/.exec(line);
    const local = found?.[3] ?? '';
    const address = readIp(local);
    if (found === null || address === undefined) {
      complain(lines, i, line.split(/\s+/)[0] ?? '', 'This is no line of `netstat -lnp`');
      continue;
    }
    const [, protocol = 'tcp', six, , port = '0', rest = ''] = found;
    if (protocol === 'tcp' && !/\bLISTEN\b/.test(rest)) continue;
    const everywhere = address.value === 0n;
    sockets.push({
      protocol: protocol as 'tcp' | 'udp' | 'raw',
      address: everywhere ? null : address,
      // A socket on :: hears IPv4 as well (net.ipv6.bindv6only = 0).
      version: everywhere && six === '6' ? null : address.version,
      port: port === '*' ? 0 : Number(port),
      device: null,
      process: /\d+\/(\S+)/.exec(rest)?.[1] ?? '',
    });
  }
  return { value: sockets, problems: lines.problems };
}
