/**
 * Runs one trace on the emulation and lists where its passes differ from those of the real switch,
 * however its answer was written down.
 */
import { type Run } from '../../../src/dataplane/outcome.ts';
import { tracePasses } from '../../../src/dataplane/ovs/datapath/trace.ts';
import {
  type PreparedBridge,
  type PreparedSwitch,
} from '../../../src/dataplane/ovs/pipeline/prepared.ts';
import { type SwitchState, switchState } from '../../../src/dataplane/ovs/pipeline/state.ts';
import { type FlowStep, type OvsStep } from '../../../src/dataplane/ovs/pipeline/steps.ts';
import { parseFlow } from '../../../src/dataplane/ovs/text/flow-mods.ts';
import { type FieldTest, type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import { field } from '../../../src/packet/fields.ts';
import { numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { ourEffects, packetOfFlowText, wholePacket } from './canon.ts';
import { type TracedHit } from './trace-text.ts';

/** What the real switch answered for one pass. */
export interface RealPass {
  readonly hits: readonly TracedHit[];
  readonly unordered: boolean;
  readonly error: string | null;
  /** Null when it was not recorded. */
  readonly finalFlow: string | null;
  /** Datapath actions in canonical form, for the packet that the pass began with. */
  effects(start: Packet): string[];
}

export interface Question {
  readonly sw: PreparedSwitch;
  readonly bridge: PreparedBridge;
  readonly p: Packet;
  /** ct_state of each resumption. */
  readonly states: readonly number[];
  /** Effects that are not compared. */
  readonly leaveOut: (effect: string) => boolean;
  /** Where learned addresses and flows are; nothing is learned without it. */
  readonly state?: SwitchState<Packet>;
  /** One packet that chooses the first of everything, when absent. */
  readonly run?: Run<Packet>;
}

/** Stands for a trace that went another way at flows of equal priority. */
export const AMBIGUOUS = 'ambiguous';

const IN_PORT = field('in_port');
/** Real translations end silently after 64 kB of datapath actions, which nothing in the answer shows. */
const MOST_HITS = 1000;

export function onePacketRun(assumed: string[] = []): Run<Packet> {
  return {
    traffic: onePacket,
    now_us: 0,
    assume(reason, detail) {
      assumed.push(`${reason} ${detail}`);
    },
  };
}

function testsText(tests: readonly FieldTest[]): string {
  return tests
    .map(({ field: of, value, mask }) => {
      // Untagged is sent as "no VLAN bit" and comes back so.
      const bits = of.name.startsWith('vlan_') && value === 0n && mask === 0xffffn ? 0x1fffn : mask;
      return `${of.word}.${of.shift}=${value.toString(16)}/${bits.toString(16)}`;
    })
    .sort()
    .join(',');
}

/** A lookup as text, and the texts of what else the switch may have hit. */
interface Hit {
  readonly text: string;
  readonly others: readonly string[];
}

function ourHit(step: FlowStep): Hit {
  const { bridge, table } = step;
  if (table === 254) return { text: `${bridge} 254`, others: [] };
  if (step.flow === null) return { text: `${bridge} ${table} miss`, others: [] };
  const name = ({ priority, tests }: Flow) => `${bridge} ${table} ${priority} ${testsText(tests)}`;
  return { text: name(step.flow), others: [...step.ambiguous, ...step.alike].map(name) };
}

/** Whether the first difference is one that the emulation announced. */
function isAnnounced(ours: readonly Hit[], real: readonly string[], ordered: boolean): boolean {
  if (!ordered) {
    const lacking = without(
      real,
      ours.map(({ text }) => text),
    );
    return ours.some(({ others }) => others.some((text) => lacking.includes(text)));
  }
  const at = ours.findIndex(({ text }, i) => text !== real[i]);
  return ours[at]?.others.includes(real[at] ?? '') ?? false;
}

function realHit([bridge, table, priority, match]: TracedHit, sw: PreparedSwitch): string {
  if (table === 254) return `${bridge} 254`;
  if (priority === null) return `${bridge} ${table} miss`;
  const ports = sw.bridges.get(bridge)?.ports ?? new Map();
  const portNumber = (name: string) =>
    [...ports.values()].find((port) => port.name === name)?.ofport;
  const { value, problems } = parseFlow(`${match} actions=drop`, 'hit', { portNumber });
  if (problems.length > 0) throw new Error(`${match}: ${JSON.stringify(problems)}`);
  return `${bridge} ${table} ${priority} ${testsText(value.tests)}`;
}

/** Every difference; `AMBIGUOUS` among them when the emulation announced that it may be so. */
export function compareTrace(question: Question, real: readonly RealPass[]): string[] {
  const { sw, bridge, p, states } = question;
  const log: OvsStep[] = [];
  const fresh = switchState<Packet>(sw, 0, { learns: false });
  const given = question.state ?? fresh;
  const onStep = (seen: OvsStep) => {
    log.push(seen);
    given.onStep?.(seen);
  };
  const state = { ...given, onStep };
  const differences: string[] = [];
  let index = 0;
  tracePasses(
    { run: question.run ?? onePacketRun(), sw, state },
    { bridge, inPort: numberOf(p, IN_PORT), p },
    states,
    (pass) => {
      const expected = real[index];
      const [only] = pass.result.translated;
      const hits = log.filter((seen) => seen.kind === 'flow').map(ourHit);
      const labelled = log.some(
        (seen) =>
          seen.kind === 'flow-action' &&
          (seen.action.kind === 'push-mpls' || seen.action.kind === 'pop-mpls'),
      );
      log.length = 0;
      if (expected === undefined || only === undefined)
        differences.push(`pass ${index} is not real`);
      else {
        const found = comparePass(
          question,
          hits,
          { ...only, labelled },
          pass.start,
          expected,
          index > 0 ? bridge.name : null,
        );
        if (found.includes(AMBIGUOUS)) differences.push(AMBIGUOUS);
        differences.push(...found.map((text) => `pass ${index}: ${text}`));
      }
      index++;
    },
  );
  if (index < real.length) differences.push(`${real.length - index} passes are missing`);
  return differences;
}

/** The items of a multiset that another one lacks. */
function without(all: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return all.filter((item) => {
    const at = left.indexOf(item);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

type Done = Parameters<typeof ourEffects>[0];

function comparePass(
  { sw, leaveOut }: Question,
  steps: readonly Hit[],
  done: {
    readonly actions: Done;
    readonly error: string | null;
    readonly p: Packet;
    readonly labelled: boolean;
  },
  start: Packet,
  real: RealPass,
  traced: string | null,
): string[] {
  const differences: string[] = [];
  const compare = (what: string, ours: readonly string[], theirs: readonly string[]) => {
    if (ours.join('\n') === theirs.join('\n')) return;
    const lacking = without(theirs, ours);
    const extra = without(ours, theirs);
    const order = lacking.length + extra.length === 0 ? ours : [];
    differences.push(
      [
        what,
        ...extra.map((t) => `  ours ${t}`),
        ...lacking.map((t) => `  real ${t}`),
        ...order,
      ].join('\n'),
    );
  };
  if (real.hits.length > MOST_HITS && real.error === null) return differences;
  const realHits = real.hits.map((hit) => realHit(hit, sw));
  // A resumed pass is printed under the name of the bridge that the trace started in.
  const ordered = !real.unordered;
  const named = (hit: string, i: number) => {
    if (traced === null) return hit;
    if (!ordered) return hit.replace(/^\S+ /, '');
    return realHits[i]?.startsWith(`${traced} `) === true ? hit.replace(/^\S+/, traced) : hit;
  };
  const ours = steps.map(
    ({ text, others }, i): Hit => ({
      text: named(text, i),
      others: others.map((other) => named(other, i)),
    }),
  );
  const hits = ours.map(({ text }) => text);
  const expected = ordered ? realHits : realHits.map((hit, i) => named(hit, i));
  if (isAnnounced(ours, expected, ordered)) return [AMBIGUOUS];
  if (ordered) compare('hits', hits, expected);
  else compare('hits', hits.sort(), [...expected].sort());
  compare('error', [done.error ?? ''], [real.error ?? '']);
  const effects = ourEffects(done.actions).filter((effect) => !leaveOut(effect));
  const theirs = real.effects(start).filter((effect) => !leaveOut(effect));
  compare('effects', effects.sort(), theirs.sort());
  if (real.finalFlow === null) return differences;
  const names = (name: string) =>
    name === 'LOCAL' ? 0xfffe : [...sw.ports.values()].find((port) => port.name === name)?.ofport;
  const end = real.finalFlow === 'unchanged' ? start : packetOfFlowText(real.finalFlow, names);
  // Tunnel fields are printed only with a far end, the key of a tunnel only with its flag.
  const isTunnelled = real.finalFlow.includes('tun_dst=');
  const hidden = isTunnelled ? (real.finalFlow.includes('tun_id=') ? [] : ['tun_id']) : ['tun_src'];
  const text = (p: Packet) => wholePacket(p, done.labelled, hidden);
  compare('final packet', [text(done.p)], [text(end)]);
  return differences;
}
