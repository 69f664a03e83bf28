/**
 * The JSON Schema of a cloud.yaml, for editors. It is made of the readers' own lists of keys, so
 * that a key that is read is described, and the other way round. What belongs together (an address
 * in its subnet, a name that exists) only the readers check.
 */
import { FLOATING_KEYS, FORWARD_KEYS, TRUNK_KEYS } from './floating-trunks.ts';
import {
  BALANCER_KEYS,
  L7_RULE_KEYS,
  LISTENER_KEYS,
  MEMBER_KEYS,
  MONITOR_KEYS,
  POLICY_KEYS,
  POOL_KEYS,
} from './load-balancers.ts';
import { NETWORK_TYPES, SEGMENT_KEYS } from './network-segments.ts';
import { NETWORK_KEYS, SUBNET_KEYS } from './networks.ts';
import { POOL_KEYS as SUBNET_POOL_KEYS } from './pools.ts';
import {
  DHCP_OPTION_KEYS,
  FREE_PORT_KEYS,
  HOST_PORT_KEYS,
  PORT_KEYS,
  SERVER_KEYS,
} from './ports.ts';
import { TOP_KEYS } from './read-cloud.ts';
import { EXTERNAL_KEYS, INTERFACE_KEYS, ROUTER_KINDS } from './router-ports.ts';
import { ROUTER_KEYS } from './routers.ts';
import { HOST } from './schema-hosts.ts';
import {
  ADDRESS,
  choice,
  DRAFT,
  either,
  list,
  MAC,
  named,
  object,
  POSITIVE,
  PREFIX,
  type Schema,
  TEXT,
  TRUTH,
  told,
  WHOLE,
} from './schema-words.ts';
import { GROUP_KEYS, RULE_KEYS } from './security-groups.ts';
import { SETTINGS_KEYS } from './settings.ts';
import { PEER_KEYS, QOS_KEYS, RBAC_KEYS, SPEAKER_KEYS } from './sharing.ts';
import { UNDERLAY_SCHEMA } from './underlay-schema.ts';

/** `40-43`, `80`, as text or as a number. */
const RANGE = either(WHOLE, TEXT);
const ROUTE = object(['to', 'via'], { to: PREFIX, via: ADDRESS }, ['to', 'via']);

const SETTINGS = object(SETTINGS_KEYS, {
  dialect: told(choice(['zed', 'pike']), 'Whose flows and rules the agents write.'),
  dns_domain: TEXT,
  dhcp_lease_duration: told({ type: 'integer', minimum: -1 }, 'Seconds; -1 is without an end.'),
  physical_mtu: POSITIVE,
  max_l3_agents_per_router: told(WHOLE, 'Hosts of a highly available router; 0 is all.'),
  l3_ha_net_cidr: told(PREFIX, 'Addresses of the networks on which HA routers hear each other.'),
  ha_vrrp_advert_int: POSITIVE,
  ha_vrrp_auth_type: choice(['PASS', 'AH']),
  ha_vrrp_auth_password: TEXT,
  ha_vrrp_health_check_interval: told(WHOLE, 'Seconds between questions to gateways; 0 is never.'),
  keepalived_use_no_track: TRUTH,
  dhcp_agents_per_network: POSITIVE,
  tenant_network_types: list(choice(['vlan', 'vxlan', 'gre', 'geneve', 'local'])),
  network_vlan_ranges: named(either(TEXT, list(RANGE))),
  vni_ranges: list(RANGE),
  tunnel_id_ranges: list(RANGE),
});

const SUBNET = object(SUBNET_KEYS, {
  name: TEXT,
  cidr: PREFIX,
  pool: told(TEXT, 'A subnet pool that the prefix is cut from.'),
  prefix_length: POSITIVE,
  gateway: told(TEXT, 'An address, or none; usually the first of the subnet.'),
  dhcp: TRUTH,
  pools: list(object(['from', 'to'], { from: ADDRESS, to: ADDRESS }, ['from', 'to'])),
  dns: list(ADDRESS),
  routes: list(ROUTE),
  ipv6_mode: choice(['slaac', 'dhcpv6-stateful', 'dhcpv6-stateless', 'none']),
  segment: told(TEXT, 'Routed provider networks: the segment that the subnet is on.'),
});

const NETWORK = object(
  NETWORK_KEYS,
  {
    name: TEXT,
    project: TEXT,
    type: choice(NETWORK_TYPES),
    segmentation_id: POSITIVE,
    physical_network: TEXT,
    segments: told(
      list(
        object(SEGMENT_KEYS, {
          name: TEXT,
          type: choice(NETWORK_TYPES),
          physical_network: TEXT,
          segmentation_id: POSITIVE,
        }),
      ),
      'Several segments; a host uses the first that its agent carries.',
    ),
    mtu: POSITIVE,
    external: TRUTH,
    shared: TRUTH,
    admin_up: TRUTH,
    port_security: TRUTH,
    manager: told(
      choice(['none', 'flat', 'flat_dhcp', 'vlan']),
      'The manager of nova-network that would have made it.',
    ),
    network_host: told(TEXT, 'nova-network: the host whose bridge is the gateway.'),
    multi_host: told(TRUTH, 'nova-network: every host with guests is their gateway.'),
    zone_hints: list(TEXT),
    dhcp_agents: told(list(TEXT), 'Hosts that serve it; else the least loaded.'),
    qos: TEXT,
    subnets: list(SUBNET),
  },
  ['name'],
);

const RULE = object(RULE_KEYS, {
  direction: choice(['ingress', 'egress']),
  protocol: either(TEXT, WHOLE),
  ports: RANGE,
  remote: either(PREFIX, object(['group', 'address_group'], { group: TEXT, address_group: TEXT })),
  version: { enum: [4, 6] },
  icmp: told(RANGE, 'Type, or type/code.'),
});

const PORT_RULES = {
  name: TEXT,
  network: TEXT,
  mac: MAC,
  addresses: list(ADDRESS),
  security_groups: list(TEXT),
  port_security: TRUTH,
  allowed_address_pairs: list(
    object(['address', 'mac'], { address: either(PREFIX, ADDRESS), mac: MAC }, ['address']),
  ),
  admin_up: TRUTH,
  owner: TEXT,
  qos: TEXT,
  dhcp_options: list(
    object(DHCP_OPTION_KEYS, { name: TEXT, value: TEXT, version: { enum: [4, 6] } }, ['name']),
  ),
} as const;
const PORT = object(PORT_KEYS, PORT_RULES, ['network']);
const HOST_PORT = object(
  HOST_PORT_KEYS,
  {
    ...PORT_RULES,
    host: TEXT,
    listens: list(
      object(['protocol', 'port'], { protocol: choice(['tcp', 'udp']), port: POSITIVE }),
    ),
  },
  ['name', 'network', 'host'],
);

const FREE_PORT = object(FREE_PORT_KEYS, { ...PORT_RULES, project: TEXT }, ['name', 'network']);

const ROUTER = object(
  ROUTER_KEYS,
  {
    name: TEXT,
    project: TEXT,
    kind: choice(ROUTER_KINDS),
    external: object(
      EXTERNAL_KEYS,
      {
        network: TEXT,
        address: ADDRESS,
        addresses: told(list(ADDRESS), 'Several addresses; without any, one of each IP version.'),
        snat: TRUTH,
      },
      ['network'],
    ),
    interfaces: list(object(INTERFACE_KEYS, { subnet: TEXT, address: ADDRESS }, ['subnet'])),
    routes: list(ROUTE),
    hosts: list(TEXT),
    zone_hints: list(TEXT),
    admin_up: TRUTH,
  },
  ['name'],
);

const FORWARD = object(
  FORWARD_KEYS,
  {
    protocol: choice(['tcp', 'udp', 'sctp']),
    external: told(RANGE, 'A port, or a range as 5000-5010.'),
    internal: told(RANGE, 'As many; usually the same.'),
    port: TEXT,
    address: ADDRESS,
  },
  ['external', 'port'],
);

const POLICY = object(POLICY_KEYS, {
  action: choice(['REJECT', 'REDIRECT_TO_POOL', 'REDIRECT_TO_URL']),
  pool: TEXT,
  url: TEXT,
  rules: list(
    object(L7_RULE_KEYS, {
      type: choice(['HOST_NAME', 'PATH', 'FILE_TYPE', 'HEADER', 'COOKIE']),
      compare: choice(['REGEX', 'STARTS_WITH', 'ENDS_WITH', 'CONTAINS', 'EQUAL_TO']),
      key: TEXT,
      value: TEXT,
      invert: TRUTH,
    }),
  ),
});

const BALANCER = object(
  BALANCER_KEYS,
  {
    name: TEXT,
    project: TEXT,
    provider: choice(['haproxy', 'amphora']),
    host: TEXT,
    vip: PORT,
    amphorae: list(TEXT),
    admin_up: TRUTH,
    listeners: list(
      object(
        LISTENER_KEYS,
        {
          name: TEXT,
          protocol: choice(['TCP', 'HTTP', 'HTTPS', 'TERMINATED_HTTPS', 'UDP']),
          port: POSITIVE,
          connection_limit: WHOLE,
          pool: TEXT,
          policies: list(POLICY),
          admin_up: TRUTH,
        },
        ['port'],
      ),
    ),
    pools: list(
      object(
        POOL_KEYS,
        {
          name: TEXT,
          protocol: choice(['TCP', 'HTTP', 'HTTPS', 'UDP']),
          algorithm: choice(['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP']),
          persistence: choice(['NONE', 'SOURCE_IP', 'HTTP_COOKIE', 'APP_COOKIE']),
          monitor: object(MONITOR_KEYS, {
            type: choice(['PING', 'TCP', 'HTTP', 'HTTPS']),
            delay: POSITIVE,
            timeout: POSITIVE,
            retries: POSITIVE,
            path: TEXT,
          }),
          members: list(
            object(MEMBER_KEYS, {
              port: TEXT,
              address: ADDRESS,
              service: POSITIVE,
              weight: WHOLE,
              admin_up: TRUTH,
            }),
          ),
        },
        ['name'],
      ),
    ),
  },
  ['name', 'vip'],
);

const SPEAKER = object(
  SPEAKER_KEYS,
  {
    name: TEXT,
    as: POSITIVE,
    version: { enum: [4, 6] },
    networks: list(TEXT),
    advertise_floating_ips: TRUTH,
    advertise_tenant_networks: TRUTH,
    peers: list(object(PEER_KEYS, { name: TEXT, address: ADDRESS, as: POSITIVE }, ['address'])),
  },
  ['name'],
);

export const CLOUD_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'hopwise cloud.yaml, version 1',
  ...object(TOP_KEYS, {
    settings: SETTINGS,
    hosts: list(HOST),
    networks: list(NETWORK),
    address_groups: list(
      object(['name', 'addresses'], { name: TEXT, addresses: list(PREFIX) }, ['name']),
    ),
    security_groups: list(
      object(
        GROUP_KEYS,
        {
          name: TEXT,
          project: TEXT,
          stateful: TRUTH,
          rules: list(RULE),
          egress: told(TRUTH, 'Whether everything may leave, as with a new group.'),
        },
        ['name'],
      ),
    ),
    servers: list(
      object(SERVER_KEYS, { name: TEXT, host: TEXT, project: TEXT, ports: list(PORT) }, [
        'name',
        'host',
      ]),
    ),
    routers: list(ROUTER),
    floating_ips: list(
      object(
        FLOATING_KEYS,
        {
          address: ADDRESS,
          network: TEXT,
          port: TEXT,
          fixed_address: ADDRESS,
          forward: list(FORWARD),
        },
        ['network'],
      ),
    ),
    trunks: list(
      object(
        TRUNK_KEYS,
        {
          name: TEXT,
          port: TEXT,
          sub_ports: list(object(['port', 'vlan'], { port: TEXT, vlan: POSITIVE })),
          admin_up: TRUTH,
        },
        ['name', 'port'],
      ),
    ),
    load_balancers: list(BALANCER),
    host_ports: list(HOST_PORT),
    ports: told(list(FREE_PORT), 'Ports that no host has, e.g. of addresses that servers share.'),
    subnet_pools: list(
      object(
        SUBNET_POOL_KEYS,
        {
          name: TEXT,
          prefixes: list(PREFIX),
          default_prefix_length: POSITIVE,
          address_scope: TEXT,
        },
        ['name', 'prefixes'],
      ),
    ),
    rbac: list(
      object(RBAC_KEYS, {
        network: TEXT,
        action: choice(['access_as_shared', 'access_as_external']),
        project: TEXT,
      }),
    ),
    bgp_speakers: list(SPEAKER),
    qos_policies: list(
      object(
        QOS_KEYS,
        {
          name: TEXT,
          max_kbps: told(WHOLE, 'What a guest may send; 0 is no limit to Open vSwitch.'),
          max_kbps_ingress: WHOLE,
          dscp: told(WHOLE, 'The mark of what a guest sends.'),
          max_kpps: WHOLE,
          max_kpps_ingress: WHOLE,
          min_kbps: WHOLE,
        },
        ['name'],
      ),
    ),
    underlay: UNDERLAY_SCHEMA,
  }),
};
