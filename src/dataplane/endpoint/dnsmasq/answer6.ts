/**
 * What dnsmasq answers to a DHCPv6 message of a client (RFC 8415 §18.3; rfc3315.c). Before it:
 * the socket on port 547. After it: the answer's way back through the namespace.
 */
import {
  DHCP6_MESSAGE,
  DHCP6_OPTION,
  type Dhcp6,
  type Dhcp6Option,
} from '../../../packet/dhcp6.ts';
import { type Origin } from '../../../text/problem.ts';
import { type IpAddress } from '../../routing/types.ts';
import {
  type Client,
  type Context,
  contextsFor,
  contextsOf,
  fixedAddress,
  hostOf,
  isDynamic,
  type ServedInterface,
  serves,
} from './client.ts';
import { holds, selectOptions } from './tags.ts';
import { type Dnsmasq } from './types.ts';

/** What becomes of a message. */
export type Dhcp6Answer =
  | { readonly kind: 'answer'; readonly message: Dhcp6; readonly origin: Origin | null }
  | { readonly kind: 'silent'; readonly why: string; readonly origin: Origin | null }
  | { readonly kind: 'open'; readonly why: string; readonly origin: Origin | null };

const OPTION_REQUEST = 6;
const STATUS = 13;
/** RFC 8415 §21.23. */
const REFRESH_TIME = 32;
/** RFC 8415 §21.13. */
const STATUS_CODE = { noAddresses: 2 } as const;

/** Answers one message from the client with this MAC that came in by an interface. */
export function answerDhcp6(
  config: Dnsmasq,
  on: ServedInterface,
  mac: bigint,
  request: Dhcp6,
): Dhcp6Answer {
  const silent = (why: string, origin: Origin | null = null): Dhcp6Answer => {
    return { kind: 'silent', why, origin };
  };
  if (!serves(config, on.name)) return silent(`DHCP is not served on ${on.name}`);
  const contexts = contextsOf(config, 6, on);
  if (contexts.length === 0) return silent(`no range holds an address of ${on.name}`);
  const id = request.options.find(({ code }) => code === DHCP6_OPTION.clientId);
  const clientId = id === undefined ? null : pairs(id.data);
  const host = hostOf(config, contexts, mac, clientId);
  if (host?.ignore === true) return silent('the host is ignored', host.origin);
  const tags = new Set<string>([on.name, 'dhcpv6', ...(host?.sets ?? [])]);
  if (host !== null) tags.add('known');
  const client: Client = { mac, clientId, tags, host };
  if (config.ignoreTags.some((conditions) => holds(conditions, tags))) {
    return silent('clients with these tags are ignored');
  }
  const kind = answerType(request.type);
  if (kind === null) return silent('this message is not answered');
  return answered(config, contextsFor(contexts, client), client, request, kind);
}

function answerType(type: number): number | null {
  switch (type) {
    case DHCP6_MESSAGE.solicit:
      return DHCP6_MESSAGE.advertise;
    case DHCP6_MESSAGE.request:
    case DHCP6_MESSAGE.renew:
    case DHCP6_MESSAGE.rebind:
    case DHCP6_MESSAGE.confirm:
    case DHCP6_MESSAGE.informationRequest:
      return DHCP6_MESSAGE.reply;
    default:
      return null;
  }
}

function answered(
  config: Dnsmasq,
  contexts: readonly Context[],
  client: Client,
  request: Dhcp6,
  type: number,
): Dhcp6Answer {
  const stateless = request.type === DHCP6_MESSAGE.informationRequest;
  const given = fixedAddress(contexts, client.host);
  const context = given?.context ?? contexts[0];
  if (context === undefined) return { kind: 'silent', why: 'no range is for it', origin: null };
  if (given === null && !stateless && contexts.some(isDynamic)) {
    return { kind: 'open', why: 'any free address of the range', origin: context.range.origin };
  }
  const identity = request.options.filter(({ code }) => code === DHCP6_OPTION.clientId);
  const options: Dhcp6Option[] = [
    ...identity,
    { code: DHCP6_OPTION.serverId, data: serverId(context) },
  ];
  if (!stateless) {
    for (const { code, data } of request.options) {
      if (code !== DHCP6_OPTION.nonTemporaryAddresses) continue;
      options.push({ code, data: association(data, context, given?.address ?? null) });
    }
    if (given === null) options.push(status(STATUS_CODE.noAddresses));
  }
  // Who gets no address gets no settings either, unless he asked for nothing else.
  if (stateless || given !== null) options.push(...settings(config, context, client, request));
  if (stateless) {
    const time = Uint8Array.from(big(context.range.lease_s ?? 0xffff_ffff));
    options.push({ code: REFRESH_TIME, data: time });
  }
  const message = { type, transaction: request.transaction, options };
  return { kind: 'answer', message, origin: client.host?.origin ?? context.range.origin };
}

/** IA_NA (RFC 8415 §21.4): its id, T1, T2, and the address with its lifetimes (§21.6). */
function association(asked: Uint8Array, { range }: Context, address: IpAddress | null): Uint8Array {
  const time = range.lease_s ?? 0xffff_ffff;
  const head = [
    ...asked.subarray(0, 4),
    ...big(Math.floor(time / 2)),
    ...big(Math.floor((time * 7) / 8)),
  ];
  if (address === null) {
    const none = status(STATUS_CODE.noAddresses);
    return Uint8Array.from([...head, 0, none.code, 0, none.data.length, ...none.data]);
  }
  const value = [...bytes128(address.value), ...big(time), ...big(time)];
  return Uint8Array.from([...head, 0, DHCP6_OPTION.address, 0, value.length, ...value]);
}

function status(code: number): Dhcp6Option {
  return { code: STATUS, data: Uint8Array.of(0, code) };
}

/** DUID-LL (RFC 8415 §11.4) of the server's address: the real one stands in no file we have. */
function serverId({ local }: Context): Uint8Array {
  return Uint8Array.of(0, 3, 0, 1, ...bytes128(local.value).slice(10));
}

function settings(
  config: Dnsmasq,
  { range, local }: Context,
  client: Client,
  request: Dhcp6,
): readonly Dhcp6Option[] {
  const tags = new Set([...client.tags, ...(range.set === null ? [] : [range.set])]);
  const chosen = selectOptions(config.options, 6, tags);
  const asked = requestedOptions(request);
  const made: Dhcp6Option[] = [];
  const { dnsServers } = DHCP6_OPTION;
  if (!chosen.has(dnsServers) && asked.has(dnsServers) && config.dnsPort === 53) {
    made.push({ code: dnsServers, data: Uint8Array.from(bytes128(local.value)) });
  }
  for (const { code, data, force } of chosen.values()) {
    if (data.length > 0 && (force || asked.has(code))) made.push({ code, data });
  }
  return made;
}

/** Option 6 (RFC 8415 §21.7). */
function requestedOptions({ options }: Dhcp6): ReadonlySet<number> {
  const codes = new Set<number>();
  for (const { code, data } of options) {
    if (code !== OPTION_REQUEST) continue;
    for (let at = 0; at + 1 < data.length; at += 2) {
      codes.add((data[at] ?? 0) * 256 + (data[at + 1] ?? 0));
    }
  }
  return codes;
}

function pairs(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function big(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function bytes128(value: bigint): number[] {
  return Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(120 - 8 * i)) & 255n));
}
