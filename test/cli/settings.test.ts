/** Values of options from files: which file wins, and what is said of slips. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configFiles } from '../../src/cli/config.ts';
import { DEMO, hopwise } from './call.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hopwise-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function withFile(text: string): Record<string, string> {
  const file = join(folder, 'hopwise.config.yaml');
  writeFileSync(file, text);
  return { HOPWISE_CONFIG: file };
}

describe('settings in files', () => {
  it('stand for options, also of one command only', async () => {
    const environment = withFile('trace: { format: json }\nsnapshot: no-such-folder\n');
    const answer = await hopwise(['trace', 'a1', 'a2'], { environment });
    expect(answer.code).toBe(2);
    expect(answer.err).toContain(join(folder, 'no-such-folder'));
    const traced = await hopwise(['trace', 'a1', 'a2', '--snapshot', DEMO], { environment });
    expect(JSON.parse(traced.out)).toMatchObject({ verdict: 'REACHABLE' });
  });

  it('yield to the environment, and that to the command line', async () => {
    const environment = { ...withFile('trace: { tcp: 23 }\n'), HOPWISE_TCP: '5000' };
    expect((await hopwise(['trace', 'a1', 'a2'], { environment })).out).toContain('tcp/5000');
    const told = await hopwise(['trace', 'a1', 'a2', '--tcp', '5001'], { environment });
    expect(told.out).toContain('tcp/5001');
  });

  it.each([
    ['snapshott: x\n', /hopwise\.config\.yaml:1:\d+.*no such option.*snapshot/s],
    ['trace:\n  formatt: json\n', /:2:\d+.*formatt.*format/s],
    ['trace: { reply: 3 }\n', /:1:\d+.*--reply/s],
    ['trace: { format: yaml }\n', /Allowed choices/],
    ['- a\n', /Expected names of options/],
    ['a: [\n', /not YAML/],
  ])('tell where a slip is: %j', async (text, message) => {
    const answer = await hopwise(['trace', 'a1', 'a2'], { environment: withFile(text) });
    expect(answer.code).toBe(2);
    expect(answer.err).toMatch(message);
  });

  it('are found here or above, then at the user’s', () => {
    const [project, home] = [join(folder, 'project'), join(folder, 'home')];
    mkdirSync(join(project, 'a/b'), { recursive: true });
    mkdirSync(join(home, 'hopwise'), { recursive: true });
    writeFileSync(join(project, 'hopwise.config.yaml'), '');
    writeFileSync(join(home, 'hopwise/config.yaml'), '');
    expect(configFiles({ XDG_CONFIG_HOME: home }, join(project, 'a/b'))).toEqual([
      join(project, 'hopwise.config.yaml'),
      join(home, 'hopwise/config.yaml'),
    ]);
  });

  it('are told by doctor with their file', async () => {
    const environment = withFile('check: { format: junit }\n');
    const { out } = await hopwise(['doctor', '--config'], { environment });
    expect(out).toContain(`check --format junit  (${join(folder, 'hopwise.config.yaml')})`);
  });

  it('begin with init, which writes over nothing', async () => {
    const { out, code } = await hopwise(['init', join(folder, 'new')]);
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(2);
    const checked = await hopwise(['check', join(folder, 'new/properties.yaml')], {
      environment: { HOPWISE_CONFIG: join(folder, 'new/hopwise.config.yaml') },
    });
    expect(checked.code).toBe(0);
    const again = await hopwise(['init', join(folder, 'new')]);
    expect(again.code).toBe(2);
    expect(again.err).toContain('is there already');
  });
});

describe('doctor', () => {
  it('looks at the program and at the demonstration', async () => {
    const { out, code } = await hopwise(['doctor']);
    expect(code).toBe(0);
    expect(out).toMatch(/✓ Node\.js 2/);
    expect(out).toMatch(/demonstration: [1-9]\d* hosts, 0 problems/);
  });
});
