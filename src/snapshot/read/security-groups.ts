/** Security groups and their rules, which the API gives inside of groups, apart, or both. */
import { type NeutronRule, type NeutronSecurityGroup } from '../../model/neutron.ts';
import { readPrefix } from '../../text/address-text.ts';
import { type JsonNode, numberOf, readAs, records, textOf, wrong } from '../../text/json-text.ts';
import { column, stateOf } from './columns.ts';

/** Rules that stand in both places count once. */
export function readGroups(
  rows: readonly JsonNode[],
  rules: readonly NeutronRule[],
): readonly NeutronSecurityGroup[] {
  const byGroup = new Map<string, NeutronRule[]>();
  for (const rule of rules) {
    const of = byGroup.get(rule.groupId);
    if (of === undefined) byGroup.set(rule.groupId, [rule]);
    else of.push(rule);
  }
  return rows.map((row) => {
    const id = textOf(column(row, 'id')) ?? '';
    const inside = column(row, 'security_group_rules', 'rules');
    const own = Array.isArray(inside?.value) ? records(inside).flatMap(ruleOf) : [];
    const all = new Map([...own, ...(byGroup.get(id) ?? [])].map((rule) => [rule.id, rule]));
    return {
      id,
      name: textOf(column(row, 'name')) ?? '',
      project: textOf(column(row, 'project_id', 'project')) ?? '',
      stateful: stateOf(column(row, 'stateful')) ?? true,
      rules: [...all.values()],
    };
  });
}

export function ruleOf(row: JsonNode): NeutronRule[] {
  const direction = column(row, 'direction');
  if (direction?.value !== 'ingress' && direction?.value !== 'egress') {
    wrong(direction ?? row, 'A rule is for ingress or egress');
    return [];
  }
  const number = (name: string): number | null => numberOf(column(row, name)) ?? null;
  const text = (...names: string[]): string | null => textOf(column(row, ...names)) ?? null;
  const protocol = column(row, 'protocol', 'IP Protocol');
  // The client prints both ends, of ICMP type and code; an older one a single port.
  const printed = String(column(row, 'port_range')?.value ?? '');
  const range = /^(?:type=)?(\d+)(?::(?:code=)?(\d+))?$/.exec(printed);
  return [
    {
      id: text('id') ?? '',
      groupId: text('security_group_id', 'security_group') ?? '',
      direction: direction.value,
      version: text('ethertype', 'ether_type') === 'IPv6' ? 6 : 4,
      protocol: protocol === undefined ? null : String(protocol.value),
      portMin: range === null ? number('port_range_min') : Number(range[1]),
      portMax: range === null ? number('port_range_max') : endOf(range, protocol),
      remotePrefix: remotePrefixOf(row),
      remoteGroup: text('remote_group_id', 'remote_security_group'),
      remoteAddressGroup: text('remote_address_group_id', 'remote_address_group'),
    },
  ];
}

function endOf([, first, last]: RegExpExecArray, protocol: JsonNode | undefined): number | null {
  if (last !== undefined) return Number(last);
  return /icmp/.test(String(protocol?.value ?? '')) ? null : Number(first);
}

/** The client prints the whole range of a version where no prefix was asked for. */
function remotePrefixOf(row: JsonNode): NeutronRule['remotePrefix'] {
  const printed = column(row, 'ether_type', 'ip_range') !== undefined;
  const found = readAs(column(row, 'remote_ip_prefix', 'ip_range'), prefixOrAny, 'a prefix');
  return found == null || (printed && found.length === 0) ? null : found;
}

function prefixOrAny(text: string): NeutronRule['remotePrefix'] | undefined {
  return text === '' ? null : readPrefix(text);
}
