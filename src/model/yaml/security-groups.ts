/** `security_groups:` of a cloud.yaml: names of rules' remote groups are resolved afterwards. */
import { type JsonNode, member, reportUnknownKeys, textOf, wrong } from '../../text/json-text.ts';
import {
  type NeutronAddressGroup,
  type NeutronRule,
  type NeutronSecurityGroup,
} from '../neutron.ts';
import { IP_PROTOCOLS, protocolNumberOf } from '../protocols.ts';
import { idOf, type Names, nameOf, objects, oneOf, prefix, text, truth } from './reading.ts';

export const GROUP_KEYS = ['name', 'project', 'stateful', 'rules', 'egress'] as const;
export const RULE_KEYS = ['direction', 'protocol', 'ports', 'remote', 'version', 'icmp'] as const;

/** A group's rules refer to groups that may stand further down. */
export function readSecurityGroups(
  root: JsonNode,
  groups: Names<NeutronSecurityGroup>,
  addressGroups: Names<NeutronAddressGroup>,
): void {
  const rows = objects(member(root, 'security_groups'));
  for (const node of rows) {
    reportUnknownKeys(node, GROUP_KEYS);
    const name = nameOf(node);
    if (name === '') continue;
    const empty: NeutronSecurityGroup = {
      id: idOf('security-group', name),
      name,
      project: text(node, 'project', 'default'),
      stateful: truth(node, 'stateful', true),
      rules: [],
    };
    groups.add(name, empty, node);
  }
  for (const node of rows) {
    const group = groups.get(text(node, 'name'));
    if (group === undefined) continue;
    const rules = [
      ...(truth(node, 'egress', true) ? openEgress(group.id) : []),
      ...objects(member(node, 'rules')).flatMap((row, i) =>
        readRule(row, group.id, i, groups, addressGroups),
      ),
    ];
    Object.assign(group, { rules });
  }
}

/** A new group lets everything out (`_create_default_security_group`). */
function openEgress(groupId: string): NeutronRule[] {
  return ([4, 6] as const).map((version) => ({
    ...anyRule(groupId, `egress ${version}`),
    direction: 'egress',
    version,
  }));
}

function anyRule(groupId: string, key: string): NeutronRule {
  return {
    id: idOf('rule', groupId, key),
    groupId,
    direction: 'ingress',
    version: 4,
    protocol: null,
    portMin: null,
    portMax: null,
    remotePrefix: null,
    remoteGroup: null,
    remoteAddressGroup: null,
  };
}

function readRule(
  row: JsonNode,
  groupId: string,
  index: number,
  groups: Names<NeutronSecurityGroup>,
  addressGroups: Names<NeutronAddressGroup>,
): NeutronRule[] {
  reportUnknownKeys(row, RULE_KEYS);
  const protocol = protocolOf(row);
  const [portMin, portMax] = portsOf(row, protocol);
  const remote = remoteOf(row, groups, addressGroups);
  const at = member(row, 'version');
  const asked = at?.value;
  const version = asked === 6 || remote.remotePrefix?.address.version === 6 ? 6 : 4;
  if (asked !== undefined && asked !== 4 && asked !== 6) wrong(at ?? row, 'The version is 4 or 6');
  return [
    {
      ...anyRule(groupId, `${index}`),
      direction: oneOf(row, 'direction', ['ingress', 'egress'], 'ingress'),
      version,
      protocol,
      portMin,
      portMax,
      ...remote,
    },
  ];
}

function protocolOf(row: JsonNode): string | null {
  const at = member(row, 'protocol');
  if (at === undefined || at.value === 'any') return null;
  if (typeof at.value === 'number' && at.value >= 0 && at.value <= 255) return String(at.value);
  if (typeof at.value === 'string' && protocolNumberOf(at.value) !== undefined) return at.value;
  wrong(at, `Expected a protocol's number or one of ${Object.keys(IP_PROTOCOLS).join(', ')}`);
  return null;
}

/** `80`, `80-90`, for ICMP `icmp: 8` or `icmp: 8/0`. */
function portsOf(row: JsonNode, protocol: string | null): [number | null, number | null] {
  const icmp = member(row, 'icmp');
  if (icmp !== undefined) {
    const match = /^(\d{1,3})(?:\/(\d{1,3}))?$/.exec(String(icmp.value));
    if (match === null || protocol === null || !protocol.startsWith('icmp')) {
      wrong(icmp, 'Expected a type or type/code of a rule for icmp');
      return [null, null];
    }
    return [Number(match[1]), match[2] === undefined ? null : Number(match[2])];
  }
  const at = member(row, 'ports');
  if (at === undefined) return [null, null];
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(at.value));
  const from = Number(match?.[1] ?? -1);
  const to = Number(match?.[2] ?? from);
  if (match === null || from > to || to > 65535) {
    wrong(at, 'Expected a port, or two with a dash: 80 or 8000-8010');
    return [null, null];
  }
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    wrong(at, 'Only tcp, udp and sctp have ports');
    return [null, null];
  }
  return [from, to];
}

/** A prefix, `group: NAME` or `address_group: NAME`. */
function remoteOf(
  row: JsonNode,
  groups: Names<NeutronSecurityGroup>,
  addressGroups: Names<NeutronAddressGroup>,
): Pick<NeutronRule, 'remotePrefix' | 'remoteGroup' | 'remoteAddressGroup'> {
  const nothing = { remotePrefix: null, remoteGroup: null, remoteAddressGroup: null };
  const at = member(row, 'remote');
  if (at === undefined) return nothing;
  if (typeof at.value === 'string') return { ...nothing, remotePrefix: prefix(at) };
  reportUnknownKeys(at, ['group', 'address_group']);
  const group = member(at, 'group');
  const list = member(at, 'address_group');
  if (group === undefined && list === undefined) {
    wrong(at, 'Expected a prefix, {group: NAME} or {address_group: NAME}');
    return nothing;
  }
  if (group !== undefined) return { ...nothing, remoteGroup: groups.find(group)?.id ?? null };
  textOf(list);
  return { ...nothing, remoteAddressGroup: addressGroups.find(list)?.id ?? null };
}
