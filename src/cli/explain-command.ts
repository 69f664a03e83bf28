/** `hopwise explain CODE`: what a reason code means, what lies behind it and how to see it. */
import { type Command } from 'commander';
import { type Explanation, explain, FAMILIES, isReason } from '../reasons/catalogue.ts';
import { REASONS } from '../reasons/codes.ts';
import { jsonText } from '../text/escape.ts';
import { nearest } from '../text/suggest.ts';
import { wrapped } from '../trace/render/layout.ts';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { addPageOptions, pageOf, type StreamPage, type Wishes } from './terminal.ts';

interface ExplainFlags extends Wishes {
  readonly json?: boolean;
}

/** Adds the command to the tree. */
export function addExplain(root: Command, call: Call): void {
  const command = root
    .command('explain')
    .description('say what a reason code means; without a code, list them all')
    .argument('[code]', 'a reason code, e.g. SG_NO_MATCHING_RULE')
    .option('--json', 'as JSON');
  addPageOptions(command).action((code: string | undefined, flags: ExplainFlags) => {
    const page = pageOf(call.io, flags);
    const told = code === undefined ? null : explain(known(code));
    if (flags.json === true) {
      const all = FAMILIES.flatMap(({ codes }) => codes.map(explain));
      call.io.out.write(`${jsonText(told ?? all)}\n`);
    } else
      call.io.out.write(page.encode(told === null ? catalogue(page) : explanation(told, page)));
  });
}

function known(word: string): keyof typeof REASONS {
  const code = word.toUpperCase().replaceAll('-', '_');
  if (isReason(code)) return code;
  const codes = Object.keys(REASONS);
  const near = nearest(code, codes) ?? codes.find((one) => code !== '' && one.startsWith(code));
  const hint = near === undefined ? 'hopwise explain lists all codes' : `did you mean ${near}?`;
  throw new UsageError(`there is no reason code ${JSON.stringify(word)}; ${hint}`);
}

function catalogue(page: StreamPage): string {
  const width = Math.max(...Object.keys(REASONS).map((code) => code.length));
  const parts = FAMILIES.map(({ title, codes }) => {
    const rows = codes.map((code) => `  ${code.padEnd(width)}  ${REASONS[code].sentence}\n`);
    return `${page.style('strong', title)}\n${rows.join('')}`;
  });
  return parts.join('\n');
}

function explanation(
  { code, sentence, causes, confirm, fix }: Explanation,
  page: StreamPage,
): string {
  const list = (title: string, items: readonly string[]): string => {
    const rows = items.map((item) => `  ${wrapped(item, page.width - 4).join('\n    ')}\n`);
    return `${page.style('strong', title)}\n${rows.join('')}`;
  };
  const first = `${page.style('strong', code)}\n  ${sentence}\n`;
  return [
    first,
    list('Typical causes', causes),
    list('How to see it on the host', confirm),
    list('What helps', [fix ?? 'No general fix is known: the causes above need different ones.']),
  ].join('\n');
}
