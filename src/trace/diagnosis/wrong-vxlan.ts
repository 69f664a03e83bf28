/**
 * Frames that a Linux VXLAN device sends elsewhere than to the destination's host: a forwarding
 * entry (`bridge fdb`) that is stale, or none for the host (l2population of the Linux bridge agent).
 */
import { type VxlanStep } from '../../dataplane/linuxbridge/vxlan.ts';
import { ROOT } from '../../dataplane/network.ts';
import { field } from '../../packet/fields.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { readField } from '../../traffic/words.ts';
import { type Read } from '../lineage.ts';
import { portLabel, portRef, tunnelAddressOf } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Diagnosis } from './case.ts';
import { onHost, restartAgent } from './commands.ts';

const AGENT = 'neutron-linuxbridge-agent';

export const wrongVxlan: Diagnosis = (of) => {
  const sent = lastVxlan(of.diary);
  if (sent === null) return null;
  const { network } = of.compiled;
  const target = network.neutron.ports.find(({ mac }) => mac === sent.mac);
  const meant = target === undefined ? null : tunnelAddressOf(network, target.host);
  if (target === undefined || meant === null || target.host === sent.host) return null;
  if (sent.remote === null || sent.remote === meant.value) return null;
  const entries = network.namespace(sent.host, ROOT)?.state.bridgeFdb ?? [];
  const own = entries.some(
    ({ device, mac, destination }) =>
      device === sent.device && mac === sent.mac && destination !== null,
  );
  // Flooded copies: one of them may have found its way.
  if (!own && of.reads.some((read) => cameTo(read, target.host, sent.host))) return null;
  const name = portLabel(network, target);
  return {
    code: own ? 'FDB_STALE' : 'L2POP_ENTRY_MISSING',
    host: sent.host,
    component: sent.device,
    evidence: own
      ? `${writeMac(sent.mac)} dst ${writeIp({ version: 4, value: sent.remote })}`
      : `no entry leads to ${writeIp(meant)}`,
    origin: null,
    because: [
      own
        ? `${sent.device} of ${sent.host} sends frames for ${name} to ${writeIp({ version: 4, value: sent.remote })}, but it is on ${target.host} (${writeIp(meant)})`
        : `${sent.device} of ${sent.host} neither knows ${writeMac(sent.mac)} of ${name} nor floods to ${target.host} (${writeIp(meant)})`,
    ],
    neutron: [portRef(network, target)],
    fix: {
      summary: `restart ${AGENT} on ${sent.host}, which populates the entries anew`,
      commands: [restartAgent(sent.host, AGENT)],
    },
    confirm: [onHost(sent.host, `bridge fdb show dev ${sent.device}`)],
  };
};

function cameTo({ steps, lineage }: Read, host: string, from: string): boolean {
  const entered = steps
    .slice(lineage.since)
    .flatMap((step) => (step.kind === 'enter' ? [(step as EnterStep).host] : []));
  const left = entered.indexOf(from);
  return left >= 0 && entered.indexOf(host, left) > left;
}

/** The last VXLAN device of a kernel that sent the frame. */
export function lastVxlan(diary: readonly DiaryEntry[]): {
  readonly host: string;
  readonly device: string;
  readonly mac: bigint;
  readonly remote: bigint | null;
} | null {
  let host = '';
  let found: ReturnType<typeof lastVxlan> = null;
  for (const { step, words } of diary) {
    if (step.kind === 'enter') host = (step as EnterStep).host;
    if (step.kind !== 'vxlan') continue;
    const { direction, device, remote } = step as VxlanStep;
    if (direction !== 'out') continue;
    found = { host, device, remote, mac: readField(words, field('eth_dst')) };
  }
  return found;
}
