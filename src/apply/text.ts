/** A plan and its proof as a person reads them: what changes, for whom, in which steps. */
import { forTerminal } from '../text/escape.ts';
import { classText } from '../verify/proof/classes.ts';
import { witnessText } from '../verify/proof/text.ts';
import { type Bad, type Checked } from './prove/check.ts';
import { type PlanProof } from './prove/prove.ts';
import { type Change, type Plan, type Step, wavesOf } from './types.ts';

/** Changes of one host shown before the rest is counted. */
const SHOWN = 400;

/** `+`, `-` and `~` lines, host by host and place by place. */
export function changeLines({ changes, hosts }: Plan, most = SHOWN): readonly string[] {
  return hosts.flatMap(({ name }) => {
    const own = changes.filter(({ host }) => host === name);
    const count = (mark: string): number => own.filter((change) => markOf(change) === mark).length;
    const head = `${name}: ${count('+')} to add, ${count('~')} to change, ${count('-')} to remove`;
    const shown = own.slice(0, most).flatMap(changeText);
    const rest = own.length - most;
    return [head, ...shown, ...(rest > 0 ? [`  and ${rest} more`] : [])].map(forTerminal);
  });
}

function markOf({ old, new: to }: Change): '+' | '-' | '~' {
  return old === null ? '+' : to === null ? '-' : '~';
}

function changeText(change: Change): readonly string[] {
  const { old, new: to, about } = change;
  const item = (to ?? old)!;
  const whose =
    about === null ? '' : `  (${about.kind} ${about.name === '' ? about.id : about.name})`;
  const place = item.place === '' ? '' : `${item.place}: `;
  const mark = markOf(change);
  const key = item.key === item.place ? '' : ` ${item.key}`;
  const what = `${place}${item.kind}${key}`;
  if (mark === '~') {
    return [`  ~ ${what}${whose}`, `      was ${brief(old?.text)}`, `      is  ${brief(to?.text)}`];
  }
  const more = item.kind === 'flow' ? item.text.slice(item.text.indexOf('actions=')) : '';
  return [`  ${mark} ${what}${more === '' ? '' : ` ${more}`}${whose}`];
}

function brief(text = ''): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Steps in their order. */
export function stepLines(plan: Plan): readonly string[] {
  return wavesOf(plan).flatMap((own) => {
    return [
      `${own[0]?.phase ?? ''}:`,
      ...own.map(({ host, title, changes, partial }) =>
        forTerminal(
          `  ${host}  ${title}, ${changes.length} changes${partial === null ? '' : ` (${partial})`}`,
        ),
      ),
    ];
  });
}

/** What was proved, or what would go wrong first. */
export function proofLines(
  { checked, cut, verified }: PlanProof,
  { steps }: Plan,
): readonly string[] {
  const { bad, alone, undecided, states, proofs } = checked;
  const worst = [...bad].sort((a, b) => a.done.length - b.done.length)[0];
  return [
    ...cut.map((line) => `✗ ${line}`),
    ...(worst === undefined ? [] : [...badLines(worst), ...wayLines(worst, steps)]),
    ...undecided.slice(0, 10).map((line) => `? ${line}`),
    ...checked.notes.map((line) => `· ${line}`),
    ...(bad.length === 0 ? aloneLines(alone) : []),
    ...(bad.length === 0 && cut.length === 0
      ? [
          `${undecided.length === 0 ? '✓' : '?'} ${states} states between proved with ${proofs} proofs`,
        ]
      : []),
    ...(verified === null ? ['✗ the plan is not proved and is not run'] : []),
  ].map(forTerminal);
}

/** What a host costs that goes back by itself before the others do, as when nobody can reach it. */
function aloneLines(alone: readonly Bad[]): readonly string[] {
  if (alone.length === 0) return [];
  const pairs = new Set(alone.map(({ from, to }) => `${from} → ${to}`));
  const hosts = new Set(alone.flatMap(({ remembered }) => remembered));
  const phases = new Set(alone.map(({ phase }) => phase));
  const [first] = alone;
  const shown = [...pairs].slice(0, 4).join(', ');
  const more = pairs.size > 4 ? ` and ${pairs.size - 4} more` : '';
  return [
    `· should a host go back by itself behind phase ${[...phases].join(', ')}, packets are lost until the others are back as well: ${shown}${more}`,
    `    for example ${witnessText(first!.group.witness)} when ${[...hosts][0] ?? ''}`,
  ];
}

/** Which orders were tried, and what the one that was found needs beside the order of the phases. */
export function searchLines(
  { constraints }: Plan,
  { checked }: PlanProof,
  { tried, complete }: { readonly tried: number; readonly complete: boolean },
): readonly string[] {
  if (tried < 2) return [];
  const isProved = checked.bad.length === 0;
  const end = isProved
    ? 'the last of them is proved'
    : complete
      ? 'no other is left'
      : 'the search was given up';
  return [
    `${isProved ? '·' : '✗'} ${tried} orders of the steps were tried; ${end}`,
    ...(isProved ? constraints : []).map(([first, then]) => `    ${first} comes before ${then}`),
  ].map(forTerminal);
}

/** What a maintenance would cost: who loses what in which phase, each once. */
export function offerLines({ bad }: Checked): readonly string[] {
  const phases = [...new Set(bad.map(({ phase }) => phase))];
  return [
    '? no order is proved; in a maintenance this one loses packets while it runs, and no others:',
    ...phases.flatMap((phase) => {
      const own = bad.filter((each) => each.phase === phase);
      const pairs = new Map<string, Set<string>>();
      for (const { from, to, group } of own) {
        const key = `${from} → ${to}`;
        const classes = pairs.get(key) ?? new Set<string>();
        pairs.set(key, new Set([...classes, ...group.classes.map(classText)]));
      }
      return [
        own.some(({ lasts }) => lasts === 'later')
          ? `    phase ${phase}, until a later phase mends it:`
          : `    phase ${phase}, until it is done on every host:`,
        ...[...pairs].map(([pair, classes]) => `      ${pair}: ${[...classes].join('; ')}`),
      ];
    }),
    '    to run it so: hopwise apply run PLAN --maintenance',
  ].map(forTerminal);
}

const VERBS: Readonly<Record<Bad['kind'], string>> = {
  lost: 'loses',
  opened: 'gets',
  outlives: 'keeps, by connections that stand,',
};

function badLines({
  phase,
  done,
  behind,
  remembered,
  from,
  to,
  kind,
  group,
  lasts,
}: Bad): readonly string[] {
  const others = done.length === 0 ? 'before any host is done' : `when ${done.join(', ')} is done`;
  const when = behind === null ? others : `${others} and one other right behind step ${behind}`;
  const classes = group.classes.map(classText).join('; ');
  const ends = {
    gap: 'until the phase is done everywhere',
    later: 'until a later phase mends it',
    blackhole: 'also when all is done',
  } as const;
  const end = ends[lasts];
  return [
    `✗ phase ${phase}, ${when}: ${from} → ${to} ${VERBS[kind]} ${classes}`,
    `    for example ${witnessText(group.witness)}; ${end}`,
    ...(remembered.length === 0 ? [] : [`    when ${remembered.join(' and ')}`]),
  ];
}

/** The steps that lead there, of the phase in which it is bad: what is done, and what is not yet. */
function wayLines({ wave, done, behind }: Bad, steps: readonly Step[]): readonly string[] {
  const before = steps.filter((step) => step.wave < wave).length;
  const own = steps.filter((step) => step.wave === wave);
  const last = own.findIndex(({ id }) => id === behind);
  const isDone = ({ host }: Step, i: number): boolean =>
    done.includes(host) || (host === own[last]?.host && i <= last);
  const named = (of: readonly Step[]): string =>
    of.length === 0 ? 'nothing' : of.map(({ id, title }) => `${id} (${title})`).join(', ');
  const open = own.filter((step, i) => !isDone(step, i));
  return [
    `    the shortest way there: ${before} steps of phases before, then ${named(own.filter(isDone))}; not yet ${named(open)}`,
  ];
}
