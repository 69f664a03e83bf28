/** Runs a scenario: compiles its cloud, breaks what is to be broken, traces, and compares. */
import { type CompileOptions, USUAL } from '../../agents/compile.ts';
import { type Network } from '../../dataplane/network.ts';
import { advertisedRoutes } from '../../model/bgp.ts';
import { type Cloud } from '../../model/cloud.ts';
import { compileFiles } from '../../snapshot/read/compiled.ts';
import { once } from '../../snapshot/read/folder.ts';
import { memoryFolder } from '../../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../snapshot/read/open.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { prepareTracing, type Tracer } from '../../trace/tracer.ts';
import { compared } from './compared.ts';
import { type DumpTexts } from './edits/dump.ts';
import { EDITS } from './edits/rows.ts';
import { type Naming, namingOf } from './names.ts';
import { simulatedAs } from './simulated.ts';
import {
  type Announced,
  type Edit,
  type Expectation,
  type Refusal,
  type Scenario,
  type ScenarioAnswer,
} from './types.ts';

/** A cloud with what its hosts show, compiled once for all scenarios that share it. */
export interface CompiledCloud {
  readonly cloud: Cloud;
  readonly files: DumpTexts;
  readonly asked: () => Asking;
}

interface Asking {
  readonly network: Network;
  readonly tracer: Tracer;
}

/** @param options numbers that the agents of each host choose; they must not matter */
export function compileCloud(cloud: Cloud, options: CompileOptions = USUAL): CompiledCloud {
  const files: DumpTexts = new Map(
    [...compileFiles(cloud, options)].map(([name, text]) => [name, once(text)]),
  );
  return { cloud, files, asked: once(() => asking(files)) };
}

/** Everything that a scenario expects, in its order. */
export function runScenario(
  read: Parsed<Cloud | null>,
  compile: (cloud: Cloud) => CompiledCloud,
  scenario: Scenario,
): readonly ScenarioAnswer[] {
  const refusals = refused(read.problems, scenario.refused);
  if (scenario.refused.length > 0 || read.value === null) return refusals;
  if (read.problems.length > 0) return refusals;
  const compiled = compile(read.value);
  const naming = namingOf(compiled.cloud, compiled.files);
  const announced = scenario.announces.map((each) => announcedAs(read.value, each, naming));
  const simulated = scenario.simulations.flatMap((each) => {
    const files: DumpTexts = new Map(compiled.files);
    const slips = each.edits.flatMap((edit) => applied(files, edit, naming));
    const { network } = each.edits.length === 0 ? compiled.asked() : asking(files);
    const { answer, end } = simulatedAs(network, each, naming);
    const asked = once(() => ({ network: end, tracer: prepareTracing(end) }));
    const before = `in the end of ${answer.what}: `;
    return [...slips, answer, ...each.traces.map((one) => answerOf(one, asked, naming, before))];
  });
  const healthy = scenario.traces.map((each) => answerOf(each, compiled.asked, naming, ''));
  const broken = scenario.faults.flatMap(({ name, edits, traces }) => {
    const files: DumpTexts = new Map(compiled.files);
    const slips = edits.flatMap((edit) => applied(files, edit, naming));
    const asked = once(() => asking(files));
    const answers = traces.map((each) => answerOf(each, asked, naming, `${name}: `));
    return [...slips, ...answers];
  });
  return [...refusals, ...announced, ...simulated, ...healthy, ...broken];
}

function asking(files: DumpTexts): Asking {
  const network = openSnapshot(memoryFolder(files));
  return { network, tracer: prepareTracing(network) };
}

/** Every refusal must be among the problems, and a problem that nobody expects is told. */
function refused(
  problems: readonly Problem[],
  refusals: readonly Refusal[],
): readonly ScenarioAnswer[] {
  const expects = (each: Refusal, { line, message }: Problem): boolean =>
    message.includes(each.says) && (each.at === null || each.at === line);
  const told = problems.map(({ line, message }) => `${line}: ${message}`).join('; ');
  const wanted = refusals.map((each) => ({
    line: each.line,
    what: `cloud.yaml is refused: ${each.says}`,
    otherwise: problems.some((problem) => expects(each, problem))
      ? []
      : [`its problems are ${told || 'none'}`],
  }));
  const others = problems.filter((problem) => !refusals.some((each) => expects(each, problem)));
  const rest = others.map(({ line, message }) => `cloud.yaml:${line}: ${message}`);
  if (rest.length === 0) return wanted;
  return [...wanted, { line: 1, what: 'cloud.yaml is read', otherwise: rest }];
}

/** Whether a BGP speaker announces a route, and by whom it is reached. */
function announcedAs(cloud: Cloud | null, wanted: Announced, naming: Naming): ScenarioAnswer {
  const speaker = cloud?.bgpSpeakers.find(({ name }) => name === wanted.speaker);
  const routes = cloud == null || speaker === undefined ? [] : advertisedRoutes(cloud, speaker);
  const told = routes.map(
    ({ to, via }) => `${writeIp(to.address)}/${to.length} via ${writeIp(via)}`,
  );
  const via = wanted.via === null ? '' : naming.put(wanted.via);
  const found = told.some((each) => each.startsWith(`${naming.put(wanted.to)} via ${via}`));
  const what = `${wanted.speaker} announces ${wanted.to}`;
  const otherwise = found === wanted.never ? [`it announces ${told.join(', ') || 'nothing'}`] : [];
  return { line: wanted.line, what, otherwise };
}

/** Makes an edit; a fault that changes nothing is no fault. */
function applied(files: DumpTexts, edit: Edit, naming: Naming): readonly ScenarioAnswer[] {
  const before = naming.unknown.length;
  const words = (key: string): readonly string[] => (edit.words.get(key) ?? []).map(naming.put);
  const changed = EDITS.get(edit.kind)?.apply(files, {
    one: (key) => words(key)[0] ?? '',
    optional: (key) => words(key)[0] ?? null,
    all: words,
  });
  const otherwise = [
    ...naming.unknown.slice(before),
    ...((changed ?? 0) > 0 ? [] : ['this edit changes nothing']),
  ];
  return otherwise.length === 0 ? [] : [{ line: edit.line, what: edit.kind, otherwise }];
}

function answerOf(
  expectation: Expectation,
  asked: () => Asking,
  naming: Naming,
  before: string,
): ScenarioAnswer {
  const unknown = naming.unknown.length;
  const { asked: words, line } = expectation;
  const named = {
    ...words,
    from: naming.put(words.from),
    to: naming.put(words.to),
    ...(words.flow === undefined ? {} : { flow: naming.put(words.flow) }),
  };
  const what = `${before}${words.from} → ${words.to}`;
  const { network, tracer } = asked();
  const question = askedQuestion(network, named);
  if (question.kind === 'wrong') {
    return { line, what, otherwise: [question.message, ...question.details] };
  }
  const traced = tracer.trace(question.value);
  if (traced.kind === 'impossible') return { line, what, otherwise: [traced.why] };
  const otherwise = compared(expectation, traced.trace, naming);
  return { line, what, otherwise: [...naming.unknown.slice(unknown), ...otherwise] };
}
