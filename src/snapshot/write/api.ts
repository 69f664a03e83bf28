/** Neutron's answers with the few things changed in them that a simulation changes. */
import { type Neutron } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { isRecord } from '../../text/json-text.ts';

type Words = Readonly<Record<string, string | null>>;

/** What is changed in the rows of an answer, by id: host bindings of ports, floating IPs. */
export function apiChanges(
  before: Neutron,
  after: Neutron,
): ReadonlyMap<string, ReadonlyMap<string, Words>> {
  const ports = new Map<string, Words>();
  if (before.ports !== after.ports) {
    const hosts = new Map(before.ports.map(({ id, host }) => [id, host]));
    for (const { id, host } of after.ports) {
      if (hosts.get(id) !== host) ports.set(id, { 'binding:host_id': host });
    }
  }
  const floating = new Map<string, Words>();
  if (before.floatingIps !== after.floatingIps) {
    const old = new Map(before.floatingIps.map((one) => [one.id, one]));
    for (const { id, portId, fixedAddress, routerId, status } of after.floatingIps) {
      const was = old.get(id);
      if (was?.portId === portId && was.routerId === routerId) continue;
      const fixed = fixedAddress === null ? null : writeIp(fixedAddress);
      floating.set(id, {
        port_id: portId,
        fixed_ip_address: fixed,
        router_id: routerId,
        status,
      });
    }
  }
  return new Map([
    ['ports', ports],
    ['floatingips', floating],
  ]);
}

/**
 * The answer with those rows changed; everything else in it stays as Neutron wrote it. The text
 * itself when it is no JSON.
 */
export function changedAnswer(text: string, changes: ReadonlyMap<string, Words>): string {
  if (changes.size === 0) return text;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return text;
  }
  return `${JSON.stringify(changedIn(answer, changes), null, 1)}\n`;
}

function changedIn(value: unknown, changes: ReadonlyMap<string, Words>): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => changedRow(one, changes));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, changedIn(one, changes)]);
  return Object.fromEntries(entries) as unknown;
}

function changedRow(row: unknown, changes: ReadonlyMap<string, Words>): unknown {
  if (!isRecord(row)) return row;
  const { id, ID: named } = row as { readonly id?: unknown; readonly ID?: unknown };
  const change = changes.get(String(id ?? named));
  if (change === undefined) return row;
  // `openstack … -f json` spells the binding without its prefix.
  const spelled = Object.entries(change).map(([key, value]) => {
    const bare = key.replace('binding:', 'binding_');
    return [bare in row && !(key in row) ? bare : key, value] as const;
  });
  return { ...row, ...Object.fromEntries(spelled) };
}
