/**
 * From "a flow of br-int table 82 dropped it" to what that means in a Neutron cloud: the elements
 * know only their own words, and each diagnosis knows one family of causes. The first that
 * recognises the case answers; what nobody recognises keeps the element's own reason.
 */
import { REASONS, type Reason, type ReasonRow } from '../reasons/codes.ts';
import { type Case, type Diagnosis } from './diagnosis/case.ts';
import { deadDevice } from './diagnosis/dead-device.ts';
import { deadSender, deadTarget } from './diagnosis/dead-port.ts';
import { atItsCause } from './diagnosis/down.ts';
import { firewallRegisters } from './diagnosis/firewall-registers.ts';
import { floatingPath } from './diagnosis/floating-path.ts';
import { guestAddress } from './diagnosis/guest-address.ts';
import { wrongMapping } from './diagnosis/mapping.ts';
import { misrouted } from './diagnosis/misrouted.ts';
import { tooLarge } from './diagnosis/mtu.ts';
import { unanswered } from './diagnosis/neighbours.ts';
import { lostFrame } from './diagnosis/not-arriving.ts';
import { plainFinding } from './diagnosis/plain.ts';
import { securityGroups } from './diagnosis/security-groups.ts';
import { spoofedSource } from './diagnosis/spoofing.ts';
import { strangeMac } from './diagnosis/strange-mac.ts';
import { agentTables } from './diagnosis/tables.ts';
import { missingTranslation } from './diagnosis/translation.ts';
import { tunnelEnds } from './diagnosis/tunnel-ends.ts';
import { unheard } from './diagnosis/unheard.ts';
import { unknownConnection } from './diagnosis/unknown-connection.ts';
import { unseenFile, unseenHost } from './diagnosis/unseen.ts';
import { uplink } from './diagnosis/uplink.ts';
import { atSharedId } from './diagnosis/virtual-router-id.ts';
import { unredirected, wrongTranslation } from './diagnosis/wrong-translation.ts';
import { wrongTunnel } from './diagnosis/wrong-tunnel.ts';
import { wrongVlan } from './diagnosis/wrong-vlan.ts';
import { wrongVxlan } from './diagnosis/wrong-vxlan.ts';
import { type Blocker, type Fix } from './types.ts';

/** In this order: what explains more comes first. */
const DIAGNOSES: readonly Diagnosis[] = [
  unseenFile,
  deadSender,
  unseenHost,
  strangeMac,
  wrongMapping,
  guestAddress,
  wrongTranslation,
  unredirected,
  misrouted,
  wrongTunnel,
  wrongVlan,
  wrongVxlan,
  spoofedSource,
  firewallRegisters,
  securityGroups,
  floatingPath,
  missingTranslation,
  unknownConnection,
  tooLarge,
  deadTarget,
  unheard,
  uplink,
  tunnelEnds,
  deadDevice,
  unanswered,
  lostFrame,
  agentTables,
];

/** What stopped the packet, in the words of whoever can change it. */
export function diagnose(of: Case): Blocker {
  const { drop } = of;
  let finding = null;
  for (const diagnosis of DIAGNOSES) {
    finding = diagnosis(of);
    if (finding !== null) break;
  }
  const found = atSharedId(of, atItsCause(of, finding ?? plainFinding(of)));
  return {
    code: found.code,
    host: found.host ?? of.host,
    component: found.component ?? drop.where,
    evidence: found.evidence ?? drop.evidence,
    origin: found.origin === undefined ? drop.origin : found.origin,
    nearMisses: found.nearMisses ?? [],
    direction: of.direction,
    because: found.because,
    neutron: found.neutron ?? [],
    fix: found.fix === undefined ? catalogueFix(found.code) : found.fix,
    confirm: found.confirm ?? [],
  };
}

function catalogueFix(code: Reason): Fix | null {
  const { fix }: ReasonRow = REASONS[code];
  return fix === null ? null : { summary: fix, commands: [] };
}
