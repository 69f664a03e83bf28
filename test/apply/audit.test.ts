/** The audit log: what is noticed when somebody changed it, or a machine stopped while writing. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addToAudit, auditLine } from '../../src/apply/execute/audit.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopwise-audit-'));
  file = join(folder, 'audit.jsonl');
  for (const step of ['one', 'two', 'three', 'four']) addToAudit(file, { what: 'done', step });
});
afterEach(() => rmSync(folder, { recursive: true }));

const changed = (change: (lines: string[]) => string[]): void => {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  writeFileSync(file, `${change(lines).join('\n')}\n`);
};

describe('the audit log', () => {
  it('is whole as it was written', () => {
    const { whole, text } = auditLine(file);
    expect(whole).toBe(true);
    expect(text).toContain('4 lines');
  });

  it('tells a line that was changed by the line behind it', () => {
    changed((lines) => lines.map((line) => line.replace('"two"', '"nothing"')));
    expect(auditLine(file)).toMatchObject({
      whole: false,
      text: expect.stringContaining('line 3 of 4'),
    });
  });

  it('tells a line that was taken out of the middle', () => {
    changed((lines) => lines.filter((line) => !line.includes('"three"')));
    expect(auditLine(file)).toMatchObject({
      whole: false,
      text: expect.stringContaining('line 3 of 3'),
    });
  });

  it('tells a line that was cut off, and goes on behind it with a line of its own', () => {
    appendFileSync(file, '{"what":"do');
    addToAudit(file, { what: 'end' });
    expect(auditLine(file)).toMatchObject({
      whole: false,
      text: expect.stringContaining('line 5 of 6'),
    });
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)).toContain('"end"');
  });
});
