/**
 * Cases with the answers of the real switch as a file: what all cases have in common stands in the
 * first line, every further line is a case.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

interface WithFiles {
  readonly files: Readonly<Record<string, string>>;
}

export function writeRecorded(path: string, cases: readonly WithFiles[]): void {
  const [first] = cases;
  if (first === undefined) return;
  const common = Object.entries(first.files).filter(([name, text]) =>
    cases.every(({ files }) => files[name] === text),
  );
  const names = new Set(common.map(([name]) => name));
  const rows = cases.map((one) => ({
    ...one,
    files: Object.fromEntries(Object.entries(one.files).filter(([name]) => !names.has(name))),
  }));
  const lines = [Object.fromEntries(common), ...rows].map((row) => JSON.stringify(row));
  writeFileSync(path, gzipSync(lines.join('\n'), { level: 9 }));
}

export function readRecorded<T extends WithFiles>(path: string): readonly T[] {
  const [head = '{}', ...lines] = gunzipSync(readFileSync(path)).toString().split('\n');
  const common: Record<string, string> = JSON.parse(head);
  return lines.map((line) => {
    const one: T = JSON.parse(line);
    return { ...one, files: { ...common, ...one.files } };
  });
}
