/** The JSON Schema of `hosts:` in a cloud.yaml. */
import { BOND_MODES } from '../cloud.ts';
import {
  AGENTS,
  BOND_KEYS,
  HOST_KEYS,
  LINUX_BRIDGE_KEYS,
  NIC_KEYS,
  OPENVSWITCH_KEYS,
} from './hosts.ts';
import {
  ADDRESS,
  choice,
  either,
  list,
  MAC,
  named,
  object,
  POSITIVE,
  PREFIX,
  TEXT,
  TRUTH,
  told,
} from './schema-words.ts';

/** What both agents of layer 2 know. */
const LAYER2 = {
  tunnel_types: list(choice(['vxlan', 'gre', 'geneve'])),
  local_ip: ADDRESS,
  tunnel_device: told(TEXT, 'The NIC that has local_ip; with it alone, its first address.'),
  vxlan_udp_port: POSITIVE,
  l2_population: TRUTH,
  arp_responder: TRUTH,
  distributed_routing: TRUTH,
  firewall: choice(['openvswitch', 'iptables_hybrid', 'iptables', 'noop']),
};

const OPENVSWITCH = object(OPENVSWITCH_KEYS, {
  ...LAYER2,
  bridge_mappings: told(named(TEXT), 'Physical network → bridge.'),
  bridges: told(named(TEXT), 'Bridge → the NIC in it.'),
  datapath: choice(['kernel', 'userspace']),
});

const LINUX_BRIDGE = object(LINUX_BRIDGE_KEYS, {
  ...LAYER2,
  interface_mappings: told(named(TEXT), 'Physical network → NIC.'),
  vxlan_group: told(PREFIX, 'Without l2_population: where frames are flooded.'),
});

const BOND = either(
  list(TEXT),
  object(
    BOND_KEYS,
    {
      members: list(TEXT),
      mode: choice(BOND_MODES),
      active: told(TEXT, 'The member that active-backup uses.'),
      by: choice(['linux', 'openvswitch']),
    },
    ['members'],
  ),
);

export const HOST = object(
  HOST_KEYS,
  {
    name: TEXT,
    nics: list(
      object(
        NIC_KEYS,
        {
          name: TEXT,
          mac: MAC,
          mtu: POSITIVE,
          addresses: list(PREFIX),
          gateway: ADDRESS,
          bond: BOND,
        },
        ['name'],
      ),
    ),
    agents: object(AGENTS, {
      openvswitch: OPENVSWITCH,
      linuxbridge: LINUX_BRIDGE,
      l3: object(['mode'], { mode: choice(['legacy', 'dvr', 'dvr_snat', 'dvr_no_external']) }),
      dhcp: object(['isolated_metadata', 'force_metadata'], {
        isolated_metadata: TRUTH,
        force_metadata: TRUTH,
      }),
      nova_network: object(['public_interface'], {
        public_interface: told(TEXT, 'The NIC by which nova-network translates.'),
      }),
      metadata: object(['nova_host', 'nova_port'], { nova_host: TEXT, nova_port: POSITIVE }),
    }),
    zone: TEXT,
    alive: told(TRUTH, 'Dead agents are given no new routers and networks; what they built stays.'),
  },
  ['name'],
);
