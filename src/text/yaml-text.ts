/**
 * YAML that people write (YAML 1.2 core schema), read into the same nodes as JSON so that the
 * same readers serve both. The one place that knows the `yaml` package.
 */
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { type JsonNode } from './json-text.ts';
import { type Problem } from './problem.ts';

/** An alias that unfolds to more nodes than this is an attack or a slip, not a configuration. */
const MOST_ALIASES = 100;

/** Longest text that is read, in characters. */
const LONGEST_TEXT = 64 * 1024 * 1024;

/**
 * The document's root; undefined, and at least one problem, when the text is not YAML. Duplicate
 * keys, unresolved aliases and second documents are problems.
 */
export function yamlRoot(file: string, text: string, problems: Problem[]): JsonNode | undefined {
  const counter = new LineCounter();
  const report = (at: number, message: string): void => {
    const { line, col } = counter.linePos(at);
    const shown = (text.slice(at, at + 200).split('\n')[0] ?? '').trimEnd();
    problems.push({
      file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      text: shown,
      message,
    });
  };
  if (text.length > LONGEST_TEXT) {
    const message = `A file of more than ${LONGEST_TEXT / 1024 / 1024} MiB is not read`;
    problems.push({ file, line: 1, column: 1, text: '', message });
    return undefined;
  }
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    // `<<: *defaults` is YAML 1.1, and what people write.
    merge: true,
  });
  for (const error of [...document.errors, ...document.warnings].slice(0, 100)) {
    report(error.pos[0], `This is not YAML: ${error.message}`);
  }
  if (document.errors.length > 0) return undefined;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    report(0, error instanceof Error ? error.message : 'This YAML cannot be unfolded');
    return undefined;
  }
  const offset = (path: readonly (string | number)[]): number => {
    // A value that is not written out (behind an alias) is where the nearest written one is.
    for (let length = path.length; length >= 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return 0;
  };
  const keyOffset = (path: readonly (string | number)[], key: string): number => {
    const parent = path.length === 0 ? document.contents : document.getIn(path, true);
    if (isMap(parent)) {
      for (const { key: written } of parent.items) {
        if (isScalar(written) && String(written.value) === key) return written.range?.[0] ?? 0;
      }
    }
    return offset(path);
  };
  return { source: { file, text, firstLine: 1, problems, offset, keyOffset }, path: [], value };
}
