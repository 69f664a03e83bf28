/** Turns the diary of one packet into the hops it made, for whoever shows a trace. */
import { type Network } from '../dataplane/network.ts';
import { type DiaryEntry } from '../traffic/diary.ts';
import { type Step } from '../traffic/traffic.ts';
import { headerView } from './header.ts';
import { hopLabel, hopNotes } from './hop-notes.ts';
import { type EnterStep, type WalkStep } from './steps.ts';
import { type Hop, type Journey, type JourneyEnd } from './types.ts';

interface OpenHop {
  readonly enter: EnterStep;
  output: string | null;
  readonly before: Uint32Array;
  after: Uint32Array;
  readonly entries: DiaryEntry[];
}

/** Steps of the walk, told apart from the steps of elements by their kind. */
function walkStep(step: Step): WalkStep | null {
  switch (step.kind) {
    case 'made':
    case 'enter':
    case 'leave':
    case 'wire':
    case 'delivered':
    case 'dropped':
      return step as WalkStep;
    default:
      return null;
  }
}

/**
 * The journey that a diary tells. Entries stand oldest first; a diary that goes back to another
 * packet (a reply's to the request's) is cut at its last `made` step.
 */
export function journeyOf(network: Network, diary: readonly DiaryEntry[]): Journey | null {
  const start = diary.findLastIndex(
    ({ step }, at) => step.kind === 'made' && diary[at - 1]?.step.kind !== 'relay',
  );
  const hops: OpenHop[] = [];
  let end: JourneyEnd | null = null;
  for (const entry of diary.slice(Math.max(0, start))) {
    const step = walkStep(entry.step);
    const hop = hops.at(-1);
    if (step?.kind === 'enter') {
      hops.push({
        enter: step,
        output: null,
        before: entry.words,
        after: entry.words,
        entries: [],
      });
      continue;
    }
    if (hop === undefined) continue;
    hop.after = entry.words;
    // Crossings tell what a capture sees (sightings.ts), nothing that decides.
    if (entry.step.kind === 'crossing') continue;
    if (step === null) hop.entries.push(entry);
    else if (step.kind === 'leave') hop.output = step.port;
    else if (step.kind === 'delivered') {
      const { host, device } = hop.enter;
      end = { kind: 'delivered', host, namespace: device, to: step.to };
    } else if (step.kind === 'dropped') {
      const { reason, where, evidence, origin } = step.drop;
      const { host, device } = hop.enter;
      end = { kind: 'dropped', host, device, code: reason, where, evidence, origin };
    }
  }
  return end === null ? null : { hops: hops.map((hop) => closed(network, hop)), end };
}

/** Headers and names are made when somebody looks: most questions only want the verdict. */
function closed(network: Network, open: OpenHop): Hop {
  const { host, stage, device, port } = open.enter;
  return {
    host,
    stage,
    device,
    input: port,
    output: open.output,
    steps: open.entries.map(({ step, words }) => ({
      step,
      get header() {
        return headerView(words);
      },
    })),
    get label() {
      return hopLabel(network, host, device);
    },
    get notes() {
      return hopNotes(network, { ...open, host, stage, input: port });
    },
    get before() {
      return headerView(open.before);
    },
    get after() {
      return headerView(open.after);
    },
  };
}
