/**
 * What dnsmasq answers to a DHCP message of a client (RFC 2131 §4.3; rfc2131.c dhcp_reply()).
 * Before it: the socket on port 67. After it: the answer's way back through the namespace.
 */
import {
  DHCP_MESSAGE,
  DHCP_OPTION,
  type Dhcp,
  type DhcpOption,
  dhcpOption,
} from '../../../packet/dhcp.ts';
import { get8, get32 } from '../../../packet/wire/bytes.ts';
import { type Origin } from '../../../text/problem.ts';
import {
  type Client,
  type Context,
  contextsFor,
  contextsOf,
  fixedAddress,
  holdsAddress,
  hostOf,
  isDynamic,
  leasedAddress,
  type ServedInterface,
  serves,
} from './client.ts';
import { holds, selectOptions } from './tags.ts';
import { type DhcpHost, type Dnsmasq } from './types.ts';

/** What becomes of a message. */
export type DhcpAnswer =
  | {
      readonly kind: 'answer';
      readonly message: Dhcp;
      /** To 255.255.255.255; else to the address that is given, at the client's MAC. */
      readonly broadcast: boolean;
      /** The line that decided the address. */
      readonly origin: Origin | null;
    }
  | { readonly kind: 'silent'; readonly why: string; readonly origin: Origin | null }
  /** An answer comes, but which address it gives is not determined by the files. */
  | { readonly kind: 'open'; readonly why: string; readonly origin: Origin | null };

const BROADCAST_FLAG = 0x8000;
/** RFC 2132 §9.11, §9.12: shares of the lease time after which a client renews and rebinds. */
const RENEWAL = 58;
const REBINDING = 59;
const PARAMETERS = 55;
const MESSAGE = 56;
const CLIENT_ID = 61;
const BROADCAST_ADDRESS = 28;

/** Answers one message that came in by an interface. */
export function answerDhcp(config: Dnsmasq, on: ServedInterface, request: Dhcp): DhcpAnswer {
  const silent = (why: string, origin: Origin | null = null): DhcpAnswer => {
    return { kind: 'silent', why, origin };
  };
  if (request.op !== 1) return silent('not a message of a client');
  if (!serves(config, on.name)) return silent(`DHCP is not served on ${on.name}`);
  // Simplification: messages of DHCP relays (giaddr) are not answered.
  if (request.relayAddress !== 0) return silent('the message came by a relay');
  const contexts = contextsOf(config, 4, on);
  if (contexts.length === 0) return silent(`no range holds an address of ${on.name}`);
  const client = clientOf(config, contexts, on, request);
  if (client.host?.ignore === true) return silent('the host is ignored', client.host.origin);
  const ignored = config.ignoreTags.find((tags) => holds(tags, client.tags));
  if (ignored !== undefined) return silent('clients with these tags are ignored');
  const usable = contextsFor(contexts, client);
  switch (messageType(request)) {
    case DHCP_MESSAGE.discover:
      return discover(config, usable, client, request);
    case DHCP_MESSAGE.request:
      return requested(config, usable, client, request);
    case DHCP_MESSAGE.inform:
      return inform(config, usable, client, request);
    default:
      return silent('this message is not answered');
  }
}

/** Option 53; 0 when absent (BOOTP). */
export function messageType(message: Dhcp): number {
  return get8(dhcpOption(message, DHCP_OPTION.messageType) ?? new Uint8Array(1), 0);
}

function clientOf(
  config: Dnsmasq,
  contexts: readonly Context[],
  on: ServedInterface,
  request: Dhcp,
): Client {
  const mac = macOf(request);
  const id = dhcpOption(request, CLIENT_ID);
  const clientId = id === null ? null : hexPairs(id);
  const host = hostOf(config, contexts, mac, clientId);
  const tags = new Set<string>([on.name, ...(host?.sets ?? [])]);
  if (host !== null) tags.add('known');
  for (const { kind, set, text } of config.matches) {
    if (kind === 'match' && matches(request, text)) tags.add(set);
    // Simplification: vendor and user classes and MAC patterns set tags by equality only.
    const option = kind === 'userclass' ? 77 : kind === 'vendorclass' ? 60 : null;
    const said = option === null ? null : dhcpOption(request, option);
    if (said !== null && new TextDecoder().decode(said).includes(text)) tags.add(set);
  }
  return { mac, clientId, tags, host };
}

/** `--dhcp-match=set:T,NUMBER[,VALUE]`: the option is there. */
function matches(request: Dhcp, text: string): boolean {
  const [name = ''] = text.split(',');
  const code = /^(?:option:)?(\d+)$/.exec(name)?.[1];
  return code !== undefined && dhcpOption(request, Number(code)) !== null;
}

/** The client's MAC. */
export function macOf({ clientHardware }: Dhcp): bigint {
  let mac = 0n;
  for (const byte of clientHardware.subarray(0, 6)) mac = (mac << 8n) | BigInt(byte);
  return mac;
}

function hexPairs(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function discover(
  config: Dnsmasq,
  contexts: readonly Context[],
  client: Client,
  request: Dhcp,
): DhcpAnswer {
  const given = addressFor(config, contexts, client);
  if (given === null) return nothingToGive(contexts);
  return give(config, given, client, request, DHCP_MESSAGE.offer);
}

interface Given {
  readonly context: Context;
  readonly address: { readonly version: 4 | 6; readonly value: bigint };
}

function addressFor(
  config: Dnsmasq,
  contexts: readonly Context[],
  { host, mac }: Client,
): Given | null {
  return fixedAddress(contexts, host) ?? leasedAddress(contexts, config.leases, mac);
}

function nothingToGive(contexts: readonly Context[]): DhcpAnswer {
  const dynamic = contexts.find(isDynamic);
  if (dynamic !== undefined) {
    const { origin } = dynamic.range;
    return { kind: 'open', why: 'any free address of the range', origin };
  }
  const origin = contexts[0]?.range.origin ?? null;
  return { kind: 'silent', why: 'no address available: the host file has no such MAC', origin };
}

/** RFC 2131 §4.3.2: after an offer (server id), after a reboot (requested), when renewing. */
function requested(
  config: Dnsmasq,
  contexts: readonly Context[],
  client: Client,
  request: Dhcp,
): DhcpAnswer {
  const server = dhcpOption(request, DHCP_OPTION.serverId);
  const mine = contexts.find(
    ({ local }) => server !== null && BigInt(get32(server, 0)) === local.value,
  );
  if (server !== null && mine === undefined) {
    return { kind: 'silent', why: 'the client chose another server', origin: null };
  }
  const option = dhcpOption(request, DHCP_OPTION.requestedAddress);
  const wanted = BigInt(option === null ? request.clientAddress : get32(option, 0));
  // After a reboot, or to renew: only for leases that are known (RFC 2131 §4.3.2, INIT-REBOOT).
  const isKnown = config.leases.some(({ mac }) => mac === client.mac);
  if (server === null && !config.authoritative && !isKnown) {
    return { kind: 'silent', why: 'an unknown lease, and not authoritative', origin: null };
  }
  const given = addressFor(config, contexts, client);
  if (given?.address.value === wanted) {
    return give(config, given, client, request, DHCP_MESSAGE.ack);
  }
  if (given === null && contexts.some(isDynamic)) return nothingToGive(contexts);
  const near = contexts.some((one) => holdsAddress(one, { version: 4, value: wanted }));
  return refuse(contexts, request, near ? 'address not available' : 'wrong network');
}

/** A DHCPNAK is always broadcast (RFC 2131 §4.3.2). */
function refuse(contexts: readonly Context[], request: Dhcp, why: string): DhcpAnswer {
  const [first] = contexts;
  const local = Number(first?.local.value ?? 0n);
  const options = [
    type(DHCP_MESSAGE.nak),
    word(DHCP_OPTION.serverId, local),
    { code: MESSAGE, data: new TextEncoder().encode(why) },
  ];
  const message = { ...reply(request), options };
  return { kind: 'answer', message, broadcast: true, origin: first?.range.origin ?? null };
}

/** Settings without an address, for a client that has one (RFC 2131 §3.4). */
function inform(
  config: Dnsmasq,
  contexts: readonly Context[],
  client: Client,
  request: Dhcp,
): DhcpAnswer {
  const [context] = contexts;
  if (context === undefined) return nothingToGive(contexts);
  const address = { version: 4, value: BigInt(request.clientAddress) } as const;
  const options = [
    type(DHCP_MESSAGE.ack),
    word(DHCP_OPTION.serverId, Number(context.local.value)),
    ...settings(config, { context, address }, client, request),
  ];
  const message = { ...reply(request), options };
  return { kind: 'answer', message, broadcast: false, origin: context.range.origin };
}

function give(
  config: Dnsmasq,
  given: Given,
  client: Client,
  request: Dhcp,
  messageCode: number,
): DhcpAnswer {
  const { context, address } = given;
  const server = Number(context.local.value);
  const lease_s = leaseTime(context, client.host);
  const times =
    lease_s === null
      ? []
      : [word(RENEWAL, Math.floor(lease_s / 2)), word(REBINDING, Math.floor((lease_s * 7) / 8))];
  const message: Dhcp = {
    ...reply(request),
    yourAddress: Number(address.value),
    serverAddress: server,
    options: [
      type(messageCode),
      word(DHCP_OPTION.serverId, server),
      word(DHCP_OPTION.leaseTime, lease_s ?? 0xffff_ffff),
      ...times,
      ...settings(config, given, client, request),
    ],
  };
  const all = new Set([...client.tags, ...(context.range.set === null ? [] : [context.range.set])]);
  const forced = config.broadcastTags.some((tags) => holds(tags, all));
  const broadcast = forced || (request.flags & BROADCAST_FLAG) !== 0;
  const origin = client.host?.origin ?? context.range.origin;
  return { kind: 'answer', message, broadcast, origin };
}

function leaseTime({ range }: Context, host: DhcpHost | null): number | null {
  const own = host?.lease_s;
  return own === undefined ? range.lease_s : own;
}

/** What the client asked for (option 55) and what is forced (rfc2131.c do_options()). */
function settings(
  config: Dnsmasq,
  { context }: Given,
  client: Client,
  request: Dhcp,
): readonly DhcpOption[] {
  const { range, local, prefixLength } = context;
  const tags = new Set([...client.tags, ...(range.set === null ? [] : [range.set])]);
  const chosen = selectOptions(config.options, 4, tags);
  const list = dhcpOption(request, PARAMETERS);
  const asked = (code: number): boolean => list === null || list.includes(code);
  const made: DhcpOption[] = [];
  const usual = (code: number, data: Uint8Array | null): void => {
    if (data !== null && asked(code) && !chosen.has(code)) made.push({ code, data });
  };
  const own = Number(local.value);
  const mask = (0xffff_ffff << (32 - prefixLength)) >>> 0;
  const wide = range.broadcast === null ? (own | ~mask) >>> 0 : Number(range.broadcast.value);
  // Netmask and broadcast address are sent to everybody, asked for or not.
  const always = (code: number, data: Uint8Array): void => {
    if (!chosen.has(code)) made.push({ code, data });
  };
  always(DHCP_OPTION.subnetMask, bytes32(prefixLength === 0 ? 0 : mask));
  always(BROADCAST_ADDRESS, bytes32(wide));
  usual(DHCP_OPTION.router, bytes32(own));
  usual(DHCP_OPTION.dnsServer, config.dnsPort === 53 ? bytes32(own) : null);
  usual(DHCP_OPTION.domainName, textBytes(config.domain));
  usual(DHCP_OPTION.hostName, textBytes(client.host?.name?.split('.')[0] ?? null));
  for (const { code, data, own: places, force } of chosen.values()) {
    // An option without a value says that it must not be sent.
    if (data.length === 0 || !(force || asked(code))) continue;
    made.push({ code, data: withOwn(data, places, own) });
  }
  return made;
}

/** 0.0.0.0 in an option's value is the server's own address. */
function withOwn(data: Uint8Array, places: readonly number[], own: number): Uint8Array {
  if (places.length === 0) return data;
  const filled = Uint8Array.from(data);
  for (const at of places) filled.set(bytes32(own), at);
  return filled;
}

function reply(request: Dhcp): Dhcp {
  return {
    ...request,
    op: 2,
    hops: 0,
    elapsed_s: 0,
    yourAddress: 0,
    serverAddress: 0,
    serverName: new Uint8Array(64),
    bootFile: new Uint8Array(128),
    options: [],
    rest: new Uint8Array(0),
  };
}

function type(value: number): DhcpOption {
  return { code: DHCP_OPTION.messageType, data: Uint8Array.of(value) };
}

function word(code: number, value: number): DhcpOption {
  return { code, data: bytes32(value) };
}

function bytes32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function textBytes(text: string | null): Uint8Array | null {
  return text === null || text === '' ? null : new TextEncoder().encode(text);
}
