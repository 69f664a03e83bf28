/** `hopwise prove FROM TO`: what becomes of all packets from one end to another. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { forTerminal, jsonText } from '../text/escape.ts';
import { type Range } from '../traffic/match.ts';
import { type Proof, type ProofQuestion, type Prover } from '../verify/proof/prove.ts';
import { ALL_WANTED, EVERY_PORT, portRanges, type Wanted } from '../verify/proof/wanted.ts';
import { type Blocked } from '../why/blocked.ts';
import { type AtFlags, addAtOptions, isAtTime, networkAt } from './at-option.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';

interface ProveFlags extends Wishes, AtFlags {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly icmp?: boolean;
  readonly tcp?: readonly Range[];
  readonly udp?: readonly Range[];
  readonly ipv6?: boolean;
  readonly certificate?: string;
  readonly format: 'tree' | 'json';
  readonly expect?: 'reachable' | 'unreachable';
  readonly all?: boolean;
  readonly pairs: number;
  /** Without a word: where no packet arrives and none was expected to be refused. */
  readonly blockers?: boolean;
}

/** Pairs of servers that are proved for what changes do to others. */
const EFFECT_PAIRS = 6;

const NOTES = `
FROM and TO are named as for hopwise trace. Without --icmp, --tcp or --udp every protocol and
every port is asked about. REACHABLE: some packets arrive; UNREACHABLE: no packet does, whatever
its ports are. What keeps packets from arriving is told where none does: all blockers, and the
fewest changes found that let them pass, made in a copy of the network and proved again there. With
--blockers it is told of every packet asked about that does not arrive.

Exit codes: 0 reachable (or as expected), 1 not, 2 wrong input, 3 undetermined.`;

/** Adds the command to the tree. */
export function addProve(root: Command, call: Call): void {
  const command = root
    .command('prove')
    .description('prove which of all packets from FROM reach TO, and what stops the others')
    .argument('[from]', 'who sends')
    .argument('[to]', 'who shall receive')
    .option('--all', 'every pair of servers, IPv4: FROM and TO are left out')
    .addOption(
      new Option('--pairs <n>', 'with --all: open pairs that are proved one by one')
        .argParser(countOf)
        .default(200),
    )
    .option('-s, --snapshot <dir>', 'dump folder, sos report or archive')
    .option('--cloud <file>', 'a cloud.yaml: what its agents would configure')
    .option('--icmp', 'echo requests')
    .option('--tcp [ports]', 'new TCP connections: all, 22, 80-90 or 22,443', rangesOf)
    .option('--udp [ports]', 'UDP datagrams: all, 53 or 1000-2000', rangesOf)
    .option('-6, --ipv6', 'over IPv6 where both ends have addresses of both versions')
    .addOption(
      new Option('--expect <verdict>', 'exit 0 when this is so').choices([
        'reachable',
        'unreachable',
      ]),
    )
    .option(
      '--blockers',
      'tell what blocks packets, and what was found to help, wherever some are missing',
    )
    .option('--no-blockers', 'never look for that')
    .option('--certificate <file>', 'where no packet arrives: write why, for verify-certificate')
    .addOption(
      new Option('--format <format>', 'text or data').choices(['tree', 'json']).default('tree'),
    )
    .addHelpText('after', NOTES)
    .action((from: string | undefined, to: string | undefined, flags: ProveFlags) => {
      if (flags.all === true) return runAll(call, from, flags);
      if (from !== undefined && to !== undefined) return run(call, from, to, flags);
      throw new UsageError('prove wants FROM and TO, or --all');
    });
  addPageOptions(addAtOptions(command, 'prove'));
}

/** The network as it is, or as it will be. */
async function networkOf(flags: ProveFlags): Promise<Network> {
  const { openSnapshotOption } = await import('./snapshot-option.ts');
  const { network } = openSnapshotOption(flags.cloud ?? flags.snapshot);
  return isAtTime(flags) ? await networkAt(network, flags) : network;
}

/** Every pair of servers; 3 where some pair stays open. */
async function runAll(call: Call, from: string | undefined, flags: ProveFlags): Promise<void> {
  const { icmp, tcp, udp, ipv6, expect, blockers } = flags;
  if ((from ?? icmp ?? tcp ?? udp ?? ipv6 ?? expect ?? blockers) !== undefined) {
    throw new UsageError('--all is about every IPv4 packet of every pair: no other question fits');
  }
  const [{ answerAllPairs }, { pairsJson, pairsLines }] = await Promise.all([
    import('../verify/allpairs/answer.ts'),
    import('../verify/allpairs/text.ts'),
  ]);
  const network = await networkOf(flags);
  const asked = answerAllPairs(network, flags.pairs);
  if (asked.kind === 'too-large') throw new UsageError(asked.why);
  const { answer } = asked;
  if (flags.format === 'json') call.io.out.write(`${jsonText(pairsJson(network, answer))}\n`);
  else {
    const page = pageOf(call.io, flags);
    for (const line of pairsLines(network, answer, page)) {
      call.io.out.write(`${page.encode(line)}\n`);
    }
  }
  call.exitCode = answer.answers.some(({ open }) => open !== null) ? EXIT.unsure : EXIT.yes;
}

async function run(call: Call, from: string, to: string, flags: ProveFlags): Promise<void> {
  const [{ askedQuestion }, { prepareProofs }, { proofLines }] = await Promise.all([
    import('../trace/ask.ts'),
    import('../verify/proof/prove.ts'),
    import('../verify/proof/text.ts'),
  ]);
  const network = await networkOf(flags);
  const version = flags.ipv6 === true ? { version: 6 as const } : {};
  const asked = askedQuestion(network, { from, to, ...version });
  if (asked.kind === 'wrong') throw new UsageError(asked.message, ...asked.details);
  const question = { from: asked.value.from, to: asked.value.to, wanted: wantedOf(flags) };
  const prover = prepareProofs(network);
  const { certificate } = flags;
  const proved =
    certificate === undefined
      ? prover.prove(question)
      : await certified(call, prover, question, certificate);
  if (proved.kind === 'impossible') throw new UsageError(proved.why);
  const { proof } = proved;
  const blocked = isBlocked(proof, flags)
    ? await blockedOf(network, from, to, question, flags)
    : null;
  if (flags.format === 'json') {
    const { blockedJson } = await import('../why/render/blocked.ts');
    const told = blocked === null ? null : blockedJson(blocked);
    call.io.out.write(`${jsonText({ version: 1, from, to, ...proof, blocked: told })}\n`);
  } else {
    const page = pageOf(call.io, flags);
    const lines = [...proofLines(question, proof, page)];
    if (blocked !== null) {
      const { blockedLines } = await import('../why/render/blocked.ts');
      lines.push(...blockedLines(blocked, page));
    }
    for (const line of lines) call.io.out.write(`${page.encode(line)}\n`);
  }
  call.exitCode = exitCode(proof.verdict, flags.expect);
}

/** Whether blockers are to be told: on request, and where nothing arrives that should. */
function isBlocked({ verdict, missing }: Proof, { blockers, expect }: ProveFlags): boolean {
  if (blockers !== undefined) return blockers && missing !== null;
  return verdict === 'UNREACHABLE' && expect !== 'unreachable';
}

async function blockedOf(
  network: Network,
  from: string,
  to: string,
  { to: { address }, wanted }: ProofQuestion,
  flags: ProveFlags,
): Promise<Blocked> {
  const [{ explainBlocked }, { cloudOf }] = await Promise.all([
    import('../why/blocked.ts'),
    import('./why-run.ts'),
  ]);
  const version = address?.version ?? 4;
  const goal = wanted === ALL_WANTED ? 'some' : 'all';
  const asked = { from, to, version, wanted, state: 'new', modality: 'may', goal } as const;
  const cloud = cloudOf(network, flags.cloud ?? flags.snapshot);
  return explainBlocked(network, asked, { cloud, effectPairs: EFFECT_PAIRS });
}

/** Proves with a record of everything; the certificate is written where there is one. */
async function certified(
  call: Call,
  prover: Prover,
  question: ProofQuestion,
  file: string,
): Promise<{ kind: 'proved'; proof: Proof } | { kind: 'impossible'; why: string }> {
  const [{ certify }, { certificateText }, { writeFileSync }] = await Promise.all([
    import('../verify/certificate/build.ts'),
    import('../verify/certificate/read.ts'),
    import('node:fs'),
  ]);
  const made = certify(prover, question);
  if (made.kind === 'none') {
    if (made.proof === null) return { kind: 'impossible', why: made.why };
    call.io.err.write(`hopwise: no certificate: ${forTerminal(made.why)}\n`);
    return { kind: 'proved', proof: made.proof };
  }
  try {
    writeFileSync(file, certificateText(made.certificate));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return { kind: 'proved', proof: made.proof };
}

function exitCode(verdict: string, expected: ProveFlags['expect']): number {
  if (verdict === 'REACHABLE') return expected === 'unreachable' ? EXIT.no : EXIT.yes;
  if (verdict === 'UNREACHABLE') return expected === 'unreachable' ? EXIT.yes : EXIT.no;
  return EXIT.unsure;
}

function wantedOf({ icmp, tcp, udp }: ProveFlags): Wanted {
  const named = icmp === true || tcp !== undefined || udp !== undefined;
  if (!named) return ALL_WANTED;
  const ranges = (value: unknown): readonly Range[] | null =>
    value === undefined ? null : value === true ? EVERY_PORT : (value as readonly Range[]);
  return { icmp: icmp === true, tcp: ranges(tcp), udp: ranges(udp), others: false };
}

function countOf(word: string): number {
  const count = Number(word);
  if (!Number.isInteger(count) || count < 0)
    throw new InvalidArgumentError('not a number of pairs');
  return count;
}

function rangesOf(word: string): readonly Range[] {
  const ranges = portRanges(word);
  if (ranges === null) {
    throw new InvalidArgumentError(`${JSON.stringify(word)} is no port or range of ports`);
  }
  return ranges;
}
