/**
 * Frames of a VLAN or flat network that leave the host with another tag than the network's: the
 * flow that should translate the local VLAN says something else (provision_local_vlan()).
 */
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { networkRef } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding, numberIn } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { homeOf } from './home.ts';

const AGENT = 'neutron-openvswitch-agent';
/** NORMAL and patch ports stay inside; the guest of a trunk and a tunnel have tags of their own. */
const INTEGRATION = /^(br-(int|tun)|tbr-[0-9a-f-]+)$/;

export const wrongVlan: Diagnosis = (of) => {
  const asking = of.reads.filter(({ lineage }) => lineage.role === 'resolution');
  for (const diary of [of.diary, ...asking.map((read) => read.diary)]) {
    const found = wrongTagIn(of, diary);
    if (found !== null) return found;
  }
  return null;
};

function wrongTagIn(of: Case, diary: readonly DiaryEntry[]): Finding | null {
  let host = '';
  let flow: FlowStep | null = null;
  let since = 0;
  for (const [i, { step, words }] of diary.entries()) {
    if (step.kind === 'enter') {
      host = (step as EnterStep).host;
      flow = null;
      since = i;
    }
    if (step.kind === 'flow') flow = step as FlowStep;
    if (step.kind === 'tunnel') flow = null;
    if (step.kind !== 'leave' || flow === null || INTEGRATION.test(flow.bridge)) continue;
    const entered = diary.slice(since, i + 1).map((entry) => entry.step);
    const home = homeOf(of, entered);
    if (home === null || home.host !== host) continue;
    const { type, segmentationId } = home.of.provider;
    if (type !== 'vlan' && type !== 'flat') continue;
    const meant = type === 'vlan' ? (segmentationId ?? 0) : 0;
    const tag = numberIn(words, 'vlan_tci') & 0xfff;
    if (tag === meant) continue;
    return {
      code: 'VLAN_MAP_MISMATCH',
      host,
      component: `${flow.bridge} table ${flow.table}`,
      evidence: `VLAN ${tag} instead of ${meant}`,
      origin: flow.flow?.origin ?? null,
      because: [
        `${host} sends ${home.of.name} to the physical network as VLAN ${tag}, not ${meant}`,
      ],
      neutron: [networkRef(home.of)],
      fix: {
        summary: `restart ${AGENT} on ${host}, which programs the mapping anew`,
        commands: [restartAgent(host, AGENT)],
      },
      confirm: [onHost(host, `ovs-ofctl dump-flows ${flow.bridge}`)],
    };
  }
  return null;
}
