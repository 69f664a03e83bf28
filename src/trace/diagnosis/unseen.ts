/** The packet's fate hangs on something that the snapshot does not show: nobody is to blame yet. */
import { type Missing, ROOT } from '../../dataplane/network.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { field } from '../../packet/fields.ts';
import { type Step } from '../../traffic/traffic.ts';
import { readField } from '../../traffic/words.ts';
import { lackingOnTheWay } from '../lacking.ts';
import { portLabel, portRef } from '../objects.ts';
import { type Case, type Diagnosis, type Finding, tupleOf, UNANSWERED } from './case.ts';
import { neighbourPort } from './neighbours.ts';

/** A file of a device on the way is missing that may have decided otherwise. */
export const unseenFile: Diagnosis = (of) => {
  // A rule that is in the snapshot did it: the answer names the rule, and its doubts beside it.
  if (of.drop.origin !== null) return null;
  const { network } = of.compiled;
  const version = tupleOf(of.words)?.version ?? of.question.to.address?.version ?? 4;
  const [first, ...others] = lackingOnTheWay(network, waysOf(of), version);
  return first === undefined ? null : finding(first, others);
};

/** The way of the packet; while it waits for a neighbour also those of the ARP packets. */
function waysOf({ drop, diary, reads }: Case): readonly (readonly Step[])[] {
  const own = diary.map(({ step }) => step);
  if (!UNANSWERED.has(drop.reason)) return [own];
  const asked = reads.filter(({ lineage }) => lineage.role === 'resolution');
  return [own, ...asked.map(({ steps }) => steps)];
}

function finding(first: Missing, others: readonly Missing[]): Finding {
  const { file, consequence, place } = first;
  const more = others.map((one) => `${one.file} is missing too: ${lowered(one.consequence)}`);
  return {
    code: 'SNAPSHOT_INCOMPLETE',
    ...(place === undefined ? {} : { host: place.host, component: file }),
    evidence: '',
    origin: null,
    because: [`the snapshot lacks ${file}: ${lowered(consequence)}`, ...more],
    fix: {
      summary: `capture ${[first, ...others].map((one) => one.file).join(', ')}`,
      commands: [],
    },
  };
}

function lowered(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** The frame was on its way to a port of a host that was not captured at all. */
export const unseenHost: Diagnosis = (of) => {
  const target = nextPort(of);
  const { network } = of.compiled;
  if (target === null || target.host === '' || network.hosts.has(target.host)) return null;
  const name = portLabel(network, target);
  return {
    code: 'SNAPSHOT_INCOMPLETE',
    host: target.host,
    component: `hosts/${target.host}`,
    evidence: '',
    origin: null,
    because: [`${name} is plugged on ${target.host}, which is not in the snapshot`],
    neutron: [portRef(network, target)],
    fix: { summary: `capture ${target.host} as well`, commands: [] },
  };
};

/** The port that the frame, or the ARP request for it, was meant for. */
function nextPort(of: Case): NeutronPort | null {
  if (UNANSWERED.has(of.drop.reason)) return neighbourPort(of);
  if (of.device !== 'ovs' && of.device !== ROOT && of.drop.where !== 'wire') return null;
  const { ports } = of.compiled.network.neutron;
  // A tunnel's own frame has other addresses: the frame inside is the one in front of it.
  for (const { words } of [{ words: of.words }, ...of.diary.toReversed()]) {
    const mac = readField(words, field('eth_dst'));
    const found = ports.find((port) => port.mac === mac);
    if (found !== undefined) return found;
  }
  return null;
}
