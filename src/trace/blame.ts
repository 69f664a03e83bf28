/**
 * Who is to blame: of all copies of a packet and of the ARP packets on its way, the one whose end
 * explains why the question failed.
 */

import { type NeutronPort } from '../model/neutron.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { diagnose } from './diagnose.ts';
import { type Case, UNANSWERED } from './diagnosis/case.ts';
import { neighbourHosts, neighbourPort } from './diagnosis/neighbours.ts';
import { type Lineage, type Read } from './lineage.ts';
import { isForSomebodyElse, isNoise } from './noise.ts';
import { networkById, portsWithAddress } from './objects.ts';
import { type EnterStep } from './steps.ts';
import { type Blocker, type Question } from './types.ts';

/** All that happened because of one question. */
export interface Scene {
  readonly compiled: CompiledNetwork;
  readonly question: Question;
  readonly reads: readonly Read[];
  /** The request where it was delivered; undefined when it was not. */
  readonly opened: Read | undefined;
}

/** First what stopped the request, else what stopped the answer. */
export function blockersOf(scene: Scene): readonly Blocker[] {
  const { question, reads, opened } = scene;
  const stopped =
    opened === undefined
      ? blockingRead(question, reads, ['request'], scene)
      : (blockingRead(question, reads, ['answer', 'data'], scene) ??
        blockingRead(question, reads, ['request'], scene));
  if (stopped === undefined) return [];
  const own = caseOf(scene, stopped);
  return own === null ? [] : [diagnose(neighbourCase(scene, own) ?? own)];
}

function caseOf({ compiled, question, reads, opened }: Scene, read: Read): Case | null {
  const { outcome, device, p } = read.ending;
  if (outcome.kind !== 'dropped') return null;
  return {
    compiled,
    question,
    direction: opened === undefined ? 'request' : 'reply',
    host: device.host,
    device: device.name,
    drop: outcome.drop,
    reads,
    diary: read.diary,
    words: p.words,
    stray: isNoise(read) || isForSomebodyElse(compiled, question, read),
  };
}

/**
 * A packet that waited in vain for a neighbour was stopped by what stopped the ARP packets: where
 * they came to the neighbour's host, or where all of them ended when none left the sender's host.
 * Null when they got lost in between.
 */
function neighbourCase(scene: Scene, waiting: Case): Case | null {
  if (!UNANSWERED.has(waiting.drop.reason)) return null;
  const asking = scene.reads.filter(
    (read) => read.lineage.role === 'resolution' && isFrom(read, waiting),
  );
  const neighbour = neighbourPort(waiting);
  const hosts = neighbourHosts(waiting);
  // Whoever asks for an address that nobody has is to blame himself, wherever the call ended.
  if (hosts.length === 0 && neighbour === null) return null;
  const came = asking.filter((read) => hosts.some((host) => enters(read, host)));
  const left = asking.some((read) => leaves(read, waiting.host));
  let best: Case | null = null;
  let bestHops = 0;
  for (const read of came.length > 0 ? came : left ? [] : asking) {
    const stopped = caseOf(scene, read);
    if (stopped === null || isNoise(read) || hopCount(read) <= bestHops) continue;
    if (isStrayTunnel(scene, stopped, neighbour)) continue;
    [best, bestHops] = [stopped, hopCount(read)];
  }
  return best;
}

/** br-tun floods networks of tunnels; frames of all others come there as well, and end there. */
function isStrayTunnel(
  { compiled: { network } }: Scene,
  { drop }: Case,
  neighbour: NeutronPort | null,
): boolean {
  if (!drop.where.startsWith('br-tun table 22') || neighbour === null) return false;
  const type = networkById(network, neighbour.networkId)?.provider.type ?? '';
  return type === 'vlan' || type === 'flat' || type === 'local';
}

function leaves({ steps, lineage }: Read, host: string): boolean {
  return steps
    .slice(lineage.since)
    .some((step) => step.kind === 'enter' && (step as EnterStep).host !== host);
}

/** Whether an ARP packet was made for the device in which the packet waits. */
function isFrom({ steps, lineage }: Read, { host, device }: Case): boolean {
  const made = steps.slice(0, lineage.since + 1).findLast((step) => step.kind === 'enter');
  if (made === undefined) return false;
  const at = made as EnterStep;
  return at.host === host && at.device === device;
}

function enters({ steps, lineage }: Read, host: string): boolean {
  return steps
    .slice(lineage.since)
    .some((step) => step.kind === 'enter' && (step as EnterStep).host === host);
}

/** Of several copies the one that came nearest: at the destination's host, then the longest way. */
export function blockingRead(
  question: Question,
  reads: readonly Read[],
  roles: readonly Lineage['role'][],
  scene?: Pick<Scene, 'compiled'>,
): Read | undefined {
  const goal = roles.includes('answer') ? question.from.host : goalOf(question, scene);
  let best: Read | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const read of reads) {
    const { outcome, device } = read.ending;
    if (outcome.kind !== 'dropped' || !roles.includes(read.lineage.role)) continue;
    const stray =
      isNoise(read) || (scene !== undefined && isForSomebodyElse(scene.compiled, question, read));
    const noise = stray ? -1000 : 0;
    const near = device.host === goal ? 100 : 0;
    const score = noise + near + hopCount(read);
    if (score > bestScore) [best, bestScore] = [read, score];
  }
  return best;
}

/** The destination's host: as resolved, else of the only port with the address. */
function goalOf({ to }: Question, scene: Pick<Scene, 'compiled'> | undefined): string | null {
  if (to.host !== null || to.address === null || scene === undefined) return to.host;
  const owners = portsWithAddress(scene.compiled.network, to.address, null);
  return owners.length === 1 ? (owners[0]?.host ?? null) : null;
}

function hopCount({ steps }: Read): number {
  return steps.filter((step) => step.kind === 'enter').length;
}
