/** A comparison as JSON; `schema.ts` describes it. */
import { type Problem } from '../../text/problem.ts';
import { type Comparison, type Difference, type SideText } from './types.ts';

/** The contract's version: additions raise the minor number, readers ignore unknown keys. */
const DIFF_VERSION = '1.0';

/** A plain value ready for `JSON.stringify`. */
export function comparisonJson(
  { differences, unknown, problems, statements }: Comparison,
  names: { readonly a: string; readonly b: string },
  toolVersion: string,
): unknown {
  return {
    kind: 'Diff',
    version: DIFF_VERSION,
    tool: { name: 'hopwise', version: toolVersion },
    a: { name: names.a },
    b: { name: names.b },
    differences: differences.map(differenceJson),
    unknown: unknown.map(({ host, device, part, side, file }) => ({
      host,
      device,
      part,
      side,
      file,
    })),
    problems: problems.map(problemJson),
    statements,
  };
}

function differenceJson({ kind, host, device, part, a, b, about }: Difference): unknown {
  return { kind, host, device, part, a: sideJson(a), b: sideJson(b), neutron: about };
}

function sideJson(side: SideText | null): unknown {
  if (side === null) return null;
  const { file, line } = side.origin;
  return { text: side.text, source: file === '' ? null : { file, line } };
}

function problemJson({ file, line, column, text, message, didYouMean }: Problem): unknown {
  return { file, line, column, text, message, didYouMean: didYouMean ?? null };
}
