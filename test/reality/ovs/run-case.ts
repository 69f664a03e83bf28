/** Runs one oracle case on the emulation and lists where it differs from the real answers. */

import { type Run } from '../../../src/dataplane/outcome.ts';
import { tracePasses } from '../../../src/dataplane/ovs/datapath/trace.ts';
import {
  type PreparedSwitch,
  prepareSwitch,
} from '../../../src/dataplane/ovs/pipeline/prepared.ts';
import { switchState } from '../../../src/dataplane/ovs/pipeline/state.ts';
import { type FlowStep, type OvsStep } from '../../../src/dataplane/ovs/pipeline/steps.ts';
import { parseFlow } from '../../../src/dataplane/ovs/text/flow-mods.ts';
import { parseCtNext } from '../../../src/dataplane/ovs/text/trace-flow.ts';
import { type FieldTest, type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import { field } from '../../../src/packet/fields.ts';
import { compileTable } from '../../../src/traffic/compiled.ts';
import { numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { ourEffects, packetOfFlowText, realEffectList, wholePacket } from './canon.ts';
import { type CaseStep, type OracleCase, switchOf, tracePacket } from './cases.ts';

interface RealPass {
  readonly hits: readonly (readonly [string, number, number | null, string])[];
  readonly unordered?: boolean;
  readonly effects: readonly unknown[];
  readonly final_flow: string | null;
  readonly error?: string;
}

export interface Comparison {
  readonly steps: number;
  readonly passes: number;
  readonly differences: readonly string[];
  /** Traces that part at flows of equal priority, of which the emulation says so. */
  readonly ambiguous: number;
}

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

/** The bridges that kept the flow of a fresh standalone bridge: the answers show that it was hit. */
function defaultsOf({ bridges, result }: OracleCase): Set<string> {
  const standalone = bridges.filter(({ fail_mode }) => fail_mode === 'standalone');
  const kept = new Set<string>();
  for (const bridge of standalone) {
    const own = (bridge.flows ?? []).some((flow) => /^table=0,priority=0 actions/.test(flow));
    if (own) continue;
    const wasHit = result.some(
      (step) =>
        Array.isArray(step) &&
        (step as RealPass[]).some(({ hits }) =>
          hits.some(
            ([name, table, priority, match]) =>
              name === bridge.name && table === 0 && priority === 0 && match === '',
          ),
        ),
    );
    if (wasHit) kept.add(bridge.name);
  }
  return kept;
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

function realHit(
  [bridge, table, priority, match]: RealPass['hits'][number],
  sw: PreparedSwitch,
): string {
  if (table === 254) return `${bridge} 254`;
  if (priority === null) return `${bridge} ${table} miss`;
  const ports = sw.bridges.get(bridge)?.ports ?? new Map();
  const portNumber = (name: string) =>
    [...ports.values()].find((port) => port.name === name)?.ofport;
  const { value, problems } = parseFlow(`${match} actions=drop`, 'hit', { portNumber });
  if (problems.length > 0) throw new Error(`${match}: ${JSON.stringify(problems)}`);
  return `${bridge} ${table} ${priority} ${testsText(value.tests)}`;
}

/** Prepares the switch of a case; the same cases share nothing. */
export function preparedCase(one: OracleCase): PreparedSwitch {
  return prepareSwitch(switchOf(one, defaultsOf(one)), compileTable);
}

/** Runs every trace of the case and compares each pass. */
export function compareTraces(one: OracleCase, sw = preparedCase(one)): Comparison {
  const differences: string[] = [];
  let steps = 0;
  let passes = 0;
  let ambiguous = 0;
  const shown = farEnds(one);
  for (const [i, step] of one.steps.entries()) {
    const real = one.result[i];
    if (step.op !== 'trace' || !Array.isArray(real)) continue;
    steps++;
    const found = compareTrace(sw, step, real as RealPass[], shown);
    passes += real.length;
    if (found.includes(AMBIGUOUS)) ambiguous++;
    else differences.push(...found.map((text) => `${one.id} step ${i}: ${text}`));
  }
  return { steps, passes, differences, ambiguous };
}

/** Stands for a trace that went another way at flows of equal priority. */
const AMBIGUOUS = 'ambiguous';

/**
 * Far ends that the real switch sent to. The oracle keeps several topologies alive whose tunnel
 * ports have the same addresses; of those only the first one works, the others send nothing.
 */
function farEnds({ result }: OracleCase): Set<string> {
  const found = new Set<string>();
  for (const [, address] of JSON.stringify(result).matchAll(/"tunnel\.dst":\s*"([\d.]+)"/g)) {
    const value = (address ?? '').split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    found.add(`tun_dst=${value.toString(16)}`);
  }
  return found;
}

function compareTrace(
  sw: PreparedSwitch,
  step: CaseStep,
  real: readonly RealPass[],
  shown: ReadonlySet<string>,
): string[] {
  const bridge = sw.bridges.get(step.bridge ?? '');
  if (bridge === undefined) return [`no bridge ${step.bridge}`];
  const log: OvsStep[] = [];
  const state = switchState<Packet>(sw, 0, { learns: false, onStep: (seen) => log.push(seen) });
  const p = tracePacket(step.flow ?? '', [...bridge.source.ports]);
  const states = (step.ct_next ?? []).map((text) => Number(parseCtNext(text)));
  const differences: string[] = [];
  let index = 0;
  tracePasses(
    { run: onePacketRun(), sw, state },
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
          sw,
          hits,
          { ...only, labelled },
          pass.start,
          expected,
          index > 0 ? (step.bridge ?? '') : null,
          shown,
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
  sw: PreparedSwitch,
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
  shown: ReadonlySet<string>,
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
  if (real.hits.length > MOST_HITS && real.error === undefined) return differences;
  const realHits = real.hits.map((hit) => realHit(hit, sw));
  // A resumed pass is printed under the name of the bridge that the trace started in.
  const ordered = real.unordered !== true;
  const named = (hit: string, i: number) => {
    if (traced === null) return hit;
    if (!ordered) return hit.replace(/^\S+ /, '');
    return realHits[i]?.startsWith(`${traced} `) === true ? hit.replace(/^\S+/, traced) : hit;
  };
  const ours = steps.map(({ text, others }, i): Hit => ({
    text: named(text, i),
    others: others.map((other) => named(other, i)),
  }));
  const hits = ours.map(({ text }) => text);
  const theirs = ordered ? realHits : realHits.map((hit, i) => named(hit, i));
  if (isAnnounced(ours, theirs, ordered)) return [AMBIGUOUS];
  if (ordered) compare('hits', hits, theirs);
  else compare('hits', hits.sort(), [...theirs].sort());
  compare('error', [done.error ?? ''], [real.error ?? '']);
  const effects = ourEffects(done.actions).filter(
    (effect) => !/^out \w+_sys/.test(effect) || shown.has(/tun_dst=\w+/.exec(effect)?.[0] ?? ''),
  );
  compare('effects', effects.sort(), realEffectList(start, real.effects).sort());
  if (real.final_flow === null) return differences;
  const names = (name: string) =>
    name === 'LOCAL' ? 0xfffe : [...sw.ports.values()].find((port) => port.name === name)?.ofport;
  const end = real.final_flow === 'unchanged' ? start : packetOfFlowText(real.final_flow, names);
  // The key of a tunnel is printed only when the packet's flags say that it has one.
  const keyShown = !real.final_flow.includes('tun_dst=') || real.final_flow.includes('tun_id=');
  const text = (p: Packet) => wholePacket(p, done.labelled, keyShown);
  compare('final packet', [text(done.p)], [text(end)]);
  return differences;
}
