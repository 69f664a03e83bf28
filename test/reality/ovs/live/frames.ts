/**
 * Real frames through generated flows: what every port sends, byte by byte. Only this shows what
 * traces leave out: hashes of the datapath, lengths, headers parsed anew, what was learned.
 */
import { createTracker } from '../../../../src/dataplane/conntrack/tracker.ts';
import { type Run } from '../../../../src/dataplane/outcome.ts';
import { conntrackOf } from '../../../../src/dataplane/ovs/datapath/conntrack.ts';
import { receive } from '../../../../src/dataplane/ovs/datapath/receive.ts';
import {
  type PreparedSwitch,
  prepareSwitch,
} from '../../../../src/dataplane/ovs/pipeline/prepared.ts';
import { type SwitchState, switchState } from '../../../../src/dataplane/ovs/pipeline/state.ts';
import { type OvsStep } from '../../../../src/dataplane/ovs/pipeline/steps.ts';
import { RESERVED_PORTS } from '../../../../src/dataplane/ovs/types/flow.ts';
import { compileTable } from '../../../../src/traffic/compiled.ts';
import { type Packet } from '../../../../src/traffic/one-packet.ts';
import { bytesFromPacket, packetFromBytes } from '../../../../src/traffic/wire.ts';
import { onePacketRun } from '../compare-trace.ts';
import { casesOf } from './case.ts';
import { executedFeatures } from './executed.ts';
import {
  type FramePlan,
  fragmentsOf,
  frameBytes,
  framePlan,
  hexOf,
  largePlan,
} from './frame-bytes.ts';
import { learnedTexts, realLearned } from './learned.ts';
import { type PacketKind, type PacketPlan } from './packets.ts';
import { Rng } from './rng.ts';
import { anyChoice, type Tally } from './run.ts';
import { type Sent, type Wire } from './wire.ts';
import { PLAIN, switchOf, type World } from './world.ts';

/** Features whose choices are a hash's: the emulation tries them all, so nothing may be remembered. */
const HASHED = [
  'group-hash',
  'group-all',
  'group-failover',
  'group-dp-hash',
  'bundle',
  'multipath',
  'bundle-load',
];
export const FRAME_FEATURES = [
  ...HASHED,
  'packet-length',
  'vlan',
  'mpls',
  'registers',
  'output-forms',
  'decrement-ttl',
  'ct',
  'learn',
  'clone',
  'set-field',
  'fragments',
] as const;

/** Ports whose frames are compared; p7 is down, and a dummy device does not care. */
export const WATCHED = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p9', 'p11', 'q1', 'q2'];
const ENTRIES: readonly (readonly [string, number])[] = [
  ['p1', 1],
  ['p2', 2],
  ['p3', 3],
  ['p4', 4],
  ['p5', 5],
  ['p9', 9],
];
const FRAMES = 8;

function kindOf({ content, labels }: FramePlan): PacketKind {
  if (labels.length > 0) return 'mpls';
  if (content.kind === 'arp') return 'arp';
  if (content.kind === 'raw') return 'eth';
  const six = content.from.includes(':') ? '6' : '';
  return `${content.protocol}${six}` as PacketKind;
}

/** The frame in the words of a flow, for matches that meet it. */
function wordsOf(frame: FramePlan, inPort: number): PacketPlan {
  const kind = kindOf(frame);
  const words = [
    kind,
    `in_port=${inPort}`,
    `dl_src=${frame.source}`,
    `dl_dst=${frame.destination}`,
  ];
  const [, tci] = frame.tags[0] ?? [];
  if (tci !== undefined && (tci & 0xfff) !== 0) words.push(`dl_vlan=${tci & 0xfff}`);
  const { content, labels } = frame;
  if (labels[0] !== undefined) words.push(`mpls_label=${labels[0].label}`);
  else if (content.kind === 'arp') words.push(`arp_spa=${content.from}`, `arp_op=${content.op}`);
  else if (content.kind === 'ip') {
    const family = content.from.includes(':') ? 'ipv6' : 'nw';
    words.push(
      `${family}_src=${content.from}`,
      `${family}_dst=${content.to}`,
      `nw_ttl=${content.ttl}`,
    );
    if (content.protocol !== 'icmp') words.push(`${content.protocol}_dst=${content.ports[1]}`);
  }
  return { kind, inPort, words };
}

interface Emulated {
  readonly sw: PreparedSwitch;
  readonly state: SwitchState<Packet>;
  readonly tracker: ReturnType<typeof conntrackOf<Packet>>;
}

function emulated(
  sw: PreparedSwitch,
  run: Run<Packet>,
  learns: boolean,
  onStep: (step: OvsStep) => void,
): Emulated {
  const table = createTracker(run, { personality: 'userspace', entries: [] });
  return {
    sw,
    state: switchState<Packet>(sw, 0, { learns, onStep }),
    tracker: conntrackOf(run, table),
  };
}

/** Frames that leave by watched ports, `port hex`. */
function sentBy(one: Emulated, run: Run<Packet>, port: string, hex: string): string[] {
  const { value } = packetFromBytes(Buffer.from(hex, 'hex'));
  return receive({ run, ...one }, port, value).flatMap((outcome) =>
    outcome.kind === 'sent' && WATCHED.includes(outcome.port)
      ? [`${outcome.port} ${hexOf([...bytesFromPacket(outcome.p)])}`]
      : [],
  );
}

function differencesOf(ours: readonly string[], real: Sent): string[] {
  const theirs = Object.entries(real).flatMap(([port, frames]) =>
    WATCHED.includes(port) ? frames.map((frame) => `${port} ${frame}`) : [],
  );
  const left = [...theirs];
  const extra = ours.filter((frame) => {
    // A frame that was cut (max_len) is the start of the whole one.
    const at = left.findIndex((other) => frame === other || isCut(other, frame));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return [...extra.map((text) => `  ours ${text}`), ...left.map((text) => `  real ${text}`)];
}

const CUTS = [14, 64, 100];

/** What is cut off is counted in bytes before tags and labels are pushed and popped. */
function isCut(part: string, whole: string): boolean {
  const length = (part.length - part.indexOf(' ') - 1) / 2;
  const isOne = CUTS.some((cut) => Math.abs(length - cut) <= 12 && (length - cut) % 4 === 0);
  return isOne && whole.startsWith(part);
}

/**
 * Whether the datapath takes its offsets anew behind one of two tags: it does when it sends a
 * packet to a controller, and writes to the wrong bytes from then on.
 */
function offsetsAreLost({ tags }: AskedFrame, steps: readonly OvsStep[]): boolean {
  const actions = steps.flatMap((step) => (step.kind === 'flow-action' ? [step.action] : []));
  const pushed = actions.filter(({ kind }) => kind === 'push-vlan').length;
  const told = actions.some(
    (action) =>
      action.kind === 'controller' ||
      (action.kind === 'output' && action.port === RESERVED_PORTS.CONTROLLER),
  );
  return told && tags + pushed > 1;
}

/** A case with what the real switch did; enough to compare without that switch. */
export interface FramesCase {
  readonly id: string;
  readonly focus: string;
  /** Dumps of the switch that holds the case, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly frames: readonly AskedFrame[];
}

interface AskedFrame {
  readonly entry: string;
  readonly hex: string;
  /** How many tags it came with. */
  readonly tags: number;
  readonly sent: Sent;
  /** Flows that were learned until then; null where nothing learns. */
  readonly learned: readonly string[] | null;
}

interface Planned {
  readonly frame: FramePlan;
  readonly entry: (typeof ENTRIES)[number];
  readonly hex: string;
}

function wholePlans(rng: Rng): readonly Planned[] {
  return Array.from({ length: FRAMES }, () => {
    const frame = framePlan(rng);
    return { frame, entry: rng.pick(ENTRIES), hex: hexOf(frameBytes(frame)) };
  });
}

/** Packets in fragments, also some in the wrong order or with one too short. */
function cutPlans(rng: Rng, seed: number): readonly Planned[] {
  return [0, 1, 2, 3].flatMap((n) => {
    // What is incomplete waits on when the case is over, so another case has other numbers.
    const id = (seed * 4 + n) & 0xffff;
    const frame = largePlan(rng);
    const entry = rng.pick(ENTRIES);
    const room = rng.pick([1216, 1448, 1448, 800]);
    const pieces = fragmentsOf(frame, room, id).map((bytes) => ({
      frame,
      entry,
      hex: hexOf(bytes),
    }));
    return rng.chance(0.2) ? pieces.reverse() : pieces;
  });
}

/**
 * Loads the case of a seed and sends its frames.
 * @returns null when the switch itself refuses a flow; a text when ovs-ofctl does.
 */
export async function askFrames(
  world: World,
  wire: Wire,
  focus: string,
  seed: number,
): Promise<FramesCase | string | null> {
  const rng = new Rng(seed);
  const manner = HASHED.includes(focus) ? 'fresh' : 'lasting';
  const plans = focus === 'fragments' ? cutPlans(rng, seed) : wholePlans(rng);
  const words = plans.map(({ frame, entry }) => wordsOf(frame, entry[1]));
  const one = casesOf(rng, seed, focus, words, manner);
  // Flows of the datapath are translated anew when tables change, and what they learn is learned.
  if (manner === 'lasting') await world.live.appctl('revalidator/purge');
  const refused = await world.loadCase(one);
  // What the switch itself refuses, behind ovs-ofctl, is no question of reading texts.
  if (refused !== '') return refused.includes('Error OFP') ? null : `${one.id}: ${refused}`;
  await world.live.appctl('dpctl/flush-conntrack');
  const files = await world.dumps(PLAIN);
  const frames: AskedFrame[] = [];
  for (const { frame, entry, hex } of plans) {
    // A frame that meets a flow of the datapath learns later, when somebody reads its statistics.
    if (focus === 'learn') await world.live.appctl('revalidator/purge');
    const sent = await wire.send(entry[0], hex);
    const learned = focus === 'learn' ? await realLearned(world) : null;
    frames.push({ entry: entry[0], hex, tags: frame.tags.length, sent, learned });
  }
  return { id: one.id, focus, files, frames };
}

/** Sends the frames through the emulation and compares. */
export function compareFrames({ id, focus, files, frames }: FramesCase, tally: Tally): void {
  const hashed = HASHED.includes(focus);
  const { sw, problems } = switchOf(files);
  tally.differences.push(...problems.map((text) => `${id}: ${text}`));
  const prepared = prepareSwitch({ ...sw, datapath: 'userspace' }, compileTable);
  const steps: OvsStep[] = [];
  const run = onePacketRun();
  const lasting = emulated(prepared, run, true, (step) => steps.push(step));
  for (const [i, frame] of frames.entries()) {
    const { entry, hex, sent, learned } = frame;
    tally.traces++;
    let differences: readonly string[];
    let seen: readonly OvsStep[];
    if (hashed) {
      const outcome = anyChoice((chosen, onStep) => {
        const ours = sentBy(emulated(prepared, chosen, false, onStep), chosen, entry, hex);
        return differencesOf(ours, sent);
      });
      ({ differences, steps: seen } = outcome);
    } else {
      steps.length = 0;
      differences = differencesOf(sentBy(lasting, run, entry, hex), sent);
      seen = [...steps];
      if (learned !== null) {
        const ours = learnedTexts(lasting.state);
        differences = [
          ...differences,
          ...ours.filter((flow) => !learned.includes(flow)).map((flow) => `  learned ${flow}`),
          ...learned.filter((flow) => !ours.includes(flow)).map((flow) => `  really ${flow}`),
        ];
      }
    }
    if (differences.length > 0 && offsetsAreLost(frame, seen)) {
      tally.spoiled++;
      continue;
    }
    if (differences.length > 0) {
      tally.differences.push(
        `${id} frame ${i} ${entry} ${hex.slice(0, 120)}\n${differences.join('\n')}`,
      );
      continue;
    }
    for (const feature of executedFeatures(prepared, seen)) {
      tally.executed.set(feature, (tally.executed.get(feature) ?? 0) + 1);
    }
  }
}
