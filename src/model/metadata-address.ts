/**
 * The addresses at which guests ask for their metadata (neutron_lib constants METADATA_V4_IP and
 * METADATA_V6_IP). Before: `packet`. After: the agents, readers and traces that know the service.
 */
import { writeIp } from '../text/address-text.ts';

/** The service by IP version, and the port of its requests. */
export const METADATA = {
  4: { version: 4, value: 0xa9fe_a9fen },
  6: { version: 6, value: 0xfe80_0000_0000_0000_0000_0000_a9fe_a9fen },
  port: 80,
} as const;

/** As texts of agents have them. */
export const METADATA_TEXT = { 4: writeIp(METADATA[4]), 6: writeIp(METADATA[6]) } as const;
