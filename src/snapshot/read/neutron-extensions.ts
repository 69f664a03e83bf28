/** Neutron's extensions from API answers: trunks, address groups, pools, forwardings, RBAC. */
import {
  type NeutronAddressGroup,
  type NeutronPortForwarding,
  type NeutronQosPolicy,
  type NeutronRbacPolicy,
  type NeutronSubnetPool,
  type NeutronTrunk,
} from '../../model/neutron.ts';
import { readIp, readPrefix } from '../../text/address-text.ts';
import {
  items,
  type JsonNode,
  numberOf,
  readAs,
  records,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { column, needed, stateOf, word } from './columns.ts';

export function trunkOf(row: JsonNode): NeutronTrunk {
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    adminUp: stateOf(column(row, 'admin_state_up', 'state')) ?? true,
    portId: word(row, 'port_id', 'parent_port'),
    subPorts: records(column(row, 'sub_ports')).map((sub) => ({
      portId: word(sub, 'port_id'),
      segmentationType: word(sub, 'segmentation_type') === 'inherit' ? 'inherit' : 'vlan',
      segmentationId: numberOf(column(sub, 'segmentation_id')) ?? 0,
    })),
  };
}

export function addressGroupOf(row: JsonNode): NeutronAddressGroup {
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    addresses: items(column(row, 'addresses')).flatMap(
      (each) => readAs(each, readPrefix, 'a prefix') ?? [],
    ),
  };
}

export function subnetPoolOf(row: JsonNode): NeutronSubnetPool {
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    version: numberOf(column(row, 'ip_version')) === 6 ? 6 : 4,
    prefixes: items(column(row, 'prefixes')).flatMap(
      (each) => readAs(each, readPrefix, 'a prefix') ?? [],
    ),
    addressScopeId: textOf(column(row, 'address_scope_id', 'address_scope')) ?? null,
  };
}

const FORWARDED = ['tcp', 'udp', 'sctp', 'icmp', 'dccp'] as const;

/**
 * The forwardings of floating IPs: as the API lists them for each, else as the floating IP carries
 * them, which has no ranges of ports (pf_plugin.py `_extend_floatingip_dict`).
 */
export function portForwardingsOf(
  floatingIps: readonly JsonNode[],
  listed: ReadonlyMap<string, readonly JsonNode[]>,
): NeutronPortForwarding[] {
  return floatingIps.flatMap((row) => {
    const id = word(row, 'id');
    return forwardingsOf(id, listed.get(id) ?? records(column(row, 'port_forwardings')));
  });
}

function forwardingsOf(floatingIpId: string, rows: readonly JsonNode[]): NeutronPortForwarding[] {
  return rows.flatMap((row) => {
    const named = needed(row, 'protocol');
    const protocol = FORWARDED.find((each) => each === named?.value);
    if (named !== undefined && protocol === undefined) {
      wrong(named, `Expected one of ${FORWARDED.join(', ')}`);
    }
    const internalAddress = readAs(needed(row, 'internal_ip_address'), readIp, 'an address');
    if (protocol === undefined || internalAddress === undefined) return [];
    return [
      {
        id: word(row, 'id'),
        floatingIpId,
        protocol,
        externalPorts: portsOf(row, 'external_port'),
        internalPorts: portsOf(row, 'internal_port'),
        internalAddress,
        internalPortId: word(row, 'internal_port_id'),
      },
    ];
  });
}

/** `external_port: 80`, or `external_port_range: "80:90"`. */
function portsOf(row: JsonNode, name: string): [number, number] {
  const one = numberAt(row, name);
  if (one !== null) return [one, one];
  const node = column(row, `${name}_range`);
  const range = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(textOf(node) ?? '');
  if (range === null)
    wrong(
      node ?? row,
      'A forwarding needs its ports, one or a range; older clients print no range',
    );
  return range === null ? [0, 0] : [Number(range[1]), Number(range[2] ?? range[1])];
}

export function rbacPolicyOf(row: JsonNode): NeutronRbacPolicy {
  return {
    id: word(row, 'id'),
    objectType: word(row, 'object_type'),
    objectId: word(row, 'object_id'),
    action: word(row, 'action'),
    targetProject: word(row, 'target_tenant', 'target_project', 'target_project_id'),
  };
}

/** A number; the client prints an empty text where there is none. */
function numberAt(row: JsonNode, key: string): number | null {
  const node = column(row, key);
  return node === undefined || node.value === '' ? null : (numberOf(node) ?? null);
}

/** `rules` of a policy, each with its type (`qos policy show`), or as `qos rule list` has them. */
export function qosPolicyOf(
  row: JsonNode,
  listed: readonly JsonNode[] | undefined,
): NeutronQosPolicy {
  const rules = listed ?? records(column(row, 'rules'));
  const value = (type: string, direction: string | null, key: string): number | null => {
    const rule = rules.find(
      (each) =>
        word(each, 'type') === type &&
        (direction === null || (word(each, 'direction') || 'egress') === direction),
    );
    return rule === undefined ? null : numberAt(rule, key);
  };
  return {
    id: word(row, 'id'),
    name: word(row, 'name'),
    egressKbps: value('bandwidth_limit', 'egress', 'max_kbps'),
    ingressKbps: value('bandwidth_limit', 'ingress', 'max_kbps'),
    dscp: value('dscp_marking', null, 'dscp_mark'),
    egressKpps: value('packet_rate_limit', 'egress', 'max_kpps'),
    ingressKpps: value('packet_rate_limit', 'ingress', 'max_kpps'),
    minimumKbps: value('minimum_bandwidth', null, 'min_kbps'),
  };
}
