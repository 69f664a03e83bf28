/** A proof as a person reads it: the verdict, what arrives, what is stopped by what. */
import { forTerminal } from '../../text/escape.ts';
import { type Mark, type Page } from '../../trace/render/style.ts';
import { type Verdict } from '../../trace/types.ts';
import { classText } from './classes.ts';
import { type Group, type Proof, type ProofQuestion, type Stopped, type Witness } from './prove.ts';

const MARKS: Readonly<Record<Verdict, readonly [string, Mark]>> = {
  REACHABLE: ['✓', 'good'],
  UNREACHABLE: ['✗', 'bad'],
  AMBIGUOUS: ['?', 'unsure'],
  UNDETERMINED: ['?', 'unsure'],
};
/** Causes that are shown; `--format json` has all. */
const MOST_CAUSES = 8;
const INDENT = '            ';

/** The lines of a proof; names of tenants are escaped. */
export function proofLines(
  { from, to }: ProofQuestion,
  proof: Proof,
  { style }: Page,
): readonly string[] {
  const [mark, colour] = MARKS[proof.verdict];
  const lines = [
    `${style(colour, `${mark} ${proof.verdict}`)}  ${forTerminal(from.label)} → ${forTerminal(to.label)}  all packets`,
    ...row('asked', classLines(proof.asked)),
    ...row('arrives', proof.arrives === null ? ['none'] : classLines(proof.arrives)),
    ...row('answered', proof.answered === null ? ['none'] : classLines(proof.answered)),
  ];
  for (const stopped of proof.stopped.slice(0, MOST_CAUSES)) {
    lines.push(...row('stopped', stoppedLines(stopped, style)));
  }
  const more = proof.stopped.length - MOST_CAUSES;
  if (more > 0) lines.push(`${INDENT}and ${more} more causes (--format json)`);
  if (proof.lost !== null) {
    lines.push(...row('lost', ['no end is known of:', ...classLines(proof.lost)]));
  }
  for (const unknown of proof.unknown) lines.push(...row('unknown', [forTerminal(unknown)]));
  return lines;
}

function stoppedLines(stopped: Stopped, style: Page['style']): readonly string[] {
  const { code, host, where, evidence, origin } = stopped;
  const at = origin === null ? '' : style('dim', `  ${forTerminal(origin.file)}:${origin.line}`);
  return [
    ...classLines(stopped),
    `by ${style('strong', code)} at ${forTerminal(host)}: ${forTerminal(where)}`,
    `${forTerminal(evidence)}${at}`,
    `for example ${witnessText(stopped.witness)}`,
  ];
}

function classLines(group: Group | null): readonly string[] {
  return (group?.classes ?? []).map(classText);
}

/** `tcp 5007 from port 32768`: as the options of `hopwise trace` name it. */
export function witnessText({ protocol, port, sourcePort }: Witness): string {
  if (protocol === 6 || protocol === 17) {
    return `${protocol === 6 ? 'tcp' : 'udp'} ${port} from port ${sourcePort}`;
  }
  return protocol === 1 || protocol === 58 ? 'an echo request' : `IP protocol ${protocol}`;
}

function row(title: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, i) => `${i === 0 ? `  ${title.padEnd(10)}` : INDENT}${line}`);
}
