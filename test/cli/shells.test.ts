/** Completion in a real bash, and the scripts of the other shells as far as they can be read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { hopwise } from './call.ts';

let bash: string;
beforeAll(async () => {
  bash = (await hopwise(['completion', 'bash'])).out;
});

/** What bash offers for the last of these words. */
function offered(...words: readonly string[]): readonly string[] {
  const line = ['hopwise', ...words].map((word) => `'${word}'`).join(' ');
  const script = `${bash}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _hopwise; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
  return out.split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  it('offers commands, options and choices in bash', () => {
    expect(offered('tr')).toEqual(['trace']);
    expect(offered('trace', 'a1', '--rep')).toEqual(['--reply']);
    expect(offered('trace', '--format', 'm')).toEqual(['mermaid']);
    expect(offered('trace', '--format', 'html', '--ver')).toEqual(['--verbose']);
  });

  it('offers nothing of another command', () => {
    expect(offered('explain', '--snap')).toEqual([]);
  });

  it.each(['zsh', 'fish'] as const)('knows every command in %s', async (shell) => {
    const { out } = await hopwise(['completion', shell]);
    for (const name of ['trace', 'prove', 'serve', 'simulate']) expect(out).toContain(name);
    expect(out).toContain('snapshot');
    if (spawnSync(shell, ['--version']).error === undefined) {
      expect(spawnSync(shell, ['-n'], { input: out }).status).toBe(0);
    }
  });

  it('refuses other shells', async () => {
    expect((await hopwise(['completion', 'tcsh'])).code).toBe(2);
  });
});

describe('the manual page', () => {
  it('has every command and option, dashes and backslashes as roff wants them', async () => {
    const { out } = await hopwise(['man']);
    expect(out).toMatch(/^\.TH HOPWISE 1/);
    expect(out).toContain('.SS trace <from> <to>');
    expect(out).toContain('.B \\-s, \\-\\-snapshot <dir>');
    expect(out.split('\n').filter((line) => /^[.'](?!TH|SH|SS|TP|B |I |B$)/.test(line))).toEqual(
      [],
    );
  });
});
