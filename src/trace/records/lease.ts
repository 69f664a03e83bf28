/** Records of guests that asked for an address: what they were given, setting by setting. */
import { type Network } from '../../dataplane/network.ts';
import { writeIp } from '../../text/address-text.ts';
import { SETTING_NAMES } from '../exchanges/lease.ts';
import { type ProbeRecord, parseAddress } from '../probe-record.ts';
import { predictionOf, type ReplayedProbe } from '../replay.ts';
import { type Trace, type TraceEnd } from '../types.ts';

/** The server that guests of a network ask, as far as the cloud names one. */
export function dhcpServerOf(
  network: Network,
  from: TraceEnd,
  protocol: 'dhcp' | 'dhcp6' | 'slaac',
): TraceEnd {
  const own = network.neutron.ports.find(({ id }) => id === from.port);
  const role = protocol === 'slaac' ? 'router' : 'dhcp';
  const server = network.endpoints.find(
    (one) => one.role === role && own !== undefined && one.port?.networkId === own.networkId,
  );
  const nobody = { kind: 'dhcp', address: null, port: server?.port?.id ?? null } as const;
  const where = { host: server?.host ?? null, namespace: server?.namespace ?? null };
  return { ...nobody, ...where, label: protocol === 'slaac' ? 'its routers' : 'its DHCP servers' };
}

/** Compares whether a lease was given, its address, and every setting that was recorded. */
export function compareLease(record: ProbeRecord, trace: Trace): ReplayedProbe {
  const predicted = predictionOf(trace);
  const differs: string[] = [];
  const { delivered } = record.fate;
  if (delivered !== undefined && delivered !== trace.delivered) differs.push('delivered');
  const { content } = trace;
  if (content?.kind === 'lease') {
    for (const [name, value] of recordedSettings(record)) {
      // Times and ids that the client adds are its own; only what a server says can differ.
      const ours = content.settings.get(name);
      if (!SETTING_NAMES.has(name)) continue;
      if (ours === undefined || normal(ours) !== normal(value)) differs.push(name);
    }
  }
  return { index: record.index, predicted, agrees: differs.length === 0, differs };
}

/** `new_NAME=VALUE` of the list that a client's script leaves. */
function recordedSettings({ raw }: ProbeRecord): readonly (readonly [string, string])[] {
  const { lease } = raw;
  if (!Array.isArray(lease)) return [];
  return lease.flatMap((line) => {
    const [, name, value] = /^new_(\w+)=(.*)$/s.exec(String(line)) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
}

/** Addresses in their shortest form, names without a final dot. */
function normal(value: string): string {
  return value
    .trim()
    .split(/\s+/)
    .map((word) => {
      const address = parseAddress(word);
      return address === null ? word.replace(/\.$/, '') : writeIp(address);
    })
    .join(' ');
}

/** Compares the addresses that a guest formed itself. */
export function compareAutonomous(record: ProbeRecord, trace: Trace): ReplayedProbe {
  const predicted = predictionOf(trace);
  const differs: string[] = [];
  const { delivered } = record.fate;
  if (delivered !== undefined && delivered !== trace.delivered) differs.push('delivered');
  const { content } = trace;
  const ours = new Set(content?.kind === 'autonomous' ? content.addresses.map(normal) : []);
  for (const address of globalAddresses(record.raw)) {
    if (trace.delivered && !ours.has(address)) differs.push('address');
  }
  return { index: record.index, predicted, agrees: differs.length === 0, differs };
}

/** Global IPv6 addresses anywhere in what was recorded, prefix lengths cut off. */
function globalAddresses(raw: unknown): readonly string[] {
  const text = JSON.stringify(raw) ?? '';
  const words = text.match(/[0-9a-f]*:[0-9a-f:]+(?=[/"\s,%])/gi) ?? [];
  return words.flatMap((word) => {
    const address = parseAddress(word);
    // Link-local (fe80::/10) and multicast addresses are nobody's lease; ::/64 ends are prefixes.
    if (address?.version !== 6 || address.value >> 118n === 0x3fan) return [];
    const isPrefix = (address.value & 0xffff_ffff_ffff_ffffn) === 0n;
    return isPrefix || address.value >> 120n === 0xffn ? [] : [writeIp(address)];
  });
}
