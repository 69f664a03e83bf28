/** Settings of a cloud that nobody has changed (Neutron's and its agents' defaults). */
import { type CloudSettings } from './cloud.ts';

/** What Neutron does when nobody says otherwise. */
export const USUAL_SETTINGS: CloudSettings = {
  dialect: 'zed',
  dnsDomain: 'openstacklocal',
  leaseDuration_s: 86_400,
  dvrBaseMac: 0xfa_16_3f_00_00_00n,
  haRouterAgents: 3,
  haNetwork: { address: { version: 4, value: 0xa9fe_c000n }, length: 18 },
  haAdvertInterval_s: 2,
  physicalMtu: 1500,
  dhcpAgents: 1,
  tenantTypes: [],
  vlanRanges: new Map(),
  vniRanges: [],
  tunnelIdRanges: [],
};
