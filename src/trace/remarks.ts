/**
 * What a person should know beside the verdict: which rule of Neutron's let the packet in, what is
 * wrong although something arrived, and what the snapshot lacks of the devices on the way.
 */
import { tapOfGuest } from '../dataplane/endpoint/guest.ts';
import { portsBehind } from '../dataplane/endpoint/guest-nics.ts';
import { type Missing, type Network, ROOT } from '../dataplane/network.ts';
import { field } from '../packet/fields.ts';
import { readField } from '../traffic/words.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { tupleOf } from './diagnosis/case.ts';
import { judgeRules, ruleText } from './diagnosis/group-rules.ts';
import { untranslatedTarget } from './diagnosis/translation.ts';
import { sharedIds } from './diagnosis/virtual-router-id.ts';
import { endpointsAt } from './endpoints-at.ts';
import { type Read } from './lineage.ts';
import { unequalEnds, unfilteredBridges, unguarded } from './silent-faults.ts';
import { type EnterStep } from './steps.ts';
import { type Question, type Remark } from './types.ts';

/** Hosts captured further apart than this may disagree about the same moment. */
const MOST_SKEW_S = 300;

interface Outcome {
  readonly compiled: CompiledNetwork;
  readonly question: Question;
  /** The request where it was delivered. */
  readonly opened: Read | undefined;
  /** The packet that the listener saw. */
  readonly arrived: Read | undefined;
}

export function remarksOf({ compiled, opened, arrived }: Outcome): readonly Remark[] {
  const { network } = compiled;
  const found: Remark[] = [];
  if (opened !== undefined) {
    found.push(...allowedBy(compiled, opened));
    found.push(...unfilteredBridges(network, opened), ...unequalEnds(network, opened));
    found.push(...sharedIds(compiled, opened));
  }
  if (arrived !== undefined) found.push(...receivedByRouter(network, arrived));
  return [...found, ...skew(network, opened ?? arrived)];
}

/** The rule of the receiving port's groups that allows the packet. */
function allowedBy({ network, connections }: CompiledNetwork, opened: Read): readonly Remark[] {
  const { ending } = opened;
  const { host: where, name } = ending.device;
  const tap = tapOfGuest(name);
  // A guest of several NICs was reached by the one whose MAC the frame has.
  const mac = readField(ending.p.words, field('eth_dst'));
  const nics = tap === null ? [] : portsBehind(network.neutron, where, tap);
  const [receiver] = endpointsAt(network, where, name);
  const port = nics.find((one) => one.mac === mac) ?? receiver?.port ?? null;
  const tuple = tupleOf(ending.p.words);
  if (port === null || tuple === null || !port.portSecurity || port.securityGroups.length === 0) {
    return [];
  }
  const [nearest] = judgeRules(network, { port, direction: 'ingress', tuple });
  if (nearest === undefined || nearest.differs.length > 0) {
    // On a connection that stood before, answers need no rule.
    return connections === 'none' ? unguarded(network, port, opened) : [];
  }
  return [{ kind: 'allowed', code: null, text: `allowed by ${ruleText(network, nearest)}` }];
}

/** A router answers for a floating IP itself when nothing translates it. */
function receivedByRouter(network: Network, { ending }: Read): readonly Remark[] {
  const { host, name } = ending.device;
  const finding = untranslatedTarget(network, host, name, ending.p.words);
  if (finding === null) return [];
  return finding.because.map((text) => ({ kind: 'warning', code: finding.code, text }));
}

function skew(network: Network, read: Read | undefined): readonly Remark[] {
  const times = hostsOf(read).flatMap((host) => {
    const taken = network.hosts.get(host)?.taken_s ?? null;
    return taken === null ? [] : [{ host, taken }];
  });
  const sorted = times.sort((a, b) => a.taken - b.taken);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return [];
  const apart = last.taken - first.taken;
  if (apart <= MOST_SKEW_S) return [];
  const text = `${first.host} was captured ${Math.round(apart)} s before ${last.host}`;
  return [{ kind: 'warning', code: 'SNAPSHOT_SKEW', text }];
}

function hostsOf(read: Read | undefined): readonly string[] {
  const entered = (read?.steps ?? []).flatMap((step) => {
    return step.kind === 'enter' ? [(step as EnterStep).host] : [];
  });
  return [...new Set(entered)];
}

/** Files that decide nothing for a packet of this IP version or are asked elsewhere anyway. */
function concerns(file: string, version: 4 | 6): boolean {
  const name = file.slice(file.lastIndexOf('/') + 1);
  if (/ip-neigh|ip-rule/.test(name)) return false;
  return version === 4 ? !/v6|ip6tables/.test(name) : !/v4|^iptables/.test(name);
}

/** What the snapshot lacks of the devices that the packets crossed. */
export function missingOnTheWay(
  network: Network,
  reads: readonly (Read | undefined)[],
): readonly Missing[] {
  const places = new Set<string>();
  let version: 4 | 6 = 4;
  for (const read of reads) {
    if (read === undefined) continue;
    version = tupleOf(read.ending.p.words)?.version ?? version;
    for (const step of read.steps) {
      if (step.kind !== 'enter') continue;
      const { host, device, stage } = step as EnterStep;
      places.add(stage === 'switch' ? `hosts/${host}/ovs/` : `hosts/${host}/ns/${device}/`);
      if (stage === 'guest') places.delete(`hosts/${host}/ns/${device}/`);
      if (device === ROOT) places.add(`hosts/${host}/ns/root`);
    }
  }
  const ends = reads.slice(0, 1).flatMap((read) => {
    const listened =
      read !== undefined && [6, 17].includes(tupleOf(read.ending.p.words)?.protocol ?? 0);
    if (!listened || read.ending.outcome.kind !== 'delivered') return [];
    const { host, name } = read.ending.device;
    return [`hosts/${host}/ns/${name}/ss-listen`];
  });
  return network.missing.filter(({ file }) => {
    if (/\/ss-listen/.test(file)) return ends.some((end) => file.startsWith(end));
    return concerns(file, version) && [...places].some((place) => file.startsWith(place));
  });
}
