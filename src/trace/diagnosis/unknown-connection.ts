/**
 * Packets that connection tracking finds invalid (nf_conntrack_in() gives them no connection):
 * why it does not know the connection. Either nobody tracked its first packet at this place, or
 * it was tracked in another zone, or the answer went another way than past the translation.
 */
import { type RuleStep, type TranslationStep } from '../../dataplane/iptables/steps.ts';
import { type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { CT_STATE } from '../../packet/fields.ts';
import { type DiaryEntry } from '../../traffic/diary.ts';
import { type Read } from '../lineage.ts';
import { type EnterStep } from '../steps.ts';
import { type Case, type Diagnosis, type Finding, flowsOf, numberIn } from './case.ts';
import { inNamespace, onHost } from './commands.ts';
import { isDiscovery } from './spoofing.ts';

/** Whether a flow is for packets that the tracker finds invalid. */
export function asksInvalid(flow: Flow | null): boolean {
  return (flow?.tests ?? []).some(
    ({ field: { name }, value }) => name === 'ct_state' && (value & BigInt(CT_STATE.inv)) !== 0n,
  );
}

/** The first table of what comes in to a port. */
const INGRESS = 81;
/** Tables that only refuse: what led there decided. */
const REFUSING: ReadonlySet<number> = new Set([91, 92, 93, 94]);

export const unknownConnection: Diagnosis = (of) => {
  const decided = flowsOf(of).findLast(({ step }) => !REFUSING.has(step.table));
  const inSwitch = of.device === 'ovs' && decided !== undefined && asksInvalid(decided.step.flow);
  if (!inSwitch && of.drop.reason !== 'CT_INVALID') return null;
  const uninvited = inSwitch ? discoveryAt(of) : null;
  if (uninvited !== null) return uninvited;
  const confirm = [
    of.device === 'ovs'
      ? onHost(of.host, 'ovs-appctl dpctl/dump-conntrack')
      : inNamespace(of.host, of.device, 'conntrack -L'),
  ];
  const found = reasonOf(of);
  return { ...found, confirm };
};

/**
 * Neighbour discovery belongs to no connection (net/netfilter/nf_conntrack_proto_icmpv6.c): a flow
 * of the firewall's first table lets it in, and where that is missing it is found invalid.
 */
function discoveryAt(of: Case): Finding | null {
  const first = flowsOf(of).findLast(({ step }) => step.table === INGRESS);
  if (first === undefined || !isDiscovery(of.words)) return null;
  return {
    code: 'SG_NO_MATCHING_RULE',
    component: `br-int table ${INGRESS}`,
    evidence: '',
    origin: first.step.flow?.origin ?? null,
    because: [
      `neighbour discovery is never tracked, and ${of.host} has no flow that lets ICMPv6 type ${numberIn(of.words, 'tp_src')} in to the port`,
    ],
    fix: {
      summary: 'restart the agent on the host, which writes the flows of the port anew',
      commands: [],
    },
    confirm: [onHost(of.host, `ovs-ofctl dump-flows br-int table=${INGRESS}`)],
  };
}

function reasonOf(of: Case): Finding {
  const zone = zonesIn(of, of.diary).at(-1)?.zone ?? null;
  const first = firstOf(of);
  const plain: Finding = {
    code: 'CT_INVALID',
    because: [
      'connection tracking finds it invalid: it saw no beginning of this connection, or only one direction',
    ],
  };
  if (first === undefined) return plain;
  const before = zonesIn(of, first);
  const at = visitsOf(of, first);
  const answer = of.direction === 'reply' ? 'the answer' : 'the data';
  if (before.length === 0 && at.length > 0) return untracked(of, at, answer);
  if (before.length === 0) {
    return {
      code: 'CT_ASYMMETRIC',
      because: [
        `${answer} comes by ${of.host}, but the connection’s first packet went another way: nobody tracked it here`,
      ],
    };
  }
  const zones = [...new Set(before.map((one) => one.zone))];
  if (zone !== null && !zones.includes(zone)) {
    return {
      code: 'CT_WRONG_ZONE',
      ...chosenAt(of, zonesIn(of, of.diary).at(-1)?.entry),
      because: [
        `${of.host} tracked the connection’s first packet in zone ${zones.join(' and ')}, and looks for ${answer} in zone ${zone}`,
      ],
      fix: {
        summary: 'restart the agent on the host, which gives both directions the same zone',
        commands: [],
      },
    };
  }
  return pastTranslation(of, first, answer) ?? plain;
}

/** Where zones are chosen: by a rule of `raw`, or in the first table of the firewall. */
function chosenAt(of: Case, entry: DiaryEntry | undefined): Partial<Finding> {
  if (of.device === 'ovs') return { component: 'br-int table 60', evidence: '' };
  if (entry?.step.kind !== 'rule') return {};
  const { table, chain, text, origin } = entry.step as RuleStep;
  return { component: `${of.device} ${table} ${chain}`, evidence: text, origin };
}

/** The packet that began the connection, if it was delivered. */
function firstOf({ reads }: Case): readonly DiaryEntry[] | undefined {
  const opened = reads.find(
    ({ lineage, ending }: Read) =>
      lineage.role === 'request' && ending.outcome.kind === 'delivered',
  );
  return opened?.diary;
}

/** Parts of a diary at the place where the packet was refused. */
function visitsOf({ host, device }: Case, diary: readonly DiaryEntry[]): readonly DiaryEntry[] {
  let here = false;
  return diary.filter(({ step }) => {
    if (step.kind === 'enter') {
      const at = step as EnterStep;
      here = at.host === host && at.device === device;
    }
    return here;
  });
}

/** The zones in which that place tracked a packet, in order. */
function zonesIn(
  of: Case,
  diary: readonly DiaryEntry[],
): readonly { readonly zone: number; readonly entry: DiaryEntry }[] {
  const here = visitsOf(of, diary);
  if (of.device === 'ovs') {
    return here.flatMap((entry) => {
      const tracked = (numberIn(entry.words, 'ct_state') & Number(CT_STATE.trk)) !== 0;
      return tracked ? [{ zone: numberIn(entry.words, 'ct_zone'), entry }] : [];
    });
  }
  return here.flatMap((entry) => {
    if (entry.step.kind !== 'rule') return [];
    const { table, text } = entry.step as RuleStep;
    const zone = /-j CT\b.*--zone(?:-orig|-reply)? (\d+)/.exec(text)?.[1];
    if (table === 'raw') return zone === undefined ? [] : [{ zone: Number(zone), entry }];
    return [];
  });
}

/** The first packet came by here, but past the tables that track. */
function untracked(of: Case, at: readonly DiaryEntry[], answer: string): Finding {
  const last = at.findLast(({ step }) => step.kind === 'flow')?.step as FlowStep | undefined;
  const where = last === undefined ? of.drop.where : `${last.bridge} table ${last.table}`;
  return {
    code: 'CT_ASYMMETRIC',
    ...(last === undefined ? {} : { component: where, origin: last.flow?.origin ?? null }),
    because: [
      `${of.host} passed the connection’s first packet on without tracking it (${where}), so that ${answer} belongs to no connection`,
    ],
    fix: {
      summary: 'restart the agent on the host, which writes the flows of the port anew',
      commands: [],
    },
  };
}

/** The answer did not come through the namespace that had translated what it answers. */
function pastTranslation(
  { diary }: Case,
  first: readonly DiaryEntry[],
  answer: string,
): Finding | null {
  const made = diary.findLastIndex(({ step }) => step.kind === 'made' || step.kind === 'answer');
  const back = new Set(
    diary.slice(Math.max(0, made)).flatMap(({ step }) => {
      return step.kind === 'enter' ? [place(step as EnterStep)] : [];
    }),
  );
  let at: EnterStep | null = null;
  for (const { step } of first) {
    if (step.kind === 'enter') at = step as EnterStep;
    if (step.kind !== 'translation' || at === null || !(step as TranslationStep).byRule) continue;
    if (back.has(place(at))) continue;
    return {
      code: 'CT_ASYMMETRIC',
      because: [
        `${at.device} on ${at.host} translated the connection’s first packet, and ${answer} did not come back through it`,
      ],
    };
  }
  return null;
}

function place({ host, device }: EnterStep): string {
  return `${host} ${device}`;
}
