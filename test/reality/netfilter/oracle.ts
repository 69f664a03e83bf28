/**
 * The programs beside the repository that make cases from seeds and ask the running kernel: their
 * cases, and our own mixtures, with the kernel's answers in the form of the recorded ones.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Case, type KernelCase, type KernelStep } from './case.ts';
import { isStoppedReport, type MixtureKind, mixtureCase } from './mixture/mixture.ts';

const programs = resolve(import.meta.dirname, '../../../../shared/oracles/netfilter');

/** Whether the kernel can be asked here: the programs are there, and we are root. */
export const hasOracle =
  existsSync(join(programs, 'nforacle.py')) &&
  process.getuid?.() === 0 &&
  spawnSync('iptables-save', ['-V']).status === 0 &&
  spawnSync('python3', ['--version']).status === 0;

export const PROFILES = ['router', 'nat', 'bridge', 'neutron', 'l3', 'routing', 'tcp'] as const;
export type Profile = (typeof PROFILES)[number];

interface Answer {
  readonly packets?: readonly KernelStep[];
  readonly error?: string;
}

function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as T);
}

/** Cases of one of the given generators with the kernel's answers. */
export function askedCases(profile: Profile, seed: number, count: number): KernelCase[] {
  const words = ['--profile', profile, '--seed', `${seed}`, '--count', `${count}`];
  const limits = { encoding: 'utf8', maxBuffer: 1 << 30 } as const;
  return ask(execFileSync('python3', [join(programs, 'gen.py'), ...words], limits));
}

/** Our own mixtures with the kernel's answers. */
export function askedMixtures(kind: MixtureKind, seed: number, count: number): KernelCase[] {
  const cases = Array.from({ length: count }, (_, i) => mixtureCase(kind, seed + i));
  const asked = ask(cases.map((one) => JSON.stringify(one)).join('\n'));
  return kind === 'six-bridged' ? asked.map(withoutReports) : asked;
}

function withoutReports({ case: one, kernel }: KernelCase): KernelCase {
  const packets = kernel.packets.map((step) => {
    const nodes = Object.entries(step.trace ?? {}).map(([name, entries]) => {
      return [name, entries.filter((entry) => !isStoppedReport(entry))] as const;
    });
    return step.trace === undefined ? step : { ...step, trace: Object.fromEntries(nodes) };
  });
  return { case: one, kernel: { ...kernel, packets } };
}

/** Cases that the kernel refuses to be set up are left out. */
function ask(text: string): KernelCase[] {
  const directory = mkdtempSync(join(tmpdir(), 'hopwise-kernel-'));
  try {
    const [given, answered] = [join(directory, 'cases.jsonl'), join(directory, 'answers.jsonl')];
    writeFileSync(given, text);
    const words = ['run', given, '-o', answered, '--no-icmp-limit'];
    const limits = { encoding: 'utf8', maxBuffer: 1 << 30 } as const;
    execFileSync('python3', [join(programs, 'nforacle.py'), ...words], {
      ...limits,
      stdio: 'pipe',
    });
    const read = execFileSync('cat', [answered], limits);
    const answers = lines<Answer>(read);
    return lines<Case>(text).flatMap((one, i) => {
      const packets = answers[i]?.packets;
      return packets === undefined ? [] : [{ case: one, kernel: { packets } }];
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
