/**
 * What each host holds behind each wave of a plan, and between two steps of one, as files that the
 * simulator reads. Flows, rules and sets are exact behind every step, beside those of others. Of
 * ports and devices a host that is not done is as it was read; one that is done is as it was
 * compiled.
 *
 * Simplification: between plugging ports in and unplugging others, a host counts as not done.
 */
import { type DumpFiles } from '../../agents/dump/folder.ts';
import { type Network } from '../../dataplane/network.ts';
import { memoryFolder } from '../../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../snapshot/read/open.ts';
import { changedAnswer } from '../../snapshot/write/api.ts';
import { type Action, type PhaseName, type Plan, type Step, wavesOf } from '../types.ts';
import { filesBelow } from './guests.ts';
import { isExact, type RuleFiles, ruleFiles } from './rule-files.ts';

/** Files of one host behind a wave; equal keys are equal files. */
export interface Stage {
  readonly key: string;
  readonly host: string;
  /** Whether its ports and devices are those that were compiled. */
  readonly isMade: boolean;
  readonly files: ReadonlyMap<string, string>;
}

/** What the files of a plan's two ends are. */
export interface Ends {
  /** As it was read: `hosts/NAME/…`. */
  readonly old: ReadonlyMap<string, string>;
  /** As it shall be, with the API's objects. */
  readonly new: DumpFiles;
}

/** A host in the middle of a wave. */
export interface Between {
  readonly stage: Stage;
  /** The step behind which it is. */
  readonly step: string;
}

export interface Stages {
  /** The phase of each wave. */
  readonly waves: readonly PhaseName[];
  /** After `done` waves; none: the state as read. */
  of(host: string, done: number): Stage;
  /** What a host holds in the middle of a wave: a step is atomic on one bridge or table alone. */
  between(host: string, wave: number): readonly Between[];
  readonly hosts: readonly string[];
  /** Whether a host forgets in this wave what it has learned, by the key of a `Fact`. */
  forgets(host: string, wave: number, key: string): boolean;
}

export function stagesOf(
  plan: Plan,
  ends: Ends,
  tracked: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Stages {
  const waves = wavesOf(plan);
  const hosts = plan.hosts.map(({ name }) => name);
  const table = new Map<string, HostStages>();
  for (const host of hosts) {
    const own = waves.map((steps) => steps.filter((step) => step.host === host));
    table.set(host, stagesOfHost(host, own, ends, tracked.get(host) ?? new Map()));
  }
  const stage = (host: string, done: number): Stage => {
    const all = table.get(host)?.behind ?? [];
    return (
      all[Math.min(done, all.length - 1)] ?? {
        key: `${host} none`,
        host,
        isMade: false,
        files: new Map(),
      }
    );
  };
  const forgotten = waves.map(
    (steps) =>
      new Map(
        hosts.map((host) => [
          host,
          steps
            .filter((step) => step.host === host)
            .flatMap(({ forward }) => forward.flatMap(forgottenBy)),
        ]),
      ),
  );
  return {
    waves: waves.map(([first]) => first!.phase),
    hosts,
    of: stage,
    between: (host, wave) => table.get(host)?.between[wave] ?? [],
    forgets: (host, wave, key) =>
      forgotten[wave]?.get(host)?.some((start) => key.startsWith(start)) === true,
  };
}

/** How keys of what is forgotten begin. */
function forgottenBy(action: Action): readonly string[] {
  switch (action.kind) {
    case 'forget':
      return action.matches.map((table) => `flow ${action.bridge} ${table},`);
    case 'stations':
      return action.bridges.map((bridge) => `fdb ${bridge} `);
    case 'macs':
      return action.bridges.map((bridge) => `mac ${action.namespace} ${bridge} `);
    case 'neighbours':
      return action.of.map(
        ([address, device]) => `neighbour ${action.namespace} ${device} ${address}`,
      );
    default:
      return [];
  }
}

/** Of one host: behind each wave (the first is as it was read), and in the middle of each. */
interface HostStages {
  readonly behind: readonly Stage[];
  readonly between: readonly (readonly Between[])[];
}

function stagesOfHost(
  host: string,
  waves: readonly (readonly Step[])[],
  ends: Ends,
  tracked: ReadonlyMap<string, string>,
): HostStages {
  const old = filesBelow(host, ends.old);
  const made = new Map(
    [...ends.new].flatMap(([path, text]) =>
      path.startsWith(`hosts/${host}/`) ? [[path, text()] as const] : [],
    ),
  );
  const steps = waves.flat();
  const rules = ruleFiles(host, old, made, steps);
  const turn = turnOf(steps.filter((step) => moves(step, tracked)));
  const texts = new Map(tracked);
  let isMade = false;
  const stage = (): Stage => stageOf(host, isMade ? made : old, isMade, texts, rules);
  const stages: Stage[] = [stage()];
  const between: Between[][] = [];
  for (const own of waves) {
    const inner: Between[] = [];
    for (const [n, step] of own.entries()) {
      const parts = partsOf(step);
      for (const [k, part] of parts.entries()) {
        for (const [id, text] of part) {
          if (text === null) texts.delete(id);
          else texts.set(id, text);
        }
        if (k < parts.length - 1) inner.push({ stage: stage(), step: step.id });
      }
      if (step === turn) isMade = true;
      if (n < own.length - 1) inner.push({ stage: stage(), step: step.id });
    }
    between.push(inner);
    stages.push(stage());
  }
  return { behind: stages, between };
}

/**
 * The step behind which a host counts as done: where something is unplugged, the first such step;
 * else the last that plugs something in, or the first that removes what is left.
 *
 * @param moving steps that change devices or ports
 */
function turnOf(moving: readonly Step[]): Step | undefined {
  const CLEAN: readonly PhaseName[] = ['disconnect', 'clean'];
  return (
    moving.find(({ phase }) => phase === 'disconnect') ??
    moving.findLast(({ phase }) => !CLEAN.includes(phase)) ??
    moving[0]
  );
}

/** Changes that happen at one moment each: rules change set by set, then table by table. */
function partsOf({ changes }: Step): readonly Step['changes'][] {
  const groups = new Map<string, (readonly [string, string | null])[]>();
  for (const change of changes) {
    const [kind, , version, table] = change[0].split(' ');
    const key = kind === 'set' ? '0 sets' : kind === 'chain' ? `1 ${version} ${table}` : '2';
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted.length === 0 ? [[]] : sorted.map(([, part]) => part);
}

/** Whether a step changes devices or ports: what a port's row only notes does not. */
function moves({ changes }: Step, before: ReadonlyMap<string, string>): boolean {
  return changes.some(([id, text]) => {
    if (isExact(id)) return false;
    const old = before.get(id);
    if (!id.startsWith('port ') || text === null || old === undefined) return true;
    return withoutNotes(old) !== withoutNotes(text);
  });
}

function withoutNotes(text: string): string {
  const { otherConfig: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify(rest);
}

/** The files with flows and rules as `texts` has them; what is not ours stays. */
function stageOf(
  host: string,
  files: ReadonlyMap<string, string>,
  isMade: boolean,
  texts: ReadonlyMap<string, string>,
  rules: RuleFiles,
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
  let key = `${host} ${isMade ? 'new' : 'old'}`;
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
  const written = rules(files, texts);
  for (const [path, text] of written) {
    out.set(path, text);
    key += ` ${path}:${hashOf([text])}`;
  }
  return { key, host, isMade, files: out };
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

/**
 * A network of one stage per host, with the API's objects of what is wanted.
 *
 * @param bindings hosts of ports, by id, where they are not those that are wanted
 */
export function networkOfStages(
  stages: readonly Stage[],
  ends: Ends,
  more: ReadonlyMap<string, string>,
  bindings: ReadonlyMap<string, string> = new Map(),
): Network {
  const files = new Map<string, () => string>();
  const rows = new Map([...bindings].map(([id, host]) => [id, { 'binding:host_id': host }]));
  for (const [path, text] of ends.new) {
    if (path.startsWith('api/')) files.set(path, () => changedAnswer(text(), rows));
  }
  for (const { files: own } of stages) for (const [path, text] of own) files.set(path, () => text);
  for (const [path, text] of more) files.set(path, () => text);
  return openSnapshot(memoryFolder(files));
}
