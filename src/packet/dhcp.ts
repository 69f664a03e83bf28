/**
 * DHCP for IPv4 (RFC 2131, options RFC 2132) as far as a trace needs it: who asks, what was given.
 * It is the payload of UDP ports 67 and 68.
 */
import { type Parsed, type Problem } from '../text/problem.ts';
import { formatIpv4Number } from './addresses.ts';
import { get8, get16, get32, NO_BYTES, put16, put32, slice, toHex } from './wire/bytes.ts';

export interface DhcpOption {
  readonly code: number;
  readonly data: Uint8Array;
}

export interface Dhcp {
  /** 1: from a client, 2: from a server. */
  readonly op: number;
  readonly hardwareType: number;
  readonly hardwareLength: number;
  readonly hops: number;
  readonly transaction: number;
  readonly elapsed_s: number;
  /** 0x8000: answer by broadcast. */
  readonly flags: number;
  readonly clientAddress: number;
  readonly yourAddress: number;
  readonly serverAddress: number;
  readonly relayAddress: number;
  /** Sixteen bytes, the client's MAC address first. */
  readonly clientHardware: Uint8Array;
  /** Sixty-four bytes. */
  readonly serverName: Uint8Array;
  /** 128 bytes. */
  readonly bootFile: Uint8Array;
  readonly options: readonly DhcpOption[];
  /** Bytes behind the end option: padding. */
  readonly rest: Uint8Array;
}

export const DHCP_PORT = { server: 67, client: 68 } as const;

export const DHCP_OPTION = {
  subnetMask: 1,
  router: 3,
  dnsServer: 6,
  hostName: 12,
  domainName: 15,
  mtu: 26,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverId: 54,
  classlessRoutes: 121,
} as const;

/** Values of option 53 (RFC 2132 §9.6). */
export const DHCP_MESSAGE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

const FIXED_LENGTH = 236;
const COOKIE = 0x6382_5363;
const END = 255;

/** A message; null with a problem when the bytes are not DHCP. */
export function parseDhcp(bytes: Uint8Array, file = 'frame', line = 1): Parsed<Dhcp | null> {
  const problem = (message: string, at: number): readonly Problem[] => [
    { file, line, column: at + 1, text: toHex(bytes.subarray(at, at + 16)), message },
  ];
  if (bytes.length < FIXED_LENGTH + 4)
    return { value: null, problems: problem('DHCP message cut short', 0) };
  if (get32(bytes, FIXED_LENGTH) !== COOKIE) {
    return { value: null, problems: problem('no DHCP magic cookie', FIXED_LENGTH) };
  }
  const { options, end } = parseOptions(bytes, FIXED_LENGTH + 4);
  const isWhole = end > 0;
  return {
    value: {
      op: get8(bytes, 0),
      hardwareType: get8(bytes, 1),
      hardwareLength: get8(bytes, 2),
      hops: get8(bytes, 3),
      transaction: get32(bytes, 4),
      elapsed_s: get16(bytes, 8),
      flags: get16(bytes, 10),
      clientAddress: get32(bytes, 12),
      yourAddress: get32(bytes, 16),
      serverAddress: get32(bytes, 20),
      relayAddress: get32(bytes, 24),
      clientHardware: slice(bytes, 28, 44),
      serverName: slice(bytes, 44, 108),
      bootFile: slice(bytes, 108, FIXED_LENGTH),
      options,
      rest: isWhole ? slice(bytes, end, bytes.length) : NO_BYTES,
    },
    problems: isWhole ? [] : problem('DHCP options without an end', FIXED_LENGTH + 4),
  };
}

/** The options up to the end option; `end` is 0 when there is none. */
function parseOptions(bytes: Uint8Array, start: number): { options: DhcpOption[]; end: number } {
  const options: DhcpOption[] = [];
  for (let at = start; at < bytes.length; ) {
    const code = get8(bytes, at);
    if (code === END) return { options, end: at + 1 };
    if (code === 0) {
      options.push({ code, data: NO_BYTES });
      at++;
      continue;
    }
    if (at + 2 > bytes.length || at + 2 + get8(bytes, at + 1) > bytes.length) break;
    const next = at + 2 + get8(bytes, at + 1);
    options.push({ code, data: slice(bytes, at + 2, next) });
    at = next;
  }
  return { options, end: 0 };
}

/** The bytes of a message. An option holds at most 255 bytes; longer ones are split (RFC 3396). */
export function emitDhcp(message: Dhcp): Uint8Array {
  const options = message.options.flatMap(pieces);
  const length = options.reduce(
    (sum, { code, data }) => sum + (code === 0 ? 1 : 2 + data.length),
    0,
  );
  const out = new Uint8Array(FIXED_LENGTH + 4 + length + 1 + message.rest.length);
  out.set([message.op, message.hardwareType, message.hardwareLength, message.hops]);
  put32(out, 4, message.transaction);
  put16(out, 8, message.elapsed_s);
  put16(out, 10, message.flags);
  put32(out, 12, message.clientAddress);
  put32(out, 16, message.yourAddress);
  put32(out, 20, message.serverAddress);
  put32(out, 24, message.relayAddress);
  out.set(message.clientHardware.subarray(0, 16), 28);
  out.set(message.serverName.subarray(0, 64), 44);
  out.set(message.bootFile.subarray(0, 128), 108);
  put32(out, FIXED_LENGTH, COOKIE);
  let at = FIXED_LENGTH + 4;
  for (const { code, data } of options) {
    out[at++] = code;
    if (code === 0) continue;
    out[at++] = data.length;
    out.set(data, at);
    at += data.length;
  }
  out[at] = END;
  out.set(message.rest, at + 1);
  return out;
}

function pieces(option: DhcpOption): readonly DhcpOption[] {
  const parts: DhcpOption[] = [];
  for (let at = 0; at === 0 || at < option.data.length; at += 255) {
    parts.push({ code: option.code, data: option.data.subarray(at, at + 255) });
  }
  return parts;
}

/** The data of an option, its pieces put together (RFC 3396); null when it is absent. */
export function dhcpOption(message: Dhcp, code: number): Uint8Array | null {
  const found = message.options.filter((option) => option.code === code);
  const [first] = found;
  if (first === undefined || found.length === 1) return first?.data ?? null;
  return Uint8Array.from(found.flatMap(({ data }) => [...data]));
}

/** A route of option 121: the destination prefix and the router, both as 32-bit numbers. */
export interface ClasslessRoute {
  readonly destination: number;
  readonly length: number;
  readonly router: number;
}

/** Option 121 (RFC 3442): prefix length, its significant bytes, router. Null when malformed. */
export function parseClasslessRoutes(data: Uint8Array): readonly ClasslessRoute[] | null {
  const routes: ClasslessRoute[] = [];
  for (let at = 0; at < data.length; ) {
    const length = get8(data, at);
    const significant = Math.ceil(length / 8);
    const next = at + 1 + significant + 4;
    if (length > 32 || next > data.length) return null;
    let destination = 0;
    for (let i = 0; i < 4; i++) {
      destination = destination * 256 + (i < significant ? get8(data, at + 1 + i) : 0);
    }
    routes.push({ destination, length, router: get32(data, at + 1 + significant) });
    at = next;
  }
  return routes;
}

export function emitClasslessRoutes(routes: readonly ClasslessRoute[]): Uint8Array {
  const bytes: number[] = [];
  for (const { destination, length, router } of routes) {
    bytes.push(length);
    for (let i = 0; i < Math.ceil(length / 8); i++)
      bytes.push((destination >>> (24 - 8 * i)) & 255);
    for (let i = 0; i < 4; i++) bytes.push((router >>> (24 - 8 * i)) & 255);
  }
  return Uint8Array.from(bytes);
}

/** How an option's data is shown: `3 router 10.0.0.1`. */
interface OptionRow {
  readonly name: string;
  readonly show: (data: Uint8Array) => string | null;
}

const decoder = new TextDecoder();

function addresses(data: Uint8Array): string | null {
  if (data.length === 0 || data.length % 4 !== 0) return null;
  const count = data.length / 4;
  return Array.from({ length: count }, (_, i) => formatIpv4Number(get32(data, 4 * i))).join(',');
}

function routesText(data: Uint8Array): string | null {
  const routes = parseClasslessRoutes(data);
  return (
    routes
      ?.map(({ destination, length, router }) => {
        return `${formatIpv4Number(destination)}/${length} via ${formatIpv4Number(router)}`;
      })
      .join(', ') ?? null
  );
}

const messageNames: ReadonlyMap<number, string> = new Map(
  Object.entries(DHCP_MESSAGE).map(([name, value]) => [value, name]),
);

const number16 = (data: Uint8Array) => (data.length === 2 ? String(get16(data, 0)) : null);
const number32 = (data: Uint8Array) => (data.length === 4 ? String(get32(data, 0)) : null);
const text = (data: Uint8Array) => decoder.decode(data);
const messageName = (data: Uint8Array) =>
  data.length === 1 ? (messageNames.get(get8(data, 0)) ?? null) : null;

const OPTION_ROWS: ReadonlyMap<number, OptionRow> = new Map<number, OptionRow>([
  [DHCP_OPTION.subnetMask, { name: 'netmask', show: addresses }],
  [DHCP_OPTION.router, { name: 'router', show: addresses }],
  [DHCP_OPTION.dnsServer, { name: 'dns-server', show: addresses }],
  [DHCP_OPTION.hostName, { name: 'hostname', show: text }],
  [DHCP_OPTION.domainName, { name: 'domain-name', show: text }],
  [DHCP_OPTION.mtu, { name: 'mtu', show: number16 }],
  [DHCP_OPTION.requestedAddress, { name: 'requested-address', show: addresses }],
  [DHCP_OPTION.leaseTime, { name: 'lease-time', show: number32 }],
  [DHCP_OPTION.messageType, { name: 'message-type', show: messageName }],
  [DHCP_OPTION.serverId, { name: 'server-identifier', show: addresses }],
  [DHCP_OPTION.classlessRoutes, { name: 'classless-static-route', show: routesText }],
]);

/** One option as text, names as dnsmasq spells them; unknown or malformed data in hexadecimal. */
export function formatDhcpOption({ code, data }: DhcpOption): string {
  const row = OPTION_ROWS.get(code);
  return `${code} ${row?.name ?? 'option'} ${row?.show(data) ?? toHex(data)}`;
}
