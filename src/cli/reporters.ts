/** The reports of a check: which are asked for, and where each is written. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { jsonText } from '../text/escape.ts';
import { nearest } from '../text/suggest.ts';
import { type CoverageReport } from '../verify/properties/coverage.ts';
import { type Checked } from '../verify/properties/types.ts';
import { type Blocked } from '../why/blocked.ts';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { pageOf, type Wishes } from './terminal.ts';
import { VERSION } from './version.ts';

const FORMS = ['tree', 'json', 'junit', 'sarif', 'github', 'markdown'] as const;

/** One report; without a file it goes to the output. */
export interface Reporter {
  readonly form: (typeof FORMS)[number];
  readonly file: string | null;
}

/** What there is to report. */
export interface Report {
  readonly file: string;
  readonly checked: readonly Checked[];
  readonly coverage: CoverageReport | null;
  /** What blocks packets, by finding. */
  readonly blocked: ReadonlyMap<Checked, Blocked>;
}

/** Reads `tree,junit=out.xml,github`. Throws `UsageError` for anything else. */
export function readReporters(text: string): readonly Reporter[] {
  const reporters = text.split(',').map((part): Reporter => {
    const at = part.indexOf('=');
    const word = (at < 0 ? part : part.slice(0, at)).trim();
    const form = FORMS.find((each) => each === word);
    if (form === undefined) {
      const hint = nearest(word, FORMS);
      throw new UsageError(
        `there is no reporter ${JSON.stringify(word)}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
        `  there are ${FORMS.join(', ')}`,
      );
    }
    const file = at < 0 ? null : part.slice(at + 1);
    if (file === '') throw new UsageError(`${form}= names no file`);
    return { form, file };
  });
  // Two documents in one stream are none; annotations are lines that go with anything.
  const plain = reporters.filter(({ form, file }) => file === null && form !== 'github');
  if (plain.length > 1) {
    const names = plain.map(({ form }) => form).join(' and ');
    throw new UsageError(`${names} would be one stream: name files, as in junit=FILE`);
  }
  return reporters;
}

/** Writes every report. */
export async function writeReports(
  call: Call,
  reporters: readonly Reporter[],
  report: Report,
  wishes: Wishes,
): Promise<void> {
  for (const { form, file } of reporters) {
    const text = await reportText(call, form, report, wishes, file !== null);
    if (file === null) call.io.out.write(text);
    else writeOut(file, text);
    if (form === 'github') await summarize(call, report);
  }
}

function writeOut(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** GitHub shows what is appended to this file below the workflow's steps. */
async function summarize({ io }: Call, { file, checked, coverage }: Report): Promise<void> {
  const path = io.environment['GITHUB_STEP_SUMMARY'] ?? '';
  if (path === '') return;
  const { markdownText } = await import('../verify/properties/reports/markdown.ts');
  try {
    appendFileSync(path, markdownText(file, checked, coverage));
  } catch (error) {
    io.err.write(`hopwise: no summary: ${error instanceof Error ? error.message : error}\n`);
  }
}

async function reportText(
  call: Call,
  form: Reporter['form'],
  report: Report,
  wishes: Wishes,
  toFile: boolean,
): Promise<string> {
  const { file, checked, coverage } = report;
  switch (form) {
    case 'json': {
      const { blockedJson } = await import('../why/render/blocked.ts');
      return `${jsonText(dataOf(report, blockedJson))}\n`;
    }
    case 'junit': {
      const { junitText } = await import('../verify/properties/reports/junit.ts');
      return junitText(file, checked);
    }
    case 'sarif': {
      const { sarifLog } = await import('../verify/properties/reports/sarif.ts');
      return `${jsonText(sarifLog(fromHere(file), checked, VERSION))}\n`;
    }
    case 'github': {
      const { githubLines } = await import('../verify/properties/reports/github.ts');
      return githubLines(fromHere(file), checked)
        .map((line) => `${line}\n`)
        .join('');
    }
    case 'markdown': {
      const { markdownText } = await import('../verify/properties/reports/markdown.ts');
      return markdownText(file, checked, coverage);
    }
    case 'tree': {
      const { checkedLines } = await import('../verify/properties/text.ts');
      const page = pageOf(call.io, toFile ? { ...wishes, color: false } : wishes);
      return page.encode(`${checkedLines(file, checked, coverage, page).join('\n')}\n`);
    }
  }
}

/** A file below the working directory by its way from there, which in CI is the repository. */
function fromHere(file: string): string {
  const way = relative(process.cwd(), resolve(file));
  return way.startsWith('..') || isAbsolute(way) ? resolve(file) : way;
}

/** A check as data. */
function dataOf(
  { file, checked, coverage, blocked }: Report,
  blockedJson: (of: Blocked) => unknown,
): unknown {
  return {
    version: 1,
    file,
    checked: checked.map((finding) => {
      const { property, advice: _sentences, ...found } = finding;
      const { name, line, column, kind } = property;
      const claim = property.kind === 'reach' ? property.claim : null;
      const stopped = blocked.get(finding);
      const told = stopped === undefined ? null : blockedJson(stopped);
      return { name, line, column, kind, claim, ...found, blocked: told };
    }),
    coverage:
      coverage === null
        ? null
        : {
            rules: coverage.rules,
            exercised: coverage.exercised,
            share_percent: coverage.share_percent,
            never: coverage.never.map(({ host, place, text, origin }) => ({
              host,
              place,
              text,
              origin: { file: origin.file, line: origin.line },
            })),
          },
  };
}
