/** The list of element kinds, nothing else. A new element is one folder and one line here. */
export const DEVICE_KINDS = {
  /** An Open vSwitch bridge. */
  'ovs-bridge': 'src/dataplane/ovs',
  /** A Linux bridge inside of a namespace. */
  'linux-bridge': 'src/dataplane/linuxbridge',
  /** The IP stack of a namespace: routing, iptables, sockets. */
  namespace: 'src/dataplane/routing',
  /** A server's NIC whose inside is not in the snapshot. */
  guest: 'src/dataplane/endpoint',
  /** Cable and switches between hosts. */
  segment: 'src/dataplane/network.ts',
} as const;
