/**
 * What each host holds behind each phase of a plan, as files that the simulator reads. A host
 * whose switch and namespaces are not changed yet is as it was read; one that is done is as it
 * was compiled; flows are exact behind every phase.
 *
 * Simplification: between plugging ports in and unplugging others, a host counts as not done.
 */
import { type DumpFiles } from '../../agents/dump/folder.ts';
import { type Network } from '../../dataplane/network.ts';
import { memoryFolder } from '../../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../snapshot/read/open.ts';
import { type Item, PHASES, type PhaseName, type Plan, type Step } from '../types.ts';

/** Files of one host behind a phase; equal keys are equal files. */
export interface Stage {
  readonly key: string;
  readonly files: ReadonlyMap<string, string>;
}

/** What the files of a plan's two ends are. */
export interface Ends {
  /** As it was read: `hosts/NAME/…`. */
  readonly old: ReadonlyMap<string, string>;
  /** As it shall be, with the API's objects. */
  readonly new: DumpFiles;
}

/** A host in the middle of a phase. */
export interface Between {
  readonly stage: Stage;
  /** The step behind which it is. */
  readonly step: string;
}

export interface Stages {
  /** Phases in which something happens. */
  readonly phases: readonly PhaseName[];
  /** `before` phase 0 is the state as read. */
  of(host: string, phasesDone: number): Stage;
  /** What a host holds between the steps of a phase: a step is atomic on one bridge alone. */
  between(host: string, phase: number): readonly Between[];
  readonly hosts: readonly string[];
  /** Whether a host forgets what its switch has learned. */
  forgets(host: string): boolean;
}

/** Kinds of steps that change only flows. */
const FLOW_PHASES: readonly PhaseName[] = ['accept', 'send', 'flush', 'drop'];

export function stagesOf(
  plan: Plan,
  ends: Ends,
  tracked: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Stages {
  const phases = PHASES.filter((phase) => plan.steps.some((step) => step.phase === phase));
  const hosts = plan.hosts.map(({ name }) => name);
  const table = new Map<string, HostStages>();
  for (const host of hosts) {
    const steps = plan.steps.filter((step) => step.host === host);
    table.set(host, stagesOfHost(host, steps, phases, ends, tracked.get(host) ?? new Map()));
  }
  const stage = (host: string, done: number): Stage => {
    const all = table.get(host)?.behind ?? [];
    return all[Math.min(done, all.length - 1)] ?? { key: `${host} none`, files: new Map() };
  };
  const between = (host: string, phase: number): readonly Between[] =>
    table.get(host)?.between[phase] ?? [];
  const forgetful = new Set(
    plan.steps.flatMap(({ host, forward }) =>
      forward.some(({ kind }) => kind === 'forget') ? [host] : [],
    ),
  );
  return { phases, hosts, of: stage, between, forgets: (host) => forgetful.has(host) };
}

/** Of one host: behind each phase (the first is as it was read), and in the middle of each. */
interface HostStages {
  readonly behind: readonly Stage[];
  readonly between: readonly (readonly Between[])[];
}

function stagesOfHost(
  host: string,
  steps: readonly Step[],
  phases: readonly PhaseName[],
  ends: Ends,
  tracked: ReadonlyMap<string, string>,
): HostStages {
  const old = filesBelow(host, ends.old);
  const made = new Map(
    [...ends.new].flatMap(([path, text]) =>
      path.startsWith(`hosts/${host}/`) ? [[path, text()] as const] : [],
    ),
  );
  const lastOther = phases.findLastIndex((phase) =>
    steps.some(
      (step) => step.phase === phase && !FLOW_PHASES.includes(phase) && moves(step, tracked),
    ),
  );
  const texts = new Map(tracked);
  const stages: Stage[] = [stageOf(host, 'old', old, texts)];
  const between: Between[][] = [];
  for (const [i, phase] of phases.entries()) {
    const inner: Between[] = [];
    const own = steps.filter((each) => each.phase === phase);
    for (const [n, { id: step, changes }] of own.entries()) {
      for (const [id, text] of changes) {
        if (text === null) texts.delete(id);
        else texts.set(id, text);
      }
      if (n === own.length - 1 || !FLOW_PHASES.includes(phase)) continue;
      const before = lastOther >= 0 && i > lastOther;
      inner.push({
        stage: stageOf(host, before ? 'new' : 'old', before ? made : old, texts),
        step,
      });
    }
    between.push(inner);
    const done = i >= lastOther;
    // A host on which nothing is plugged yet is as good as untouched.
    const changed = done && lastOther >= 0;
    stages.push(stageOf(host, changed ? 'new' : 'old', changed ? made : old, texts));
  }
  return { behind: stages, between };
}

/** Whether a step changes where packets go: what a port's row only notes does not. */
function moves({ changes }: Step, before: ReadonlyMap<string, string>): boolean {
  return changes.some(([id, text]) => {
    const old = before.get(id);
    if (!id.startsWith('port ') || text === null || old === undefined) return true;
    return withoutNotes(old) !== withoutNotes(text);
  });
}

function withoutNotes(text: string): string {
  const { otherConfig: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify(rest);
}

/** The files with the flows as `texts` has them; what is not ours stays. */
function stageOf(
  host: string,
  name: string,
  files: ReadonlyMap<string, string>,
  texts: ReadonlyMap<string, string>,
): Stage {
  const out = new Map(files);
  const flows = new Map<string, string[]>();
  for (const [id, text] of texts) {
    if (!id.startsWith('flow ')) continue;
    const bridge = id.split(' ', 2)[1] ?? '';
    const list = flows.get(bridge) ?? [];
    flows.set(bridge, list);
    list.push(text);
  }
  let key = `${host} ${name}`;
  for (const [path, text] of files) {
    const bridge = /\/ovs\/([^/]+)\.flows\.txt$/.exec(path)?.[1];
    if (bridge === undefined || bridge === 'br-vtep') continue;
    const foreign = text
      .split('\n')
      .filter((line) => !line.includes('cookie=0x686f70') || /_FLOW reply/.test(line));
    const own = flows.get(bridge) ?? [];
    const body = [
      ...foreign.filter((line) => line !== ''),
      ...own.map((line) => ` ${line}`).sort(),
    ];
    out.set(path, `${body.join('\n')}\n`);
    key += ` ${bridge}:${own.length}:${hashOf(own)}`;
  }
  return { key, files: out };
}

/** A short name for a list of texts; equal lists are asked once, others never meet by chance here. */
function hashOf(lines: readonly string[]): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (const line of [...lines].sort()) {
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x85ebca6b) + i;
    }
    a = Math.imul(a ^ 10, 0x01000193);
  }
  return `${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`;
}

function filesBelow(host: string, files: ReadonlyMap<string, string>): Map<string, string> {
  const own = new Map([...files].filter(([path]) => path.startsWith(`hosts/${host}/`)));
  return withoutGuests(host, own);
}

/**
 * A plan is proved for guests as their ports describe them: the inside of a guest, which only
 * emulated hosts show, is left out, and its tap becomes one that leads to a guest.
 */
function withoutGuests(host: string, files: Map<string, string>): Map<string, string> {
  for (const path of [...files.keys()]) if (path.includes('/ns/vm-')) files.delete(path);
  const list = `hosts/${host}/netns-list.txt`;
  const names = files.get(list);
  if (names !== undefined) {
    files.set(
      list,
      names
        .split('\n')
        .filter((line) => !line.startsWith('vm-'))
        .join('\n'),
    );
  }
  for (const name of ['ip-link.json', 'ip-addr.json']) {
    const path = `hosts/${host}/ns/root/${name}`;
    const text = files.get(path);
    if (text !== undefined) files.set(path, withoutPeers(text));
  }
  return files;
}

function withoutPeers(text: string): string {
  let links: unknown;
  try {
    links = JSON.parse(text);
  } catch {
    return text;
  }
  if (!Array.isArray(links)) return text;
  return JSON.stringify(
    links.map((link: unknown): unknown => {
      if (typeof link !== 'object' || link === null) return link;
      const { ifname } = link as { readonly ifname?: unknown };
      const tap = typeof ifname === 'string' && ifname.startsWith('tap');
      const guest = tap && 'link_netnsid' in link;
      if (!guest) return link;
      const {
        link_index: _,
        link_netnsid: __,
        link_netns: ___,
        ...rest
      } = link as Record<string, unknown>;
      return { ...rest, linkinfo: { info_kind: 'tun', info_data: {} } };
    }),
  );
}

/** A network of one stage per host, with the API's objects of what is wanted. */
export function networkOfStages(
  stages: readonly Stage[],
  ends: Ends,
  more: ReadonlyMap<string, string>,
): Network {
  const files = new Map<string, () => string>();
  for (const [path, text] of ends.new) if (path.startsWith('api/')) files.set(path, text);
  for (const { files: own } of stages) for (const [path, text] of own) files.set(path, () => text);
  for (const [path, text] of more) files.set(path, () => text);
  return openSnapshot(memoryFolder(files));
}

export type { Item };
