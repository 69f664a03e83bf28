/** Where the expected values come from: recorded answers of Open vSwitch 3.1, and itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const here = import.meta.dirname;
export const fixtures = resolve(here, '../../../fixtures/ovs');
/** Recorded clouds and oracles, beside the repository on machines that have them. */
export const shared = resolve(here, '../../../../../shared');

export const hasShared = existsSync(join(shared, 'truth/captures'));
export const hasOfctl = spawnSync('ovs-ofctl', ['--version']).status === 0;
if (!hasShared) console.warn(`skipping whole captures: ${shared} is absent`);
if (!hasOfctl) console.warn('skipping comparisons with ovs-ofctl: it is not installed');

/** A fixture's bytes, unpacked. */
export function fixture(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(join(fixtures, name))));
}

/** Recorded files with their contents: those of the fixtures, or all there are. */
export function recorded(
  pattern: RegExp,
): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  if (!hasShared) {
    const names = readdirSync(fixtures).filter((name) => pattern.test(name.replace(/\.gz$/, '')));
    return names.map((name) => ({ name, bytes: fixture(name) }));
  }
  const places = ['truth/captures', 'reference/seeds-artifacts'].map((name) => join(shared, name));
  return places.flatMap((place) =>
    readdirSync(place, { recursive: true, encoding: 'utf8' })
      .filter((name) => pattern.test(name))
      .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(place, name))) })),
  );
}

/** What `ovs-ofctl parse-flow` says to a text. */
export interface Verdict {
  readonly text: string;
  readonly ok: boolean;
  readonly protocols?: readonly string[];
  /** The flow as the chosen protocol carries it, printed again. */
  readonly flow?: string;
}

/** Verdicts of ovs-ofctl 3.1.0, one a line. */
export function recordedVerdicts(name: string): readonly Verdict[] {
  const lines = new TextDecoder().decode(fixture(name)).trim().split('\n');
  return lines.map((line): Verdict => JSON.parse(line));
}

/** Everything in a file of recorded answers beside the repository, one a line or only one. */
export function unpacked<T>(name: string): readonly T[] {
  const text = gunzipSync(readFileSync(join(shared, 'truth/ovs/golden', name)))
    .toString()
    .trim();
  const lines = name.endsWith('.json.gz') ? [text] : text.split('\n');
  return lines.map((line): T => JSON.parse(line));
}

/** Asks the installed ovs-ofctl. */
export function ask(text: string): Verdict {
  const env = { ...process.env, OVS_RUNDIR: '/nonexistent', OVS_LOGDIR: tmpdir() };
  const run = spawnSync('ovs-ofctl', ['parse-flow', text], { env, encoding: 'latin1' });
  if (run.status !== 0) return { text, ok: false };
  const protocols = /^usable protocols: (.*)$/m.exec(run.stdout)?.[1]?.split(',') ?? [];
  const flow = /^\w+(?: \([^)]*\))? \(xid=0x[0-9a-f]+\): (.*)$/m.exec(run.stdout)?.[1] ?? '';
  return { text, ok: true, protocols, flow };
}

/** Runs ovs-ofctl on files with these contents; the answer's exit status and output. */
export function ofctl(
  args: readonly string[],
  ...contents: readonly string[]
): {
  readonly status: number | null;
  readonly output: string;
} {
  const directory = mkdtempSync(join(tmpdir(), 'hopwise-flows-'));
  try {
    const files = contents.map((content, i) => {
      const path = join(directory, `${i}.txt`);
      writeFileSync(path, content, 'latin1');
      return path;
    });
    const run = spawnSync('ovs-ofctl', [...args, ...files], { encoding: 'latin1' });
    return { status: run.status, output: run.stdout.concat(run.stderr).slice(0, 2000) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** New random flow texts from the generator beside the oracle. */
export function generated(first: number, count: number): readonly string[] {
  const script = join(shared, 'oracles/ovs/gen_cases.py');
  const lines = execFileSync('python3', [script, 'parse', `${first}`, `${count}`], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const parsed: { text: string } = JSON.parse(line);
      return parsed.text;
    });
}
