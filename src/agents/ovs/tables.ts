/**
 * Tables of the agent's bridges by what they are for
 * (neutron/plugins/ml2/drivers/openvswitch/agent/common/constants.py, Zed).
 */
export const INT = {
  LOCAL_SWITCHING: 0,
  DVR_TO_SRC_MAC: 1,
  DVR_TO_SRC_MAC_PHYSICAL: 2,
  ARP_DVR_MAC_TO_DST_MAC: 3,
  ARP_DVR_MAC_TO_DST_MAC_PHYSICAL: 4,
  CANARY: 23,
  ARP_SPOOF: 24,
  MAC_SPOOF: 25,
  LOCAL_EGRESS: 30,
  LOCAL_IP: 31,
  PACKET_RATE_LIMIT: 59,
  TRANSIENT: 60,
  TRANSIENT_EGRESS: 62,
  BASE_EGRESS: 71,
  RULES_EGRESS: 72,
  ACCEPT_OR_INGRESS: 73,
  BASE_INGRESS: 81,
  RULES_INGRESS: 82,
  ACCEPTED_EGRESS: 91,
  ACCEPTED_INGRESS: 92,
  DROPPED: 93,
  ACCEPTED_EGRESS_NORMAL: 94,
} as const;

export const TUN = {
  CLASSIFY: 0,
  DVR_PROCESS: 1,
  PATCH_TO_TUNNEL: 2,
  GRE: 3,
  VXLAN: 4,
  GENEVE: 6,
  DVR_NOT_LEARN: 9,
  LEARN: 10,
  UNICAST: 20,
  ARP_RESPONDER: 21,
  FLOOD: 22,
} as const;

export const PHYSICAL = {
  LOCAL_SWITCHING: 0,
  DVR_PROCESS: 1,
  LOCAL_VLAN_TRANSLATION: 2,
  DVR_NOT_LEARN: 3,
} as const;

/** The VLAN of ports that lead nowhere. */
export const DEAD_VLAN = 4095;
